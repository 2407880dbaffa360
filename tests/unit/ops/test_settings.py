from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field, SecretStr

from contracts.errors import ConfigurationError
from ops.settings import (
    Address,
    Addresses,
    HostPort,
    Settings,
    Url,
    Words,
    check_variables,
    settings_config,
)


class EdgeLike(Settings):
    """Edge"""

    model_config = settings_config("EDGE_")
    listen: HostPort = Field(Address("127.0.0.1", 9000), description="Where stations connect.")
    paths: Words = Field(("ocpp",), description="Path prefixes.")
    proxies: Addresses = Field((), description="Trusted proxies.")
    frame_limit: int = Field(524288, ge=1024, description="Bytes of the largest frame.")
    hmac_key: SecretStr | None = Field(None, min_length=8, description="The key of id tokens.")


def _no_x(text: str) -> str:
    for part in text.split():
        if part == "x":
            raise ValueError("VERSION=WEIGHT is wanted" if text == part else f"{part!r} is no VERSION=WEIGHT")
    return text


class Various(Settings):
    """Various"""

    model_config = settings_config("VARIOUS_")
    share: float = Field(0.5, gt=0, description="A share.")
    loud: bool = Field(default=False, description="Loud.")
    mix: Annotated[str, AfterValidator(_no_x)] = Field("a", description="Weights.")
    kind: Literal["a", "b"] = Field("a", description="A or b.")
    url: Url | None = Field(None, description="Where.")


class Foreign(Settings):
    """Kafka"""

    model_config = settings_config("KAFKA_")
    foreign_names = True
    bootstrap: str = Field("x", description="The brokers.")


def test_flag_beats_environment_beats_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EdgeLike.from_text({}).frame_limit == 524288
    monkeypatch.setenv("EDGE_FRAME_LIMIT", "2048")
    assert EdgeLike.from_text({}).frame_limit == 2048
    assert EdgeLike.from_text({"frame_limit": "4096"}).frame_limit == 4096


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_FRAME_LIMIT", "")
    assert EdgeLike.from_text({}).frame_limit == 524288


def test_lists_are_comma_separated() -> None:
    settings = EdgeLike.from_text({"paths": "ocpp, steve/ws,", "proxies": "10.0.0.1:80,[::1]:81"})
    assert settings.paths == ("ocpp", "steve/ws")
    assert settings.proxies == (Address("10.0.0.1", 80), Address("::1", 81))


def test_a_wrong_flag_is_told_in_one_line_with_variable_and_flag() -> None:
    with pytest.raises(ConfigurationError) as caught:
        EdgeLike.from_text({"frame_limit": "lots"})
    text = str(caught.value)
    assert text.startswith("EDGE_FRAME_LIMIT (--frame-limit): ")
    assert "a whole number is wanted, not 'lots'" in text
    assert "Bytes of the largest frame." in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("share", "half", "a number is wanted, not 'half' (A share.)"),
        ("share", "0", "input should be greater than 0, not '0' (A share.)"),
        ("loud", "very", "true or false is wanted, not 'very' (Loud.)"),
        ("mix", "x", "VERSION=WEIGHT is wanted, not 'x' (Weights.)"),
        ("mix", "a x", "'x' is no VERSION=WEIGHT (Weights.)"),
        ("kind", "c", "input should be 'a' or 'b', not 'c' (A or b.)"),
        ("url", "foo", "an http:// or https:// URL is wanted, not 'foo' (Where.)"),
        ("url", "http://", "an http:// or https:// URL is wanted, not 'http://' (Where.)"),
        ("url", "http://h:1/p?q=1", "an http:// or https:// URL is wanted, not 'http://h:1/p?q=1' (Where.)"),
    ],
)
def test_what_is_wanted_is_told_in_plain_words(field: str, value: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Various.from_text({field: value})
    assert str(caught.value) == f"VARIOUS_{field.upper()} (--{field}): {told}"


def test_a_url_loses_the_slash_at_its_end() -> None:
    assert Various.from_text({"url": "http://h:8086/"}).url == "http://h:8086"
    assert Various.from_text({"url": "https://h/influx/"}).url == "https://h/influx"


def test_a_wrong_variable_is_told_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_LISTEN", "9000")
    with pytest.raises(ConfigurationError, match=r"EDGE_LISTEN \(--listen\): host:port is wanted, not '9000'"):
        EdgeLike.from_text({})


def test_a_wrong_address_in_a_list_is_told_by_the_lists_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"EDGE_PROXIES \(--proxies\): host:port is wanted"):
        EdgeLike.from_text({"proxies": "10.0.0.1:80,nowhere"})


