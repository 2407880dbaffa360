"""The whole pipeline as an operator starts it: independent clients and the field's frames, all the way to InfluxDB."""

import asyncio
import contextlib
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from clients.charge_points import charge
from edge_process import Edge, start_edge
from parts.handles import Broker, Database
from parts.influx import Row
from parts.node import run_node
from parts.service import Service, start_service

CLIENT = Path(__file__).parent / "clients" / "charge_point.js"
FRAMES = Path(__file__).parents[1] / "fixtures" / "frames.jsonl"
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


@pytest.mark.timeout(240)
async def test_independent_clients_and_the_fields_frames_come_out_as_they_are_meant(
    kafka: Broker, influx: Database, ocpp_rpc: Path
) -> None:
    assert ocpp_rpc
    with pipeline(kafka, influx) as (edge, streams):
        await asyncio.gather(*(charge(version, edge.url(f"PY-{version}")) for version in VERSIONS))
        endpoint = f"ws://127.0.0.1:{edge.port}/ocpp"
        for version in VERSIONS:
            await asyncio.to_thread(run_node, CLIENT, endpoint, f"JS-{version}", version)
        for vendor, frames in by_vendor().items():
            await play(edge, vendor, frames)
        await asyncio.to_thread(until, lambda: lag(streams) == 0, "the stream worker is not through")
        await asyncio.to_thread(
            until, lambda: len(sessions(influx, "PY-")) + len(sessions(influx, "JS-")) == 6, "sessions are missing"
        )

        # PyPI's and npm's clients: one session each, with the energy that their meters say.
        for prefix, energy in (("PY-", (1500, 2, 2)), ("JS-", (1000, 2, 2))):
            found = sessions(influx, prefix)
            assert [(row["station"], row["import_wh"], row["state"]) for row in found] == [
                (f"default/{prefix}{version}", wh, "ended")
                for version, wh in zip(sorted(VERSIONS), energy, strict=True)
            ]
        samples = influx.query("SELECT count(energy_import_wh) AS n FROM samples WHERE station = 'default/PY-ocpp1.6'")
        assert int(str(samples[0]["n"])) >= 1

        # The field's frames: none fatal, none dead, and those with a story come out as it goes.
        assert dead_letters(kafka) == []
        field = sessions(influx, "FIELD-")
        assert len(field) > 10
        idle = [row for row in field if "9223372036854775807" in str(row["session_id"])]
        assert idle == [], "an idle meter's filler is no session"
        billed = [row for row in field if float(str(row["import_wh"])) >= 100_000]
        assert billed == [], "a lifetime register was billed"
        faults = {str(row["alarm_key"]) for row in influx.query("SELECT alarm_key FROM alarms")}
        # An errorCode that no version has; OtherError, the truth in vendorErrorCode.
        assert "connector-fault/default/FIELD-1-6-Legrand-GreenUp/0/0/Error" in faults
        assert "connector-fault/default/FIELD-1-6-Alfen-Eve-NG910/0/0/210" in faults
        assert not any("SecurityEvent" in key or "StartupOfTheDevice" in key for key in faults)
        assert streams.metrics()["voltstream_streams_dead_letters_total"] == 0


@contextlib.contextmanager
def pipeline(kafka: Broker, influx: Database) -> Iterator[tuple[Edge, Service]]:
    """Edge, stream worker and sink on real Kafka and InfluxDB."""
    where = ("--store", "influxdb", "--influx-url", influx.url, "--influx-bucket", influx.name)
    with (
        start_edge(kafka) as edge,
        start_service("streams", env=kafka.env) as streams,
        start_service("sink", *where, env=kafka.env),
    ):
        yield edge, streams


def by_vendor() -> dict[str, list[dict[str, str]]]:
    """The frames of each kind of charger, which are one station's, by an identity for it."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in FRAMES.read_text().splitlines():
        frame = json.loads(line)
        identity = re.sub("[^A-Za-z0-9]+", "-", f"FIELD-{frame['ocpp']}-{frame['vendor']}")[:48]
        found.setdefault(identity, []).append(frame)
    assert sum(map(len, found.values())) == 106
    return found


async def play(edge: Edge, identity: str, frames: list[dict[str, str]]) -> None:
    """Send frames as one station, each after the answer to the one before."""
    async with edge.connect(identity, f"ocpp{frames[0]['ocpp']}") as station:
        for number, frame in enumerate(frames):
            await station.send(frame["raw"])
            await station.send(f'[2,"fence-{number}","Heartbeat",{{}}]')
            while json.loads(await asyncio.wait_for(station.recv(), 60))[1] != f"fence-{number}":
                assert re.match(r"\s*\[\s*2\b", frame["raw"]), "only a CALL is answered"


def sessions(influx: Database, prefix: str) -> list[Row]:
    """The sessions that stand, of stations whose identity begins so, in order of station."""
    fields, begins = "session_id, station, state, import_wh, flags", f"station =~ /^default\\/{prefix}/"
    rows = influx.query(f"SELECT {fields} FROM sessions WHERE superseded = false AND {begins}")  # noqa: S608 - our words
    return sorted(rows, key=lambda row: (str(row["station"]), str(row["session_id"])))


def dead_letters(kafka: Broker) -> list[str]:
    """Why records are in the dead letters."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"{kafka.prefix}dlq", "log_level": 3})
    found: list[str] = []
    for partition in range(kafka.partitions):
        topic = TopicPartition(f"{kafka.prefix}dlq", partition, 0)
        end = consumer.get_watermark_offsets(topic, timeout=10)[1]
        consumer.assign([topic])
        while len(found) < end and (message := consumer.poll(2.0)) is not None:
            letter = json.loads(message.value() or b"{}")
            found.append(f"{letter['code']}: {letter['error']}")
        consumer.unassign()
    consumer.close()
    return found


def lag(service: Service) -> int | None:
    with urllib.request.urlopen(f"http://{service.http}/lag", timeout=5) as response:
        answer: int | None = json.loads(response.read())["lag"]
        return answer


def until(condition: Callable[[], bool], complaint: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, complaint
        time.sleep(0.3)
