"""The folder of a run: what stands in it is an earlier demo's, or nobody loses it."""

from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from voltstream.demo.folder import MARKER, OF_A_RUN, run_folder
from voltstream.demo.settings import DemoSettings


def in_folder(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("precious")


def settings(**given: object) -> DemoSettings:
    return DemoSettings.from_text(given)


@pytest.mark.parametrize("name", OF_A_RUN)
def test_what_no_demo_made_is_not_touched(tmp_path: Path, name: str) -> None:
    in_folder(tmp_path, name)
    with (
        pytest.raises(
            ConfigurationError, match=r"DEMO_DATADIR \(--datadir\): .* is there, and no demo made it"
        ) as told,
        run_folder(settings(datadir=tmp_path)),
    ):
        pass
    assert str(tmp_path / name) in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_an_earlier_demos_files_are_replaced_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    with run_folder(settings(datadir=folder)) as given:
        assert given == folder
        in_folder(folder, *OF_A_RUN, "notes.txt")
    assert {path.name for path in folder.iterdir()} == {MARKER, "notes.txt", *OF_A_RUN}
    with run_folder(settings(datadir=folder)):
        assert {path.name for path in folder.iterdir()} == {MARKER, "notes.txt"}


def test_another_programs_files_are_no_trouble(tmp_path: Path) -> None:
    in_folder(tmp_path, "edge.py", "other.log")
    with run_folder(settings(datadir=tmp_path)):
        assert {path.name for path in tmp_path.iterdir()} == {MARKER, "edge.py", "other.log"}


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    in_folder(tmp_path, "file")
    for folder in ("/proc/nope", str(tmp_path / "file")):
        with (
            pytest.raises(ConfigurationError, match=rf"DEMO_DATADIR \(--datadir\): {folder} cannot be used: \w+"),
            run_folder(settings(datadir=folder)),
        ):
            pass


def test_a_temporary_folder_goes_unless_it_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with run_folder(settings()) as folder:
        in_folder(folder, "edge.log")
    assert not folder.exists()
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_kept_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with run_folder(settings(keep="true")) as folder:
        pass
    assert folder.is_dir()
    assert folder.parent == tmp_path
    assert capsys.readouterr().err == f"the folder is kept: {folder}\n"


def test_misbehaviours_are_those_of_the_simulator() -> None:
    assert settings(misbehave="half-open,boot-loop").misbehave == ("half-open", "boot-loop")
    with pytest.raises(ConfigurationError, match=r"DEMO_MISBEHAVE \(--misbehave\): no misbehaviour is named 'foo'"):
        settings(misbehave="foo")
