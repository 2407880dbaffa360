"""Whether a file can be written, found out by trying."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ops.files import check_writable


def test_a_new_file_and_one_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    assert check_writable(path) == path
    path.write_bytes(b"as it was")
    assert check_writable(path) == path
    assert path.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_a_relative_path_is_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_writable(Path("store.duckdb")) == Path("store.duckdb")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"^the folder '{tmp_path}/no' is not there$"):
        check_writable(tmp_path / "no" / "store.duckdb")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"^'{tmp_path}' is a folder: a file is wanted$"):
        check_writable(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that even root cannot write to is wanted")
def test_a_folder_that_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match=r"^nothing can be written to the folder '/proc': "):
        check_writable(Path("/proc/store.duckdb"))


@pytest.mark.skipif(sys.platform != "linux", reason="a file that even root cannot write is wanted")
def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "sleep"
    shutil.copy(shutil.which("sleep") or "", path)
    with subprocess.Popen([path, "60"]) as program:
        try:
            with pytest.raises(ValueError, match=rf"^'{path}' cannot be written: Text file busy$"):
                check_writable(path)
        finally:
            program.kill()
