"""When a station's timers fire. Pure: a view of its states and of the outages of the log."""

from contracts.times import HOUR
from streams.alarms.rules import OFFLINE_GRACE, RULES
from streams.clock import Clock
from streams.energy.rows import QUARTER
from streams.links import Link
from streams.states import Head, Pace

ZOMBIE = 24 * HOUR  # an open session of which nothing was heard for this long is closed, until something is


def offline_due(link: Link, head: Head, clock: Clock) -> int | None:
    """When the station's absence becomes an alarm; None while it is online, or where the alarm is raised."""
    if link.online or link.disconnected_us is None:
        return None
    if any(episode.rule == RULES["offline"].name for episode in head.alarms.values()):
        return None
    due_us = link.disconnected_us + OFFLINE_GRACE
    return clock.postponed(link.disconnected_us, due_us, OFFLINE_GRACE)


def quarter_due(number: int) -> int:
    """When a quarter of an hour is over."""
    return (number + 1) * QUARTER


def zombie_due(heard_us: int) -> int:
    return heard_us + ZOMBIE


def deadline(link: Link, head: Head, pace: Pace, clock: Clock) -> int | None:
    """The earliest of a station's timers; None where none runs. On the clock of the node in `link`."""
    due = [episode.due_us() for episode in head.alarms.values()]
    due += [quarter_due(number) for (_, number), open_ in pace.quarters.items() if open_.dirty]
    due += [zombie_due(heard_us) for heard_us in pace.heard.values()]
    offline_us = offline_due(link, head, clock)
    if offline_us is not None:
        due.append(offline_us)
    return min(due, default=None)
