import argparse
from typing import Literal

import pytest
from pydantic import Field, SecretStr

from contracts.errors import ConfigurationError
from ops.clock import ClockSettings
from ops.flags import load, parser
from ops.kafka import KafkaSettings
from ops.logs import LogSettings
from ops.settings import Address, HostPort, Settings, Words, settings_config


class SinkLike(Settings):
    """Sink"""

    model_config = settings_config("SINK_")
    http: HostPort = Field(Address("127.0.0.1", 9003), description="Health and metrics.")
    store: Literal["influx", "duckdb"] = Field("duckdb", description="Where points go.")
    gzip: bool = Field(default=True, description="Whether bodies are compressed, at 100% CPU.")
    wait_s: float = Field(2.5, description="Seconds to wait.")
    tags: Words = Field(("a", "b"), description="Tags to keep.")
    token: SecretStr = Field(SecretStr("opensesame"), description="The store's token.")


class Colliding(Settings):
    """Other"""

    model_config = settings_config("OTHER_")
    http: HostPort = Field(Address("127.0.0.1", 1), description="The same flag.")


SHARED = (KafkaSettings, ClockSettings, LogSettings)


def help_text(*classes: type[Settings]) -> str:
    text = parser("voltstream sink", "Write.", classes).format_help()
    return " ".join(text.split())


def test_every_setting_is_a_flag_with_its_variable_and_default() -> None:
    text = help_text(SinkLike, *SHARED)
    assert "--http HOST:PORT Health and metrics. [SINK_HTTP; default 127.0.0.1:9003]" in text
    assert "--store {influx,duckdb} Where points go. [SINK_STORE; default duckdb]" in text
    assert "--gzip, --no-gzip Whether bodies are compressed, at 100% CPU. [SINK_GZIP; default true]" in text
    assert "--wait-s X Seconds to wait. [SINK_WAIT_S; default 2.5]" in text
    assert "--tags A,B,... Tags to keep. [SINK_TAGS; default a,b]" in text
    for cls in (SinkLike, *SHARED):
        for field in cls.model_fields:
            assert f"{cls.flag(field)} " in text or f"{cls.flag(field)}," in text
            assert f"[{cls.variable(field)};" in text


def test_notes_stand_below_the_flags_as_they_are() -> None:
    class Noted(SinkLike):
        """Sink"""

        notes = "Words:\n  one    A word.\n  other  Another."

    text = parser("voltstream sink", "Write.", (Noted, *SHARED)).format_help()
    assert text.endswith(f"\n\n{Noted.notes}\n")


def test_the_shared_flags_are_those_of_the_design() -> None:
    text = help_text(*SHARED)
    for flag in ("--bootstrap HOST:PORT,...", "--partitions N", "--speed X", "--log-level", "--no-check-crcs"):
        assert flag in text


def test_a_secret_is_not_printed() -> None:
    assert "opensesame" not in help_text(SinkLike)


def test_help_says_once_that_a_secret_may_stand_in_a_file() -> None:
    assert help_text(SinkLike, *SHARED).count("A secret may stand in a file that VARIABLE_FILE names") == 1
    assert "(SINK_TOKEN_FILE)" in help_text(SinkLike, *SHARED)
    assert "VARIABLE_FILE" not in help_text(ClockSettings)


class Administered(Settings):
    """Made"""

    model_config = settings_config("SINK_INIT_")
    without_flag = frozenset({"admin_token"})
    admin_token: SecretStr = Field(SecretStr(""), min_length=4, description="The administrator's token.")


def test_a_secret_without_a_flag_is_in_the_help_and_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_text(Administered)
    assert "SINK_INIT_ADMIN_TOKEN has no flag, only the variable or its file: The administrator's token." in text
    assert "--admin-token" not in text
    with pytest.raises(ConfigurationError, match="--admin-token"):
        load("voltstream sink", "", (Administered,), ["--admin-token", "sesame"])
    monkeypatch.setenv("SINK_INIT_ADMIN_TOKEN", "sesame")
    assert load("voltstream sink", "", (Administered,), [])[Administered].admin_token.get_secret_value() == "sesame"
    monkeypatch.setenv("SINK_INIT_ADMIN_TOKEN", "x")
    with pytest.raises(ConfigurationError, match=r"^SINK_INIT_ADMIN_TOKEN: "):
        load("voltstream sink", "", (Administered,), [])


def test_variables_of_a_related_command_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINK_INIT_ADMIN_TOKEN", "sesame")
    assert load("voltstream sink", "", (SinkLike,), [], relatives=(Administered,)).warnings == []


def test_values_come_from_flags_environment_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINK_STORE", "influx")
    monkeypatch.setenv("KAFKA_PARTITIONS", "4")
    loaded = load("voltstream sink", "", (SinkLike, *SHARED), ["--no-gzip", "--partitions=8", "--http", "[::1]:0"])
    sink = loaded[SinkLike]
    assert (sink.store, sink.gzip, sink.http) == ("influx", False, Address("::1", 0))
    assert loaded[KafkaSettings].partitions == 8
    assert loaded[LogSettings].level == "info"


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINK_STORES", "influx")
    with pytest.raises(ConfigurationError, match=r"^SINK_STORES is not a setting \(did you mean SINK_STORE\?\)$"):
        load("voltstream sink", "", (SinkLike, *SHARED), [])


def test_a_misspelt_variable_is_told_rather_than_what_is_wrong_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINK_STORES", "influx")
    monkeypatch.setenv("SINK_STORE", "csv")
    with pytest.raises(ConfigurationError, match="SINK_STORES"):
        load("voltstream sink", "", (SinkLike,), [])


def test_warnings_of_the_environment_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAPS", "broker:9092")
    assert load("voltstream sink", "", (SinkLike, *SHARED), []).warnings == [
        "KAFKA_BOOTSTRAPS is not a setting and changes nothing: did you mean KAFKA_BOOTSTRAP?"
    ]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--stroe", "x"], "unrecognized arguments: --stroe x (see voltstream sink --help)"),
        (["--stor", "x"], "unrecognized arguments: --stor x (see voltstream sink --help)"),
        (["--store"], "argument --store: expected one argument (see voltstream sink --help)"),
        (
            ["--store", "csv"],
            "SINK_STORE (--store): input should be 'influx' or 'duckdb', not 'csv' (Where points go.)",
        ),
    ],
)
def test_wrong_flags_are_told_in_one_line(arguments: list[str], wanted: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("voltstream sink", "", (SinkLike,), arguments)
    assert str(caught.value) == wanted


def test_two_classes_cannot_claim_one_flag() -> None:
    with pytest.raises(argparse.ArgumentError):
        parser("voltstream x", "", (SinkLike, Colliding))
