"""The provisioning files: what is known to end Grafana's start, or to fail later without a word, is not in them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.boards.influxql import DATASOURCE_TYPE, DATASOURCE_UID
from dashboards.build import BOARDS, FOLDER, board_file
from dashboards.push import DATASOURCE_NAME, DataSource

PROVISIONING = FOLDER / "provisioning"
FILES = sorted(PROVISIONING.rglob("*.yaml"))
BOARD_BY_UID = {board["uid"]: board for board in (json.loads(board_file(name).read_text()) for name in BOARDS)}


def read(path: str) -> Any:
    return yaml.safe_load((PROVISIONING / path).read_text())


GROUPS: list[dict[str, Any]] = read("alerting/rules.yaml")["groups"]
RULES = [pytest.param(rule, id=rule["uid"]) for group in GROUPS for rule in group["rules"]]
PROVIDER = read("dashboards/voltstream.yaml")["providers"][0]
DURATION = re.compile(r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_of_version_1_and_deletes_nothing(path: Path) -> None:
    found = yaml.safe_load(path.read_text())
    assert found["apiVersion"] == 1
    assert not [key for key in found if key.startswith(("delete", "reset"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_notification_policy_is_provisioned(path: Path) -> None:
    """It would replace the organisation's whole tree, whoever made it."""
    assert "policies" not in yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_only_dollar_is_the_tokens_file(path: Path) -> None:
    """Grafana would put a variable's value there, and nothing where it is not set."""
    text = path.read_text().replace("$__file{/run/voltstream-tokens/read}", "")
    assert "$" not in text


def test_boards_and_rules_share_a_folder_that_is_named_by_its_title_alone() -> None:
    assert PROVIDER["folder"] == "Voltstream"
    assert "folderUid" not in PROVIDER
    assert {group["folder"] for group in GROUPS} == {PROVIDER["folder"]}
    assert all("folderUid" not in group for group in GROUPS)


def test_the_data_source_is_the_one_that_boards_rules_and_push_mean() -> None:
    (source,) = read("datasources/voltstream.yaml")["datasources"]
    pushed = DataSource(source["url"], source["jsonData"]["dbName"], "TOKEN").body()
    secret = {"httpHeaderValue1": "Token $__file{/run/voltstream-tokens/read}"}
    assert source == {**pushed, "editable": False, "secureJsonData": secret}
    assert (source["uid"], source["name"], source["type"]) == (DATASOURCE_UID, DATASOURCE_NAME, DATASOURCE_TYPE)


def test_who_is_told_is_valid_as_it_stands() -> None:
    (point,) = read("alerting/contact-points.yaml")["contactPoints"]
    (receiver,) = point["receivers"]
    assert receiver["type"] == "webhook"
    assert re.fullmatch(r"https?://[\w.]+(:\d+)?/", receiver["settings"]["url"])


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["name"])
def test_a_groups_interval_is_a_duration_of_whole_ten_seconds(group: dict[str, Any]) -> None:
    assert DURATION.fullmatch(group["interval"])
    assert int(group["interval"].removesuffix("s")) % 10 == 0


def test_uids_are_short_plain_and_each_rules_own() -> None:
    uids = [rule["uid"] for group in GROUPS for rule in group["rules"]]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", uid) for uid in uids)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_names_only_what_there_is(rule: dict[str, Any]) -> None:
    receivers = {point["name"] for point in read("alerting/contact-points.yaml")["contactPoints"]}
    assert rule["notification_settings"]["receiver"] in receivers
    assert {step["datasourceUid"] for step in rule["data"]} == {DATASOURCE_UID, "__expr__"}
    assert rule["condition"] in {step["refId"] for step in rule["data"]}
    panels = {panel["id"] for panel in BOARD_BY_UID[rule["dashboardUid"]]["panels"]}
    assert rule["panelId"] in panels


@pytest.mark.parametrize("rule", RULES)
def test_a_rules_values_are_ones_that_grafana_takes(rule: dict[str, Any]) -> None:
    assert rule["for"]
    assert DURATION.fullmatch(rule["for"])
    assert rule["noDataState"] in ("OK", "Alerting")
    assert rule["execErrState"] == "Error"
    assert rule["labels"]["severity"] in ("critical", "warning")
    for text in rule["annotations"].values():
        assert not re.sub(r"\{\{ \.Labels\.(name|code) \}\}", "", text).count("{"), text
