"""The record of a session, from its view."""

from itertools import pairwise
from typing import Literal

import msgspec

from contracts.events import Authorization, Sequence, Session, Source, Superseded, Token
from contracts.flags import OFFLINE
from contracts.times import SECOND, rfc3339_ms
from streams.samples import PHASES_READ
from streams.sessions.held import Held
from streams.sessions.join import Joined
from streams.sessions.stay import Stay
from streams.sessions.tx import Ranges
from streams.sessions.views import View

_MISSING_LISTED = 100


class Subject(msgspec.Struct, frozen=True):
    """Whose session it is, and the record that changed it."""

    tenant: str
    station: str
    log: int
    revision: int
    source: Source
    proto: str


def record(held: Held, seen: View, stay: Stay, subject: Subject, *, final: bool = False) -> Session:
    """The record to publish."""
    facts, span, energy = held.facts, seen.span, seen.energy
    start, stop, tx, shares = facts.start, facts.stop, facts.tx, stay.shares
    ended = seen.end_us is not None
    duration_s = None
    if seen.start_us is not None and seen.end_us is not None and seen.end_us >= seen.start_us:
        duration_s = round((seen.end_us - seen.start_us) / SECOND, 3)
    return Session(
        v=1,
        tenant=subject.tenant,
        station=subject.station,
        site=held.site,
        log=subject.log,
        revision=subject.revision,
        source=subject.source,
        session_id=facts.session_id,
        state=seen.state,
        final=final,
        transaction_id=facts.transaction,
        proto=tx.proto if tx is not None else subject.proto,
        evse=facts.evse or 0,
        connector=facts.connector,
        token=_token(facts),
        stopped_by_ref=tx.stopped_by if tx is not None else (stop.token or None) if stop is not None else None,
        auth=_authorization(facts),
        started_at=_text(seen.start_us),
        ended_at=_text(seen.end_us),
        start_clock=_clock(
            tx.started_by_edge if tx is not None else start.at_us is None if start is not None else None
        ),
        end_clock=_clock(tx.ended_by_edge if tx is not None else stop.by_edge if stop is not None else None)
        if ended
        else None,
        plugged_at=_text(stay.plugged_us),
        energy_from=_text(energy.from_us),
        energy_to=_text(energy.to_us),
        unplugged_at=_text(stay.unplugged_us),
        duration_s=duration_s,
        charging_s=_seconds(shares.charging_us) if shares.is_known else None,
        suspended_ev_s=_seconds(shares.suspended_ev_us) if shares.is_known else None,
        suspended_evse_s=_seconds(shares.suspended_evse_us) if shares.is_known else None,
        idle_s=_seconds(shares.idle_us) if shares.is_known else None,
        import_wh=energy.imported,
        export_wh=energy.exported,
        method=energy.method,
        meter_start_wh=energy.begin,
        meter_stop_wh=energy.end if ended else None,
        power_peak_w=None if span is None else span.power_max,
        power_mean_w=None if span is None else span.power_mean,
        offered_max_w=None if span is None else span.offered_max,
        soc_from_pct=None if span is None else span.soc_first,
        soc_to_pct=None if span is None else span.soc_last,
        phases=None if span is None or not span.phases else (span.phases & ~PHASES_READ).bit_count(),
        stop_reason=seen.reason,
        result=seen.result,
        error_codes=stay.codes,
        readings=0 if span is None else span.readings,
        first_reading_at=None if span is None else rfc3339_ms(span.first_us),
        last_reading_at=None if span is None else rfc3339_ms(span.last_us),
        seq=_sequence(tx.seqs) if tx is not None and tx.seqs else None,
        offline=OFFLINE in seen.flags,
        signed=facts.signed,
        point_at=None if held.point is None else rfc3339_ms(held.point[0]),
        supersedes=tuple(Superseded(rfc3339_ms(at_us), evse) for at_us, evse in held.former),
        flags=tuple(sorted(seen.flags)),
    )


def _seconds(us: int) -> float:
    """Whole milliseconds, rounded down: a session's states must not come to more than all of it."""
    return us // 1000 / 1000


def _text(us: int | None) -> str | None:
    return None if us is None else rfc3339_ms(us)


def _clock(by_edge: bool | None) -> Literal["station", "edge"] | None:  # noqa: FBT001 - None: nobody said
    return None if by_edge is None else "edge" if by_edge else "station"


def _token(facts: Joined) -> Token | None:
    start, tx = facts.start, facts.tx
    if tx is not None:
        group = None if tx.answer is None else tx.answer.group or None
        return Token(tx.token, tx.token_type, group) if tx.token or tx.token_type or group else None
    return Token(start.token, None, start.parent) if start is not None and start.token else None


def _authorization(facts: Joined) -> Authorization | None:
    start, tx = facts.start, facts.tx
    found = Authorization()
    if tx is not None:
        status = None if tx.answer is None else tx.answer.status or None
        found = Authorization(tx.trigger, status, tx.remote_start, tx.reservation)
    elif start is not None:
        found = Authorization(None, start.status, None, start.reservation)
    return None if found == Authorization() else found


def _sequence(ranges: Ranges) -> Sequence:
    missing: list[int] = []
    for (_, before), (after, _) in pairwise(ranges):
        missing.extend(range(before + 1, min(after, before + 1 + _MISSING_LISTED)))
    return Sequence(ranges[0][0], ranges[-1][1], tuple(missing[:_MISSING_LISTED]))
