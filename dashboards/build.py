"""The boards and alert rules as files: written by `build`, and compared by `check` with what would be written.

A board's file must also survive being read by the SDK: a key that Grafana's schema does not have is dropped there in
silence, so a misspelt one would do nothing in Grafana and nobody would know.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from grafana_foundation_sdk.builders.dashboard import Dashboard as DashboardBuilder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.boards import influxql
from dashboards.boards.fleet import fleet
from dashboards.boards.pipeline import pipeline
from dashboards.boards.rules import rules_yaml

FOLDER = Path(__file__).parent
BOARDS: Mapping[str, Callable[[], DashboardBuilder]] = MappingProxyType({"fleet": fleet, "pipeline": pipeline})
RULES = FOLDER / "provisioning" / "alerting" / "rules.yaml"


def board_file(name: str) -> Path:
    """Where a board's JSON is committed."""
    return FOLDER / "grafana" / f"{name}.json"


def board_text(name: str) -> str:
    """A board's JSON, built anew."""
    return _text(BOARDS[name]().build())


def round_trip(text: str) -> str:
    """A board's JSON after the SDK has read it: without what the SDK does not know. Raises what the SDK does."""
    register_default_plugins()
    influxql.register()
    return _text(Dashboard.from_json(json.loads(text)))


def files() -> dict[Path, str]:
    """Every file that `build` writes, and what belongs in it."""
    return {**{board_file(name): board_text(name) for name in BOARDS}, RULES: rules_yaml()}


def problems(wanted: Mapping[Path, str]) -> list[str]:
    """One sentence for each file that is not as it should be."""
    found = []
    for path, text in wanted.items():
        try:
            written = path.read_text()
        except OSError as error:
            found.append(f"{path.name}: {error.strerror}")
            continue
        if written != text:
            found.append(f"{path.name}: not what the code builds (voltstream dashboards build)")
        if path.suffix == ".json" and (lost := _lost_on_reading(written)):
            found.append(f"{path.name}: Grafana's schema does not have {lost}")
    return found


def _lost_on_reading(text: str) -> str:
    """The first difference between a board and its round trip, empty where there is none."""
    try:
        return first_difference(json.loads(text), json.loads(round_trip(text)))
    except (ValueError, KeyError, TypeError) as error:
        return f"what it should: {error!r}"


def first_difference(one: object, other: object, at: str = "") -> str:
    """Where two JSON values differ first, as a path like `panels/3/title`; empty where they are equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(str(key), one.get(key), other.get(key)) for key in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(str(place), *both) for place, both in enumerate(zip(one, other, strict=True))]
    else:
        return "" if one == other else at or "/"
    found = (first_difference(left, right, f"{at}/{key}".lstrip("/")) for key, left, right in pairs)
    return next(filter(None, found), "")


def _text(board: Dashboard) -> str:
    return json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
