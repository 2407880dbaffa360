"""Who may connect: paths, identities, subprotocols and Basic user names, as real chargers send them."""

import base64
import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.versions import Version
from edge.handshake import Admission, HandshakeRequest, Refused, Rules, judge, offered_subprotocols
from edge.settings import DEFAULT_IDENTITY

RULES = Rules(frozenset({"ocpp", "steve/websocket"}), re.compile(DEFAULT_IDENTITY), Version.V16)


def admitted(target: str = "/ocpp/CP1", *subprotocols: str, authorization: str | None = None) -> Admission:
    return judge(HandshakeRequest(target, subprotocols, authorization), RULES)


def refused(target: str = "/ocpp/CP1", *, rules: Rules = RULES, authorization: str | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        judge(HandshakeRequest(target, ["ocpp1.6"], authorization), rules)
    return caught.value


def basic(credentials: bytes) -> str:
    return f"Basic {base64.b64encode(credentials).decode()}"


@pytest.mark.parametrize(
    ("target", "identity"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/CP1", "CP1"),
        ("/ocpp/CP1/", "CP1"),
        ("///CP1", "CP1"),
        ("//ocpp//CP1", "CP1"),
        ("/steve/websocket/CP1", "CP1"),
        ("/ocpp/DE%2AABC%2AE1", "DE*ABC*E1"),
        ("/ocpp/a:b=c+d|e@f", "a:b=c+d|e@f"),
        ("ws://edge.example:9000/ocpp/CP1", "CP1"),
        ("/ocpp/CP1?token=secret", "CP1"),
        ("/ocpp/CP1?ref=http://host/EVIL", "CP1"),
        ("ws://edge.example:9000/ocpp/CP1?ref=http://host/EVIL", "CP1"),
        ("/ocpp/" + "x" * 48, "x" * 48),
    ],
)
def test_the_identity_is_the_last_segment_of_a_known_path(target: str, identity: str) -> None:
    assert admitted(target).identity == identity


@pytest.mark.parametrize(
    "target",
    [
        *("/", "", "/ocpp", "/ocpp/", "/steve/CP1", "/websocket/CP1", "/ocpp/a/CP1", "/steve/websocket", "*", "CP1"),
        *("/ocpp/http://host/EVIL", "CP1?ref=http://host/EVIL", "ws://edge.example?ref=/EVIL"),
    ],
)
def test_another_path_is_not_found(target: str) -> None:
    error = refused(target)
    assert (error.status, error.identity) == (404, None)


@pytest.mark.parametrize("identity", ["CP%201", "CP%2F1", "%C3%BC", "%ff", "x" * 49, "CP1%00", "CP#1", "CP\x7f1"])
def test_an_identity_that_fails_the_pattern_is_not_found(identity: str) -> None:
    error = refused(f"/ocpp/{identity}")
    assert (error.status, error.code) == (404, "identity")


def test_the_operator_chooses_the_pattern() -> None:
    rules = Rules(frozenset(), re.compile("[0-9]{4}"), None)
    assert judge(HandshakeRequest("/1234", ["ocpp2.1"]), rules).identity == "1234"
    assert refused("/12345", rules=rules).status == 404


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        (["ocpp1.6"], Version.V16),
        (["ocpp2.0.1", "ocpp1.6"], Version.V201),
        (["ocpp1.6, ocpp2.0.1"], Version.V16),
        (["ocpp2.0.1,ocpp1.6"], Version.V201),
        (["ocpp1.5,ocpp2.1 ,ocpp1.6"], Version.V21),
        (["", " , ", "ocpp1.6"], Version.V16),
        (['"ocpp1.6"'], Version.V16),
    ],
)
def test_the_first_subprotocol_in_the_stations_order_that_we_speak(headers: list[str], version: Version) -> None:
    admission = admitted("/CP1", *headers)
    assert (admission.version, admission.subprotocol) == (version, version.value)


def test_without_a_subprotocol_it_is_the_settings_version_and_the_response_names_none() -> None:
    admission = admitted("/CP1")
    assert (admission.version, admission.subprotocol) == (Version.V16, None)


@pytest.mark.parametrize("offered", [["ocpp1.5"], ["ocpp2.0"], ["OCPP1.6"], ["soap"]])
def test_no_common_subprotocol_is_accepted_to_be_closed(offered: list[str]) -> None:
    assert admitted("/CP1", *offered).version is None


def test_none_offered_may_be_turned_away() -> None:
    rules = Rules(RULES.paths, RULES.identity, None)
    assert judge(HandshakeRequest("/CP1"), rules).version is None


def test_a_basic_user_name_must_be_the_identity() -> None:
    assert admitted(authorization=basic(b"CP1:password")).security_profile == 1
    assert admitted(authorization="bAsIc " + basic(b"CP1:p")[6:]).security_profile == 1
    assert admitted().security_profile == 0
    error = refused(authorization=basic(b"CP2:password"))
    assert (error.status, error.identity) == (401, "CP1")


@pytest.mark.parametrize("password", [b"\xff\xfe\x00\x80", b"", b":", b"a:b:c", bytes(range(256))])
def test_a_basic_password_is_bytes(password: bytes) -> None:
    assert admitted(authorization=basic(b"CP1:" + password)).security_profile == 1


@pytest.mark.parametrize("authorization", ["Basic ", "Basic !!!", "Basic Q1Ax", "Basic \xff", basic(b"CP1")])
def test_basic_credentials_that_cannot_be_read_are_wrong(authorization: str) -> None:
    assert refused(authorization=authorization).status == 401


def test_another_scheme_is_not_ours_to_judge() -> None:
    assert admitted(authorization="Bearer abc").security_profile == 0


def test_an_identity_with_a_colon_cannot_use_basic() -> None:
    assert refused("/ocpp/a:b", authorization=basic(b"a:b:password")).status == 404
    assert admitted("/ocpp/a:b").identity == "a:b"


@given(st.text(), st.lists(st.text()), st.none() | st.text())
def test_whatever_is_asked_there_is_a_verdict(target: str, subprotocols: list[str], authorization: str | None) -> None:
    with contextlib.suppress(Refused):
        admission = judge(HandshakeRequest(target, subprotocols, authorization), RULES)
        assert RULES.identity.fullmatch(admission.identity)


@given(st.lists(st.text(st.characters(categories=["L", "N"], include_characters=".-"), min_size=1)))
def test_one_header_or_many_is_the_same_offer(names: list[str]) -> None:
    assert offered_subprotocols(names) == offered_subprotocols([", ".join(names)]) == names
