"""docker-compose.yml as data: its variables are settings, no secret is in it, and nothing is open or without limits.

That it runs is tests/long/compose; that its syntax is right, `make check`.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.live.server import LiveSettings
from edge.service import EdgeSettings
from ops.kafka import KafkaSettings
from ops.settings import Settings
from simulator.service import SimSettings
from sinks.influx_settings import InfluxSettings
from sinks.init.settings import SinkInitSettings
from sinks.service import SinkSettings
from streams.app import StreamsSettings

PROJECT = Path(__file__).resolve().parents[2]
FILE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("voltstream:")}
COMMANDS: dict[str, tuple[type[Settings], ...]] = {
    "edge": (EdgeSettings, KafkaSettings),
    "streams": (StreamsSettings, KafkaSettings),
    "sink": (SinkSettings, KafkaSettings),
    "sink init": (SinkInitSettings, InfluxSettings),
    "live": (LiveSettings, KafkaSettings),
    "simulate": (SimSettings,),
}
WITHOUT_HEALTH = {"sink-init", "simulate"}  # one ends when it has done its work, the other serves nothing
SERVING = sorted(OURS.keys() - WITHOUT_HEALTH)
EDGES = [name for name, service in OURS.items() if service["command"] == ["edge"]]
PUBLISHED = {"balancer", "grafana", "live"}
TOKEN_FILE = "SINK_INFLUX_TOKEN_FILE"  # noqa: S105 - the name of a variable


def classes(name: str) -> tuple[type[Settings], ...]:
    """The settings that a service of ours reads."""
    return COMMANDS[" ".join(OURS[name]["command"])]


def environment(name: str) -> dict[str, str]:
    """A service's variables, those of .env at their defaults or made up."""
    given = SERVICES[name].get("environment", {}).items()
    return {variable: re.sub(r"\$\{\w+:[-?](.*?)\}", r"\1", str(value)) for variable, value in given}


def port(address: str) -> str:
    return address.rpartition(":")[2]


def http_port(name: str) -> str:
    """Where a service answers for its health."""
    return port(environment(name)[f"{OURS[name]['command'][0].upper()}_HTTP"])


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_is_a_setting_of_it(name: str) -> None:
    known = {cls.variable(field) for cls in classes(name) for field in cls.model_fields}
    assert environment(name).keys() <= known | {TOKEN_FILE}


@pytest.mark.parametrize("name", OURS)
def test_every_value_is_one_that_the_service_takes(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    for variable, value in environment(name).items():
        monkeypatch.setenv(variable, str(tmp_path / "token") if variable == TOKEN_FILE else value)
    for cls in classes(name):
        cls.from_text({})


@pytest.mark.parametrize("name", SERVING)
def test_the_health_check_asks_where_the_service_answers(name: str) -> None:
    assert http_port(name) == str(classes(name)[0].model_fields["http"].default.port)
    assert f"http://127.0.0.1:{http_port(name)}/readyz" in OURS[name]["healthcheck"]["test"][-1]


def test_edges_have_names_of_their_own() -> None:
    names = [environment(name)["EDGE_NODE"] for name in EDGES]
    assert len(names) == len(set(names)) == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched_started_again_and_bounded(name: str) -> None:
    service = SERVICES[name]
    health = service["healthcheck"]
    assert health == {"disable": True} if name in WITHOUT_HEALTH else {"test", "interval", "timeout"} <= health.keys()
    assert service["restart"] == ("no" if name == "sink-init" else "unless-stopped")
    assert {"cpus", "memory"} == service["deploy"]["resources"]["limits"].keys()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"max-size", "max-file"} == service["logging"]["options"].keys()
    assert "privileged" not in service


@pytest.mark.parametrize("name", OURS)
def test_our_containers_cannot_write_outside_their_volumes(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's own


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_published_off_loopback(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert bool(ports) == (name in PUBLISHED)
    for each in ports:
        assert re.fullmatch(r"\$\{PUBLISH_\w+:-127\.0\.0\.1:\d+\}:\d+", each)


def secrets_wanted() -> set[str]:
    return set(re.findall(r"\$\{(\w+):\?", (PROJECT / "docker-compose.yml").read_text()))


def test_no_secret_has_a_default() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"(PASSWORD|TOKEN|SECRET|KEY)$", name):
                assert re.fullmatch(r"\$\{\w+:\?run deploy/make-env\}", value), name


def test_make_env_writes_what_the_file_asks_for(tmp_path: Path) -> None:
    subprocess.run([PROJECT / "deploy" / "make-env", tmp_path / "env"], check=True)
    lines = (tmp_path / "env").read_text().splitlines()
    assert {line.partition("=")[0] for line in lines if not line.startswith("#")} == secrets_wanted()


def test_kafka_keeps_its_log_on_the_volume() -> None:
    kafka = SERVICES["kafka"]
    mounts = dict(volume.split(":")[:2] for volume in kafka["volumes"])
    assert kafka["environment"]["KAFKA_LOG_DIRS"].startswith(mounts["kafka-data"] + "/")


def test_what_is_mounted_is_there() -> None:
    sources = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    named = {source for source in sources if not source.startswith(".")}
    assert named == FILE["volumes"].keys()
    assert all((PROJECT / source).is_dir() for source in sources - named)


def test_the_balancer_knows_every_edge() -> None:
    text = (PROJECT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    servers = set(re.findall(r"^ +server \S+ (\S+)$", text, re.MULTILINE))
    assert servers == {f"{name}:{port(environment(name)['EDGE_LISTEN'])}" for name in EDGES}
    assert set(re.findall(r"check port (\d+)", text)) == {http_port(name) for name in EDGES}


def test_prometheus_asks_every_service() -> None:
    scraped = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for each in job["static_configs"] for target in each["targets"]}
    assert targets == {f"{name}:{http_port(name)}" for name in SERVING}
