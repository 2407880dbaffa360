"""deploy/prometheus: what Prometheus' own checker says, and that the rules ask for what there is."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.metrics.document import PORTS, SERVICES, declared

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "deploy" / "prometheus"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in load(FOLDER / name)["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
EXPRESSIONS = [rule["expr"] for rule in (*rules("recording.yml"), *rules("alerts.yml"))]


def run(promtool: str, *arguments: object) -> None:
    done = subprocess.run(
        [promtool, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, cwd=FOLDER
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration_and_the_rules(promtool: str) -> None:
    run(promtool, "check", "config", FOLDER / "prometheus.yml")
    run(promtool, "check", "rules", "--lint-fatal", FOLDER / "recording.yml", FOLDER / "alerts.yml")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(promtool: str, path: Path) -> None:
    run(promtool, "test", "rules", path)


def verdicts() -> Iterator[tuple[str, bool]]:
    """The alert of each test, and whether it is to fire."""
    for path in TESTS:
        for test in load(path)["tests"]:
            for one in test["alert_rule_test"]:
                yield one["alertname"], bool(one["exp_alerts"])


def test_each_alert_is_seen_to_fire_and_to_be_silent() -> None:
    seen = set(verdicts())
    assert {name for name, _ in seen} == set(ALERTS)
    assert [name for name in ALERTS if {(name, True), (name, False)} - seen] == []


def test_rules_ask_for_what_the_services_show() -> None:
    """A name that nobody exports is no error to Prometheus: its alert is silent for ever."""
    shown = {"up"} | {rule["record"] for rule in rules("recording.yml")}
    for registry in SERVICES.values():
        for metric in declared(registry):
            is_histogram = metric.type == "histogram"
            shown |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")} if is_histogram else {metric.name}
    asked = {name for text in EXPRESSIONS for name in re.findall(r"\b(?:[a-z]+:)?voltstream_[a-z_]+(?::\w+)?", text)}
    assert len(asked) > 20
    assert asked - shown == set()


def test_labels_are_those_of_the_metric() -> None:
    labels = {metric.name: set(metric.labels) for registry in SERVICES.values() for metric in declared(registry)}
    for text in EXPRESSIONS:
        for name, matchers in re.findall(r"(voltstream_[a-z_]+)\{([^}]*)\}", text):
            assert set(re.findall(r"(\w+)\s*=", matchers)) <= labels[name]


def test_every_alert_says_how_bad_it_is_and_where_to_read_on() -> None:
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{name.lower()}"


def test_every_service_is_scraped_where_it_listens_by_default() -> None:
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in load(FOLDER / "prometheus.yml")["scrape_configs"]
    }
    assert jobs.keys() == PORTS.keys()
    for job, targets in jobs.items():
        assert targets
        assert {target.rpartition(":")[2] for target in targets} == {str(PORTS[job])}
