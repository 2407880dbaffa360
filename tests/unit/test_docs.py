"""The documents hold together: links lead somewhere, alerts have their section, variables are settings of ours."""

import re
from pathlib import Path

import pytest
import yaml

from contracts.topics import TOPICS
from dashboards.live.server import LiveSettings
from edge.settings import EdgeSettings
from ops.clock import ClockSettings
from ops.kafka import KafkaSettings
from ops.logs import LogSettings
from ops.settings import Settings
from simulator.service import SimSettings
from sinks.init.settings import SinkInitSettings
from sinks.service import SinkSettings
from streams.app import StreamsSettings

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
OPERATE = PROJECT / "docs" / "operate.md"
SERVICES = ("contracts", "ops", "edge", "streams", "sinks")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
SETTINGS: tuple[type[Settings], ...] = (
    ClockSettings, EdgeSettings, KafkaSettings, LiveSettings, LogSettings, SimSettings, SinkInitSettings, SinkSettings,
    StreamsSettings,
)  # fmt: skip


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in LINK.findall(document.read_text()):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_alert_of_prometheus_leads_to_its_section() -> None:
    alerts = yaml.safe_load((PROJECT / "deploy/prometheus/alerts.yml").read_text())
    runbooks = [rule["annotations"]["runbook"] for group in alerts["groups"] for rule in group["rules"]]
    assert runbooks
    assert [each for each in runbooks if each.partition("#")[2] not in anchors(PROJECT / each.partition("#")[0])] == []


def test_every_alert_of_grafana_has_a_section() -> None:
    rules = yaml.safe_load((PROJECT / "dashboards/provisioning/alerting/rules.yaml").read_text())
    titles = [rule["title"] for group in rules["groups"] for rule in group["rules"]]
    assert titles
    assert [title for title in titles if f"\n### {title}\n" not in OPERATE.read_text()] == []


def test_every_topic_is_told_of() -> None:
    text = OPERATE.read_text()
    assert [name for name in TOPICS if f"`ocpp.{name}`" not in text] == []


def test_every_sentence_that_is_explained_is_one_that_a_service_says() -> None:
    """Those of the table of troubles. What varies in one is `...` or in capitals there, a field of an f-string here."""
    files = [path for package in SERVICES for path in sorted((PROJECT / package).rglob("*.py"))]
    source = re.sub(r'"\s*\n\s*f?"', "", "".join(path.read_text() for path in files))
    said = re.sub(r"\{[^{}]*\}", "...", source)
    _, _, table = OPERATE.read_text().partition("| it says | do |\n")
    rows = [line for line in table.partition("\n\n")[0].splitlines()[1:] if line.startswith("|")]
    explained = [sentence for row in rows for sentence in re.findall(r"`([^`]+)`", row.split("|")[1])]
    pieces = [piece.strip(" :,()-") for sentence in explained for piece in re.split(r"\.\.\.|\b[A-Z_]+\b", sentence)]
    wanted = [piece for piece in pieces if len(piece) > len("flag")]
    assert len(wanted) > 20
    assert [piece for piece in wanted if piece not in said] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_variable_is_a_setting(document: Path) -> None:
    known = frozenset().union(*(cls.variables() for cls in SETTINGS))
    named = set(re.findall(r"\b((?:EDGE|STREAMS|SINK|LIVE)_[A-Z0-9_]*[A-Z0-9])\b(?![*_])", document.read_text()))
    assert sorted(named - known - {"EDGE_LISTENN"}) == []
