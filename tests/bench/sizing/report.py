"""The figures of a run, and the table that is printed of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rest:
    """A service with nothing to do: the share of a core that it takes, and its memory."""

    cpu: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What handling so many messages and records took of one process; `rate` is messages in a real second."""

    cpu_s: float
    records: float
    calls: float
    peak_mb: float
    rate: float

    @property
    def call_us(self) -> float:
        return self.cpu_s * 1e6 / self.calls

    @property
    def record_us(self) -> float:
        return self.cpu_s * 1e6 / self.records


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    rest: Mapping[str, Rest]
    edge_alone: Cost
    paced_us: float
    derived: Cost
    stored: Cost
    live: Mapping[str, Cost]
    stations: int
    state_kb: float
    state_memory_kb: float
    idle: int
    idle_kb: float
    idle_cpu: float

    def text(self, *, hours: float) -> str:
        """Markdown, as it stands in docs/performance.md. `hours`: of the stations' time, that each fleet charged."""
        return "\n".join(self._lines(hours))

    def _lines(self, hours: float) -> Iterator[str]:
        yield "| service | at rest | a message, fresh | a message, many at once | for 1,000/s | memory, and at most |"
        yield "|---|---|---|---|---|---|"
        many = {
            "edge": (self.paced_us, "1,000/s", self.edge_alone.peak_mb),
            "streams": (self.derived.call_us, "backlog", self.derived.peak_mb),
            "sink": (self.stored.call_us, "backlog", self.stored.peak_mb),
        }
        for name, (many_us, how, peak_mb) in many.items():
            rest, live = self.rest[name], self.live[name]
            yield (
                f"| {name} | {rest.cpu:.1%} of a core | {live.call_us:,.0f} us at {live.rate:,.0f}/s"
                f" | {many_us:,.0f} us ({how}) | {many_us / 1000:.2f} cores"
                f" | {rest.memory_mb:.0f}, {max(peak_mb, live.peak_mb):.0f} MB |"
            )
        yield ""
        yield f"whole derivation: {self.derived.record_us:.0f} us a record of the log ({self.derived.records:,.0f})"
        yield f"sink to InfluxDB: {self.stored.record_us:.0f} us a derived record ({self.stored.records:,.0f})"
        yield f"idle connection: {self.idle_kb:.1f} KB; {self.idle:,} of them take {self.idle_cpu:.1%} of a core"
        yield (
            f"state: {self.state_kb:.1f} KB a station encoded, {self.state_memory_kb:.1f} KB in a worker's memory"
            f" ({self.stations} stations, {hours:.1f} hours each)"
        )
