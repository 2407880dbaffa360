"""A cluster that wants TLS and a password, as managed ones do: the settings reach every client."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contracts.topics import TOPICS, Name
from ops.group_commit import GroupCommit
from ops.health import Readiness
from ops.kafka import KafkaSettings, client_options
from ops.topics import ensure_topics
from parts.kafka import start_kafka
from parts.processes import free_port
from parts.toxiproxy import start_toxiproxy

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_edge="open sesame";'


@dataclass(frozen=True)
class Secured:
    bootstrap: str
    cafile: str

    def settings(self, **changes: str) -> KafkaSettings:
        return KafkaSettings.from_text(
            {
                "bootstrap": self.bootstrap,
                "partitions": "2",
                "security_protocol": "SASL_SSL",
                "sasl_username": "edge",
                "sasl_password": "open sesame",
                "ssl_cafile": self.cafile,
                **changes,
            }
        )


def certificate(folder: Path) -> tuple[str, str]:
    """A self-signed certificate of 127.0.0.1: a PEM file with its key, for the broker, and one without, for clients."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both.write_text(key.read_text() + cert.read_text())
    return str(both), str(cert)


@pytest.fixture(scope="module")
def secured(
    kafka_part: Path,  # noqa: ARG001
    toxiproxy_part: Path,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Secured]:
    """A broker whose outer listener speaks SASL over TLS. A proxy passes on what comes to the address it advertises."""
    keystore, cafile = certificate(tmp_path_factory.mktemp("tls"))
    port = free_port()
    with (
        start_kafka(
            advertised=[f"127.0.0.1:{port}"],
            listener_security_protocol_map="PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:SASL_SSL",
            sasl_enabled_mechanisms="PLAIN",
            ssl_keystore_type="PEM",
            ssl_keystore_location=keystore,
            listener_name_proxied_plain_sasl_jaas_config=JAAS,
        ) as cluster,
        start_toxiproxy() as toxiproxy,
    ):
        toxiproxy.proxy(cluster.upstream(), port=port)
        yield Secured(f"127.0.0.1:{port}", cafile)


async def test_topics_and_records_pass_with_the_right_password(secured: Secured) -> None:
    kafka = secured.settings()
    await ensure_topics(kafka, topics=[TOPICS[Name.MESSAGES]])
    done: list[int] = []
    topic = kafka.topic(Name.MESSAGES)
    commit = GroupCommit(client_options(kafka, "edge"), topic, 2, on_refused=lambda *_: done.append(-1))
    await commit.start()
    for number in range(10):
        commit.submit(0, [(b"k", b"v")], lambda number=number: done.append(number))  # type: ignore[misc]
    assert await commit.close(20) == 0
    assert done == list(range(10))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sasl_password": "open barley"}, "uthentication"),
        ({"ssl_cafile": ""}, "CERTIFICATE_VERIFY_FAILED"),
        ({"security_protocol": "PLAINTEXT"}, ""),
    ],
)
async def test_readiness_says_what_is_wrong(secured: Secured, changes: dict[str, str], reason: str) -> None:
    kafka = secured.settings(**{name: value for name, value in changes.items() if value})
    if changes.get("ssl_cafile") == "":
        kafka = kafka.model_copy(update={"ssl_cafile": None})
    readiness = Readiness()
    waiting = asyncio.create_task(ensure_topics(kafka, readiness, [TOPICS[Name.MESSAGES]]))
    async with asyncio.timeout(60):
        while readiness.ready:
            await asyncio.sleep(0.05)
    waiting.cancel()
    assert reason in readiness.reasons["kafka"]
    assert "sesame" not in readiness.reasons["kafka"]
