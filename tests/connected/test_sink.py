"""What a sink keeps equals what is on the topics: on both brokers, in both stores."""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from contracts.events import Alarm, Derived, Session, Superseded, encode
from contracts.topics import Name
from derived import Log, Out, alarm, at, connector_status, energy, out, sample, session, station_status
from parts.handles import Broker, Database
from sink_process import DuckDbUnderTest, InfluxUnderTest, Sinks, StoreUnderTest
from sink_topics import dead_letters

PAIRS = [
    pytest.param(("embedded", "duckdb"), id="embedded-duckdb"),
    pytest.param(("kafka", "duckdb"), id="kafka-duckdb", marks=pytest.mark.kafka),
    pytest.param(("kafka", "influxdb"), id="kafka-influxdb", marks=[pytest.mark.kafka, pytest.mark.influx]),
    pytest.param(("kafka", "influxdb2"), id="kafka-influxdb2", marks=[pytest.mark.kafka, pytest.mark.influx2]),
]


@pytest.fixture
def sinks(tmp_path: Path) -> Iterator[Sinks]:
    """Starts sinks; none outlives its test."""
    with Sinks(tmp_path) as sinks:
        yield sinks


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A broker and a store: each test must hold on the demo's, and on what an operator runs."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
def broker(request: pytest.FixtureRequest, pair: tuple[str, str]) -> Broker:
    found = request.getfixturevalue(pair[0])
    assert isinstance(found, Broker)
    return found


@pytest.fixture
def store(request: pytest.FixtureRequest, pair: tuple[str, str], tmp_path: Path) -> StoreUnderTest:
    if pair[1] == "duckdb":
        return DuckDbUnderTest(tmp_path)
    return InfluxUnderTest(request.getfixturevalue({"influxdb": "influx", "influxdb2": "influx2"}[pair[1]]))


def test_everything_is_kept_as_it_stands_on_the_topics(broker: Broker, store: StoreUnderTest, sinks: Sinks) -> None:
    stations = [f"default/CP{n:02d}" for n in range(12)]
    samples = [
        sample(station, 10 + n, n * 60, power_import_w=7000.0 + n, energy_import_wh=1.5 * n)
        for n, station in enumerate(stations * 10)
    ]
    sessions = [session(station, 500, 30, ended_at=at(3600), import_wh=7000.25) for station in stations]
    intervals = [energy(station, 501, q, 250.0 + q) for station in stations for q in range(4)]
    alarms = [alarm(station, 502, 45) for station in stations]
    statuses = [connector_status(station, 503, 31, power_w=7000.0) for station in stations]
    online = [station_status(station, 504, 1) for station in stations]
    sink = sinks.start(broker, store.env)
    Log(broker).put(*samples, *sessions, *intervals, *alarms, *statuses, *online)
    sink.wait_until_reads()
    sink.wait_settled()
    assert sink.reasons() == {}
    assert sink.process.stop() == 0

    assert store.rows("samples", "station", "at", "context", "energy_import_wh", "power_import_w") == {
        (one.station, one.at, one.context, one.values["energy_import_wh"], one.values["power_import_w"])
        for one in samples
    }
    assert store.rows("sessions", "session_id", "station", "evse", "point_at", "state", "import_wh") == {
        (one.session_id, one.station, one.evse, one.point_at, one.state, one.import_wh) for one in sessions
    }
    assert store.rows("energy", "station", "evse", "meter", "start", "import_wh", "final") == {
        (one.station, one.evse, one.meter, one.start, one.import_wh, one.final) for one in intervals
    }
    assert store.rows("alarms", "alarm_id", "rule", "raised_at", "state", "title") == {
        (one.alarm_id, one.rule, one.raised_at, one.state, one.title) for one in alarms
    }
    assert store.count("status") == store.status_rows(connectors=12, stations=12)


