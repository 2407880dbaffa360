"""A station's meters: rows into quarters, quarters into the totals that are published."""

from collections.abc import Iterable

from contracts.events import EnergyInterval
from contracts.times import rfc3339_ms
from streams.deadlines import quarter_due
from streams.energy.intervals import affected, better, interval
from streams.energy.meter import NOTHING, Change, Meter, Quarter, change
from streams.energy.rows import QUARTER, QUARTER_S, Row
from streams.keeping import overlapping, reader
from streams.states import NAMED, OTHER, Open
from streams.turn import Turn


def store(turn: Turn, evse: int, stream: str, rows: Iterable[Row], removed: Iterable[Row] = ()) -> Change | None:
    """Change a stream's rows, and note which quarters' totals may differ now; None where nothing is new."""
    states, station = turn.states, turn.station
    meter, read = states.meter(station, evse, stream), reader(turn, evse, stream)
    made = change(meter, read, rows, removed)
    if not made.changed and not made.late:
        return None

    def reread(number: int) -> Quarter:
        return made.changed[number] if number in made.changed else read(number)

    turn.quarters.setdefault(evse, set()).update(affected(meter, read, made, reread))
    for number, kept in made.changed.items():
        states.set_quarter(station, evse, stream, number, kept)
    if made.final:
        _publish_final(turn, evse, stream, meter, made)
    if made.meter is not meter:
        states.set_meter(station, evse, stream, made.meter)
    return made


def _publish_final(turn: Turn, evse: int, stream: str, meter: Meter, made: Change) -> None:
    """Publish what falls out, for the last time, while its rows are still there."""
    states, station = turn.states, turn.station
    quarters = (*(number for number, _ in made.final), *made.meter.quarters)
    before = (meter.given_up, meter.imported, meter.exported)
    states.set_meter(station, evse, stream, Meter(quarters, made.meter.imports, made.meter.exports, *before))
    for number, fell in made.final:
        states.set_quarter(station, evse, stream, number, fell)
    for number, _ in made.final:
        publish(turn, evse, number, overlapping(turn.held(), evse, number), final=True)
        turn.quarters[evse].discard(number)
    for number, _ in made.final:
        states.set_quarter(station, evse, stream, number, NOTHING)


def publish_due(turn: Turn) -> None:
    """Publish the totals of the quarters that changed: a closed one at once, the open one once a minute."""
    quarters: dict[tuple[int, int], Open] = {}
    for at, open_ in turn.pace.quarters.items():
        if quarter_due(at[1]) > turn.now_us:
            quarters[at] = _renamed(turn, open_, *at) if at in turn.renamed else open_
        elif open_.dirty:  # it closed meanwhile
            turn.quarters.setdefault(at[0], set()).add(at[1])
    for evse, numbers in turn.quarters.items():
        for number in sorted(numbers):
            known = quarters.get((evse, number))
            if known is not None and known.minute == turn.minute:
                quarters[evse, number] = Open(minute=known.minute, dirty=True, sessions=known.sessions)
                continue
            sessions = known.sessions if known is not None else overlapping(turn.held(), evse, number)
            publish(turn, evse, number, sessions)
            if quarter_due(number) > turn.now_us:
                quarters[evse, number] = Open(minute=turn.minute, dirty=False, sessions=sessions)
    turn.quarters, turn.renamed = {}, set()
    if quarters != turn.pace.quarters:
        turn.set_pace(quarters=quarters)


def _renamed(turn: Turn, open_: Open, evse: int, number: int) -> Open:
    return Open(open_.minute, open_.dirty, overlapping(turn.held(), evse, number))


def publish(turn: Turn, evse: int, number: int, sessions: tuple[str, ...], *, final: bool = False) -> None:
    """Publish one quarter's total, unless it is final already."""
    named, other = (turn.states.meter(turn.station, evse, stream) for stream in (NAMED, OTHER))
    if named.is_final(number) or other.is_final(number):
        return
    seen, of_named = better(
        interval(named, reader(turn, evse, NAMED), number) if named.quarters else None,
        interval(other, reader(turn, evse, OTHER), number) if other.quarters else None,
    )
    turn.outbox.energy(
        EnergyInterval(
            **(turn.header | {"site": turn.link.site_at(number * QUARTER)}),
            evse=evse,
            meter="evse" if evse else "main",
            start=rfc3339_ms(number * QUARTER),
            interval_s=QUARTER_S,
            import_wh=seen.imported,
            export_wh=seen.exported,
            measured_wh=seen.measured,
            interpolated_wh=seen.interpolated,
            register_start_wh=seen.register_start,
            register_end_wh=seen.register_end,
            method=seen.method,
            coverage_s=seen.coverage_s,
            readings=seen.readings,
            power_max_w=seen.power_max,
            power_mean_w=seen.power_mean,
            session_ids=sessions if of_named else (),
            flags=seen.flags,
            final=final,
        )
    )
