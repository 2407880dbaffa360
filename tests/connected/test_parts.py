"""The parts themselves: each starts, does its work, and survives what the other suites do to it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from parts.chromium import Chromium
from parts.handles import Broker, Database
from parts.influx import InfluxClient, InfluxRefused, start_influx
from parts.influx2 import Influx2Client, start_influx2
from parts.kafka import create_topics, start_kafka
from parts.node import run_node
from parts.processes import PartFailed, accepts_connections, free_port, spawn
from parts.toxiproxy import Toxiproxy

HERE = Path(__file__).parent


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "message.max.bytes": 3_000_000, "log_level": 0})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest", "log_level": 0}
    )
    consumer.subscribe([topic])
    deadline = time.monotonic() + 30
    found: list[bytes] = []
    while len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found.append(message.value() or b"")
    consumer.close()
    return sorted(found)


def test_a_record_is_read_back_on_either_broker(broker: Broker) -> None:
    topic = f"{broker.prefix}echo"
    if broker.kind == "kafka":
        create_topics(broker.bootstrap, topic)
    produce(broker.bootstrap, topic, b"a", b"b")
    assert consume(broker.bootstrap, topic, 2) == [b"a", b"b"]


@pytest.mark.usefixtures("kafka_part")
def test_a_killed_kafka_comes_back_with_its_data_and_settings() -> None:
    large = b"x" * 1_500_000
    # A controller holds a broker's place for its session time-out, so one that was killed is not back before that.
    with start_kafka(
        message_max_bytes=2_000_000, broker_session_timeout_ms=2_000, broker_heartbeat_interval_ms=500
    ) as kafka:
        create_topics(kafka.bootstrap, "kept")
        produce(kafka.bootstrap, "kept", b"before", large)
        kafka.kill()
        kafka.start()
        produce(kafka.bootstrap, "kept", b"after")
        assert consume(kafka.bootstrap, "kept", 3) == [b"after", b"before", large]


@pytest.mark.usefixtures("kafka_part")
def test_a_kafka_behind_a_proxy_tells_its_clients_the_proxy(toxiproxy: Toxiproxy) -> None:
    port = free_port()
    with start_kafka(advertised=[f"127.0.0.1:{port}"]) as kafka:
        proxy = toxiproxy.proxy(kafka.upstream(), port=port)
        create_topics(kafka.bootstrap, "through")
        produce(proxy.address, "through", b"a")
        proxy.cut()
        assert not accepts_connections(port)
        proxy.restore()
        assert consume(proxy.address, "through", 1) == [b"a"]


def test_influx_gives_rows_with_their_tags(influx: Database) -> None:
    influx.write("energy,station=a wh=1.5 1000\nenergy,station=b wh=2 2000")
    assert influx.query("SELECT wh FROM energy GROUP BY station", epoch="ms") == [
        {"station": "a", "time": 1000, "wh": 1.5},
        {"station": "b", "time": 2000, "wh": 2},
    ]
    with pytest.raises(InfluxRefused, match="unable to parse"):
        influx.write("energy,station=a wh=oops 1000")
    with pytest.raises(InfluxRefused, match="error parsing query"):
        influx.query("SELECT")


@pytest.mark.usefixtures("influx_part")
def test_a_killed_influx_comes_back_with_its_data_and_knows_its_user() -> None:
    with start_influx(auth=True) as influx:
        database = Database(influx)
        influx.create_database(database.name)
        database.write("energy wh=1 1000")
        influx.kill()
        influx.start()
        assert database.query("SELECT wh FROM energy", epoch="ms") == [{"time": 1000, "wh": 1}]
        with pytest.raises(InfluxRefused, match="401"):
            InfluxClient(influx.url).query("SHOW DATABASES")


def test_influx2_takes_influxql_and_gives_rows_with_their_tags(influx2: Database) -> None:
    influx2.write("energy,station=a wh=1.5 1000\nenergy,station=b wh=2 2000")
    assert influx2.query("SELECT wh FROM energy GROUP BY station", epoch="ms") == [
        {"station": "a", "time": 1000, "wh": 1.5},
        {"station": "b", "time": 2000, "wh": 2},
    ]
    with pytest.raises(InfluxRefused, match="unable to parse"):
        influx2.write("energy,station=a wh=oops 1000")
    with pytest.raises(InfluxRefused, match="failed to parse query"):
        influx2.query("SELECT")


@pytest.mark.usefixtures("influx2_part")
def test_a_killed_influx2_comes_back_with_its_data_and_knows_its_token() -> None:
    with start_influx2() as influx:
        influx.create_database("fleet", retention_days=7)
        bucket = Database(influx, "fleet")
        bucket.write(f"energy wh=1 {(now := int(time.time()))}", precision="s")
        influx.kill()
        influx.start()
        assert bucket.query("SELECT wh FROM energy", epoch="s") == [{"time": now, "wh": 1}]
        assert influx.bucket("fleet")["retentionRules"][0]["everySeconds"] == 7 * 86400
        with pytest.raises(InfluxRefused, match="401"):
            Influx2Client(influx.url, "no-such-token").query("SHOW DATABASES")


def test_toxiproxy_cuts_restores_and_swallows(toxiproxy: Toxiproxy, influx_server: InfluxClient) -> None:
    proxy = toxiproxy.proxy(influx_server.url.removeprefix("http://"))
    through = InfluxClient(f"http://{proxy.address}")
    assert through.answers()
    proxy.cut()
    assert not through.answers()
    proxy.restore()
    assert through.answers()
    proxy.blackhole()
    assert accepts_connections(proxy.port)
    assert not through.answers()
    proxy.restore()
    assert through.answers()


async def test_chromium_shows_a_page_and_hears_its_complaints(chromium: Chromium, tmp_path: Path) -> None:
    page = await chromium.open("data:text/html,<h1>Fleet</h1><script>console.error('gone')</script>", width=390)
    assert await page.inner_text("h1") == "Fleet"
    assert chromium.complaints == ["gone"]
    await page.screenshot(path=tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("ocpp_rpc")
def test_node_has_the_independent_client(tmp_path: Path) -> None:
    script = tmp_path / "client.js"
    script.write_text("const {RPCClient} = require('ocpp-rpc'); console.log(typeof RPCClient, process.argv[2])")
    assert run_node(script, "here") == "function here\n"
    script.write_text("throw new Error('no such luck')")
    with pytest.raises(PartFailed, match="no such luck"):
        run_node(script)


def test_a_child_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    driver = textwrap.dedent("""
        import subprocess, sys, time
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from parts.processes import spawn
        child = spawn(["sh", "-c", "sleep 600 & wait"], log=Path(sys.argv[2]))
        print(child.pid, flush=True)
        time.sleep(600)
    """)
    command = [sys.executable, "-c", driver, str(HERE), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        group = int(parent.stdout.readline())
        os.killpg(group, 0)
        parent.kill()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("the child outlived its parent")


def test_a_child_that_ends_too_early_shows_its_last_words(tmp_path: Path) -> None:
    child = spawn(["sh", "-c", "echo the port is taken; exit 3"], log=tmp_path / "log")
    with pytest.raises(PartFailed, match=r"status 3:\nthe port is taken"):
        child.wait_until(lambda: False, timeout=30)


def test_a_paused_child_can_be_stopped(tmp_path: Path) -> None:
    child = spawn(["sleep", "600"], log=tmp_path / "log")
    child.pause()
    assert child.stop() == -signal.SIGTERM
    assert not child.alive


def test_ports_are_never_given_twice() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
