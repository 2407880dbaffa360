from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from contracts.errors import ConfigurationError
from ops.secret_files import secret_from_file
from ops.settings import Settings, check_variables, settings_config


class StoreLike(Settings):
    """Store"""

    model_config = settings_config("STORE_")
    token: SecretStr = Field(SecretStr("none"), description="The token.")
    key: SecretStr | None = Field(None, min_length=8, description="The key.")
    name: str = Field("x", description="The name.")


def written(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "secret"
    file.write_bytes(content)
    return str(file)


@pytest.mark.parametrize("content", [b"opensesame", b"opensesame\n", b"opensesame\r\n"])
def test_a_secret_is_read_without_its_newline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setenv("STORE_TOKEN_FILE", written(tmp_path, content))
    settings = StoreLike.from_text({})
    assert settings.token.get_secret_value() == "opensesame"
    assert "opensesame" not in repr(settings)


def test_spaces_belong_to_a_secret(tmp_path: Path) -> None:
    assert secret_from_file("A", {"A_FILE": written(tmp_path, b" open sesame \n")}) == " open sesame "


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert secret_from_file("A", {"A_FILE": ""}) is None
    assert secret_from_file("A", {"A_FILE": written(tmp_path, b"x"), "A": ""}) == "x"


def test_a_flag_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TOKEN_FILE", str(tmp_path / "missing"))
    assert StoreLike.from_text({"token": "flag"}).token.get_secret_value() == "flag"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (None, "STORE_TOKEN_FILE: {path}: No such file or directory"),
        (b"", "STORE_TOKEN_FILE: {path} is empty"),
        (b"\n", "STORE_TOKEN_FILE: {path} is empty"),
        (b"\xff\xfe", "STORE_TOKEN_FILE: {path} is not UTF-8 text"),
    ],
)
def test_a_file_without_a_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, wanted: str
) -> None:
    path = str(tmp_path / "secret") if content is None else written(tmp_path, content)
    monkeypatch.setenv("STORE_TOKEN_FILE", path)
    with pytest.raises(ConfigurationError) as refused:
        StoreLike.from_text({})
    assert str(refused.value) == wanted.format(path=path)


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        secret_from_file("A", {"A_FILE": str(tmp_path)})


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TOKEN_FILE", written(tmp_path, b"opensesame"))
    monkeypatch.setenv("STORE_TOKEN", "another")
    with pytest.raises(ConfigurationError, match=r"^STORE_TOKEN and STORE_TOKEN_FILE are both set") as refused:
        StoreLike.from_text({})
    assert "opensesame" not in str(refused.value)
    assert "another" not in str(refused.value)


def test_a_wrong_secret_from_a_file_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_KEY_FILE", written(tmp_path, b"short"))
    with pytest.raises(ConfigurationError, match="STORE_KEY") as refused:
        StoreLike.from_text({})
    assert "short" not in str(refused.value)


def test_only_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, b"x")
    known = {"STORE_TOKEN_FILE": path, "STORE_KEY_FILE": path}
    assert check_variables([StoreLike], known) == []
    with pytest.raises(ConfigurationError, match="STORE_NAME_FILE"):
        check_variables([StoreLike], {"STORE_NAME_FILE": path})
