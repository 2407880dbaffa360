"""What the edge answers where OCPP leaves the choice to the operator. One frozen value for each connection."""

import hashlib
import hmac
from typing import Literal

import msgspec

REDACTED = "[redacted]"  # what stands in a record in the place of a secret, or of a dropped token

Registration = Literal["accept", "pending", "reject"]


class TokenRule(msgspec.Struct, frozen=True):
    """How id tokens stand in records: as they are, as a keyed HMAC, or not at all."""

    mode: Literal["plain", "hmac", "drop"] = "plain"
    key: bytes = b""

    def __post_init__(self) -> None:
        if self.mode == "hmac" and not self.key:
            raise ValueError("an HMAC of tokens needs a key")

    def published(self, token: str) -> str:
        """What stands in a record in a token's place. Tokens are compared without case, so it is upper-cased first."""
        if self.mode == "plain" or not token:
            return token
        if self.mode == "drop":
            return REDACTED
        return "hmac:" + hmac.new(self.key, token.upper().encode(), hashlib.sha256).hexdigest()[:32]

    def __repr__(self) -> str:  # the key must not reach a log
        return f"TokenRule(mode={self.mode!r})"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's choices. Intervals in seconds."""

    registration: Registration = "accept"
    heartbeat_interval_s: int = 300
    boot_retry_interval_s: int = 60  # told with Pending and Rejected: when to send BootNotification again
    authorize: Literal["allow", "deny", "list"] = "allow"
    known_tokens: frozenset[str] = frozenset()  # upper-cased, for authorize = list
    data_transfer_vendors: frozenset[str] = frozenset()  # whose DataTransfer is Accepted
    strict_tx: bool = False  # answer transaction messages that do not validate with a CALLERROR, like all others
    tokens: TokenRule = TokenRule()
    unredactable: Literal["drop", "keep"] = "drop"  # the bytes of a broken frame in which a secret may stand

    def allows(self, token: object) -> bool:
        """Whether an id token may charge."""
        if self.authorize == "list":
            return isinstance(token, str) and token.upper() in self.known_tokens
        return self.authorize == "allow"
