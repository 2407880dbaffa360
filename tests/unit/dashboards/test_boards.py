"""What every committed board keeps to: names, words, units, links and colours."""

import json
import re
from typing import Any

import pytest

from dashboards.boards.influxql import DATASOURCE_UID
from dashboards.boards.rules import FOLDER_TITLE
from dashboards.build import BOARDS, board_file

TEXTS = {name: board_file(name).read_text() for name in BOARDS}
COMMITTED: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in TEXTS.items()}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}") for name, one in COMMITTED.items() for panel in one["panels"]
]
QUERIES = [
    *(target["query"] for one in COMMITTED.values() for panel in one["panels"] for target in panel["targets"]),
    *(variable["query"] for variable in COMMITTED["fleet"]["templating"]["list"]),
    *(mark["target"]["query"] for mark in COMMITTED["fleet"]["annotations"]["list"]),
]
WORDS = {
    *("SELECT", "FROM", "WHERE", "AND", "OR", "GROUP", "BY", "ORDER", "DESC", "LIMIT", "AS", "SHOW", "TAG", "VALUES"),
    *("WITH", "KEY", "time", "last", "sum", "max", "min", "count", "fill", "none", "false"),
}
OVERRIDES = {"displayName", "unit", "links", "mappings", "custom.cellOptions"}


def test_a_boards_title_differs_from_its_folders_and_from_the_others() -> None:
    titles = [board["title"] for board in COMMITTED.values()]
    assert FOLDER_TITLE.lower() not in [title.lower() for title in titles]
    assert len(set(titles)) == len(titles)
    assert [board["uid"] for board in COMMITTED.values()] == ["voltstream-fleet", "voltstream-pipeline"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_is_in_which_unit_and_when_there_is_nothing(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["description"].endswith(".")
    assert " " in defaults["noValue"]
    assert panel["type"] == "table" or defaults["unit"]
    assert defaults["thresholds"]["steps"]
    assert panel["datasource"]["uid"] == DATASOURCE_UID


@pytest.mark.parametrize("panel", PANELS)
def test_an_override_is_one_that_grafana_has(panel: dict[str, Any]) -> None:
    """The SDK takes any name there, so that a misspelt one would not be found by the round trip."""
    overrides = panel["fieldConfig"]["overrides"]
    assert {each["id"] for override in overrides for each in override["properties"]} <= OVERRIDES
    assert {each["id"] for each in panel.get("transformations", [])} <= {"merge", "organize"}


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_numbers_of_their_own_and_none_covers_another(name: str) -> None:
    panels = COMMITTED[name]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    cells = [
        (column, row)
        for place in (panel["gridPos"] for panel in panels)
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) == 23


def test_links_keep_the_time_range() -> None:
    links = [
        link
        for panel in COMMITTED["fleet"]["panels"]
        for override in panel["fieldConfig"]["overrides"]
        for each in override["properties"]
        if each["id"] == "links"
        for link in each["value"]
    ]
    assert len(links) == 4
    for link in links:
        assert link["url"].endswith("&${__url_time_range}")
        assert link["url"].startswith("/d/voltstream-fleet?var-tenant=${__data.fields.tenant:percentencode}&var-site=")
    (to_pipeline,) = COMMITTED["fleet"]["links"]
    assert (to_pipeline["url"], to_pipeline["keepTime"]) == ("/d/voltstream-pipeline", True)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_colours_are_names_that_suit_dark_and_light(text: str) -> None:
    assert not re.search(r"#[0-9a-fA-F]{3,8}\"|rgba?\(|hsla?\(", text)
    assert '"style"' not in text
    colours = set(re.findall(r'"(?:color|fixedColor)": "([\w-]+)"', text))
    assert colours <= {"text", "green", "yellow", "orange", "red", "blue"}


@pytest.mark.parametrize("query", QUERIES)
def test_every_name_in_a_query_is_quoted(query: str) -> None:
    """`tag` and others are words of InfluxQL: a bare name may be one in the next version."""
    bare = re.sub(r'"[^"]*"|\'[^\']*\'|/\^.*?\$/|\$\{?\w+\}?(ms)?', " ", query)
    assert set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\d+(ms|[smh])\b", " ", bare))) <= WORDS


def test_all_stations_are_one_pattern_not_a_list() -> None:
    for variable in COMMITTED["fleet"]["templating"]["list"]:
        assert (variable["allValue"], variable["includeAll"], variable["multi"]) == (".*", True, True)
        assert variable["current"]["value"] == "$__all"
