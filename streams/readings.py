"""The readings of a message: where they were taken, which meter they go to, and which session they count for."""

from collections.abc import Iterable

import msgspec

from streams import keeping, meters, owners
from streams.energy.meter import Change
from streams.energy.rows import BEGIN, Row, Rows, from_totals, union
from streams.samples import Group
from streams.sessions import held
from streams.sessions.facts import Stop
from streams.sessions.held import Held
from streams.sessions.starts import SHARED_IDS
from streams.states import NAMED, OTHER
from streams.turn import Turn

_HELD_BACK, _HELD_BACK_FOR = 200, 8  # rows of a transaction whose evse nobody has said yet, and such transactions


def read(turn: Turn, groups: Iterable[Group], stop: Stop | None, *, is_2x: bool) -> None:
    """Put readings where they belong. `stop`: the StopTransaction whose transactionData they are."""
    rows: dict[tuple[int, str], list[Row]] = {}
    for group in groups:
        transaction, evse = group.transaction_id, group.evse
        found = from_totals(group.at_us, group.context, transaction or "", group.totals, group.flags, group.phases)
        if is_2x and transaction is not None and group.context == BEGIN:  # its register is a fact of the transaction
            found = [msgspec.structs.replace(row, imported=None) for row in found]
        if found and evse is None and transaction is not None:
            evse = _placed(turn, transaction, group.at_us, found, stop)
        if found and evse is not None and evse >= 0:
            stream = NAMED if transaction is not None and evse else OTHER
            rows.setdefault((evse, stream), []).extend(found)
    for (evse, stream), each in rows.items():
        store(turn, evse, stream, each, repeats=stop is not None)


def _placed(turn: Turn, transaction: str, at_us: int, rows: list[Row], stop: Stop | None) -> int | None:
    """The evse of readings that do not name it: their session's. Where nobody has said it yet they are held back."""
    evse = owners.evse_of(turn, transaction, at_us)
    if evse is not None:
        return evse
    if transaction in SHARED_IDS:  # they are those of the session that the stop ended
        ended = (each.facts for each in turn.held() if stop is not None and stop.repeats(each.facts.stop))
        return next((facts.evse for facts in ended), None)
    hold(turn, transaction, rows)
    return None


def hold(turn: Turn, transaction: str, rows: Iterable[Row]) -> None:
    """Hold rows back; of many the newest. A session of 2.x counts them meanwhile, and what is given up for good."""
    kept: Rows = turn.books.loose.get(transaction, ())
    for row in rows:
        kept = union(kept, row)
    others = {name: each for name, each in turn.books.loose.items() if name != transaction}
    loose = list({**others, transaction: kept[-_HELD_BACK:]}.items())
    turn.set_books(loose=dict(loose[-_HELD_BACK_FOR:]))
    turn.changed.add(f"{turn.station}/{transaction}")
    for name, each in (*loose[:-_HELD_BACK_FOR], (transaction, kept[:-_HELD_BACK])):
        if each:
            _give_up(turn, name, each)


def _give_up(turn: Turn, transaction: str, rows: Rows) -> None:
    """Rows that can be held back no longer are their session's for good, wherever it was; but it takes none twice."""
    found = turn.states.session(f"{turn.station}/{transaction}")
    after = found if found is None else held.gave_up_rows(found, rows)
    if found is None or after is None:
        turn.outbox.dead_letter("late", f"readings of {transaction}, of which nobody said the evse, are given up")
    else:
        keeping.keep(turn, after)


def release(turn: Turn) -> None:
    """Put the rows that were held back where they belong, as far as that is known now."""
    for transaction, rows in turn.books.loose.items():
        evse = owners.evse_of(turn, transaction, rows[0].at_us)
        if evse is not None:
            turn.set_books(loose={name: each for name, each in turn.books.loose.items() if name != transaction})
            store(turn, evse, NAMED if evse else OTHER, rows)


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
