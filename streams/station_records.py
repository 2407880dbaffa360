"""The records of a station: its own status, its connectors', and samples."""

import msgspec

from contracts.events import ConnectorStatus, Sample, StationStatus
from contracts.times import rfc3339_ms
from streams import owners
from streams.samples import Group, halved
from streams.status import Connector, Place
from streams.turn import Turn

STATION: Place = (0, 0)


def publish_connector(turn: Turn, place: Place) -> None:
    """Publish a connector, with the session it serves now."""
    connector, session_id = turn.head.connectors.get(place, Connector()), serves(turn, place)
    if session_id != connector.session_id:
        power_w = None if session_id is None else connector.power_w
        connector = msgspec.structs.replace(connector, session_id=session_id, power_w=power_w)
        turn.set_head(connectors={**turn.head.connectors, place: connector})
    turn.outbox.status(
        ConnectorStatus(
            **turn.header,
            evse=place[0],
            connector=place[1],
            state=connector.state,
            status_raw=connector.status_raw,
            charging_state_raw=connector.charging_state_raw,
            source_action=connector.source_action,
            error_code=connector.error_code,
            vendor_id=connector.vendor_id,
            vendor_error_code=connector.vendor_error_code,
            info=connector.info,
            since=_text(connector.since_us),
            reported_at=_text(connector.reported_us),
            session_id=connector.session_id,
            power_w=connector.power_w,
            stale=not turn.link.online,
        )
    )


def publish_station(turn: Turn) -> None:
    """Publish the station's own status."""
    link, own = turn.link, turn.head.connectors.get(STATION)
    last = link.last
    turn.outbox.status(
        StationStatus(
            **turn.header,
            online=link.online,
            time_zone=link.time_zone,
            state=own.state if own else None,
            status_raw=own.status_raw if own else None,
            error_code=own.error_code if own else None,
            node=link.node,
            conn=last.conn if last else None,
            proto=last.proto if last else None,
            security_profile=last.security_profile if last else None,
            connected_at=_text(last.connected_us) if last else None,
            disconnected_at=_text(link.disconnected_us),
            close_code=link.close_code,
            last_frame_at=_text(link.last_frame_us),
            registration=turn.head.registration,
            heartbeat_s=turn.head.heartbeat_s,
            boot=turn.head.boot,
        )
    )


def publish_samples(turn: Turn, found: list[Group]) -> None:
    """Publish a message's readings, numbered in their order."""
    part = 0
    for group in found:
        if group.readings:
            part = _sample(turn, group, evse_of(turn, group), part)


def _sample(turn: Turn, group: Group, evse: int, part: int) -> int:
    """Publish a group as this part, or as several where it is too large for a record; gives the next part."""
    sample = Sample(
        **turn.header,
        part=part,
        evse=evse,
        connector=group.connector,
        at=rfc3339_ms(group.at_us),
        context=group.context,
        transaction_id=group.transaction_id,
        readings=group.readings,
        values=group.values,
        flags=tuple(sorted(group.flags)),
    )
    if turn.outbox.sample(sample):
        return part + 1
    if len(group.readings) > 1:
        for half in halved(group):
            part = _sample(turn, half, evse, part)
    else:
        turn.outbox.dead_letter("too-large", f"a reading of evse {evse} is larger than a sample may be")
    return part


def serves(turn: Turn, place: Place) -> str | None:
    """The open session of a connector: of several the latest."""
    held = (turn.states.session(name) for name, each in turn.pace.sessions.items() if each.evse == place[0])
    # Where an event does not say which connector it is, it is the first.
    here = (each.facts for each in held if each is not None and (each.facts.connector or 1) == place[1])
    return max(((facts.start_us or 0, facts.session_id) for facts in here), default=(0, None))[1]


def evse_of(turn: Turn, group: Group) -> int:
    """The evse of a group; where its message does not say, that of its transaction, if it is known; else 0."""
    if group.evse is not None or group.transaction_id is None:
        return group.evse or 0
    return owners.evse_of(turn, group.transaction_id, group.at_us) or 0


def _text(us: int | None) -> str | None:
    return None if us is None else rfc3339_ms(us)
