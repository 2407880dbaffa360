"""The one clock behind every `ts`, tick, timer and derived time.

`now = ORIGIN + (system time - ANCHOR) * SPEED`, in integer microseconds since the epoch. The system's time is read
once, when the process starts, and carried on by the monotonic clock: a step of the system's clock moves nothing here.
A parent hands the three values to its children (`environment`), so that all of a demo's processes share one day that
passes in minutes.

Waiting for sockets, time-outs, "Kafka away" and latencies are real seconds and have no business with this clock.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import Field, PlainValidator

from contracts.times import from_rfc3339, rfc3339
from ops.settings import Settings, settings_config

_LONGEST_SLEEP_S = 3600.0


def _instant(value: object) -> int:
    if isinstance(value, int):
        return value
    try:
        return from_rfc3339(str(value))
    except ValueError:
        raise ValueError("an RFC 3339 time with its zone is wanted") from None


Instant = Annotated[int, PlainValidator(_instant)]


class ClockSettings(Settings):
    """Clock (the same three values for every process of one run)"""

    model_config = settings_config("CLOCK_")

    origin: Instant | None = Field(
        None, title="TIME", description="The clock's time at the anchor (RFC 3339); the anchor itself where not given."
    )
    anchor: Instant | None = Field(
        None,
        title="TIME",
        description="The system time that belongs to the origin (RFC 3339); else this process's start.",
    )
    speed: float = Field(
        1.0, gt=0, le=86_400, allow_inf_nan=False, description="Clock seconds that pass in one real second."
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """A running clock. `origin_us`, `anchor_us` and `speed` are the values that node ticks carry."""

    origin_us: int
    anchor_us: int
    speed: float
    started_us: int
    """The system's time when this process read it, microseconds since the epoch."""
    monotonic_ns: Callable[[], int] = field(default=time.monotonic_ns, repr=False, compare=False)
    started_ns: int = field(default_factory=time.monotonic_ns, repr=False, compare=False)

    @classmethod
    def from_settings(cls, settings: ClockSettings) -> Self:
        started_us = time.time_ns() // 1000
        anchor_us = started_us if settings.anchor is None else settings.anchor
        origin_us = anchor_us if settings.origin is None else settings.origin
        return cls(origin_us, anchor_us, settings.speed, started_us)

    @classmethod
    def system(cls) -> Self:
        """The system's time at speed 1."""
        return cls.from_settings(ClockSettings(origin=None, anchor=None, speed=1.0))

    def system_us(self) -> int:
        """Real microseconds since the epoch: the system's time at the start, carried on by the monotonic clock."""
        return self.started_us + (self.monotonic_ns() - self.started_ns) // 1000

    def now_us(self) -> int:
        """Clock microseconds since the epoch; never goes back."""
        elapsed_us = self.system_us() - self.anchor_us
        # An integer product where speed is 1: floats would lose microseconds only after 285 years, but exact is free.
        return self.origin_us + (elapsed_us if self.speed == 1.0 else int(elapsed_us * self.speed))

    def real_s(self, clock_s: float) -> float:
        """How many real seconds so many clock seconds take."""
        return clock_s / self.speed

    def clock_s(self, real_s: float) -> float:
        """How many clock seconds pass in so many real seconds."""
        return real_s * self.speed

    async def sleep(self, clock_s: float) -> None:
        """Sleep for so many clock seconds."""
        await self.sleep_until_us(self.now_us() + round(clock_s * 1_000_000))

    async def sleep_until_us(self, instant_us: int) -> None:
        """Sleep until the clock says `instant_us`; returns at once where that is past. Never wakes early."""
        while (left_us := instant_us - self.now_us()) > 0:  # noqa: ASYNC110 - it waits for time, not for an event
            # Rounded up to a real millisecond, the event loop's own resolution: no burst of tiny sleeps at the end.
            await asyncio.sleep(min(max(self.real_s(left_us / 1_000_000), 0.001), _LONGEST_SLEEP_S))

    def environment(self) -> dict[str, str]:
        """The variables that give a child process this same clock."""
        return {
            "CLOCK_ORIGIN": rfc3339(self.origin_us),
            "CLOCK_ANCHOR": rfc3339(self.anchor_us),
            "CLOCK_SPEED": repr(self.speed),
        }
