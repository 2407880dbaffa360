"""One episode of an alarm: raised, updated, and cleared or expired. Pure."""

from typing import get_args

import msgspec

from contracts.events import Affected, Alarm, AlarmCode, AlarmState, Severity, Source
from contracts.times import MINUTE, rfc3339_ms
from streams.alarms.rules import RULES, Rule

_REPUBLISH = 7 * 24 * 60 * MINUTE  # the topic forgets after 35 days; an open alarm must not be forgotten
_PER_PLACE, _PER_STATION = 32, 128  # open alarms that differ by their causes
_KEPT_ENDED = 8
_RANKS = {severity: rank for rank, severity in enumerate(get_args(Severity))}  # critical first


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's condition says at a moment. `at_us` is the event's own time, where a frame gives one.

    `cause` tells apart what can be wrong with one object at the same time; empty where there is one thing only.
    """

    rule: str
    active: bool
    at_us: int
    evse: int | None = None
    connector: int | None = None
    cause: str = ""
    severity: Severity | None = None
    session_id: str | None = None
    component: str | None = None
    variable: str | None = None
    code: AlarmCode | None = None
    detail: str | None = None
    value: float | None = None
    threshold: float | None = None
    unit: str | None = None
    affected: Affected | None = None
    reason: str | None = None  # why it is over


class Episode(msgspec.Struct, frozen=True):
    """An open alarm; times in microseconds. `published_us` is when its record was last written."""

    rule: str
    raised_us: int
    detected_us: int
    updated_us: int
    last_seen_us: int
    published_us: int
    count: int
    signal: Signal
    site: str = ""
    """Where it was raised: it stays there, whatever becomes of the station."""

    def due_us(self) -> int:
        """When its timer fires: it expires, or is published again."""
        rule = RULES[self.rule]
        republish_us = self.published_us + _REPUBLISH
        return min(self.last_seen_us + rule.expires_us, republish_us) if rule.kind == "occurrence" else republish_us


class Alarms(msgspec.Struct, frozen=True, array_like=True):
    """The alarms of a station, or of a node."""

    open: dict[str, Episode] = {}
    ended: dict[str, int] = {}
    """alarm_key -> when it was raised, of the last ones that are over: an id is given once."""


class Subject(msgspec.Struct, frozen=True):
    """Who an alarm is about, and the record that changed it."""

    tenant: str
    station: str
    site: str
    log: int
    revision: int
    source: Source


def alarm_key(rule: Rule, station: str, signal: Signal) -> str:
    """rule/object/cause: stable over episodes. The object of a station's alarm is its station, and so on down."""
    parts = [rule.name, station.partition("/")[2] if rule.scope == "node" else station]
    if rule.scope in ("evse", "connector"):
        parts += [str(signal.evse or 0), str(signal.connector or 0)]
    if signal.cause:
        parts.append(signal.cause.replace("/", "_"))
    return "/".join(parts)


def fold(alarms: Alarms, signals: list[Signal], subject: Subject, now_us: int) -> tuple[Alarms, list[Alarm]]:
    """Apply signals in order: the alarms after them, and the views to publish."""
    views: list[Alarm] = []
    for signal in signals:
        key = alarm_key(RULES[signal.rule], subject.station, signal)
        episode = alarms.open.get(key)
        if episode is None and signal.active:
            alarms, told = _raised(alarms, key, signal, subject, now_us)
        elif episode is None:
            continue
        elif signal.active:
            alarms, told = _updated(alarms, key, episode, signal, subject, now_us)
        else:
            alarms, told = _ended(alarms, key, "cleared", signal.at_us, signal.reason, subject, now_us)
        views += told
    return alarms, views


def elapse(alarms: Alarms, subject: Subject, now_us: int) -> tuple[Alarms, list[Alarm]]:
    """Fire the timers that are due: occurrences expire at their deadline, open alarms are published again."""
    views: list[Alarm] = []
    for key, episode in alarms.open.items():
        if episode.due_us() > now_us:
            continue
        rule = RULES[episode.rule]
        expired_us = episode.last_seen_us + rule.expires_us
        if rule.kind == "occurrence" and expired_us <= now_us:
            alarms, told = _ended(alarms, key, "expired", expired_us, "expired", subject, expired_us)
        else:
            again = msgspec.structs.replace(episode, published_us=now_us)
            alarms, told = _with(alarms, key, again), [view(key, again, "updated", subject)]
        views += told
    return alarms, views


