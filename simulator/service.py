"""`voltstream simulate`: a fleet of charging stations against an edge, and the truth about it."""

import asyncio
import re
import time
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from contracts.times import DAY, SECOND
from contracts.versions import Version
from ops.clock import Clock, ClockSettings, Instant
from ops.files import check_writable
from ops.kafka import KafkaSettings
from ops.service import stop_requested
from ops.settings import Settings, Words, settings_config
from simulator import truth as truths
from simulator.fleet import Fleet
from simulator.journal import Journal
from simulator.ledger import Ledger
from simulator.line import LineSettings
from simulator.misbehaviour import MISBEHAVIOURS, chosen
from simulator.plan import PlanSettings
from simulator.station import Environment
from simulator.summary import tell

_ONE_CLOCK = "edge and simulator must be given the same CLOCK_ORIGIN, CLOCK_ANCHOR and CLOCK_SPEED"
_MIX = {"1.6": Version.V16, "2.0.1": Version.V201, "2.1": Version.V21}


def parse_mix(text: str) -> dict[Version, float]:
    """`1.6=5,2.0.1=3,2.1=2`: weights by version. ValueError where it is none."""
    mix: dict[Version, float] = {}
    for part in text.split(","):
        name, _, weight = part.strip().partition("=")
        if name not in _MIX or not re.fullmatch(r"\d+(\.\d+)?", weight or "1"):
            raise ValueError(f"VERSION=WEIGHT,... is wanted, of the versions {', '.join(_MIX)}")
        mix[_MIX[name]] = float(weight or "1")
    if not sum(mix.values()):
        raise ValueError("one weight at least must be above 0")
    return mix


def parse_range(text: str) -> tuple[int, int]:
    """`60-300` or `60`: whole seconds from, to. ValueError where it is none."""
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text.strip())
    if match is None:
        raise ValueError("seconds or FROM-TO is wanted")
    low, high = int(match[1]), int(match[2] or match[1])
    if not 0 < low <= high:
        raise ValueError("a range from at least 1 s upwards is wanted")
    return low, high


def _target(url: str) -> str:
    if not re.fullmatch(r"wss?://[^/\s]+(/\S*)?", url):
        raise ValueError("ws://host:port/path is wanted")
    return url


def _text_mix(text: str) -> str:
    parse_mix(text)
    return text


def _text_range(text: str) -> str:
    parse_range(text)
    return text


def _misbehaviours(words: tuple[str, ...]) -> tuple[str, ...]:
    chosen(words, real_time=True)
    return words


Misbehaviours = Annotated[Words, AfterValidator(_misbehaviours)]
"""The type of a field that holds names of misbehaviours, `all` or `none`."""


Output = Annotated[Path, AfterValidator(check_writable)]
"""The type of a field that names a file to write."""


class SimSettings(Settings):
    """Simulator"""

    notes: ClassVar[str] = "Misbehaviours (--misbehave):\n" + "\n".join(
        f"  {one.name:<{max(map(len, MISBEHAVIOURS))}}  {one.about}" for one in MISBEHAVIOURS.values()
    )

    model_config = settings_config("SIM_")

    target: Annotated[str, AfterValidator(_target)] = Field(
        "ws://127.0.0.1:9000/ocpp", title="URL", description="The edge; a station's identity is appended."
    )
    stations: int = Field(50, ge=1, le=100_000, description="How many stations.")
    id_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:*=+|@-]{0,40}$")] = Field(
        "CP", description="What identities begin with: CP0001, CP0002, ... Two fleets need two."
    )
    join_rate: float | None = Field(
        None,
        gt=0,
        le=10_000,
        title="N",
        description="Stations that join in a real second; all within two minutes of the clock where not given.",
    )
    seed: int = Field(1, description="The same seed (settings, hour of the day) gives the same plan.")
    mix: Annotated[str, AfterValidator(_text_mix)] = Field(
        "1.6=5,2.0.1=3,2.1=2", title="VERSION=WEIGHT,...", description="The OCPP versions, by weight."
    )
    seconds: float | None = Field(
        None, gt=0, title="S", description="Real seconds after which the fleet stops its sessions and ends."
    )
    until: Instant | None = Field(None, title="TIME", description="Or the clock's time at which it does (RFC 3339).")
    misbehave: Misbehaviours = Field(
        ("all",), title="NAME,...", description="Which misbehaviours: all, none, or names, see below."
    )
    faults: bool = Field(default=True, description="Whether stations have faults and security events.")
    readings: Annotated[str, AfterValidator(_text_range)] = Field(
        "60-300", title="S-S", description="Clock seconds between a session's readings; each station takes its own."
    )
    aligned: int = Field(900, ge=10, title="S", description="Clock seconds between clock-aligned readings.")
    heartbeat: int = Field(900, ge=1, title="S", description="Clock seconds between heartbeats, at least.")
    call_timeout: float = Field(30.0, gt=0, title="S", description="Real seconds that a CALL waits for its answer.")
    attempts: int = Field(3, ge=1, description="How often a transaction message is sent before it is given up.")
    retry: float = Field(
        5.0, ge=0, title="S", description="Real seconds before the second attempt, twice that before the third."
    )
    drain: float = Field(60.0, gt=0, title="S", description="Real seconds that the end waits for the last answers.")
    progress: float = Field(5.0, gt=0, title="S", description="Real seconds between progress lines.")
    truth: Output | None = Field(None, title="FILE", description="Where to write what really was, as JSON lines.")
    journal: Output | None = Field(None, title="FILE", description="Where to write every CALL, as JSON lines.")


