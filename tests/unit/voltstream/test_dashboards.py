"""`voltstream dashboards build` and `check`; `push` is in tests/connected."""

from pathlib import Path

import pytest

from dashboards import build
from voltstream.__main__ import main


def test_usage_and_wrong_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards"]) == 0
    assert "build | check | push" in capsys.readouterr().out
    assert main(["dashboards", "pull"]) == 2
    assert "build, check or push is wanted" in capsys.readouterr().err


def test_the_committed_files_are_what_the_code_builds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "check"]) == 0, capsys.readouterr().out


def test_check_names_each_file_that_drifted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "RULES", tmp_path / "rules.yaml")
    assert main(["dashboards", "check"]) == 1
    assert capsys.readouterr().out == "rules.yaml: No such file or directory\n"
    build.RULES.write_text("groups: []\n")
    assert main(["dashboards", "check"]) == 1
    assert capsys.readouterr().out == "rules.yaml: not what the code builds (voltstream dashboards build)\n"


def test_build_writes_what_check_wants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("grafana", "provisioning/alerting"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "RULES", tmp_path / "provisioning" / "alerting" / "rules.yaml")
    assert main(["dashboards", "build"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["dashboards", "check"]) == 0


def test_build_where_nothing_can_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path / "not there")
    assert main(["dashboards", "build"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot write" in line
    assert "No such file or directory" in line


def test_push_has_flags_from_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dashboards", "push", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in ("--grafana-url", "--folder", "--influx-url", "--influx-database"):
        assert flag in text
    for secret in ("DASHBOARDS_GRAFANA_TOKEN", "DASHBOARDS_INFLUX_TOKEN"):
        assert f"{secret} has no flag" in text
    assert "--grafana-token" not in text


def test_push_without_a_token_is_a_wrong_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboards", "push"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "DASHBOARDS_GRAFANA_TOKEN" in line
