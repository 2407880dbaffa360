"""Times as integers: microseconds since 1970-01-01T00:00:00Z, and their RFC 3339 texts."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - its isoformat has no offset to cut off
_MICROSECOND = timedelta(microseconds=1)
_MAX_TEXT = 64  # the text is a stranger's, and what follows may look at each of its blanks many times
# datetime.fromisoformat takes more than RFC 3339 (week dates, bare dates): here only a full date and time is a time.
_TIMESTAMP = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?\s*", re.ASCII
)


def parse_time(text: object) -> tuple[int, bool] | None:
    """(microseconds, whether a zone was given) of a timestamp as chargers write them; None where it is none.

    Accepts RFC 3339 and what the field does to it: no zone (read as UTC), `+02`, a blank for the T, more decimals than
    six (cut), no seconds. No time is longer than 64 characters.
    """
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        return None
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, zone = match.groups()
    fraction = (fraction or "")[:6].ljust(6, "0")
    if zone is None or zone in "Zz":
        offset = "+00:00"
    else:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = f"{zone[0]}{digits[:2]}:{digits[2:]}"
    if len(time) == 5:
        time += ":00"
    elif time.endswith(":60"):  # a leap second is the last microsecond before it
        time, fraction = time[:-2] + "59", "999999"
    try:
        moment = datetime.fromisoformat(f"{date}T{time}.{fraction}{offset}")
        return (moment - _EPOCH) // _MICROSECOND, zone is not None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    return (_NAIVE_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def rfc3339(us: int) -> str:
    """The RFC 3339 text in UTC with six decimals: the times of the envelope."""
    seconds, fraction = divmod(us, SECOND)
    return f"{_to_the_second(seconds)}.{fraction:06d}Z"


def rfc3339_ms(us: int) -> str:
    """The RFC 3339 text in UTC with exactly three decimals (cut): the times inside keys, ids and records."""
    seconds, fraction = divmod(us, SECOND)
    return f"{_to_the_second(seconds)}.{fraction // 1000:03d}Z"


def from_rfc3339(text: str) -> int:
    """Microseconds of one of our own texts; raises ValueError where it is none."""
    parsed = parse_time(text)
    if parsed is None or not parsed[1]:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    return parsed[0]
