"""The worlds in which the suite must pass: other days, the end of a year, another zone and language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

LAST_SECONDS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class World:
    """`shifted`: the clock is not the real one, so the parts that cannot live under another stay out."""

    name: str
    start: datetime | None = None
    """What the clock says at first; None: the real time."""
    every_test_anew: bool = False
    """Set the clock back to `start` before each test, so that each one meets what comes after it."""
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def shifted(self) -> bool:
        return self.start is not None


def worlds(now: datetime) -> tuple[World, ...]:
    """All of them, as seen from `now`, a time in UTC."""
    new_year = datetime(now.year + 1, 1, 1, tzinfo=UTC)
    return (
        World("later", start=now + timedelta(days=400)),
        World("leap-day", start=datetime(2028, 2, 29, 12, tzinfo=UTC)),
        World("new-year", start=new_year - LAST_SECONDS, every_test_anew=True),
        World("elsewhere", env={"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8"}),
    )
