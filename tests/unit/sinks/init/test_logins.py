"""Token files: whole or not there, for their readers only, and every trouble names its setting."""

import os
import stat
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from sinks.init.logins import TokenFile, logins
from sinks.init.settings import SinkInitSettings


def token_file(path: Path, mode: int = 0o600) -> TokenFile:
    return TokenFile("write_token_to", path, mode)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_mode_is_that_of_the_settings_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        assert token_file(tmp_path / "token", mode).write("sesame")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == mode
    assert (tmp_path / "token").read_text() == "sesame"


def test_the_same_token_leaves_the_file_and_mends_its_mode(tmp_path: Path) -> None:
    token_file(tmp_path / "token").write("sesame")
    inode = (tmp_path / "token").stat().st_ino
    assert not token_file(tmp_path / "token", 0o640).write("sesame")
    assert (tmp_path / "token").stat().st_ino == inode
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o640


def test_another_token_takes_the_files_place(tmp_path: Path) -> None:
    (tmp_path / ".token.draft").write_text("of a run that was cut short")
    (tmp_path / "token").write_text("old\n")
    assert token_file(tmp_path / "token").read() == "old"
    assert token_file(tmp_path / "token").write("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("token", "new")]


def test_what_is_in_the_way_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SINK_INIT_WRITE_TOKEN_TO .*Is a directory"):
        token_file(tmp_path).write("sesame")
    with pytest.raises(ConfigurationError, match=r"SINK_INIT_WRITE_TOKEN_TO .*No such file"):
        token_file(tmp_path / "none" / "token").write("sesame")
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"SINK_INIT_WRITE_TOKEN_TO .*binary is not UTF-8 text"):
        token_file(tmp_path / "binary").read()


def test_one_writes_and_one_reads() -> None:
    settings = SinkInitSettings.from_text({"write_token_to": "w", "read_token_to": "r", "token_mode": "0640"})
    assert [(login.action, login.owner, str(login.token_file.path)) for login in logins(settings)] == [
        ("write", "the sinks", "w"),
        ("read", "Grafana", "r"),
    ]
