"""The record of a session: a view of its joined facts and of its meter's rows."""

from itertools import pairwise
from typing import Literal

import msgspec

from contracts.events import (
    Authorization,
    EnergyMethod,
    Sequence,
    Session,
    SessionState,
    Signed,
    Source,
    Superseded,
    Token,
)
from contracts.flags import (
    BACKWARD,
    CLOCK_SUSPECT,
    LATE,
    MISSING_START,
    MISSING_STOP,
    OFFLINE,
    RESET,
    ROLLOVER,
    SIGNED_INCOMPLETE,
    ZERO_BEGIN,
    ZOMBIE,
)
from contracts.times import SECOND, rfc3339_ms
from streams.energy.meter import Meter, Read
from streams.energy.register import Track, joined, reading, step
from streams.energy.rows import QUARTER
from streams.energy.span import Span, join, of_rows
from streams.sessions.facts import Book
from streams.sessions.join import Joined, covers

_BROKEN = frozenset({RESET, ROLLOVER, ZERO_BEGIN})
_FAULT_REASONS = frozenset(
    {"EmergencyStop", "GroundFault", "OvercurrentFault", "PowerQuality", "ImmediateReset", "HardReset", "Other"}
)
_MISSING_LISTED = 100

Result = Literal["ok", "no-energy", "never-started", "deauthorised", "fault"]


class Subject(msgspec.Struct, frozen=True):
    """Whose session it is, and the record that changed it."""

    tenant: str
    station: str
    site: str
    log: int
    revision: int
    source: Source
    proto: str


class Point(msgspec.Struct, frozen=True):
    """Where a session stands in a time-series store, and where it stood."""

    at_us: int
    former: tuple[tuple[int, int], ...] = ()


class View(msgspec.Struct, frozen=True):
    """A session as it is now: what the record says, and the times that timers need (microseconds)."""

    state: SessionState
    start_us: int | None
    end_us: int | None
    last_us: int
    import_wh: float | None
    export_wh: float | None
    method: EnergyMethod
    meter_start: float | None
    meter_stop: float | None
    span: Span | None
    flags: frozenset[str]


def rows_of(found: Joined, meter: Meter, read: Read) -> Span | None:
    """The span of the rows that count for a session."""
    if found.own is None and not found.foreign:
        return None
    span = meter.given_up.get(found.own) if found.own is not None else None
    for number in meter.quarters:
        span = join(span, _of_quarter(found, meter, read, number))
    return span


def _of_quarter(found: Joined, meter: Meter, read: Read, number: int) -> Span | None:
    summary = meter.cold.get(number)
    exact = summary is None or found.shares_id or _may_hold_foreign(found, summary.transactions, number)
    if not exact and summary is not None:
        return summary.transactions.get(found.own) if found.own is not None else None
    return of_rows(
        row
        for row in read(number)
        if row.transaction
        and not row.is_boundary
        and (
            (row.transaction == found.own and (not found.shares_id or covers(found, row.at_us)))
            or (row.transaction in found.foreign and covers(found, row.at_us))
        )
    )


def _may_hold_foreign(found: Joined, transactions: dict[str, Span], number: int) -> bool:
    if found.foreign.isdisjoint(transactions):
        return False
    ends_before = found.until_us is not None and found.until_us < number * QUARTER
    return not ends_before and (found.from_us or 0) < (number + 1) * QUARTER


def view(found: Joined, book: Book, span: Span | None) -> View:
    """What the facts and the rows of a session come to."""
    start_us, end_us, state, flags = _life(found, book, span)
    energy, export, method, begin, end, energy_flags = _energy(found, span, start_us, end_us)
    flags |= energy_flags
    if span is not None:
        flags |= {flag for flag in span.flags if flag not in _BROKEN and flag != BACKWARD}
    own = found.own or ""
    if own in book.late:
        flags.add(LATE)
    if _signed_incomplete(book.signed.get(own, ())) and end_us is not None:
        flags.add(SIGNED_INCOMPLETE)
    moments = [start_us, end_us, span.last_us if span else None, found.tx.last_us if found.tx else None]
    return View(
        state,
        start_us,
        end_us,
        max((moment for moment in moments if moment is not None), default=0),
        energy,
        export,
        method,
        begin,
        end,
        span,
        frozenset(flags),
    )


