"""The InfluxDB store: newest points as line protocol, in requests of bounded size, refused lines singled out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from contracts.errors import RecordError
from contracts.topics import Name
from sinks.bisect import settle
from sinks.influx_client import InfluxClient, Target
from sinks.line_protocol import line
from sinks.pipeline.points import PipelinePoint
from sinks.point import Point, newest_points
from sinks.points import points
from sinks.records import Record, newest
from sinks.store import Permit, Refusal, StoreClosedError

MOST_LINES, MOST_BYTES = 5000, 5_000_000  # of one request, before compression


class Line(NamedTuple):
    """A line, and the record that a refusal of it is about."""

    text: str
    record: Record


class InfluxDb:
    """A Store in an InfluxDB."""

    name = "influxdb"

    def __init__(self, target: Target) -> None:
        self._target = target
        self._client: InfluxClient | None = None
        self._created = False

    async def open(self) -> None:
        await self._opened()

    async def write(self, records: Sequence[Record], permit: Permit) -> list[Refusal]:
        client = await self._opened()
        lines, refusals = to_lines(records)

        async def send(part: Sequence[Line]) -> None:
            await permit()
            await client.write("\n".join([one.text for one in part]))

        try:
            for request in requests(lines):
                for one, error in await settle(request, send):
                    refusals.append(Refusal(one.record, error.code, str(error), one.text))
        except StoreClosedError:
            self._created = False  # the database may have been dropped under us
            raise
        return refusals

    async def write_pipeline(self, points: Sequence[PipelinePoint]) -> None:
        """Write how the pipeline does, in one request. Raises StoreError."""
        await (await self._opened()).write("\n".join([line(point) for point in points]))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _opened(self) -> InfluxClient:
        if self._client is None:
            self._client = InfluxClient(self._target)
        if self._target.database is not None and not self._created:
            await self._client.create_database(self._target.database)
            self._created = True
        return self._client


def to_lines(records: Sequence[Record]) -> tuple[list[Line], list[Refusal]]:
    """The newest points of the records as lines, and the records of which no point can be made.

    Of a session only the newest version is looked at: it names all its former points. Of a status each version is,
    since each state has a point of its own.
    """
    found: list[Point] = []
    refusals: list[Refusal] = []
    others = [record for record in records if record.name is not Name.SESSIONS]
    for record in [*others, *newest(record for record in records if record.name is Name.SESSIONS)]:
        try:
            found += points(record)
        except RecordError as error:
            refusals.append(Refusal(record, error.code, str(error)))
    lines = []
    for point in newest_points(found):
        try:
            lines.append(Line(line(point), point.record))
        except ValueError as error:
            refusals.append(Refusal(point.record, RecordError.code, str(error)))
    return lines, refusals


def requests(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines in requests of bounded size, in order."""
    request: list[Line] = []
    size = 0
    for one in lines:
        length = len(one.text) + 1  # most of it is ASCII; a server's own limit is far above ours
        if request and (len(request) == MOST_LINES or size + length > MOST_BYTES):
            yield request
            request, size = [], 0
        request.append(one)
        size += length
    if request:
        yield request
