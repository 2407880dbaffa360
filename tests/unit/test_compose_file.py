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
from sinks.service import SinkSettings
from streams.app import StreamsSettings

PROJECT = Path(__file__).resolve().parents[2]
FILE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("voltstream:")}
COMMANDS: dict[str, type[Settings]] = {
    "edge": EdgeSettings,
    "streams": StreamsSettings,
    "sink": SinkSettings,
    "live": LiveSettings,
    "simulate": SimSettings,
}
RUN_BY_US = {name: service for name, service in OURS.items() if service["command"][-1] in COMMANDS}
WITHOUT_HEALTH = {"sink-init", "simulate"}  # one ends when it has done its work, the other serves nothing
PUBLISHED = {"balancer", "grafana", "live"}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """Its variables, those of .env at their defaults."""
    given = service.get("environment", {})
    return {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)) for name, value in given.items()}


def built(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch, cls: type[Settings]) -> Any:
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value)
    return cls.from_text({})


@pytest.mark.parametrize("name", RUN_BY_US)
def test_every_variable_of_a_service_is_a_setting_of_it(name: str) -> None:
    cls = COMMANDS[RUN_BY_US[name]["command"][0]]
    known = {owner.variable(field) for owner in (cls, KafkaSettings) for field in owner.model_fields}
    known |= {f"{variable}_FILE" for variable in known}
    assert environment(RUN_BY_US[name]).keys() <= known


@pytest.mark.parametrize("name", sorted(RUN_BY_US.keys() - {"sink-1", "sink-2"}))
def test_every_value_is_one_that_the_service_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cls = COMMANDS[RUN_BY_US[name]["command"][0]]
    assert built(RUN_BY_US[name], monkeypatch, cls)
    assert built(RUN_BY_US[name], monkeypatch, KafkaSettings).bootstrap in ("kafka:9092", "127.0.0.1:9092")


@pytest.mark.parametrize("name", sorted(RUN_BY_US.keys() - WITHOUT_HEALTH))
def test_the_health_check_asks_where_the_service_answers(name: str) -> None:
    command = RUN_BY_US[name]["command"][0]
    http = environment(RUN_BY_US[name])[f"{command.upper()}_HTTP"]
    assert http == f"0.0.0.0:{COMMANDS[command].model_fields['http'].default.port}"
    assert f"http://127.0.0.1:{http.rpartition(':')[2]}/readyz" in RUN_BY_US[name]["healthcheck"]["test"][-1]


def test_edges_have_names_of_their_own() -> None:
    names = [environment(service)["EDGE_NODE"] for service in OURS.values() if service["command"] == ["edge"]]
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
    for port in ports:
        assert re.fullmatch(r"\$\{PUBLISH_\w+:-127\.0\.0\.1:\d+\}:\d+", port)


def secrets_wanted() -> set[str]:
    return set(re.findall(r"\$\{(\w+):\?", (PROJECT / "docker-compose.yml").read_text()))


def test_no_secret_has_a_default() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"(PASSWORD|TOKEN|SECRET|KEY)$", name):
                assert re.fullmatch(r"\$\{\w+:\?run deploy/make-env\}", value), name


def test_make_env_writes_what_the_file_asks_for(tmp_path: Path) -> None:
    subprocess.run([PROJECT / "deploy" / "make-env", tmp_path / "env"], check=True)
    written = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert written == secrets_wanted()


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
    edges = {name: environment(service) for name, service in OURS.items() if service["command"] == ["edge"]}
    assert servers == {f"{name}:{values['EDGE_LISTEN'].rpartition(':')[2]}" for name, values in edges.items()}
    assert {values["EDGE_HTTP"].rpartition(":")[2] for values in edges.values()} == set(
        re.findall(r"check port (\d+)", text)
    )


def test_prometheus_asks_every_service() -> None:
    scraped = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for each in job["static_configs"] for target in each["targets"]}
    served = {
        f"{name}:{environment(service)[f'{command.upper()}_HTTP'].rpartition(':')[2]}"
        for name, service in RUN_BY_US.items()
        if (command := service["command"][0]) != "simulate"
    }
    assert targets == served
