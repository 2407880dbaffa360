"""The readings of a message: where they were taken, which meter they go to, and which session they count for."""

from collections.abc import Iterable

import msgspec

from streams import keeping, meters, owners
from streams.energy.meter import Change
from streams.energy.rows import Row, from_totals
from streams.samples import Group
from streams.sessions import held
from streams.sessions.facts import Stop
from streams.sessions.held import Held
from streams.states import NAMED, OTHER
from streams.turn import Turn

LOOSE = 200  # rows kept of a session whose evse nobody has said yet


def read(turn: Turn, groups: Iterable[Group], stop: Stop | None) -> None:
    """Put readings where they belong. `stop`: the StopTransaction whose transactionData they are."""
    rows: dict[tuple[int, str], list[Row]] = {}
    for group in groups:
        transaction, evse = group.transaction_id, group.evse
        found = from_totals(group.at_us, group.context, transaction or "", group.totals, group.flags)
        if found and evse is None and transaction is not None:
            evse = _placed(turn, transaction, group.at_us, found, stop)
        if found and evse is not None and evse >= 0:
            stream = NAMED if transaction is not None and evse else OTHER
            rows.setdefault((evse, stream), []).extend(found)
    for (evse, stream), each in rows.items():
        store(turn, evse, stream, each, repeats=stop is not None)


def _placed(turn: Turn, transaction: str, at_us: int, rows: list[Row], stop: Stop | None) -> int | None:
    """The evse of readings that do not name it: their session's. Where that is not known they are held back."""
    found = owners.owner(turn, transaction, None, at_us)
    if found is None and stop is not None:  # an id that is not its session's own
        found = next((each for each in turn.held() if stop.repeats(each.facts.stop)), None)
    if found is None:
        return None
    if found.facts.evse is None:
        keeping.keep(turn, msgspec.structs.replace(found, loose=held.loosened([*found.loose, *rows], LOOSE)))
    return found.facts.evse


def store(
    turn: Turn, evse: int, stream: str, rows: Iterable[Row], removed: Iterable[Row] = (), *, repeats: bool = False
) -> None:
    """Change a stream's rows, and the sums of the sessions whose rows they are.

    `repeats`: they are transactionData, most of which was sent before.
    """
    made = meters.store(turn, evse, stream, rows, removed)
    if made is None:
        return
    if made.late:
        _lose(turn, made, evse, repeats=repeats)
    if stream != NAMED:
        return
    for _, fell in made.final:
        for each in turn.held():
            if each.facts.evse == evse and (after := held.gave_up(each, fell)) is not each:
                turn.states.set_session(after)
    again = keeping.reader(turn, evse, NAMED)
    for row in made.fresh:
        if (found := _counts_for(turn, row, evse)) is not None:
            keeping.keep(turn, held.with_row(found, row, again))
    for row in made.altered:
        if (found := _counts_for(turn, row, evse)) is not None:
            keeping.keep(turn, held.stale(found))


def _counts_for(turn: Turn, row: Row, evse: int) -> Held | None:
    """The session of an evse that a row counts for."""
    return None if row.is_boundary else owners.owner(turn, row.transaction, evse, row.at_us)


def _lose(turn: Turn, made: Change, evse: int, *, repeats: bool) -> None:
    """Readings of quarters that are given up change no total: their session says so, and a dead letter."""
    lost = False
    for row in made.late:
        if row.is_boundary:
            continue  # its session has it
        found = owners.owner(turn, row.transaction, evse, row.at_us) if row.transaction else None
        given_up = None if found is None else found.sum.given_up
        if repeats and given_up is not None and row.at_us <= given_up.last_us:
            continue  # a repeat of what was counted in time
        lost = True
        if found is not None and not found.late:
            keeping.keep(turn, msgspec.structs.replace(found, late=True))
    if lost:
        turn.outbox.dead_letter("late", f"readings of evse {evse} are beyond the horizon")
