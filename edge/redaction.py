"""What must not stand in a record: secrets always, id tokens by setting.

Only the values found are replaced, in the bytes: everything else of the frame stays as it was received. The tables
are per action, for its CALL and its result alike; where the action is not known (an unknown name, the result of a CALL
that is not ours) all of them apply. A value is found by the names on its way, whatever lists stand between them, so
that an object in the place of a list hides nothing; upper and lower case and underscores do not matter. Tokens are
found by their names in the other actions too: a vendor may put one anywhere. What a vendor packs into a text, JSON most
often, is not taken apart: where it names a secret or a token, the whole text is replaced.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Literal, TypeAlias

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
_SETTING_VALUES = frozenset({"value", "attributevalue", "actualvalue"})

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
_VENDORS = frozenset({"DataTransfer"})  # a name that says nothing of what is in it

# Userinfo in a URL, in any action: ftp://user:password@host/ (GetDiagnostics, UpdateFirmware, GetLog, ...).
_USERINFO = re.compile(r"(:\\*/\\*/)[^/?#\s]+@")
_URL_BYTES = re.compile(rb":\\*/\\*/")
_USERINFO_CUT_OFF = re.compile(rb':\\*/\\*/(?:[^/?#\s"]|\\")+(?:@|\Z)')  # in what is no JSON it may end anywhere
_SECRET_BYTES = re.compile(_SECRET_SETTING.pattern.encode() + rb'|\bvpn\\*"', re.IGNORECASE)
_TOKEN_BYTES = re.compile(rb"id_?(?:tag|token)", re.IGNORECASE)
_NAME = re.compile(r"\w+")  # a text that names a secret, and no more than that
_PAYLOADS = {"CALL": 3, "SEND": 3, "CALLRESULT": 2}  # the place of the payload in the message

MAX_GROWTH = 32 << 10
"""Bytes by which a frame may grow: beyond them its record would fit nowhere. Only frames made for it come near."""

Lost: TypeAlias = Literal["", "dropped", "kept"]  # what became of the bytes of an unredactable frame
Redacted: TypeAlias = tuple[bytes | None, Names, Lost]
_DROPPED: Redacted = (None, ("",), "dropped")


class _TooMuch(Exception):
    """The frame grows beyond its bound."""


@cache
def _harmless(version: Version, hides_tokens: bool) -> frozenset[str]:  # noqa: FBT001
    """The actions in no table."""
    return actions(version) - SECRETS.keys() - SETTINGS - _VENDORS - (TOKEN_ACTIONS if hides_tokens else frozenset())


class Redactor:
    """The redaction of one connection's frames."""

    __slots__ = ("_harmless", "_hides_tokens", "_keeps_broken", "_known", "_rule")

    def __init__(self, version: Version, policy: Policy) -> None:
        self._rule = policy.tokens
        self._keeps_broken = policy.unredactable == "keep"
        self._hides_tokens = policy.tokens.mode != "plain"
        self._known = actions(version) - _VENDORS
        self._harmless = _harmless(version, self._hides_tokens)

    def redact(self, frame: bytes, kind: str, action: str | None, *, is_json: bool) -> Redacted:
        """The bytes for the record, the pointers of what was replaced there, and what became of an unredactable frame.

        The pointers go into the payload where `kind` (the envelope's `type`) has one, into the frame otherwise. A frame
        is unredactable where a secret may stand in it that cannot be replaced, since it is no JSON, or grows too much.
        Its bytes are dropped (None, with the pointer of the whole), unless, where it is no JSON, by setting.
        """
        if not is_json:
            plain = _in_plain_letters(frame)
            if _USERINFO_CUT_OFF.search(plain) is None and not self._may_name(plain, action):
                return frame, (), ""
            return (frame, (), "kept") if self._keeps_broken else _DROPPED
        if self._is_harmless(frame, action):
            return frame, (), ""
        try:
            return *self._spliced(frame, _PAYLOADS.get(kind), action), ""
        except _TooMuch:
            return _DROPPED

    def _is_harmless(self, frame: bytes, action: str | None) -> bool:
        # Without a backslash each name stands there in its own letters, and no text holds JSON.
        if b"\\" not in frame and action in self._harmless and b"@" not in frame:
            return not self._hides_tokens or _names_no_token(frame)
        plain = _in_plain_letters(frame)
        return not (b"@" in plain and _URL_BYTES.search(plain)) and not self._may_name(plain, action)

    def _may_name(self, frame: bytes, action: str | None) -> bool:
        """Whether a secret or a token may stand there under its name."""
        return ((action not in self._harmless or b"\\" in frame) and _SECRET_BYTES.search(frame) is not None) or (
            self._hides_tokens and (action in TOKEN_ACTIONS or _TOKEN_BYTES.search(frame) is not None)
        )

    def _spliced(self, frame: bytes, payload_at: int | None, action: str | None) -> tuple[bytes, Names]:
        known = action in self._known
        table = action if known else None
        settings = set(_settings(msgspec.json.decode(frame), ())) if not known or action in SETTINGS else set()
        shown_tokens: dict[str, str] = {}
        parts: list[bytes] = []
        pointers: dict[str, None] = {}
        done = growth = 0
        for path, start, end in scalars(frame):
            names = tuple([part[:_MAX_NAME] for part in path if type(part) is str])
            rule = _rule(names, table, self._hides_tokens)
            is_text = frame[start] == _QUOTE
            if not (rule or is_text or settings):
                continue
            value: object = msgspec.json.decode(frame[start:end])
            if not value or isinstance(value, bool):
                continue  # nothing is hidden by nothing
            if rule == _SECRET or path in settings:
                shown = REDACTED
            elif rule == _TOKEN:
                token = str(value)
                if token not in shown_tokens:
                    shown_tokens[token] = self._rule.published(token)
                shown = shown_tokens[token]
            elif not isinstance(value, str):
                continue
            elif (not known or b"\\" in frame[start:end]) and self._tells(value):
                shown = REDACTED
            elif (shown := _USERINFO.sub(rf"\1{REDACTED}@", value)) == value:
                continue
            new = msgspec.json.encode(shown)
            growth += len(new) - (end - start)
            if growth > MAX_GROWTH:
                raise _TooMuch
            parts += (frame[done:start], new)
            done = end
            if len(pointers) < MAX_FINDINGS:
                inside = payload_at is not None and path[0] == payload_at
                pointers[pointer(path[1:] if inside else path, MAX_POINTER)] = None
        return b"".join((*parts, frame[done:])), tuple(pointers)

    def _tells(self, text: str) -> bool:
        """Whether a text names a secret or a token, and more than that."""
        plain = _in_plain_letters(text.encode())
        names = _SECRET_BYTES.search(plain) or (self._hides_tokens and _TOKEN_BYTES.search(plain))
        return bool(names) and _NAME.fullmatch(text) is None


