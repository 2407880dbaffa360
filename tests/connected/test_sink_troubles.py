"""What a sink does when its store or Kafka is in trouble: it loses nothing, writes nothing stale, and says why."""

import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.events import Sample
from contracts.times import MINUTE
from derived import T0, Log, at, energy, sample
from parts.handles import Broker, Database
from parts.influx import Server, start_influx
from parts.influx2 import Influx2Client, start_influx2
from parts.kafka import start_kafka
from parts.toxiproxy import Toxiproxy
from sink_process import DuckDbUnderTest, InfluxUnderTest, Sinks
from sink_topics import dead_letters


@pytest.fixture
def sinks(tmp_path: Path) -> Iterator[Sinks]:
    """Starts sinks; none outlives its test."""
    with Sinks(tmp_path) as sinks:
        yield sinks


EITHER_INFLUX = [
    pytest.param("influx", id="influxdb", marks=pytest.mark.influx),
    pytest.param("influx2", id="influxdb2", marks=pytest.mark.influx2),
]


@pytest.fixture(params=EITHER_INFLUX)
def database(request: pytest.FixtureRequest) -> Database:
    """One of the test's own, on a 1.8 and on a 2.7."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


@pytest.fixture(params=EITHER_INFLUX)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An InfluxDB that may be killed, a 1.8 and a 2.7."""
    request.getfixturevalue(f"{request.param}_part")
    with start_influx() if request.param == "influx" else start_influx2() as server:
        yield server


def burst(number: int, size: int = 1500) -> list[Sample]:
    return [
        sample(f"default/CP{n % 50:02d}", number * size + n, number * size + n, power_import_w=float(n))
        for n in range(size)
    ]


def rows_of(samples: list[Sample]) -> set[tuple[object, ...]]:
    return {(one.station, one.at, one.values["power_import_w"]) for one in samples}


@pytest.mark.timeout(300)  # servers that start three times, perhaps on a busy machine
def test_a_database_that_is_killed_and_comes_back_holds_everything(kafka: Broker, server: Server, sinks: Sinks) -> None:
    store = InfluxUnderTest(Database(server))
    server.create_database(store.database.name)
    log, sink = Log(kafka), sinks.start(kafka, store.env, linger_ms=20, batch_records=200)
    sink.wait_until_reads()
    wanted = []
    for number in range(2):
        wanted += burst(number)
        log.put(*burst(number))
        server.kill()
        log.put(*(more := burst(number + 100, 100)))
        wanted += more
        sink.process.wait_until(lambda: "store" in sink.reasons(), 60)
        assert "does not answer" in sink.reasons()["store"]
        server.start()
    sink.wait_settled()
    assert sink.reasons() == {}
    assert sink.process.stop() == 0
    assert store.rows("samples", "station", "at", "power_import_w") == rows_of(wanted)
    assert store.count("samples") == len({(one.station, one.at) for one in wanted})


@pytest.mark.timeout(300)  # servers that start three times, perhaps on a busy machine
@pytest.mark.usefixtures("kafka_part", "influx_part")
def test_a_sink_waits_for_its_database_and_its_kafka(sinks: Sinks) -> None:
    with start_kafka() as kafka, start_influx() as server:
        server.stop()
        broker = Broker("kafka", kafka.bootstrap)
        kafka.kill()
        store = InfluxUnderTest(Database(server))
        sink = sinks.start(broker, store.env)
        sink.process.wait_until(lambda: "kafka" in sink.reasons(), 60)
        kafka.start()
        sink.process.wait_until(lambda: "store" in sink.reasons(), 60)
        server.start()
        log = Log(broker)
        sink.process.wait_until(lambda: sink.reasons() == {}, 60)
        log.put(*burst(0, 100))
        sink.wait_settled()
        # Kafka goes and comes back under it, in mid-load.
        kafka.kill()
        sink.process.wait_until(lambda: "group" in sink.reasons(), 60)
        kafka.start()
        log.put(*burst(1, 100))
        sink.process.wait_until(lambda: sink.reasons() == {}, 90)
        sink.wait_settled()
        assert sink.process.stop() == 0
        assert store.rows("samples", "station", "at", "power_import_w") == rows_of(burst(0, 100) + burst(1, 100))


