"""Derived records as streams would write them, and a way to put them on their topics."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import Producer

from contracts.events import (
    Alarm,
    ConnectorState,
    ConnectorStatus,
    Derived,
    EnergyInterval,
    Reading,
    Sample,
    Session,
    Source,
    StationStatus,
    encode,
)
from contracts.times import MINUTE, SECOND, from_rfc3339, rfc3339_ms
from contracts.topics import Name, energy_key, event_headers, partition_of, status_key
from parts.handles import Broker

T0 = from_rfc3339("2026-11-24T06:00:00.000Z")


class Out(NamedTuple):
    """A record for a topic. `station` places it, as the source record's partition would."""

    name: Name
    key: bytes
    station: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def at(seconds: float) -> str:
    """The record text of that many seconds after T0."""
    return rfc3339_ms(T0 + round(seconds * SECOND))


def base(station: str, revision: int) -> dict[str, Any]:
    return {
        "v": 1,
        "tenant": "default",
        "station": station,
        "site": "depot 1",
        "log": 1,
        "revision": revision,
        "source": Source(0, revision),
    }


def sample(station: str, revision: int, seconds: float, *, part: int = 0, evse: int = 1, **values: float) -> Sample:
    readings = tuple(Reading(name, value, "") for name, value in values.items())
    return Sample(
        **base(station, revision),
        part=part,
        evse=evse,
        connector=1,
        at=at(seconds),
        context="Sample.Periodic",
        transaction_id="17",
        readings=readings,
        values=dict(values),
        flags=(),
    )


def connector_status(
    station: str, revision: int, seconds: float, state: ConnectorState = "charging", **more: Any
) -> ConnectorStatus:
    return ConnectorStatus(
        **base(station, revision),
        evse=1,
        connector=1,
        state=state,
        since=at(seconds),
        reported_at=at(seconds),
        stale=False,
        **more,
    )


def station_status(station: str, revision: int, seconds: float, *, online: bool = True, **more: Any) -> StationStatus:
    fields: dict[str, Any] = {"connected_at" if online else "disconnected_at": at(seconds)}
    return StationStatus(**base(station, revision), online=online, **{**fields, **more})


def session(
    station: str, revision: int, seconds: float, *, number: int = 1, state: str = "open", **more: Any
) -> Session:
    fields: dict[str, Any] = {
        "session_id": f"{station}/{number}/{at(seconds)}",
        "state": state,
        "final": False,
        "transaction_id": str(number),
        "proto": "ocpp1.6",
        "evse": 1,
        "connector": 1,
        "started_at": at(seconds),
        "method": "register",
        "readings": 2,
        "offline": False,
        "point_at": at(seconds),
        "flags": (),
        "import_wh": 1000.0,
    }
    return Session(**base(station, revision), **{**fields, **more})


def energy(station: str, revision: int, quarter: int, import_wh: float, **more: Any) -> EnergyInterval:
    fields: dict[str, Any] = {
        "evse": 1,
        "meter": "evse",
        "start": at(quarter * 900),
        "interval_s": 900,
        "import_wh": import_wh,
        "export_wh": 0.0,
        "measured_wh": import_wh,
        "interpolated_wh": 0.0,
        "method": "register",
        "coverage_s": 900.0,
        "readings": 15,
        "flags": (),
        "final": False,
    }
    return EnergyInterval(**base(station, revision), **{**fields, **more})


def alarm(
    station: str, revision: int, seconds: float, *, rule: str = "offline", state: str = "raised", **more: Any
) -> Alarm:
    key = f"{rule}/{station}/-"
    fields: dict[str, Any] = {
        "alarm_id": f"{key}/{at(seconds)}",
        "alarm_key": key,
        "rule": rule,
        "rule_version": 1,
        "kind": "condition",
        "severity": "major",
        "state": state,
        "scope": "station",
        "title": "Station offline",
        "raised_at": at(seconds),
        "detected_at": at(seconds),
        "updated_at": at(seconds),
        "count": 1,
        "observer": "log",
    }
    return Alarm(**base(station, revision), **{**fields, **more})


def out(record: Derived, *, prefix: str = "ocpp.") -> Out:
    """The record with the topic, key and headers that streams give it."""
    part = None
    match record:
        case Sample():
            name, key, part = Name.SAMPLES, record.station.encode(), record.part
        case ConnectorStatus() | StationStatus():
            name, key = Name.STATUS, status_key(record.station, record.evse, record.connector)
        case Session():
            name, key = Name.SESSIONS, record.session_id.encode()
        case EnergyInterval():
            name, key = Name.ENERGY, energy_key(record.station, record.evse, record.meter, record.start)
        case Alarm():
            name, key = Name.ALARMS, record.alarm_id.encode()
        case _:
            raise TypeError(record)
    headers = event_headers(
        name, type(record).__name__, key, record.log, record.revision, f"{prefix}messages/0", T0 + MINUTE, part
    )
    return Out(name, key, record.station, encode(record), headers)


class Log:
    """Puts records on a broker's topics; `transactional` as streams do it (the embedded broker shows aborted ones)."""

    def __init__(self, broker: Broker, *, transactional: bool = False) -> None:
        self._broker = broker
        options: dict[str, str | int | bool] = {"bootstrap.servers": broker.bootstrap, "linger.ms": 5, "log_level": 3}
        if transactional:
            options["transactional.id"] = f"{broker.prefix}test"
        self._producer = Producer(options)
        self._transactional = transactional
        if transactional:
            self._producer.init_transactions(30)

    def put(self, *records: Derived | Out, abort: bool = False) -> None:
        """Return when all of them are acknowledged, in one transaction where that is wanted."""
        if self._transactional:
            self._producer.begin_transaction()
        self._produce(out(one) if isinstance(one, Derived) else one for one in records)
        if not self._transactional:
            assert self._producer.flush(30) == 0
        elif abort:
            self._producer.flush(30)
            self._producer.abort_transaction(30)
        else:
            self._producer.commit_transaction(30)

    def _produce(self, records: Iterable[Out]) -> None:
        for number, one in enumerate(records):
            partition = partition_of(one.station.encode(), self._broker.partitions)
            headers: list[tuple[str, str | bytes | None]] = [*one.headers]
            self._producer.produce(self._broker.prefix + one.name, one.value, one.key, partition, headers=headers)
            if number % 500 == 0:
                self._producer.poll(0)
