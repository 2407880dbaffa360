"""What one source record gives rise to. Of several views of one key only the last is kept; samples are no views."""

import base64
from collections.abc import Iterator

from contracts import events
from contracts.events import (
    Alarm,
    ConnectorStatus,
    DeadLetter,
    DeadLetterSource,
    Derived,
    EnergyInterval,
    Sample,
    Session,
    Source,
    StationStatus,
)
from contracts.topics import SAMPLE_LIMIT, Name, energy_key, event_headers, schema_header, status_key
from streams.engine.agent import Output, Record

AGENT = "messages"

_Views = dict[tuple[Name, bytes], tuple[str, Derived]]


class Outbox:
    """Gathers the outputs of one record. `now_us`: the record's time, which `ce_time` carries."""

    def __init__(self, prefix: str, log: int, record: Record) -> None:
        self.log = log
        self.record = record
        self.now_us = 0
        self._prefix = prefix
        self._samples: list[Output] = []
        self._views: _Views = {}
        self._letters: list[Output] = []

    @property
    def source(self) -> Source:
        return Source(self.record.partition, self.record.offset)

    def sample(self, record: Sample) -> bool:
        """Take a sample; False, and it is not taken, where it is too large for a record."""
        made = self._output(Name.SAMPLES, record.station.encode(), "Sample", record, record.part)
        fits = len(made.value or b"") <= SAMPLE_LIMIT
        if fits:
            self._samples.append(made)
        return fits

    def status(self, record: ConnectorStatus | StationStatus) -> None:
        kind = "StationStatus" if isinstance(record, StationStatus) else "ConnectorStatus"
        self._put(Name.STATUS, status_key(record.station, record.evse, record.connector), kind, record)

    def session(self, record: Session) -> None:
        self._put(Name.SESSIONS, record.session_id.encode(), "Session", record)

    def energy(self, record: EnergyInterval) -> None:
        key = energy_key(record.station, record.evse, record.meter, record.start)
        self._put(Name.ENERGY, key, "EnergyInterval", record)

    def alarm(self, record: Alarm) -> None:
        self._put(Name.ALARMS, record.alarm_id.encode(), "Alarm", record)

    def dead_letter(self, code: str, error: str) -> None:
        """A part of the record that could not be taken into account."""
        self._letters.append(dead_letter(self._prefix, self.log, self.record, code, error))

    def apart(self) -> "Outbox":
        """An empty one for the same record: what may have to be thrown away is gathered there, until `add` takes it."""
        other = Outbox(self._prefix, self.log, self.record)
        other.now_us = self.now_us
        return other

    def add(self, other: "Outbox") -> None:
        samples, views, letters = other.content()
        self._samples += samples
        self._letters += letters
        for (name, key), (kind, record) in views.items():
            self._put(name, key, kind, record)

    def content(self) -> tuple[list[Output], _Views, list[Output]]:
        return self._samples, self._views, self._letters

    def _put(self, name: Name, key: bytes, kind: str, record: Derived) -> None:
        self._views.pop((name, key), None)  # the last view stands where it was made, not where the first was
        self._views[name, key] = (kind, record)

    def outputs(self) -> Iterator[Output]:
        """What is to be sent, in order; each view is encoded when it is asked for."""
        yield from self._samples
        for (name, key), (kind, record) in self._views.items():
            yield self._output(name, key, kind, record)
        yield from self._letters

    def _output(self, name: Name, key: bytes, kind: str, record: Derived, part: int | None = None) -> Output:
        source = f"{self.record.topic}/{self.record.partition}"
        headers = event_headers(name, kind, key, record.log, record.revision, source, self.now_us, part)
        return Output(self._prefix + name, key, events.encode(record), headers)


def dead_letter(prefix: str, log: int, record: Record, code: str, error: str) -> Output:
    """The dead letter of a source record, bytes verbatim."""
    letter = DeadLetter(
        v=1,
        part="streams",
        name=AGENT,
        code=code,
        error=error[:1000],
        source=DeadLetterSource(record.topic, record.partition, record.offset, log),
        key=None if record.key is None else base64.b64encode(record.key).decode(),
        value=None if record.value is None else base64.b64encode(record.value).decode(),
    )
    return Output(prefix + Name.DLQ, record.key, events.encode(letter), (schema_header(Name.DLQ),))
