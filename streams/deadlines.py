"""When a station's timers fire. Pure: a view of its states and of the outages of the log."""

from streams.alarms.rules import OFFLINE_GRACE
from streams.clock import Clock
from streams.energy.rows import QUARTER
from streams.links import Link
from streams.sessions.held import ZOMBIE_AFTER
from streams.states import Head, Pace


def offline_due(link: Link, head: Head, clock: Clock) -> int | None:
    """When the station's absence becomes an alarm; None while it is online, or where the alarm is raised."""
    if link.disconnected_us is None or any(episode.rule == "offline" for episode in head.alarms.open.values()):
        return None
    return clock.postponed(link.disconnected_us, link.disconnected_us + OFFLINE_GRACE, OFFLINE_GRACE)


def quarter_due(number: int) -> int:
    """When a quarter of an hour is over."""
    return (number + 1) * QUARTER


def zombie_due(heard_us: int) -> int:
    return heard_us + ZOMBIE_AFTER


def deadline(link: Link, head: Head, pace: Pace, clock: Clock) -> int | None:
    """The earliest of a station's timers; None where none runs. On the clock of the node in `link`."""
    due = [episode.due_us() for episode in head.alarms.open.values()]
    due += [quarter_due(number) for (_, number), open_ in pace.quarters.items() if open_.dirty]
    due += [zombie_due(running.heard_us) for running in pace.sessions.values()]
    offline_us = offline_due(link, head, clock)
    if offline_us is not None:
        due.append(offline_us)
    return min(due, default=None)
