"""What must not stand in a record: secrets always, id tokens by setting.

Only the values found are replaced, in the bytes: everything else of the frame stays as it was received. The tables
are per action, for its CALL and its result alike; where the action is not known (an unknown name, the result of a CALL
that is not ours) all of them apply. A value is found by the names on its way, whatever lists stand between them, so
that an object in the place of a list hides nothing. Tokens are found by their names in the other actions too: a vendor
may put one anywhere.
"""

import re
from collections.abc import Iterator
from functools import cache

import msgspec

from contracts.versions import Version
from edge.json_spans import scalars
from edge.paths import Path, pointer
from edge.policy import REDACTED, Policy
from edge.validation import MAX_FINDINGS, MAX_POINTER, actions

Names = tuple[str, ...]

SECRETS: dict[str, tuple[Names, ...]] = {
    "SetNetworkProfile": (
        ("connectionData", "basicAuthPassword"),
        ("connectionData", "apn", "apnPassword"),
        ("connectionData", "apn", "simPin"),
        ("connectionData", "vpn", "password"),
        ("connectionData", "vpn", "key"),
    ),
}

# Actions that carry settings by name: {key, value} (1.6) or {variable: {name}, attributeValue | ...} (2.x).
SETTINGS = frozenset(
    {"ChangeConfiguration", "GetConfiguration", "SetVariables", "GetVariables", "NotifyReport", "NotifyEvent"}
)
_SECRET_SETTING = re.compile(r"authorizationkey|password|simpin|vpnkey|sharedsecret|privatekey", re.IGNORECASE)
_SETTING_VALUES = frozenset({"value", "attributeValue", "actualValue"})

TOKENS: tuple[Names, ...] = (("idTag",), ("parentIdTag",), ("idToken",), ("groupIdToken",))  # and all below them
TOKEN_ACTIONS = frozenset(
    {
        "Authorize",
        "BatterySwap",
        "CustomerInformation",
        "NotifyCustomerInformation",
        "RemoteStartTransaction",
        "RequestBatterySwap",
        "RequestStartTransaction",
        "ReserveNow",
        "SendLocalList",
        "StartTransaction",
        "StopTransaction",
        "TransactionEvent",
    }
)
_CUSTOMER_TEXT: dict[str | None, tuple[Names, ...]] = {"NotifyCustomerInformation": (("data",),)}
_KIND = "type"  # below idToken: the kind of token, which records keep

_ALL_SECRETS = tuple(names for entry in SECRETS.values() for names in entry)

# Userinfo in a URL, in any action: ftp://user:password@host/ (GetDiagnostics, UpdateFirmware, GetLog, ...).
_USERINFO = re.compile(r"(://)[^/?#\s]+@")
_USERINFO_BYTES = re.compile(rb':\\?/\\?/[^/?#\s"]+@')
_SECRET_BYTES = re.compile(_SECRET_SETTING.pattern.encode() + rb"|\bvpn\b", re.IGNORECASE)
_TOKEN_BYTES = re.compile(rb"id_?(?:tag|token)", re.IGNORECASE)
_PAYLOADS = {"CALL": 3, "SEND": 3, "CALLRESULT": 2}  # the place of the payload in the message


@cache
def _harmless(version: Version, hides_tokens: bool) -> frozenset[str]:  # noqa: FBT001
    """The actions in no table."""
    return actions(version) - SECRETS.keys() - SETTINGS - (TOKEN_ACTIONS if hides_tokens else frozenset())


class Redactor:
    """The redaction of one connection's frames."""

    __slots__ = ("_harmless", "_hides_tokens", "_keeps_broken", "_known", "_rule")

    def __init__(self, version: Version, policy: Policy) -> None:
        self._rule = policy.tokens
        self._keeps_broken = policy.unredactable == "keep"
        self._hides_tokens = policy.tokens.mode != "plain"
        self._known = actions(version)
        self._harmless = _harmless(version, self._hides_tokens)

    def redact(self, frame: bytes, kind: str, action: str | None, *, is_json: bool) -> tuple[bytes | None, Names]:
        """The bytes for the record, and the pointers of what was replaced there: into the payload where `kind` (the

        envelope's `type`) has one, into the frame otherwise. Of a frame that is no JSON nothing can be replaced: where
        a secret may stand in it, its bytes are not kept (None, with the pointer of the whole), unless by setting.
        """
        if not is_json:
            return (frame, ()) if self._keeps_broken or not self._may_hide(frame, action) else (None, ("",))
        if self._is_harmless(frame, action):
            return frame, ()
        return self._spliced(frame, _PAYLOADS.get(kind), action)

    def _is_harmless(self, frame: bytes, action: str | None) -> bool:
        escaped = b"\\" in frame and b"\\u" in frame  # then no name need stand there in its own letters
        may_name_a_token = self._hides_tokens and (escaped or b"dT" in frame)
        may_hold_userinfo = b"@" in frame or (escaped and b"\\u0040" in frame)
        if action in self._harmless and not may_name_a_token and not may_hold_userinfo:
            return True
        return not escaped and not self._may_hide(frame, action)

    def _may_hide(self, frame: bytes, action: str | None) -> bool:
        return (
            _USERINFO_BYTES.search(frame) is not None
            or (action not in self._harmless and _SECRET_BYTES.search(frame) is not None)
            or (self._hides_tokens and (action in TOKEN_ACTIONS or _TOKEN_BYTES.search(frame) is not None))
        )

    def _spliced(self, frame: bytes, payload_at: int | None, action: str | None) -> tuple[bytes, Names]:
        known = action in self._known
        secrets = SECRETS.get(action or "", ()) if known else _ALL_SECRETS
        tokens = TOKENS + _CUSTOMER_TEXT.get(action, ()) if self._hides_tokens else ()
        settings = set(_settings(msgspec.json.decode(frame), ())) if not known or action in SETTINGS else set()
        parts: list[bytes] = []
        pointers: dict[str, None] = {}
        done = 0
        for path, start, end in scalars(frame):
            value: object = msgspec.json.decode(frame[start:end])
            if not value or isinstance(value, bool):
                continue  # nothing is hidden by nothing
            names = tuple(part for part in path if isinstance(part, str))
            if path in settings or _runs_through(names, secrets):
                shown = REDACTED
            elif _runs_through(names, tokens) and names[-1] != _KIND:
                shown = self._rule.published(str(value))
            elif not isinstance(value, str) or (shown := _USERINFO.sub(rf"\1{REDACTED}@", value)) == value:
                continue
            parts += (frame[done:start], msgspec.json.encode(shown))
            done = end
            inside = payload_at is not None and path[0] == payload_at
            pointers[pointer(path[1:] if inside else path)[:MAX_POINTER]] = None
        return b"".join((*parts, frame[done:])), tuple(pointers)[:MAX_FINDINGS]


def _runs_through(names: Names, rules: tuple[Names, ...]) -> bool:
    """Whether the names of a rule stand in a row on the way to a value."""
    return any(names[at : at + len(rule)] == rule for rule in rules for at in range(len(names) - len(rule) + 1))


def _settings(value: object, path: Path, *, secret: bool = False) -> Iterator[Path]:
    """The paths of the values of settings whose names say that they are secret."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _settings(item, (*path, index), secret=secret)
    elif isinstance(value, dict):
        variable = value.get("variable")
        name = variable.get("name") if isinstance(variable, dict) else value.get("key")
        secret = secret or (isinstance(name, str) and _SECRET_SETTING.search(name) is not None)
        for key, member in value.items():
            yield from _settings(member, (*path, key), secret=secret)
    elif secret and path[-1] in _SETTING_VALUES:
        yield path
