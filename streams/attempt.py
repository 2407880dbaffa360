"""A station's turn to which another's record gives rise, a tick mostly: what fails in it harms nobody else. Pure."""

from collections.abc import Callable

import msgspec

from contracts.errors import LogContradictionError
from streams.clock import Clock
from streams.engine.errors import TooLargeError
from streams.timers import Timers
from streams.turn import Turn


def attempt(turn: Turn, clock: Clock, timers: Timers, what: str, work: Callable[[Turn], None]) -> None:
    """Do the work of a turn that has just begun, and close it; or leave nothing of it but the link it began with.

    An exception is undone here, and so are states that would not fit their topic: found out by the engine, they would
    undo the record that happens to be folded, again and again. One dead letter tells of it, and the station's timers
    rest until it is heard of.
    """
    states, outbox, given = turn.states, turn.outbox, turn.link
    before, mark = states.link(turn.station), states.mark()
    turn.outbox = outbox.apart()
    try:
        work(turn)
        turn.close(clock)
        states.check(mark)
    except (LogContradictionError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this station's
        states.undo(mark)
        turn.link = msgspec.structs.replace(given, deadline_us=None)
        states.set_link(turn.station, turn.link)
        code = "too-large" if isinstance(error, TooLargeError) else "fold-error"
        outbox.dead_letter(code, f"{what} of {turn.station}: {type(error).__name__}: {error}")
    else:
        outbox.add(turn.outbox)
    timers.put(turn.station, turn.link, before)
