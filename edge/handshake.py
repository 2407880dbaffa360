"""The opening handshake, judged: which station asks with which version, or why it is turned away. Pure.

OCPP-J 1.6, chapter 3; OCPP 2.0.1 and 2.1, part 4, chapter 3. RFC 6455 itself (method, key, upgrade) is websockets'.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from contracts.versions import Version, negotiate

MAX_IDENTITY = 48
"""identifierString of OCPP 2.x; 1.6 says nothing, and 48 holds what is seen there."""

REALM = "OCPP"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator allows. `paths` are the prefixes before the identity, without slashes at their ends."""

    paths: frozenset[str]
    identity: re.Pattern[str]
    without_subprotocol: Version | None
    """The version of a client that offers no subprotocol at all; None where it is turned away."""


@dataclass(frozen=True, slots=True)
class HandshakeRequest:
    """What a request asks for, as far as it can be read. Header values as websockets gives them (ISO-8859-1)."""

    target: str
    subprotocols: Iterable[str] = ()
    """The values of Sec-WebSocket-Protocol, one a header."""
    authorization: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """A station that may connect. `version` is None where no common subprotocol was found: accept, then close."""

    identity: str
    version: Version | None
    subprotocol: str | None
    """What the response names; None: no Sec-WebSocket-Protocol header."""
    security_profile: int


class Refused(Exception):
    """The handshake ends with this HTTP status. `code` is one of a bounded set, for metrics and records."""

    def __init__(self, status: int, code: str, reason: str, identity: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason, self.identity = status, code, reason, identity


def judge(asked: HandshakeRequest, rules: Rules) -> Admission:
    """Whom to admit, and how. Raises Refused: 404 for the path or the identity, 401 for a wrong Basic user name."""
    identity = identity_of(asked.target, rules)
    profile = 0
    if asked.authorization is not None and asked.authorization[:6].lower() == "basic ":
        if ":" in identity:
            raise Refused(404, "identity", "an identity with a colon cannot be told from its password")
        # The password is the registry's business; it may be any bytes, UTF-8 or not.
        if basic_user(asked.authorization) != identity.encode():
            raise Refused(401, "credentials", "the Basic user name is not the identity in the path", identity)
        profile = 1
    offered = offered_subprotocols(asked.subprotocols)
    if not offered and rules.without_subprotocol is not None:
        return Admission(identity, rules.without_subprotocol, None, profile)
    version = negotiate(offered)
    return Admission(identity, version, None if version is None else version.value, profile)


def identity_of(target: str, rules: Rules) -> str:
    """The station's identity in a request target: `/ID` or `/PREFIX/ID`, percent-decoded. Raises Refused with 404.

    Empty segments do not count: `/ocpp/ID/` and `///ID` are heard from real stations.
    """
    path = target.partition("?")[0]  # first: a query may hold slashes, and URLs
    if path[:1] != "/":  # absolute-form, RFC 9112, 3.2.2
        path = path.partition("://")[2].partition("/")[2]
    segments = [segment for segment in path.split("/") if segment]
    prefix = "/".join(segments[:-1])
    if not segments or (prefix and prefix not in rules.paths) or "/".join(segments) in rules.paths:
        raise Refused(404, "path", f"no station's path: /ID or {', '.join(f'/{p}/ID' for p in sorted(rules.paths))}")
    try:
        identity = unquote_to_bytes(segments[-1]).decode()
    except UnicodeDecodeError:
        raise Refused(404, "identity", "the identity is not UTF-8") from None
    if rules.identity.fullmatch(identity) is None:
        raise Refused(404, "identity", "the identity has characters or a length that are not allowed")
    return identity


def offered_subprotocols(values: Iterable[str]) -> list[str]:
    """The subprotocols of all headers, in the client's order, whether one a header or comma-joined."""
    return [name for value in values for part in value.split(",") if (name := part.strip(" \t\"'"))]


def basic_user(authorization: str) -> bytes | None:
    """The user name in an `Authorization: Basic` value; None where it cannot be read. Never touches the password."""
    token = authorization[6:].strip()
    try:
        credentials = base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, _ = credentials.partition(b":")
    return user if colon else None