def test_a_secret_is_in_no_message() -> None:
    with pytest.raises(ConfigurationError) as caught:
        EdgeLike.from_text({"hmac_key": "short"})
    assert "EDGE_HMAC_KEY" in str(caught.value)
    assert "short" not in str(caught.value)
    assert "hunter22" not in repr(EdgeLike.from_text({"hmac_key": "hunter22"}))


def test_settings_do_not_change() -> None:
    settings = EdgeLike.from_text({})
    with pytest.raises(ValueError, match="frozen"):
        settings.frame_limit = 1


def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigurationError, match=r"^EDGE_LISTENN is not a setting \(did you mean EDGE_LISTEN\?\)$"):
        check_variables([EdgeLike], {"EDGE_LISTENN": "x", "EDGE_LISTEN": "y", "PATH": "z"})


def test_an_unknown_variable_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"^EDGE_COLOUR is not a setting \(the nearest is EDGE_[A-Z_]+\)$"):
        check_variables([EdgeLike], {"EDGE_COLOUR": "x"})


def test_all_refused_variables_stand_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_variables([EdgeLike, Various], {"VARIOUS_SHAER": "1", "edge_listn": "x", "EDGE_PATH": "y"})
    assert str(caught.value) == (
        "EDGE_PATH is not a setting (did you mean EDGE_PATHS?); VARIOUS_SHAER is not a setting (did you mean"
        " VARIOUS_SHARE?); edge_listn is not a setting (did you mean EDGE_LISTEN?)"
    )


def test_other_commands_settings_may_stand_in_the_same_environment() -> None:
    assert check_variables([Various, Foreign], {"EDGE_LISTEN": "x", "EDGE_LISTENN": "y", "SINK_STORE": "z"}) == []


def test_other_programs_variables_with_our_prefix_are_left_alone() -> None:
    assert check_variables([Foreign], {"KAFKA_HEAP_OPTS": "-Xmx1g", "KAFKA_HOME": "/opt/kafka"}) == []
    assert check_variables([Foreign], {"KAFKA_BOOTSTRAPS": "x"}) == [
        "KAFKA_BOOTSTRAPS is not a setting and changes nothing: did you mean KAFKA_BOOTSTRAP?"
    ]


def test_what_a_container_platform_injects_is_passed_over() -> None:
    links = {"EDGE_SERVICE_HOST": "10.0.0.7", "EDGE_PORT": "tcp://10.0.0.7:9000", "KAFKA_PORT": "tcp://10.0.0.8:9092"}
    assert check_variables([EdgeLike, Foreign], links) == []


def test_a_setting_of_ours_is_judged_though_a_platform_might_name_its_variables_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Hosting(Settings):
        """Hosting"""

        model_config = settings_config("HOSTING_")
        service_host: HostPort = Field(Address("127.0.0.1", 1), description="Where.")

    monkeypatch.setenv("HOSTING_SERVICE_HOST", "10.0.0.7")
    assert check_variables([Hosting], {"HOSTING_SERVICE_HOST": "10.0.0.7"}) == []
    with pytest.raises(ConfigurationError, match="HOSTING_SERVICE_HOST"):
        Hosting.from_text({})


@pytest.mark.parametrize("text", ["127.0.0.1:0", "localhost:9000", "[::1]:9000", "[::]:65535"])
def test_addresses_are_written_as_they_are_read(text: str) -> None:
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize("text", ["", "9000", ":9000", "host:", "host:x", "host:65536", "host:-1", "host:٣", "[]:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        Address.parse(text)
