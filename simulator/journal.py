"""Every CALL a station made, one JSON line each, written when its fate is known."""

from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from simulator.latencies import Latencies

Outcome = Literal["result", "error", "none"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One CALL. `n` counts the station's CALLs in the order they were sent, `connection` its sockets, both from 1.

    Times: `sent_at` and `answered_at` on the shared clock (RFC 3339, microseconds), `*_ns` on CLOCK_MONOTONIC.
    `outcome`: result, error (a CALLERROR), none (no answer on this socket).
    """

    station: str
    connection: int
    n: int
    id: str
    action: str
    sent_at: str
    sent_ns: int
    outcome: Outcome
    answered_at: str | None = None
    answered_ns: int | None = None


_encoder = msgspec.json.Encoder()


class Journal:
    """The journal's file, or none; counts and measures either way."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("wb") if path is not None else None
        self.outcomes: dict[str, int] = {"result": 0, "error": 0, "none": 0}
        self.latencies = Latencies()

    @property
    def calls(self) -> int:
        return sum(self.outcomes.values())

    @property
    def answered(self) -> int:
        return self.outcomes["result"] + self.outcomes["error"]

    @property
    def errors(self) -> int:
        return self.outcomes["error"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, entry: Entry) -> None:
        self.outcomes[entry.outcome] += 1
        if entry.answered_ns is not None:
            self.latencies.add(entry.answered_ns - entry.sent_ns)
        if self._file is not None:
            self._file.write(_encoder.encode(entry) + b"\n")

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()


def read_journal(path: Path) -> list[Entry]:
    """The entries of a journal's file, in its order."""
    decoder = msgspec.json.Decoder(Entry)
    with path.open("rb") as lines:
        return [decoder.decode(line) for line in lines]
