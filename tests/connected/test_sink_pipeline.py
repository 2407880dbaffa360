"""The measurement `pipeline` on real parts: what a board reads of the pipeline itself."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from derived import Log, sample
from parts.handles import Broker, Database
from parts.toxiproxy import Toxiproxy
from sink_process import InfluxUnderTest, Sinks


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