def test_a_refused_line_is_singled_out(kafka: Broker, database: Database, sinks: Sinks) -> None:
    store = InfluxUnderTest(database)
    good, bad = burst(0, 700), sample("default/BAD", 1, 1, power_import_w=5.0, frequency_hz=50.0)
    # Somebody has written this field as a text: InfluxDB refuses every other type in that shard.
    database.write(f'samples,station=x frequency_hz="fifty" {1795500000000}')
    sink = sinks.start(kafka, store.env)
    Log(kafka).put(*good[:350], bad, *good[350:])
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    assert store.rows("samples", "station", "at", "power_import_w") >= rows_of(good)
    (letter,) = dead_letters(kafka)
    assert letter.code == "refused"
    assert letter.store == "influxdb"
    assert letter.line is not None
    assert letter.line.startswith("samples,context=Sample.Periodic,evse=1,site=depot\\ 1,station=default/BAD")
    assert "field type conflict" in letter.error
    assert b"default/BAD" in b64decode(letter.value or "")


def test_points_outside_the_retention_go_to_the_dead_letters(kafka: Broker, database: Database, sinks: Sinks) -> None:
    week = Database(database.server, f"{database.name}week")
    week.server.create_database(week.name, retention_days=7)
    store = InfluxUnderTest(week)
    this_quarter = (time.time_ns() // 1000 - T0) // (15 * MINUTE)  # the server drops by its own clock, which is today's
    old = energy("default/A", 1, this_quarter - 96 * 8, 1.0)
    sink = sinks.start(kafka, store.env)
    Log(kafka).put(old, *(energy("default/A", 2 + n, this_quarter - n, 2.0) for n in range(5)))
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    assert store.count("energy") == 5
    (letter,) = dead_letters(kafka)
    assert "retention policy" in letter.error
    week.server.drop_database(week.name)


@pytest.mark.usefixtures("influx_part")
def test_a_sink_that_is_turned_away_says_so_and_goes_on(kafka: Broker, sinks: Sinks) -> None:
    with start_influx(auth=True) as server:
        store = InfluxUnderTest(Database(server))
        env = {**store.env, "SINK_INFLUX_TOKEN": "sink:of-the-fleet"}
        log, sink = Log(kafka), sinks.start(kafka, env)
        log.put(*burst(0, 100))
        sink.process.wait_until(lambda: "store" in sink.reasons(), 60)
        assert sink.reasons()["store"] == "InfluxDB answers 401: authorization failed (SINK_INFLUX_TOKEN)"
        assert "of-the-fleet" not in sink.log.read_text()
        # The operator makes the user, and the database that it may write to.
        server.query(f'CREATE DATABASE "{store.database.name}"')
        server.query("CREATE USER sink WITH PASSWORD 'of-the-fleet'")
        sink.process.wait_until(lambda: "403" in sink.reasons().get("store", ""), 60)
        server.query(f'GRANT WRITE ON "{store.database.name}" TO sink')
        sink.wait_settled()
        assert sink.process.stop() == 0
        assert store.rows("samples", "station", "at", "power_import_w") == rows_of(burst(0, 100))


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"SINK_INFLUX_TOKEN": "wrong"}, "401: unauthorized access (SINK_INFLUX_TOKEN)"),
        ({"SINK_INFLUX_BUCKET": "nowhere"}, '404: bucket "nowhere" not found (SINK_INFLUX_BUCKET)'),
        ({"SINK_INFLUX_ORG": "nobody"}, '404: organization name "nobody" not found (SINK_INFLUX_ORG)'),
    ],
    ids=["token", "bucket", "org"],
)
def test_a_sink_that_a_2x_turns_away_names_the_setting(
    kafka: Broker, influx2: Database, sinks: Sinks, changed: dict[str, str], wanted: str
) -> None:
    sink = sinks.start(kafka, {**InfluxUnderTest(influx2).env, **changed})
    Log(kafka).put(*burst(0, 10))
    sink.process.wait_until(lambda: "store" in sink.reasons(), 60)
    assert sink.reasons()["store"] == f"InfluxDB answers {wanted}"