def _life(found: Joined, book: Book, span: Span | None) -> tuple[int | None, int | None, SessionState, set[str]]:
    """Start, end, state, and the flags that belong to them."""
    flags: set[str] = set()
    last_us = span.last_us if span else None
    if found.tx is not None:
        tx = found.tx
        start_us, end_us = found.start_us, tx.ended_us
        last_us = max(tx.last_us, last_us or 0)
        if tx.started_us is None:
            flags.add(MISSING_START)
        if tx.started_by_edge or tx.ended_by_edge:
            flags.add(CLOCK_SUSPECT)
        if tx.offline:
            flags.add(OFFLINE)
    else:
        start_us = found.start_us
        end_us = found.stop.at_us if found.stop else None
        if found.start is None:
            flags.add(MISSING_START)
            start_us = span.first_us if span else None
        elif found.start.at_us is None:
            flags.add(CLOCK_SUSPECT)
        if found.stop is not None and found.stop.by_edge:
            flags.add(CLOCK_SUSPECT)
        if (found.start is not None and found.start.offline) or (found.stop is not None and found.stop.offline):
            flags.add(OFFLINE)
    if end_us is not None:
        return start_us, end_us, "ended", flags
    heard_us = max(last_us or 0, start_us or 0)
    if found.next_us is not None:
        flags.add(MISSING_STOP)
        return start_us, last_us if last_us is not None else found.next_us, "ended", flags
    if book.zombies.get(found.session_id, -1) >= heard_us:
        flags |= {MISSING_STOP, ZOMBIE}
        return start_us, heard_us, "zombie", flags
    return start_us, None, "open", flags


def _energy(
    found: Joined, span: Span | None, start_us: int | None, end_us: int | None
) -> tuple[float | None, float | None, EnergyMethod, float | None, float | None, set[str]]:
    """import_wh, export_wh, method, begin and end register, flags."""
    track = span.imported if span else None
    begin = found.start.meter_start if found.start else None
    end = found.stop.meter_stop if found.stop else None
    exported = round(span.exported.wh, 3) if span and span.exported else None
    flags: set[str] = set()
    whole = track
    if begin is not None and start_us is not None:
        following = track or (reading(end_us, end) if end is not None and end_us is not None else None)
        if _is_zero_begin(begin, start_us, following, found.lifetime_wh):
            flags.add(ZERO_BEGIN)
        else:
            whole = joined(reading(start_us, begin), whole)
    if end is not None and end_us is not None:
        whole = joined(whole, reading(end_us, end))
    if whole is None or (track is None and ZERO_BEGIN in flags):
        if span and (span.imported_intervals or span.exported_intervals):
            return _most_of(span.imported_intervals), _most_of(span.exported_intervals), "interval", begin, end, flags
        return None, exported, "none", begin, end, flags
    method: EnergyMethod = (
        "register" if track is not None else "start-stop" if begin is not None and end is not None else "none"
    )
    if method == "none":  # one register alone says nothing
        return None, exported, "none", begin, end, flags
    first = begin if begin is not None and ZERO_BEGIN not in flags else whole.first
    last = end if end is not None else whole.last
    flags |= _BROKEN & set(whole.flags)
    if flags.isdisjoint(_BROKEN - {ZERO_BEGIN}) and last >= first:
        return round(last - first, 3), exported, method, first if begin is None else begin, last, flags
    if BACKWARD in whole.flags and last < first:
        flags.add(BACKWARD)
    return round(whole.wh, 3), exported, method, first if begin is None else begin, last, flags


def _is_zero_begin(begin: float, start_us: int, following: Track | None, lifetime_wh: float | None) -> bool:
    """A begin of 0 before a lifetime register: it rises too fast, or the connector's meter is known to count on."""
    if begin != 0 or following is None:
        return False
    if step(begin, following.first, following.first_us - start_us).flag == ZERO_BEGIN:
        return True
    return lifetime_wh is not None and following.first >= lifetime_wh > 0


def _most_of(contexts: dict[str, float]) -> float | None:
    """Intervals are summed within one context only: the one that measured most."""
    return max(contexts.values(), default=None)