def test_the_greatest_revision_stands_whatever_is_read_again(
    broker: Broker, store: StoreUnderTest, sinks: Sinks
) -> None:
    first = [
        session("default/A", 5, 10, import_wh=100.0),
        energy("default/A", 5, 0, 100.0),
        alarm("default/A", 5, 20),
        sample("default/A", 5, 11, power_import_w=1.0),
    ]
    second: list[Derived] = [
        session("default/A", 9, 10, state="ended", import_wh=900.0),
        energy("default/A", 9, 0, 900.0),
        alarm("default/A", 9, 20, state="cleared"),
        sample("default/A", 9, 12, power_import_w=2.0),
    ]
    log = Log(broker)
    sink = sinks.start(broker, store.env)
    log.put(*first)
    sink.wait_until_reads()
    sink.wait_settled()
    log.put(*second)
    sink.wait_settled()
    sink.process.stop()
    # A group that begins anew reads the old versions again, in a batch with the new ones and alone.
    again = sinks.start(broker, store.env, group=f"{broker.prefix}again", batch_records=1)
    again.wait_until_reads()
    again.wait_settled()
    again.process.stop()
    assert store.rows("sessions", "state", "import_wh", "revision") == {("ended", 900.0, 9)}
    assert store.rows("energy", "import_wh", "revision") == {(900.0, 9)}
    assert store.rows("alarms", "state", "revision") == {("cleared", 9)}
    assert store.rows("samples", "at", "power_import_w") == {(at(11), 1.0), (at(12), 2.0)}


def test_a_session_that_moved_and_a_void_one_count_once(broker: Broker, store: StoreUnderTest, sinks: Sinks) -> None:
    moved = move_one_and_void_one(broker, store, sinks)
    assert store.rows(store.sessions, "session_id", "point_at", "import_wh") == {(moved.session_id, at(40), 600.0)}


def test_in_influxdb_nothing_counts_where_a_session_stood(kafka: Broker, influx: Database, sinks: Sinks) -> None:
    store = InfluxUnderTest(influx)
    move_one_and_void_one(kafka, store, sinks)
    assert store.former_points() == [(0, "superseded")] * 2


def move_one_and_void_one(broker: Broker, store: StoreUnderTest, sinks: Sinks) -> Session:
    """Written: a session that moves, and one that becomes void. The one that stands."""
    joined = session("default/A", 5, 100, number=7, import_wh=500.0, started_at=None)
    moved = msgspec.structs.replace(
        joined, revision=8, point_at=at(40), supersedes=(Superseded(at(100), 1),), import_wh=600.0
    )
    lost = session("default/A", 6, 200, number=8, import_wh=50.0)
    void = msgspec.structs.replace(lost, revision=9, state="void", superseded_by=moved.session_id)
    sink = sinks.start(broker, store.env)
    log = Log(broker)
    log.put(joined, lost)
    sink.wait_until_reads()
    sink.wait_settled()
    log.put(moved, void)
    sink.wait_settled()
    sink.process.stop()
    return moved


def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_rest_is_kept(
    broker: Broker, store: StoreUnderTest, sinks: Sinks
) -> None:
    good = [energy("default/A", n, n, float(n)) for n in range(20)]
    bad = [
        Out(Name.ENERGY, b"k1", "default/A", b"not json"),
        Out(Name.ENERGY, b"k2", "default/A", b'{"v":1}'),
        Out(Name.SESSIONS, b"k3", "default/A", b"\xff\xfe"),
        Out(Name.ALARMS, b"k4", "default/B", b"[" * 2000),
        out(energy("default/A", 21, 21, 1.0))._replace(headers=(("schema", b"energy/2"),)),
    ]
    sink = sinks.start(broker, store.env)
    Log(broker).put(*good[:10], *bad, *good[10:])
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    assert store.rows("energy", "start", "import_wh") == {(one.start, one.import_wh) for one in good}
    letters = dead_letters(broker)
    assert {b64decode(one.value or "") for one in letters} == {one.value for one in bad}
    assert {(one.part, one.code, one.store) for one in letters} == {("sink", "record", store.env["SINK_STORE"])}
    assert {one.source.topic for one in letters if one.source} == {
        broker.prefix + name for name in (Name.ENERGY, Name.SESSIONS, Name.ALARMS)
    }


