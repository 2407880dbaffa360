"""Times: what chargers write, and what we do."""

import pytest

from contracts.times import DAY, HOUR, SECOND, from_rfc3339, parse_time, rfc3339, rfc3339_ms

NEW_YEAR = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("text", "us", "zone"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR, True),
        ("2026-01-01t00:00:00z", NEW_YEAR, True),
        ("2026-01-01T02:00:00+02:00", NEW_YEAR, True),
        ("2026-01-01T02:00:00+02", NEW_YEAR, True),
        ("2026-01-01T02:00:00+0200", NEW_YEAR, True),
        ("2025-12-31T18:30:00-05:30", NEW_YEAR, True),
        ("2026-01-01T00:00:00", NEW_YEAR, False),
        ("2026-01-01 00:00:00", NEW_YEAR, False),
        (" 2026-01-01T00:00Z ", NEW_YEAR, True),
        ("2026-01-01T00:00:00.25Z", NEW_YEAR + 250_000, True),
        ("2026-01-01T00:00:00,25Z", NEW_YEAR + 250_000, True),
        ("2026-01-01T00:00:00.123456789Z", NEW_YEAR + 123_456, True),
        ("2026-01-01T02:00:00.439807+02:00", NEW_YEAR + 439_807, True),
        ("2025-12-31T23:59:60Z", NEW_YEAR - 1, True),
        ("1970-01-01T00:00:00Z", 0, True),
        ("0001-01-01T00:00:00Z", -62_135_596_800 * SECOND, True),
    ],
)
def test_times_as_chargers_write_them(text: str, us: int, zone: bool) -> None:
    assert parse_time(text) == (us, zone)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01T00:00:00Z", "2026-01-01", "2026-W01-1T00:00:00Z", "20260101T000000Z", 5, None, []]
)
def test_what_is_no_time(text: object) -> None:
    assert parse_time(text) is None


def test_a_time_has_a_length() -> None:
    time = "2026-01-01T00:00:00"
    assert parse_time(time + " " * 45) == (NEW_YEAR, False)
    assert parse_time(time + " " * 46) is None
    assert parse_time(time + "." + "0" * 46 + "Z") is None
    assert parse_time(time + " " * 500_000 + "x") is None  # minutes, were it looked at


def test_our_own_texts() -> None:
    assert rfc3339(NEW_YEAR + 1) == "2026-01-01T00:00:00.000001Z"
    assert rfc3339_ms(NEW_YEAR + 999_999) == "2026-01-01T00:00:00.999Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999999Z"
    assert rfc3339_ms(NEW_YEAR + DAY + HOUR) == "2026-01-02T01:00:00.000Z"


def test_our_own_texts_come_back() -> None:
    for us in (0, 1, NEW_YEAR, NEW_YEAR + 123_456, -1):
        assert from_rfc3339(rfc3339(us)) == us


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "x"])
def test_a_text_of_ours_has_a_zone(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        from_rfc3339(text)
