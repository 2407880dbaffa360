"""What two readings of one register say was delivered between them."""

from typing import NamedTuple

from contracts.flags import BACKWARD, RESET, ROLLOVER, ZERO_BEGIN
from contracts.times import HOUR

# No outlet delivers more: what rises faster is another register, or a lifetime counter behind a zero.
_MOST_W = 1_000_000.0
_SLACK_WH = _MOST_W / 60  # a minute's worth: times and values are rounded, and may come a little apart
_RESET_BELOW = 0.5  # of the former value; a smaller fall is noise of the meter
_DIGITS = (5, 6, 7, 8, 9)  # registers that run out have at least this many digits
_NEAR = 0.01


class Step(NamedTuple):
    """Wh delivered between two readings, and the flag that says how the second one was understood."""

    wh: float
    flag: str | None = None

    @property
    def broken(self) -> bool:
        """Whether the two readings do not belong to one rising register."""
        return self.flag is not None


def is_jump(wh: float, elapsed_us: int) -> bool:
    """Whether no outlet can have delivered this in that time."""
    return wh > _SLACK_WH and wh > _MOST_W * max(elapsed_us, 0) / HOUR + _SLACK_WH


def step(before_wh: float, after_wh: float, elapsed_us: int) -> Step:
    """From one reading to the next, `elapsed_us` later. Never negative, never a lifetime counter."""
    rise = after_wh - before_wh
    if rise >= 0:
        if not is_jump(rise, elapsed_us):
            return Step(rise)
        return Step(0.0, ZERO_BEGIN if before_wh == 0 else RESET)
    for digits in _DIGITS:
        full = 10.0**digits
        if before_wh < full and before_wh >= full * (1 - _NEAR) and after_wh <= full * _NEAR:
            through = full - before_wh + after_wh
            if not is_jump(through, elapsed_us):
                return Step(through, ROLLOVER)
    if after_wh < before_wh * _RESET_BELOW:
        return Step(0.0 if is_jump(after_wh, elapsed_us) else after_wh, RESET)
    return Step(0.0, BACKWARD)


class Point(NamedTuple):
    """A register's reading: microseconds, Wh."""

    at_us: int
    wh: float


class Track(NamedTuple):
    """A register over a stretch of time: its first and last reading (microseconds, Wh), and Wh between.

    `rose_from_us` and `rose_to_us`: when the reading before its first rise was taken, and the one of its last.
    """

    first_us: int
    first: float
    last_us: int
    last: float
    wh: float = 0.0
    flags: tuple[str, ...] = ()
    rose_from_us: int | None = None
    rose_to_us: int | None = None


def extended(track: Track | None, at_us: int, wh: float) -> Track:
    """A track with one more reading at its end."""
    if track is None:
        return Track(at_us, wh, at_us, wh)
    first_us, first, last_us, last, total, flags, from_us, to_us = track
    if 0 <= wh - last <= _SLACK_WH:  # as registers go
        rise = wh - last
    else:
        rise, flag = step(last, wh, at_us - last_us)
        flags = flags if flag is None or flag in flags else (*flags, flag)
    if rise > 0:
        from_us, to_us = last_us if from_us is None else from_us, at_us
    return Track(first_us, first, at_us, wh, round(total + rise, 6), flags, from_us, to_us)


def joined(before: Track | None, after: Track | None) -> Track | None:
    """Two stretches, one after the other."""
    if before is None or after is None:
        return after if before is None else before
    link = step(before.last, after.first, after.first_us - before.last_us)
    flags = {*before.flags, *after.flags, *([link.flag] if link.flag else [])}
    wh = round(before.wh + link.wh + after.wh, 6)
    from_us, to_us = before.rose_from_us, after.rose_to_us
    if from_us is None:
        from_us = before.last_us if link.wh > 0 else after.rose_from_us
    if to_us is None:
        to_us = after.first_us if link.wh > 0 else before.rose_to_us
    return Track(before.first_us, before.first, after.last_us, after.last, wh, tuple(sorted(flags)), from_us, to_us)