def test_a_record_whose_time_is_none_is_singled_out(broker: Broker, store: StoreUnderTest, sinks: Sinks) -> None:
    good = [alarm("default/A", n, n) for n in range(30)]
    bad = alarm("default/B", 99, 5, raised_at="yesterday")
    sink = sinks.start(broker, store.env)
    Log(broker).put(*good[:15], bad, *good[15:])
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    assert store.rows("alarms", "alarm_id") == {(one.alarm_id,) for one in good}
    (letter,) = dead_letters(broker)
    assert msgspec.json.decode(b64decode(letter.value or ""), type=Alarm) == bad
    assert "yesterday" in letter.error


def test_tombstones_and_unknown_fields_are_no_trouble(broker: Broker, store: StoreUnderTest, sinks: Sinks) -> None:
    one = out(energy("default/A", 1, 0, 5.0))
    newer = one._replace(value=encode(energy("default/A", 1, 0, 5.0))[:-1] + b',"invented_later":{"a":[1]}}')
    sink = sinks.start(broker, store.env)
    Log(broker).put(newer, Out(Name.ENERGY, b"gone", "default/A", None))
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    assert store.rows("energy", "import_wh") == {(5.0,)}
    assert dead_letters(broker) == []


def test_a_killed_sink_loses_nothing_and_doubles_nothing(broker: Broker, store: StoreUnderTest, sinks: Sinks) -> None:
    log, sink = Log(broker), sinks.start(broker, store.env, linger_ms=20)
    sink.wait_until_reads()
    wanted = set()
    for burst in range(3):
        records = [
            sample(f"default/CP{n % 50:02d}", burst * 1000 + n, burst * 1000 + n, power_import_w=float(n))
            for n in range(1000)
        ]
        wanted |= {(one.station, one.at, one.values["power_import_w"]) for one in records}
        log.put(*records)
        # Killed while it writes: something of this burst is settled, or nothing yet, hardly ever all.
        sink.process.kill()
        sink.start()
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    assert store.count("samples") == 3000
    assert store.rows("samples", "station", "at", "power_import_w") == wanted


def test_transactions_that_were_aborted_are_not_seen(kafka: Broker, sinks: Sinks, tmp_path: Path) -> None:
    store = DuckDbUnderTest(tmp_path)
    log, sink = Log(kafka, transactional=True), sinks.start(kafka, store.env)
    log.put(energy("default/A", 1, 0, 1.0))
    log.put(energy("default/A", 2, 1, 2.0), abort=True)
    log.put(energy("default/A", 3, 2, 3.0))
    sink.wait_until_reads()
    sink.wait_settled()  # the marker at the end is no record that waits
    sink.process.stop()
    assert store.rows("energy", "start", "import_wh") == {(at(0), 1.0), (at(1800), 3.0)}


def test_a_log_that_was_cut_is_not_skipped_in_silence(embedded: Broker, sinks: Sinks, tmp_path: Path) -> None:
    store = DuckDbUnderTest(tmp_path)
    log, sink = Log(embedded), sinks.start(embedded, store.env)
    log.put(*(energy("default/A", n, n, 1.0) for n in range(10)))
    sink.wait_until_reads()
    sink.wait_settled()
    sink.process.stop()
    # The embedded broker keeps 5 MB of a partition.
    log.put(*(energy("default/A", n, n, 1.0, session_ids=("x" * 1000,)) for n in range(10, 8000)))
    sink.start()
    assert sink.process.wait(60) == 1
    assert "was cut" in sink.process.tail()
    assert "SINK_SKIP_CUT" in sink.process.tail()
    bold = sinks.start(embedded, store.env, skip_cut="true")
    bold.wait_until_reads()
    bold.wait_settled()
    bold.process.stop()
    assert (at(7999 * 900),) in store.rows("energy", "start")