_MAX_NAME = 64  # characters: no name in a table is longer
_QUOTE = ord('"')
_SECRET, _TOKEN = "secret", "token"
_ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")


def _in_plain_letters(frame: bytes) -> bytes:
    """With the escapes of ASCII letters undone: for looking, not for keeping."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), frame) if b"\\u" in frame else frame


def _names_no_token(frame: bytes) -> bool:
    """As the search for _TOKEN_BYTES, in a fraction of its time."""
    low = frame.lower()
    return b"idt" not in low and b"id_t" not in low


def _folded(name: str) -> str:
    return name.casefold().replace("_", "")


def _paths(rules: tuple[Names, ...]) -> tuple[Names, ...]:
    return tuple(tuple(map(_folded, rule)) for rule in rules)


_SECRET_PATHS = {action: _paths(rules) for action, rules in SECRETS.items()}
_ALL_SECRET_PATHS = tuple(path for paths in _SECRET_PATHS.values() for path in paths)
_TOKEN_PATHS = _paths(TOKENS)
_CUSTOMER_PATHS = {action: _TOKEN_PATHS + _paths(rules) for action, rules in _CUSTOMER_TEXT.items()}


@lru_cache(maxsize=4096)
def _rule(names: Names, action: str | None, hides_tokens: bool) -> str:  # noqa: FBT001
    """What a value is by the names on the way to it; "" for nothing that is hidden. `action`: None if not known."""
    folded = tuple(map(_folded, names))
    if _runs_through(folded, _ALL_SECRET_PATHS if action is None else _SECRET_PATHS.get(action, ())):
        return _SECRET
    if hides_tokens and folded[-1:] != (_KIND,) and _runs_through(folded, _CUSTOMER_PATHS.get(action, _TOKEN_PATHS)):
        return _TOKEN
    return ""


def _runs_through(names: Names, paths: tuple[Names, ...]) -> bool:
    """Whether the names of a path stand in a row on the way to a value."""
    return any(names[at : at + len(path)] == path for path in paths for at in range(len(names) - len(path) + 1))


def _settings(value: object, path: Path, *, secret: bool = False) -> Iterator[Path]:
    """The paths of the values of settings whose names say that they are secret."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _settings(item, (*path, index), secret=secret)
    elif isinstance(value, dict):
        secret = secret or _is_secret_setting(value)
        for key, member in value.items():
            yield from _settings(member, (*path, key), secret=secret)
    elif secret and _folded(next(part for part in reversed(path) if isinstance(part, str))) in _SETTING_VALUES:
        yield path


def _is_secret_setting(entry: dict[str, object]) -> bool:
    folded = {_folded(key): member for key, member in entry.items()}
    variable = folded.get("variable")
    name = folded.get("key")
    if isinstance(variable, dict):
        name = next((member for key, member in variable.items() if _folded(key) == "name"), None)
    return isinstance(name, str) and _SECRET_SETTING.search(name) is not None
