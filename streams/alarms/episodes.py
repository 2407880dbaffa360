"""One episode of an alarm: raised, updated, and cleared or expired. Pure."""

import msgspec

from contracts.events import Affected, Alarm, AlarmCode, AlarmState, Severity, Source
from contracts.times import MINUTE, rfc3339_ms
from streams.alarms.rules import RULES, Rule

_REPUBLISH = 7 * 24 * 60 * MINUTE  # the topic forgets after 35 days; an open alarm must not be forgotten


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

    def due_us(self) -> int:
        """When its timer fires: it expires, or is published again."""
        rule = RULES[self.rule]
        republish_us = self.published_us + _REPUBLISH
        return min(self.last_seen_us + rule.expires_us, republish_us) if rule.kind == "occurrence" else republish_us


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


def fold(
    open_: dict[str, Episode], signals: list[Signal], subject: Subject, now_us: int
) -> tuple[dict[str, Episode], list[Alarm]]:
    """Apply signals in order: the open episodes after them, and the views to publish."""
    if not signals:
        return open_, []
    episodes, views = dict(open_), []
    for signal in signals:
        rule = RULES[signal.rule]
        key = alarm_key(rule, subject.station, signal)
        episode = episodes.get(key)
        if signal.active and episode is None:
            episode = Episode(rule.name, signal.at_us, now_us, now_us, signal.at_us, now_us, 1, signal)
            views.append(view(key, episode, "raised", subject))
        elif signal.active and episode is not None:
            changed = _content(signal) != _content(episode.signal)
            # Repeats every few seconds are counted, and told once a minute.
            publish = changed or now_us // MINUTE != episode.published_us // MINUTE
            episode = msgspec.structs.replace(
                episode,
                signal=signal,
                count=episode.count + 1,
                last_seen_us=max(episode.last_seen_us, signal.at_us),
                updated_us=now_us,
                published_us=now_us if publish else episode.published_us,
            )
            if publish:
                views.append(view(key, episode, "updated", subject))
        elif episode is not None:
            cleared_us = max(signal.at_us, episode.raised_us)
            episode = msgspec.structs.replace(episode, updated_us=now_us)
            views.append(view(key, episode, "cleared", subject, cleared_us, signal.reason))
            del episodes[key]
            continue
        else:
            continue
        episodes[key] = episode
    return episodes, views


def elapse(open_: dict[str, Episode], subject: Subject, now_us: int) -> tuple[dict[str, Episode], list[Alarm]]:
    """Fire the timers that are due: occurrences expire at their deadline, open alarms are published again."""
    if all(episode.due_us() > now_us for episode in open_.values()):
        return open_, []
    episodes, views = dict(open_), []
    for key, episode in open_.items():
        if episode.due_us() > now_us:
            continue
        rule = RULES[episode.rule]
        if rule.kind == "occurrence" and episode.last_seen_us + rule.expires_us <= now_us:
            ended_us = episode.last_seen_us + rule.expires_us
            ended = msgspec.structs.replace(episode, updated_us=ended_us)
            views.append(view(key, ended, "expired", subject, ended_us, "expired"))
            del episodes[key]
        else:
            episodes[key] = msgspec.structs.replace(episode, published_us=now_us)
            views.append(view(key, episodes[key], "updated", subject))
    return episodes, views


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
        site=subject.site,
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