def _raised(alarms: Alarms, key: str, signal: Signal, subject: Subject, now_us: int) -> tuple[Alarms, list[Alarm]]:
    raised_us, last_us = signal.at_us, alarms.ended.get(key)
    if last_us is not None and 0 <= last_us // 1000 - raised_us // 1000 < MINUTE // 1000:
        raised_us = (last_us // 1000 + 1) * 1000  # said to be of the same second: its id must be another one
    episode = Episode(signal.rule, raised_us, now_us, now_us, raised_us, now_us, 1, signal, subject.site)
    after, views = _with(alarms, key, episode), [view(key, episode, "raised", subject)]
    excess = _excess(after, episode)
    if excess == key:
        return alarms, []
    if excess is not None:
        state: AlarmState = "expired" if RULES[after.open[excess].rule].kind == "occurrence" else "cleared"
        after, told = _ended(after, excess, state, now_us, "too many open alarms", subject, now_us)
        views += told
    return after, views


def _excess(alarms: Alarms, raised: Episode) -> str | None:
    """Where a cause more is one too many, the alarm to let go: the least severe, unseen for the longest time."""
    causes = {key: each for key, each in alarms.open.items() if each.signal.cause}
    here = {key: each for key, each in causes.items() if _place(each) == _place(raised)}
    for found, most in ((here, _PER_PLACE), (causes, _PER_STATION)):
        if raised.signal.cause and len(found) > most:
            return min(found, key=lambda key: (-_rank(found[key]), found[key].last_seen_us, key))
    return None


def _place(episode: Episode) -> tuple[str, int | None, int | None]:
    return episode.rule, episode.signal.evse, episode.signal.connector


def _rank(episode: Episode) -> int:
    return _RANKS[episode.signal.severity or RULES[episode.rule].severity]


def _updated(
    alarms: Alarms, key: str, episode: Episode, signal: Signal, subject: Subject, now_us: int
) -> tuple[Alarms, list[Alarm]]:
    signal = msgspec.structs.replace(signal, session_id=episode.signal.session_id)  # that in which it was raised
    # Repeats every few seconds are counted, and told once a minute.
    publish = _content(signal) != _content(episode.signal) or now_us // MINUTE != episode.published_us // MINUTE
    episode = msgspec.structs.replace(
        episode,
        signal=signal,
        count=episode.count + 1,
        last_seen_us=max(episode.last_seen_us, signal.at_us),
        updated_us=now_us,
        published_us=now_us if publish else episode.published_us,
    )
    return _with(alarms, key, episode), [view(key, episode, "updated", subject)] if publish else []


def _ended(
    alarms: Alarms, key: str, state: AlarmState, at_us: int, reason: str | None, subject: Subject, now_us: int
) -> tuple[Alarms, list[Alarm]]:
    episode = msgspec.structs.replace(alarms.open[key], updated_us=now_us)
    open_ = {name: each for name, each in alarms.open.items() if name != key}
    ended = {name: each for name, each in alarms.ended.items() if name != key}
    ended = dict([*ended.items(), (key, episode.raised_us)][-_KEPT_ENDED:])
    return Alarms(open_, ended), [view(key, episode, state, subject, max(at_us, episode.raised_us), reason)]


def _with(alarms: Alarms, key: str, episode: Episode) -> Alarms:
    return Alarms({**alarms.open, key: episode}, alarms.ended)


def _content(signal: Signal) -> Signal:
    return msgspec.structs.replace(signal, at_us=0, value=None)


def view(
    key: str,
    episode: Episode,
    state: AlarmState,
    subject: Subject,
    cleared_us: int | None = None,
    clear_reason: str | None = None,
) -> Alarm:
    """The record of an episode."""
    rule, signal = RULES[episode.rule], episode.signal
    raised_at = rfc3339_ms(episode.raised_us)
    return Alarm(
        v=1,
        tenant=subject.tenant,
        station=subject.station,
        site=episode.site or subject.site,
        log=subject.log,
        revision=subject.revision,
        source=subject.source,
        alarm_id=f"{key}/{raised_at}",
        alarm_key=key,
        rule=rule.name,
        rule_version=rule.version,
        kind=rule.kind,
        severity=signal.severity or rule.severity,
        state=state,
        scope=rule.scope,
        evse=signal.evse,
        connector=signal.connector,
        session_id=signal.session_id,
        component=signal.component,
        variable=signal.variable,
        code=signal.code,
        title=rule.title,
        detail=signal.detail,
        raised_at=raised_at,
        detected_at=rfc3339_ms(episode.detected_us),
        updated_at=rfc3339_ms(episode.updated_us),
        cleared_at=None if cleared_us is None else rfc3339_ms(cleared_us),
        clear_reason=clear_reason,
        count=episode.count,
        last_seen_at=rfc3339_ms(episode.last_seen_us),
        value=signal.value,
        threshold=signal.threshold,
        unit=signal.unit,
        affected=signal.affected,
        observer="log",
        runbook=rule.runbook,
    )
