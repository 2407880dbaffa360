"""The measurement `pipeline` on real parts: what a board reads of the pipeline itself."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.topics import Name
from derived import Log, Out, sample
from edge_process import start_edge
from parts.handles import Broker, Database
from parts.kafka import start_kafka
from parts.service import start_service
from parts.toxiproxy import Toxiproxy
from sink_process import InfluxUnderTest, Sink, Sinks


@pytest.fixture
def sinks(tmp_path: Path) -> Iterator[Sinks]:
    """Starts sinks; none outlives its test."""
    with Sinks(tmp_path) as sinks:
        yield sinks


def points(database: Database, part: str) -> list[dict[str, Any]]:
    """The points of a part, oldest first."""
    return [dict(row) for row in database.query(f"SELECT * FROM pipeline WHERE part = '{part}'", epoch="ms")]  # noqa: S608


def test_a_sink_tells_what_it_did_and_what_waits(kafka: Broker, influx: Database, sinks: Sinks) -> None:
    store = InfluxUnderTest(influx)
    sink = sinks.start(kafka, store.env, name="sink-a", pipeline_s=1)
    sink.wait_until_reads()
    Log(kafka).put(*(sample(f"default/CP{n}", n, n, power_import_w=1.0) for n in range(40)))
    sink.process.wait_until(lambda: sum(row["settled"] for row in points(influx, "sink")) == 40, 60)
    sink.process.wait_until(lambda: points(influx, "sink")[-1].get("lag_records") == 0, 60)  # left out until measured
    last = points(influx, "sink")[-1]
    assert last["name"] == "sink-a"
    assert (last["lag_records"], last["lag_s"], last["refused"], last["store_up"]) == (0, 0, 0, 1)
    types = {row["fieldKey"]: row["fieldType"] for row in influx.query("SHOW FIELD KEYS FROM pipeline")}
    assert (
        types.items()
        >= {
            "lag_records": "integer",
            "lag_s": "float",
            "settled": "integer",
            "refused": "integer",
            "store_up": "integer",
        }.items()
    )


def test_a_store_that_was_away_is_told_all_that_happened_meanwhile(
    kafka: Broker, influx: Database, sinks: Sinks, toxiproxy: Toxiproxy
) -> None:
    """And the age of what waited is seen on /metrics while the store cannot be told."""
    way = toxiproxy.proxy(influx.url.removeprefix("http://"))
    store = InfluxUnderTest(influx)
    env = {**store.env, "SINK_INFLUX_URL": f"http://{way.address}"}
    sink = sinks.start(kafka, env, name="sink-a", pipeline_s=1)
    sink.wait_until_reads()
    way.cut()
    Log(kafka).put(*(sample(f"default/CP{n}", n, n, power_import_w=1.0) for n in range(10)))
    sink.process.wait_until(lambda: sink.metric("voltstream_sink_pipeline_failures_total") >= 2, 60)
    began = time.monotonic()
    sink.process.wait_until(lambda: sink.most("voltstream_sink_lag_seconds") > 5, 60)
    assert sink.most("voltstream_sink_lag_seconds") < time.monotonic() - began + 60
    assert sum(row["settled"] for row in points(influx, "sink")) == 0
    way.restore()
    sink.process.wait_until(lambda: sum(row["settled"] for row in points(influx, "sink")) == 10, 60)
    sink.process.wait_until(lambda: sink.most("voltstream_sink_lag_seconds") == 0, 60)
    assert store.count("samples") == 10
    assert sink.process.stop() == 0


def leads(kafka: Broker, sink: Sink) -> bool:
    return f"{kafka.prefix}alarms/0" in (sink.get("/lag") or {}).get("partitions", {})


def letters(influx: Database) -> dict[tuple[str, str], int]:
    """By part and code."""
    found: dict[tuple[str, str], int] = {}
    for row in points(influx, "dead-letters"):
        key = row["name"], row["code"]
        found[key] = found.get(key, 0) + row["dead_letters"]
    return found


@pytest.mark.timeout(300)  # four services that start, and one that must be found dead
def test_one_sink_tells_of_the_whole_and_the_next_goes_on_where_it_left(
    kafka: Broker, influx: Database, sinks: Sinks
) -> None:
    store, log = InfluxUnderTest(influx), Log(kafka)

    def not_ours(number: int) -> list[Out]:
        return [Out(Name.SAMPLES, b"k", f"default/CP{n}", b"no record") for n in range(number)]

    with start_edge(kafka, EDGE_NODE="edge-1") as edge, start_service("streams", env=kafka.env) as streams:
        both = [sinks.start(kafka, store.env, name=name, pipeline_s=1) for name in ("sink-a", "sink-b")]
        both[0].process.wait_until(lambda: sum(leads(kafka, one) for one in both) == 1, 60)
        both[0].process.wait_until(lambda: len(points(influx, "streams")) >= 2, 60)
        log.put(*not_ours(3))
        both[0].process.wait_until(lambda: letters(influx) == {("sink", "record"): 3}, 60)
        (alive,) = {(row["name"], row["connections"], row["alive"]) for row in points(influx, "edge")}
        assert alive == ("edge-1", 0, 1)
        assert {row["name"] for row in points(influx, "streams")} == {f"{kafka.prefix}streams"}

        first, second = sorted(both, key=lambda one: leads(kafka, one), reverse=True)
        time.sleep(5)
        told = [row["time"] for row in points(influx, "streams")]
        assert len([at for at in told if at > told[-1] - 4000]) <= 5, "both of them tell of the whole"

        assert first.process.stop() == 0
        log.put(*not_ours(4))
        second.process.wait_until(lambda: leads(kafka, second), 60)
        second.process.wait_until(lambda: letters(influx) == {("sink", "record"): 7}, 60)

        streams.kill()  # the edge goes on ticking into every partition
        second.process.wait_until(lambda: points(influx, "streams")[-1]["lag_s"] > 5, 60)
        assert points(influx, "streams")[-1]["lag_records"] >= kafka.partitions
        edge.service.kill()
        second.process.wait_until(lambda: points(influx, "edge")[-1]["alive"] == 0, 60)
        assert points(influx, "edge")[-1]["tick_age_s"] >= 15
        assert second.process.stop() == 0
    types = {row["fieldKey"]: row["fieldType"] for row in influx.query("SHOW FIELD KEYS FROM pipeline")}
    assert types == {
        "lag_records": "integer",
        "lag_s": "float",
        "settled": "integer",
        "refused": "integer",
        "store_up": "integer",
        "dead_letters": "integer",
        "connections": "integer",
        "tick_age_s": "float",
        "alive": "integer",
    }


@pytest.mark.timeout(300)  # a broker that starts twice
@pytest.mark.usefixtures("kafka_part")
def test_with_kafka_away_a_sink_still_tells_of_itself(influx: Database, sinks: Sinks) -> None:
    with start_kafka() as kafka:
        broker = Broker("kafka", kafka.bootstrap)
        sink = sinks.start(broker, InfluxUnderTest(influx).env, name="sink-a", pipeline_s=1)
        sink.process.wait_until(lambda: len(points(influx, "streams")) >= 1, 120)
        kafka.kill()
        sink.process.wait_until(lambda: sink.metric("voltstream_sink_pipeline_failures_total") >= 1, 60)
        own, of_all = len(points(influx, "sink")), len(points(influx, "streams"))
        sink.process.wait_until(lambda: len(points(influx, "sink")) >= own + 2, 120)
        assert len(points(influx, "streams")) == of_all
        sink.process.wait_until(lambda: points(influx, "sink")[-1]["lag_records"] is None, 60)
        assert points(influx, "sink")[-1]["lag_s"] is None, "the lag that was is not the lag that is"
        kafka.start()
        sink.process.wait_until(lambda: len(points(influx, "streams")) > of_all, 120)
        assert sink.process.stop() == 0
