"""The journal of CALLs."""

from pathlib import Path

import msgspec

from simulator.journal import Entry, Journal, read_journal

ENTRY = Entry(
    station="default/A", connection=1, n=1, id="7", action="Heartbeat", sent_at="t", sent_ns=5, outcome="none"
)


def test_what_is_written_is_read_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    answered = msgspec.structs.replace(ENTRY, outcome="result", answered_at="u", answered_ns=9)
    error = msgspec.structs.replace(ENTRY, outcome="error", answered_at="u", answered_ns=9)
    with Journal(path) as journal:
        for entry in (ENTRY, answered, error):
            journal.write(entry)
        assert (journal.calls, journal.answered, journal.errors) == (3, 2, 1)
    assert read_journal(path) == [ENTRY, answered, error]


def test_without_a_file_it_only_counts() -> None:
    with Journal(None) as journal:
        journal.write(ENTRY)
        journal.flush()
        assert journal.calls == 1