async def run(settings: SimSettings, kafka: KafkaSettings, clock: Clock) -> int:  # noqa: ARG001 - a socket, no back door
    """Run the fleet to its end: 0 where all was said and answered, else 1. Everything goes through sockets.

    Raises ConfigurationError where the edge's clock is another one.
    """
    stop = stop_requested()
    began_s, cpu_s = time.monotonic(), time.process_time()
    end_us = settings.until
    if settings.seconds is not None:
        by_seconds_us = clock.now_us() + round(clock.clock_s(settings.seconds) * SECOND)
        end_us = by_seconds_us if end_us is None else min(end_us, by_seconds_us)
    if end_us is not None and end_us <= clock.now_us():
        raise settings.wrong("until", "a time that is not past is wanted")
    join_us = _join_us(settings, clock, end_us)
    low, high = parse_range(settings.readings)
    with Journal(settings.journal) as journal:
        environment = Environment(
            clock=clock,
            line=LineSettings(
                target=settings.target,
                call_timeout_s=settings.call_timeout,
                attempts=settings.attempts,
                retry_s=settings.retry,
            ),
            ledger=Ledger(),
            journal=journal,
            seed=settings.seed,
            aligned_us=settings.aligned * SECOND,
            heartbeat_us=settings.heartbeat * SECOND,
        )
        plan = PlanSettings(
            stations=settings.stations,
            seed=settings.seed,
            mix=parse_mix(settings.mix),
            readings_s=(low, high),
            misbehaviours=chosen(settings.misbehave, real_time=clock.speed == 1.0),
            faults=settings.faults,
            id_prefix=settings.id_prefix,
            join_us=join_us,
        )
        fleet = Fleet(plan, environment, end_us)
        drained = await fleet.run(stop, progress_s=settings.progress, drain_s=settings.drain)
    if (difference := fleet.ledger.edge_clock.difference) is not None:
        raise ClockSettings.wrong("speed", f"{difference}: {_ONE_CLOCK}")
    truth = fleet.truth()
    if settings.truth is not None:
        await asyncio.to_thread(truths.write, settings.truth, truth)
    tell(fleet, truth, time.monotonic() - began_s, time.process_time() - cpu_s)
    return 0 if drained else 1


def _join_us(settings: SimSettings, clock: Clock, end_us: int | None) -> int | None:
    """From one station's joining to the next one's, on the clock. ConfigurationError where it would take too long."""
    if settings.join_rate is None:
        return None
    join_us = round(clock.clock_s(1 / settings.join_rate) * SECOND)
    planned_us = DAY if end_us is None else min(DAY, end_us - clock.now_us())
    if join_us * settings.stations > planned_us / 2:
        most_s = clock.real_s(planned_us / 2 / SECOND)
        raise settings.wrong("join_rate", f"{settings.stations} stations must have joined within {most_s:.0f} s")
    return join_us
