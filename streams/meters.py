"""A station's meters: readings into rows, rows into the quarters' totals that are published."""

import msgspec

from contracts.events import EnergyInterval, EnergyMethod
from contracts.times import rfc3339_ms
from streams.energy.intervals import Interval, affected, better, interval
from streams.energy.meter import Inserted, Meter, Read, insert
from streams.energy.rows import QUARTER, QUARTER_S, Row, Rows
from streams.sessions.join import Joined
from streams.states import NAMED, OTHER, Open
from streams.turn import Turn

_LOOSE = 200  # rows kept of a transaction whose evse nobody has said yet


def reader(turn: Turn, evse: int, stream: str) -> Read:
    """The stored rows of a stream, by quarter."""
    return lambda number: turn.states.rows(turn.station, evse, stream, number)


class Change(msgspec.Struct):
    """What inserting rows did to one evse: the quarters whose totals may differ, and the rows that came too late."""

    quarters: set[int]
    late: list[Row]


def add(turn: Turn, evse: int, stream: str, rows: list[Row]) -> Change:
    """Insert rows into a stream, store it, and find the quarters to publish; publish those that became final."""
    meter = turn.states.meter(turn.station, evse, stream)
    read = reader(turn, evse, stream)
    inserted = insert(meter, read, rows)
    if not inserted.touched:
        return Change(set(), inserted.late)
    after = _reading(inserted, read)
    found = {
        number
        for number in affected(inserted.meter, after, inserted.touched)
        # A quarter that holds no reading of its own matters if a line brings energy into it, or did so before.
        if after(number)
        or not interval(inserted.meter, after, number).is_empty
        or not interval(meter, read, number).is_empty
    }
    for number in inserted.final:
        publish(turn, evse, number, {}, final=True)
    for number, kept in inserted.changed.items():
        turn.states.set_rows(turn.station, evse, stream, number, kept)
    if inserted.meter != meter:
        turn.states.set_meter(turn.station, evse, stream, inserted.meter)
    return Change(found - set(inserted.final), inserted.late)


def _reading(inserted: Inserted, read: Read) -> Read:
    def rows(number: int) -> Rows:
        return inserted.changed[number] if number in inserted.changed else read(number)

    return rows


def keep_loose(turn: Turn, transaction: str, rows: list[Row]) -> None:
    """Hold rows back until their transaction's evse is known."""
    known = {(row.at_us, row.context): row for row in turn.head.loose.get(transaction, ())}
    known |= {(row.at_us, row.context): row for row in rows}
    kept = tuple(sorted(known.values(), key=lambda row: row.order))[-_LOOSE:]
    turn.set_head(loose={**turn.head.loose, transaction: kept})


def take_loose(turn: Turn, transaction: str) -> list[Row]:
    """The rows held back for a transaction, which are not held any longer."""
    if transaction not in turn.head.loose:
        return []
    rows = list(turn.head.loose[transaction])
    turn.set_head(loose={name: kept for name, kept in turn.head.loose.items() if name != transaction})
    return rows


def publish_due(turn: Turn, evse: int, numbers: set[int], sessions: dict[str, Joined]) -> None:
    """Publish the totals of quarters that changed: a closed one at once, the open one once a minute."""
    quarters = dict(turn.pace.quarters)
    for number in sorted(numbers):
        if (number + 1) * QUARTER <= turn.now_us:
            quarters.pop((evse, number), None)
        else:
            known = quarters.get((evse, number))
            if known is not None and known.minute == turn.minute:
                quarters[evse, number] = Open(known.minute, dirty=True)
                continue
            quarters[evse, number] = Open(turn.minute)
        publish(turn, evse, number, sessions)
    if quarters != turn.pace.quarters:
        turn.set_pace(quarters=quarters)


def publish(turn: Turn, evse: int, number: int, sessions: dict[str, Joined], *, final: bool = False) -> None:
    """Publish one quarter's total."""
    view, of_named = better(_interval(turn, evse, NAMED, number), _interval(turn, evse, OTHER, number))
    seen = view or Interval()
    start_us = number * QUARTER
    ids = [
        found.session_id
        for found in sessions.values()
        if of_named and found.settled and found.evse == evse and _overlaps(found, start_us, turn.now_us)
    ]
    method: EnergyMethod = seen.method  # type: ignore[assignment] # one of its literals
    turn.outbox.energy(
        EnergyInterval(
            v=1,
            tenant=turn.link.tenant,
            station=turn.station,
            site=turn.link.site,
            log=turn.outbox.log,
            revision=turn.revision,
            source=turn.source,
            evse=evse,
            meter="evse" if evse else "main",
            start=rfc3339_ms(start_us),
            interval_s=QUARTER_S,
            import_wh=seen.imported,
            export_wh=seen.exported,
            measured_wh=seen.measured,
            interpolated_wh=seen.interpolated,
            register_start_wh=seen.register_start,
            register_end_wh=seen.register_end,
            method=method,
            coverage_s=seen.coverage_s,
            readings=seen.readings,
            power_max_w=seen.power_max,
            power_mean_w=seen.power_mean,
            session_ids=tuple(sorted(ids)),
            flags=seen.flags,
            final=final,
        )
    )


def _interval(turn: Turn, evse: int, stream: str, number: int) -> Interval | None:
    meter: Meter = turn.states.meter(turn.station, evse, stream)
    if meter.newest is None:
        return None
    return interval(meter, reader(turn, evse, stream), number)


def _overlaps(found: Joined, start_us: int, now_us: int) -> bool:
    if found.start_us is None:
        return False
    end_us = now_us if found.ends_us is None else found.ends_us
    return found.start_us < start_us + QUARTER and end_us >= start_us
