"""The edge's settings: what they become, and how a wrong one is told."""

import re
import zoneinfo

import pytest

from contracts.errors import ConfigurationError
from contracts.versions import Version
from edge.settings import EdgeSettings

KEY = "very secret"


def settings(**flags: object) -> EdgeSettings:
    return EdgeSettings.from_text(flags)


def test_the_defaults() -> None:
    chosen = settings()
    assert str(chosen.listen) == "0.0.0.0:9000"
    assert (chosen.frame_limit, chosen.hold_max, chosen.drain_s) == (512 * 1024, 20.0, 8.0)
    assert chosen.rules().paths == {"ocpp"}
    assert chosen.rules().without_subprotocol is Version.V16
    assert chosen.policy().heartbeat_interval_s == 300


def test_a_time_zone_is_known_where_the_system_knows_none() -> None:
    zoneinfo.reset_tzpath(())
    try:
        assert settings(time_zone="America/St_Johns").time_zone == "America/St_Johns"
    finally:
        zoneinfo.reset_tzpath()


def test_paths_may_have_slashes_anywhere() -> None:
    assert settings(paths="/ocpp/, steve//websocket").rules().paths == {"ocpp", "steve/websocket"}


def test_the_policy_is_the_operators() -> None:
    policy = settings(authorize="list", known_tokens="ab12,cd34", heartbeat_s="60", strict_tx="true").policy()
    assert policy.known_tokens == {"AB12", "CD34"}
    assert (policy.authorize, policy.heartbeat_interval_s, policy.strict_tx) == ("list", 60, True)


def test_hashed_tokens_want_a_key() -> None:
    with pytest.raises(ConfigurationError, match=r"EDGE_ID_TOKEN_KEY \(--id-token-key\)"):
        settings(id_tokens="hmac").policy()
    assert settings(id_tokens="hmac", id_token_key=KEY).policy().tokens.key == KEY.encode()


def test_a_key_is_never_shown() -> None:
    chosen = settings(id_tokens="hmac", id_token_key=KEY)
    assert KEY not in repr(chosen) + repr(chosen.policy())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("listen", "9000"),
        ("frame_limit", "5000000"),
        ("frame_limit", "many"),
        ("identity_pattern", "["),
        ("hold_max", "1"),
        ("without_subprotocol", "ocpp1.5"),
        ("node", "two words"),
        ("tenant", "a/b"),
        ("site", "a/b"),
        ("time_zone", "Paris"),
        ("time_zone", "Europe"),
        ("time_zone", "/etc/passwd"),
        ("authorize", "maybe"),
        ("drain_s", "inf"),
        ("ping_after_s", "inf"),
        ("pong_within_s", "Infinity"),
        ("handshake_timeout_s", "nan"),
        ("hold_max", "inf"),
    ],
)
def test_a_wrong_setting_is_told_by_its_variable_in_one_line(field: str, value: str) -> None:
    with pytest.raises(
        ConfigurationError, match=re.escape(f"EDGE_{field.upper()} (--{field.replace('_', '-')})")
    ) as error:
        settings(**{field: value})
    assert "\n" not in str(error.value)