def _signed_incomplete(signed: tuple[Signed, ...]) -> bool:
    contexts = {each.context for each in signed}
    return bool(signed) and not {"Transaction.Begin", "Transaction.End"} <= contexts and len({s.at for s in signed}) < 2


def record(found: Joined, book: Book, seen: View, subject: Subject, point: Point, *, final: bool) -> Session:
    """The record to publish."""
    span, start, stop, tx = seen.span, found.start, found.stop, found.tx
    reason = tx.reason if tx else stop.reason if stop else None
    duration_s = None
    if seen.start_us is not None and seen.end_us is not None:
        duration_s = round((seen.end_us - seen.start_us) / SECOND, 3)
    return Session(
        v=1,
        tenant=subject.tenant,
        station=subject.station,
        site=subject.site,
        log=subject.log,
        revision=subject.revision,
        source=subject.source,
        session_id=found.session_id,
        state=seen.state,
        final=final,
        transaction_id=found.transaction,
        proto=subject.proto,
        evse=found.evse or 0,
        connector=found.connector,
        token=_token(found),
        stopped_by_ref=tx.stopped_by if tx else (stop.token or None) if stop else None,
        auth=_authorization(found),
        started_at=_text(seen.start_us),
        ended_at=_text(seen.end_us),
        start_clock=_clock(by_edge=tx.started_by_edge if tx else start.at_us is None if start else None),
        end_clock=_clock(by_edge=tx.ended_by_edge if tx else stop.by_edge if stop else None) if seen.end_us else None,
        duration_s=duration_s,
        import_wh=seen.import_wh,
        export_wh=seen.export_wh,
        method=seen.method,
        meter_start_wh=seen.meter_start,
        meter_stop_wh=seen.meter_stop if seen.end_us is not None else None,
        power_peak_w=span.power_max if span else None,
        power_mean_w=round(span.power_sum / span.power_count, 3) if span and span.power_count else None,
        offered_max_w=span.offered_max if span else None,
        soc_from_pct=span.soc_first if span else None,
        soc_to_pct=span.soc_last if span else None,
        stop_reason=reason if seen.end_us is not None else None,
        result=_result(seen, reason),
        readings=span.readings if span else 0,
        first_reading_at=_text(span.first_us) if span else None,
        last_reading_at=_text(span.last_us) if span else None,
        seq=_sequence(tx.seqs) if tx and tx.seqs else None,
        offline=OFFLINE in seen.flags,
        signed=book.signed.get(found.own or "", ()),
        point_at=_text(point.at_us),
        supersedes=tuple(Superseded(rfc3339_ms(at_us), evse) for at_us, evse in point.former),
        flags=tuple(sorted(seen.flags)),
    )


def _text(us: int | None) -> str | None:
    return None if us is None else rfc3339_ms(us)


def _clock(*, by_edge: bool | None) -> Literal["station", "edge"] | None:
    return None if by_edge is None else "edge" if by_edge else "station"


def _token(found: Joined) -> Token | None:
    if found.tx is not None:
        tx = found.tx
        return Token(tx.token, tx.token_type, tx.group) if tx.token or tx.token_type else None
    if found.start is not None and found.start.token:
        return Token(found.start.token, None, found.start.parent)
    return None


def _authorization(found: Joined) -> Authorization | None:
    if found.tx is not None:
        tx = found.tx
        auth = Authorization(tx.trigger, None, tx.remote_start, tx.reservation)
    elif found.start is not None:
        auth = Authorization(None, found.start.status, None, found.start.reservation)
    else:
        return None
    return None if auth == Authorization() else auth


def _result(seen: View, reason: str | None) -> Result | None:
    if seen.end_us is None:
        return None
    if reason == "DeAuthorized":
        return "deauthorised"
    if reason in _FAULT_REASONS:
        return "fault"
    return "no-energy" if not seen.import_wh else "ok"


def _sequence(ranges: tuple[tuple[int, int], ...]) -> Sequence:
    missing: list[int] = []
    for (_, before), (after, _) in pairwise(ranges):
        missing.extend(range(before + 1, min(after, before + 1 + _MISSING_LISTED)))
    return Sequence(ranges[0][0], ranges[-1][1], tuple(missing[:_MISSING_LISTED]))
