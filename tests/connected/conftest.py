"""Fixtures over the real parts. One that is missing skips its tests, and with CI=true fails them.

`broker` runs a test twice, on the embedded broker and on real Kafka; `kafka` runs it on the real one only. A test that
kills or pauses a part starts one of its own with the functions in `parts`, and asks for `kafka_part`, `influx_part` or
`influx2_part` to be skipped without it.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from parts.chromium import Chromium, start_chromium
from parts.embedded import start_embedded
from parts.handles import Broker, Database
from parts.influx import InfluxClient, start_influx
from parts.influx2 import Influx2Client, start_influx2
from parts.kafka import start_kafka
from parts.places import PartMissing, part, program
from parts.toxiproxy import Toxiproxy, start_toxiproxy

MARKERS = {
    "kafka": "kafka",
    "kafka_bootstrap": "kafka",
    "kafka_part": "kafka",
    "influx": "influx",
    "influx_server": "influx",
    "influx_part": "influx",
    "influx2": "influx2",
    "influx2_server": "influx2",
    "influx2_part": "influx2",
    "chromium": "browser",
    "ocpp_rpc": "node",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with the parts that its fixtures need, for `pytest -m 'not kafka'`, and puts the long ones first.

    Those are the ones that may take longer than others: at the end they would run alone.
    """
    for item in items:
        if isinstance(item, pytest.Function):
            chosen = item.callspec.params if hasattr(item, "callspec") else {}
            named = {str(chosen.get(fixture)) for fixture in ("broker", "database")}
            for name in {*item.fixturenames, *named} & MARKERS.keys():
                item.add_marker(MARKERS[name])
    items.sort(key=lambda item: ("connected" not in item.path.parts, -_may_take_s(item)))


def _may_take_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None and marker.args else 0.0


def without(missing: PartMissing) -> NoReturn:
    """Skips the test that asks for the part; fails it where every part must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(str(missing))


@pytest.fixture(scope="session")
def kafka_part() -> Path:
    """For a test that starts a Kafka of its own: the part is there."""
    try:
        return part("kafka")
    except PartMissing as missing:
        without(missing)


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """One real broker for the whole run, or the one that $VOLTSTREAM_TEST_KAFKA names."""
    if existing := os.environ.get("VOLTSTREAM_TEST_KAFKA"):
        yield existing
        return
    try:
        with start_kafka() as kafka:
            yield kafka.bootstrap
    except PartMissing as missing:
        without(missing)


@pytest.fixture
def kafka(kafka_bootstrap: str) -> Broker:
    """Real Kafka, shared, with a prefix of the test's own."""
    return Broker("kafka", kafka_bootstrap)


@pytest.fixture
def embedded() -> Iterator[Broker]:
    """An in-process broker of the test's own."""
    with start_embedded() as embedded:
        yield Broker("embedded", embedded.bootstrap)


@pytest.fixture(params=["embedded", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each in turn: the same test must hold on both."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Broker)
    return found


@pytest.fixture(scope="session")
def influx_part() -> Path:
    """For a test that starts an InfluxDB of its own: the part is there."""
    try:
        return part("influxdb")
    except PartMissing as missing:
        without(missing)


@pytest.fixture(scope="session")
def influx_server() -> Iterator[InfluxClient]:
    """One InfluxDB for the whole run, or the one at $VOLTSTREAM_TEST_INFLUX (a URL, user:password@ included)."""
    if existing := os.environ.get("VOLTSTREAM_TEST_INFLUX"):
        yield InfluxClient.at(existing)
        return
    try:
        with start_influx() as influx:
            yield influx
    except PartMissing as missing:
        without(missing)


@pytest.fixture
def influx(influx_server: InfluxClient) -> Iterator[Database]:
    """A database of the test's own, dropped after it."""
    database = Database(influx_server)
    influx_server.create_database(database.name)
    yield database
    influx_server.drop_database(database.name)


@pytest.fixture(scope="session")
def influx2_part() -> Path:
    """For a test that starts an InfluxDB 2 of its own: the part is there."""
    try:
        return part("influxdb2")
    except PartMissing as missing:
        without(missing)


@pytest.fixture(scope="session")
def influx2_server() -> Iterator[Influx2Client]:
    """One InfluxDB 2.7 for the whole run, as its operator."""
    try:
        with start_influx2() as influx:
            yield influx
    except PartMissing as missing:
        without(missing)


@pytest.fixture
def influx2(influx2_server: Influx2Client) -> Iterator[Database]:
    """A bucket of the test's own, deleted after it."""
    bucket = Database(influx2_server)
    influx2_server.create_database(bucket.name)
    yield bucket
    influx2_server.drop_database(bucket.name)


@pytest.fixture(params=["influx", "influx2"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database of the test's own on each kind of InfluxDB in turn: the same queries must hold on all."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


@pytest.fixture(scope="session")
def toxiproxy_part() -> Path:
    """For a test that starts a proxy server of its own: the part is there."""
    try:
        return part("toxiproxy")
    except PartMissing as missing:
        without(missing)


@pytest.fixture
def toxiproxy() -> Iterator[Toxiproxy]:
    """A proxy server of the test's own."""
    try:
        with start_toxiproxy() as toxiproxy:
            yield toxiproxy
    except PartMissing as missing:
        without(missing)


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    """A browser of the test's own."""
    try:
        async with start_chromium() as chromium:
            yield chromium
    except PartMissing as missing:
        without(missing)


@pytest.fixture(scope="session")
def ocpp_rpc() -> Path:
    """The npm client and Node are there; run a script with `parts.node`."""
    try:
        program("node", "nodejs")
        return part("ocpp-rpc")
    except PartMissing as missing:
        without(missing)


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of Prometheus' own checker of rules."""
    try:
        return program("promtool")
    except PartMissing as missing:
        without(missing)
