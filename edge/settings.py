"""The edge's settings: each is a flag and a variable."""

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr

from contracts.topics import FRAME_LIMIT
from contracts.versions import Version
from edge.handshake import MAX_IDENTITY, Rules
from edge.policy import Policy, TokenRule
from ops.settings import Address, HostPort, Settings, Words, settings_config

DEFAULT_IDENTITY = rf"[A-Za-z0-9._:*=+|@-]{{1,{MAX_IDENTITY}}}"
LARGEST_FRAME = 4 << 20


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the latter for a part of a name, as "Europe"
        raise ValueError("an IANA time zone is wanted, as Europe/Paris") from None
    return name


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"a regular expression is wanted: {error}") from None
    return text


class EdgeSettings(Settings):
    """The edge"""

    model_config = settings_config("EDGE_")

    # Where it listens, and who may come
    listen: HostPort = Field(Address("0.0.0.0", 9000), description="Where charging stations connect.")  # noqa: S104 - they are elsewhere
    http: HostPort = Field(Address("127.0.0.1", 9101), description="Where to serve health and metrics.")
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{0,100}$")] = Field(
        "", description="This node's name, the same across restarts; host:port of --listen where not given."
    )
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "default", description="The tenant of the stations that connect here."
    )
    site: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = Field(
        "default", description="The site of the stations that connect here."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        None, title="ZONE", description="The site's time zone, an IANA name as Europe/Paris."
    )
    paths: Words = Field(("ocpp",), description="Prefixes of a station's path: /PREFIX/ID; /ID is always one.")
    identity_pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        DEFAULT_IDENTITY, title="REGEX", description="What a station's identity must match, percent-decoded."
    )
    without_subprotocol: Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1", "refuse"] = Field(
        "ocpp1.6", description="The version of a station that offers no subprotocol."
    )
    # Bounds
    frame_limit: int = Field(
        FRAME_LIMIT, ge=16 << 10, le=LARGEST_FRAME, title="BYTES", description="The largest frame that is accepted."
    )
    max_connections: int = Field(10_000, ge=1, description="Stations that may be connected to this node.")
    handshake_timeout_s: float = Field(10.0, gt=0, description="Real seconds in which a handshake must be complete.")
    queue_frames: int = Field(
        16, ge=1, description="Frames of one station that wait for their turn before its socket is not read."
    )
    in_flight_records: int = Field(
        20_000, ge=10, description="Records of one partition that may wait for Kafka before its stations are not read."
    )
    in_flight_bytes: int = Field(
        32 << 20, ge=8 << 20, title="BYTES", description="Bytes of one partition that may wait for Kafka likewise."
    )
    linger_ms: int = Field(
        0,
        ge=0,
        le=1000,
        description="Milliseconds that a partition's records wait for others, which makes fewer and larger batches;"
        " 0: a batch is what came while the one before was on its way.",
    )
    queue_bytes: int = Field(
        256 << 20, ge=1 << 20, title="BYTES", description="Bytes of frames that may wait for their turn on this node."
    )
    # Time, in real seconds
    ping_after_s: float = Field(20.0, gt=0, description="A station not heard for so long is pinged.")
    pong_within_s: float = Field(20.0, gt=0, description="A station not heard for so long after a ping is closed.")
    retry_after_s: int = Field(10, ge=1, description="What Retry-After says to a station that is turned away with 503.")
    hold_max: float = Field(
        20.0,
        ge=5.0,
        title="S",
        description="A partition's stations are closed when it has owed an answer for so long;"
        " where it does answer, but is so late, after as long again.",
    )
    drain_s: float = Field(8.0, gt=0, description="Within so long after SIGTERM everything is answered and closed.")
    takeovers_per_minute: int = Field(
        3, ge=0, description="How often a station's new connection may replace one that is still open."
    )
    # What is answered where OCPP leaves the choice
    registration: Literal["accept", "pending", "reject"] = Field(
        "accept", description="What a BootNotification is told."
    )
    heartbeat_s: int = Field(300, ge=1, description="The heartbeat interval that a BootNotification is told.")
    boot_retry_s: int = Field(60, ge=1, description="The interval that a pending or rejected station is told.")
    authorize: Literal["allow", "deny", "list"] = Field("allow", description="Which id tokens may charge.")
    known_tokens: Words = Field((), description="The id tokens that may charge with --authorize list.")
    data_transfer_vendors: Words = Field((), description="The vendor ids whose DataTransfer is accepted.")
    strict_tx: bool = Field(
        default=False,
        description="Answer a transaction message that does not validate with a CALLERROR; a station then loses it.",
    )
    # What is kept of secrets and tokens
    id_tokens: Literal["plain", "hmac", "drop"] = Field("plain", description="How id tokens stand in records.")
    id_token_key: SecretStr | None = Field(None, description="The key of the tokens' HMAC.")
    unredactable: Literal["drop", "keep"] = Field(
        "drop", description="What becomes of a broken frame in which a secret may stand; keep: in clear."
    )

    def rules(self) -> Rules:
        """What the handshake is judged by."""
        version = None if self.without_subprotocol == "refuse" else Version(self.without_subprotocol)
        return Rules(
            frozenset("/".join(filter(None, path.split("/"))) for path in self.paths),
            re.compile(self.identity_pattern),
            version,
        )

    def policy(self) -> Policy:
        """What the stations are answered by. Raises ConfigurationError where a key is wanted."""
        key = b"" if self.id_token_key is None else self.id_token_key.get_secret_value().encode()
        if self.id_tokens == "hmac" and not key:
            raise self.wrong("id_token_key", "is wanted with --id-tokens hmac")
        return Policy(
            registration=self.registration,
            heartbeat_interval_s=self.heartbeat_s,
            boot_retry_interval_s=self.boot_retry_s,
            authorize=self.authorize,
            known_tokens=frozenset(token.upper() for token in self.known_tokens),
            data_transfer_vendors=frozenset(self.data_transfer_vendors),
            strict_tx=self.strict_tx,
            tokens=TokenRule(self.id_tokens, key),
            unredactable=self.unredactable,
        )
