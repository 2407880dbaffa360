"""What can never stand on the log becomes a dead letter, where one fits; whatever happens, nothing is raised."""

import asyncio
import base64
from collections.abc import Callable, Sequence

import msgspec
import pytest

from contracts import events
from contracts.envelope import Envelope, encode
from edge.settings import EdgeSettings
from edge.writer import Writer
from ops.group_commit import Closed, Full, TooLarge
from ops.group_commit.submission import Record, Submission
from ops.kafka import KafkaSettings
from ops.metrics import edge as metrics

RECORD = encode(Envelope(v=1, kind="frame", ts="t", node="n", conn="C", seq=7, raw="AA=="))
ERROR = TooLarge("2 bytes in one batch of 1")


class Letters:
    """The dead letters' way; it is closed, or full, or takes records of a certain size."""

    def __init__(self, *, largest: int = 1_000_000, error: Exception | None = None, left: int = 0) -> None:
        self.largest, self.error, self.left, self.seconds = largest, error, left, 0.0
        self.taken: list[events.DeadLetter] = []

    async def start(self) -> None: ...

    def submit(self, _partition: int, records: Sequence[Record], _done: Callable[[], None] | None) -> None:
        if self.error is not None:
            raise self.error
        for _, value in records:
            if len(value) > self.largest:
                raise TooLarge("letter")
            self.taken.append(msgspec.json.decode(value, type=events.DeadLetter))

    async def close(self, deadline_s: float) -> int:
        self.error, self.seconds = Closed("letters"), deadline_s
        return self.left


def writer(letters: Letters, refused: list[Submission]) -> Writer:
    made = Writer(
        EdgeSettings(), KafkaSettings(partitions=4), lambda submission, _: refused.append(submission), lambda *_: None
    )
    made._dead_letters = letters  # type: ignore[assignment]
    return made


def count() -> float:
    return float(metrics.COMMIT_REFUSED._value.get())


async def test_a_dead_letter_says_which_record_it_was(caplog: pytest.LogCaptureFixture) -> None:
    letters, before = Letters(), count()
    writer(letters, []).never([(b"default/CP1", RECORD), (b"default/CP1", b"no envelope")], ERROR)
    known, unknown = letters.taken
    assert (known.part, known.code, known.conn, known.seq) == ("edge", "refused", "C", 7)
    assert base64.b64decode(known.value or "") == RECORD
    assert base64.b64decode(known.key or "") == b"default/CP1"
    assert (unknown.conn, unknown.seq, base64.b64decode(unknown.value or "")) == (None, None, b"no envelope")
    assert count() == before + 1
    assert [entry.message for entry in caplog.records] == ["records are too large"]


async def test_what_kafka_refused_is_counted_where_it_was() -> None:
    letters, before = Letters(), count()
    refused: list[Submission] = []
    submission = Submission([(b"k", RECORD)], 1, 0.0)
    writer(letters, refused)._refused(submission, ValueError("no"))
    assert [letter.seq for letter in letters.taken] == [7]
    assert refused == [submission]
    assert count() == before


async def test_a_letter_without_the_record_where_both_do_not_fit() -> None:
    letters = Letters(largest=400)
    writer(letters, []).never([(b"default/CP1", RECORD + b" " * 400)], ERROR)
    (letter,) = letters.taken
    assert (letter.value, letter.conn, letter.seq, letter.error) == (None, "C", 7, f"TooLarge: {ERROR}")


async def test_a_dead_letter_that_is_lost_is_told(caplog: pytest.LogCaptureFixture) -> None:
    writer(Letters(error=Full("x")), [])._refused(Submission([(b"k", RECORD)], 1, 0.0), ValueError("no"))
    assert [entry.message for entry in caplog.records] == ["a dead letter is lost"]


@pytest.mark.parametrize("letters", [Letters(error=Closed("x")), Letters(error=Full("x")), Letters(largest=0)])
async def test_where_no_letter_can_be_kept_nothing_is_raised(letters: Letters) -> None:
    writer(letters, []).never([(b"default/CP1", RECORD)], ERROR)
    assert letters.taken == []


class Log:
    """A log that takes all the time there is for its end, and refuses a record meanwhile."""

    def __init__(self, writer: Writer) -> None:
        self.writer, self.closed = writer, 0

    async def close(self, deadline_s: float) -> int:
        self.closed += 1
        await asyncio.sleep(deadline_s)
        self.writer._refused(Submission([(b"k", RECORD)], 1, 0.0), ValueError("no"))
        return 2


class Waiting:
    """Never finds room."""

    def resume(self) -> bool:
        return False


async def test_what_kafka_refuses_at_the_last_moment_becomes_a_dead_letter() -> None:
    letters = Letters()
    closing = writer(letters, [])
    closing._commit = log = Log(closing)  # type: ignore[assignment]
    closing.wait(0, Waiting())
    assert await closing.close(1.0) == 2
    assert [letter.seq for letter in letters.taken] == [7]
    assert 0.05 < letters.seconds <= 0.1  # so much is left to them, whatever the others want
    assert await closing.close(0) == 0
    assert log.closed == 1  # a second time nothing happens


async def test_dead_letters_that_are_not_written_are_counted() -> None:
    letters = Letters(left=3)
    assert await writer(letters, []).close(0.5) == 3
    assert letters.seconds > 0.4  # all of it, where nobody else has a use for it
