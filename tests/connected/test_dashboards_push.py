"""`voltstream dashboards push` against a stub that holds requests against Grafana's published API schema."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from grafana_stub import GrafanaStub, start_grafana_stub
from parts.processes import free_port
from voltstream.__main__ import main

TOKEN = "glsa_test"  # noqa: S105 - the stub's


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[GrafanaStub]:
    with start_grafana_stub(TOKEN) as stub:
        monkeypatch.setenv("DASHBOARDS_GRAFANA_URL", stub.url)
        monkeypatch.setenv("DASHBOARDS_GRAFANA_TOKEN", TOKEN)
        yield stub


def push(*flags: str) -> int:
    return main(["dashboards", "push", *flags])


def test_it_makes_everything_by_its_uid(
    grafana: GrafanaStub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHBOARDS_INFLUX_TOKEN", "reader:secret")
    assert push("--influx-url", "http://influxdb:8086", "--influx-database", "telemetry") == 0
    source = grafana.sources["voltstream-influxdb"]
    assert (source["url"], source["type"]) == ("http://influxdb:8086", "influxdb")
    assert source["jsonData"] == {
        "version": "InfluxQL",
        "dbName": "telemetry",
        "httpMode": "POST",
        "httpHeaderName1": "Authorization",
    }
    assert grafana.secrets["voltstream-influxdb"] == {"httpHeaderValue1": "Token reader:secret"}
    assert grafana.folders == {"voltstream": "Voltstream"}
    assert {uid: len(versions) for uid, versions in grafana.boards.items()} == {
        "voltstream-fleet": 1,
        "voltstream-pipeline": 1,
    }
    assert [each["dashboardUID"] for each in grafana.annotations] == ["voltstream-fleet", "voltstream-pipeline"]
    assert capsys.readouterr().out.splitlines() == [
        f"Grafana 11.2.0 at {grafana.url}",
        "data source Voltstream InfluxDB: made",
        "folder Voltstream: made",
        "board Fleet: made",
        "board Pipeline health: made",
    ]


@pytest.mark.parametrize("in_an_object", [False, True], ids=["versions as a list", "versions in an object"])
@pytest.mark.parametrize("influx_token", ["", "secret"], ids=["without a token", "with a token"])
def test_a_second_push_changes_nothing(
    grafana: GrafanaStub, monkeypatch: pytest.MonkeyPatch, influx_token: str, in_an_object: bool
) -> None:
    monkeypatch.setenv("DASHBOARDS_INFLUX_TOKEN", influx_token)
    grafana.versions_in_an_object = in_an_object
    assert push() == 0
    before, grafana.requests = grafana.state(), []
    assert push() == 0
    assert grafana.state() == before
    # A secret cannot be read back, so that it is set again; nothing else is.
    assert grafana.writes == (["PUT /api/datasources/uid/voltstream-influxdb"] if influx_token else [])


def test_a_board_that_was_edited_by_hand_is_put_right(grafana: GrafanaStub) -> None:
    assert push() == 0
    edited = {**grafana.boards["voltstream-fleet"][0], "message": "tried something"}
    grafana.boards["voltstream-fleet"].append(edited)
    assert push() == 0
    messages = [each["message"] for each in grafana.boards["voltstream-fleet"]]
    assert len(messages) == 3
    assert messages[2] == messages[0]
    assert len(grafana.annotations) == 2, "that version is marked already"


def test_tokens_from_files(grafana: GrafanaStub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "grafana").write_text(f"{TOKEN}\n")
    (tmp_path / "influx").write_text("reader:secret\n")
    monkeypatch.delenv("DASHBOARDS_GRAFANA_TOKEN")
    monkeypatch.setenv("DASHBOARDS_GRAFANA_TOKEN_FILE", str(tmp_path / "grafana"))
    monkeypatch.setenv("DASHBOARDS_INFLUX_TOKEN_FILE", str(tmp_path / "influx"))
    assert push() == 0
    assert grafana.secrets["voltstream-influxdb"] == {"httpHeaderValue1": "Token reader:secret"}


def test_without_an_influx_token_the_one_that_is_there_is_kept(
    grafana: GrafanaStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHBOARDS_INFLUX_TOKEN", "first")
    assert push() == 0
    monkeypatch.delenv("DASHBOARDS_INFLUX_TOKEN")
    assert push("--influx-url", "http://elsewhere:8086") == 0
    assert grafana.sources["voltstream-influxdb"]["url"] == "http://elsewhere:8086"
    assert grafana.secrets["voltstream-influxdb"] == {"httpHeaderValue1": "Token first"}


def test_a_folder_of_that_title_is_taken_whatever_its_uid(grafana: GrafanaStub) -> None:
    grafana.folders["made-by-provisioning"] = "Voltstream"
    assert push() == 0
    assert grafana.folders == {"made-by-provisioning": "Voltstream"}
    assert {each["folderUid"] for versions in grafana.boards.values() for each in versions} == {"made-by-provisioning"}


def test_a_data_source_from_a_file_is_left_alone(grafana: GrafanaStub, capsys: pytest.CaptureFixture[str]) -> None:
    provisioned = {"uid": "voltstream-influxdb", "name": "Voltstream InfluxDB", "readOnly": True}
    grafana.sources["voltstream-influxdb"] = provisioned
    assert push() == 0
    assert grafana.sources["voltstream-influxdb"] == provisioned
    assert "data source Voltstream InfluxDB: provisioned from a file, left as it is" in capsys.readouterr().out


def test_alerting_is_never_asked_about_nor_written(grafana: GrafanaStub) -> None:
    assert push() == 0
    assert push() == 0
    assert not [each for each in grafana.requests if "provisioning" in each or "alert" in each or "polic" in each]


def test_below_a_sub_path(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_grafana_stub(TOKEN, "/grafana/inner") as stub:
        monkeypatch.setenv("DASHBOARDS_GRAFANA_TOKEN", TOKEN)
        assert push("--grafana-url", f"{stub.url}/") == 0
        assert len(stub.boards) == 2


# -- what goes wrong is one line


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_wrong_token(
    grafana: GrafanaStub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHBOARDS_GRAFANA_TOKEN", "another")
    assert push() == 1
    assert f"Grafana at {grafana.url} does not know the token (DASHBOARDS_GRAFANA_TOKEN)" in complaint(capsys)


@pytest.mark.parametrize(
    ("path", "doing", "role"),
    [
        ("/api/datasources", "manage data sources", "Admin"),
        ("/api/folders", "manage folders", "Editor"),
        ("/api/dashboards", "save dashboards in that folder", "Editor"),
        ("/api/annotations", "annotate dashboards", "Editor"),
    ],
)
def test_what_the_token_may_not_do(
    grafana: GrafanaStub, capsys: pytest.CaptureFixture[str], path: str, doing: str, role: str
) -> None:
    grafana.forbidden = {path}
    assert push() == 1
    wanted = f"the token (DASHBOARDS_GRAFANA_TOKEN) may not {doing} (a service account of role {role} may)"
    assert wanted in complaint(capsys)


def test_nobody_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHBOARDS_GRAFANA_TOKEN", TOKEN)
    url = f"http://127.0.0.1:{free_port()}"
    assert push("--grafana-url", url) == 1
    wanted = f"Grafana at {url} cannot be reached (DASHBOARDS_GRAFANA_URL): Connection refused"
    assert wanted in complaint(capsys)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(200, b"<html>a page</html>"), (200, b'{"status": "up"}'), (200, b"[]"), (404, b"not found"), (404, b"null")],
)
def test_something_else_answers(
    grafana: GrafanaStub, capsys: pytest.CaptureFixture[str], status: int, answer: bytes
) -> None:
    grafana.answers["/api/health"] = (status, answer)
    assert push() == 1
    assert f"what answers at {grafana.url} is not Grafana (DASHBOARDS_GRAFANA_URL)" in complaint(capsys)


def test_grafanas_own_words_for_anything_else(grafana: GrafanaStub, capsys: pytest.CaptureFixture[str]) -> None:
    grafana.sources["other"] = {"uid": "other", "name": "Voltstream InfluxDB"}
    assert push() == 1
    wanted = "Grafana answered 409 when asked to manage data sources: data source with the same name already exists"
    assert wanted in complaint(capsys)


@pytest.mark.usefixtures("grafana")
def test_a_folder_named_as_a_board(capsys: pytest.CaptureFixture[str]) -> None:
    assert push("--folder", "Fleet") == 1
    assert "Dashboard name cannot be the same as folder" in complaint(capsys)


def test_no_token_is_a_wrong_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert push() == 2
    assert "DASHBOARDS_GRAFANA_TOKEN" in complaint(capsys)


def test_the_stub_refuses_what_is_not_in_the_schema(grafana: GrafanaStub) -> None:
    status = _post(grafana, "/api/folders", b'{"uid": "x", "titel": "X"}')
    assert (status, grafana.folders) == (400, {})
    assert _post(grafana, "/api/annotations", b'{"tags": []}') == 400


def _post(grafana: GrafanaStub, path: str, body: bytes) -> int:
    request = urllib.request.Request(f"{grafana.url}{path}", body, {"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code