def test_a_sink_goes_on_when_its_bucket_is_made(kafka: Broker, influx2_server: Influx2Client, sinks: Sinks) -> None:
    store = InfluxUnderTest(Database(influx2_server))
    log, sink = Log(kafka), sinks.start(kafka, store.env)
    log.put(*burst(0, 100))
    sink.process.wait_until(lambda: "SINK_INFLUX_BUCKET" in sink.reasons().get("store", ""), 60)
    influx2_server.create_database(store.database.name)
    sink.wait_settled()
    assert sink.process.stop() == 0
    assert store.rows("samples", "station", "at", "power_import_w") == rows_of(burst(0, 100))
    influx2_server.drop_database(store.database.name)


def test_a_sink_that_slept_never_writes_over_its_successor(
    kafka: Broker, influx: Database, sinks: Sinks, toxiproxy: Toxiproxy
) -> None:
    """It holds an old revision that the store did not take, and wakes when a newer one stands there."""
    way = toxiproxy.proxy(influx.url.removeprefix("http://"))
    store = InfluxUnderTest(influx)
    log = Log(kafka)
    sleeper = sinks.start(kafka, {**store.env, "SINK_INFLUX_URL": f"http://{way.address}"})
    sleeper.wait_until_reads()
    way.cut()
    log.put(energy("default/A", 5, 0, 500.0))
    sleeper.process.wait_until(lambda: "store" in sleeper.reasons(), 60)
    sleeper.process.pause()
    successor = sinks.start(kafka, store.env)
    successor.wait_until_reads()
    log.put(energy("default/A", 9, 0, 900.0))
    successor.wait_settled()
    assert store.rows("energy", "import_wh", "revision") == {(900.0, 9)}
    way.restore()
    sleeper.process.resume()
    deadline = time.monotonic() + 20  # in which it would have retried many times
    while time.monotonic() < deadline:
        assert store.rows("energy", "import_wh", "revision") == {(900.0, 9)}
        time.sleep(0.1)
    sleeper.process.wait_until(lambda: sleeper.reasons() == {}, 60)
    for one in (sleeper, successor):
        assert one.process.stop() == 0


def test_sinks_that_come_and_go_keep_everything(kafka: Broker, influx: Database, sinks: Sinks) -> None:
    store = InfluxUnderTest(influx)
    log, wanted = Log(kafka), []
    first = sinks.start(kafka, store.env, linger_ms=20, batch_records=100)
    first.wait_until_reads()
    for number in range(6):
        wanted += burst(number, 600)
        log.put(*burst(number, 600))
        match number:
            case 1:
                second = sinks.start(kafka, store.env, linger_ms=20, batch_records=100)
                second.wait_until_reads()
            case 3:
                first.process.stop()
            case 4:
                first.start()
    for one in (first, second):
        one.wait_until_reads()
        one.wait_settled()
        assert one.process.stop() == 0
    assert dead_letters(kafka) == []
    assert store.rows("samples", "station", "at", "power_import_w") == rows_of(wanted)


def test_a_second_sink_stands_by_for_the_file_that_the_first_one_holds(
    embedded: Broker, sinks: Sinks, tmp_path: Path
) -> None:
    store = DuckDbUnderTest(tmp_path)
    log, first = Log(embedded), sinks.start(embedded, store.env)
    first.wait_until_reads()
    second = sinks.start(embedded, store.env)
    second.process.wait_until(lambda: "store" in second.reasons(), 60)
    assert "cannot be opened" in second.reasons()["store"]
    log.put(energy("default/A", 1, 0, 1.0))
    first.wait_settled()
    first.process.kill()
    second.wait_until_reads()
    log.put(energy("default/A", 2, 1, 2.0))
    second.wait_settled()
    second.process.stop()
    assert store.rows("energy", "start", "import_wh") == {(at(0), 1.0), (at(900), 2.0)}
