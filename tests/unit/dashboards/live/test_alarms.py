"""The alarms of the live page: their order, their pages, and how many are kept."""

import pytest

from dashboards.live.alarms import PAGE_ALARMS, Alarms
from derived import alarm, at


def test_open_ones_stand_first_and_the_newest_of_each_kind() -> None:
    alarms = Alarms()
    for one in (
        alarm("default/A", 1, 10),
        alarm("default/B", 2, 30),
        alarm("default/C", 3, 50, state="cleared", cleared_at=at(60)),
        alarm("default/D", 4, 5, severity="critical", state="updated"),
        alarm("default/edge-1", 5, 70, scope="node", rule="node-lost"),
        alarm("default/E", 6, 20, state="expired"),
    ):
        assert alarms.apply(one)
    shown = [(one.station.removeprefix("default/"), one.open, one.expired) for one in alarms.page(1).alarms]
    assert shown == [
        ("edge-1", True, False),
        ("B", True, False),
        ("A", True, False),
        ("D", True, False),
        ("C", False, False),
        ("E", False, True),
    ]
    assert alarms.open_by_severity() == {"critical": 1, "major": 3, "minor": 0, "warning": 0, "info": 0}


def test_an_older_version_changes_nothing() -> None:
    alarms = Alarms()
    assert alarms.apply(alarm("default/A", 5, 10, state="cleared", cleared_at=at(20)))
    assert not alarms.apply(alarm("default/A", 4, 10))
    assert [one.open for one in alarms.page(1).alarms] == [False]


def test_every_alarm_is_on_one_page() -> None:
    alarms = Alarms()
    for n in range(883):
        alarms.apply(alarm("default/A", n, n))
    pages = [alarms.page(number) for number in range(1, 19)]
    assert [page.first for page in pages] == list(range(1, 883, PAGE_ALARMS))
    assert {(page.pages, page.total) for page in pages} == {(18, 883)}
    assert [one.raised_at for page in pages for one in page.alarms] == [at(n) for n in reversed(range(883))]
    assert max(len(page.alarms) for page in pages) == PAGE_ALARMS


@pytest.mark.parametrize(
    ("count", "asked", "given"), [(0, 1, 1), (0, 7, 1), (50, 2, 1), (51, 2, 2), (51, 10**8, 2), (51, 0, 1)]
)
def test_a_page_that_is_not_there_is_the_nearest(count: int, asked: int, given: int) -> None:
    alarms = Alarms()
    for n in range(count):
        alarms.apply(alarm("default/A", n, n))
    page = alarms.page(asked)
    assert (page.number, page.total) == (given, count)


def test_those_that_are_over_do_not_pile_up() -> None:
    alarms = Alarms()
    alarms.apply(alarm("default/open", 1, 0))
    for n in range(5000):
        alarms.apply(alarm("default/A", n, n + 1, state="cleared", cleared_at=at(n + 2)))
    page = alarms.page(1)
    assert page.alarms[0].station == "default/open"
    assert page.total <= 2001
