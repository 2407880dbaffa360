"""What the demo says of answered CALLs, of latencies and of dead letters."""

import io
import sys

import pytest

from simulator.journal import Entry, Outcome
from voltstream.demo.report import Progress, dead_letters, latency_ms, lost


def entry(unique_id: str, outcome: Outcome = "result", action: str = "MeterValues", sent_ns: int = 0) -> Entry:
    return Entry(
        station="default/A",
        connection=1,
        n=1,
        id=unique_id,
        action=action,
        sent_at="",
        sent_ns=sent_ns,
        outcome=outcome,
    )


def test_an_answered_call_must_be_on_the_log_as_often_as_it_was_answered() -> None:
    journal = [entry("1"), entry("2", "error"), entry("3", "none"), entry("4"), entry("4")]
    on_the_log = {("default/A", "1"): 1, ("default/A", "2"): 1, ("default/A", "4"): 1}
    assert lost(journal, on_the_log) == [("default/A", "4")]
    assert lost(journal, {**on_the_log, ("default/A", "4"): 2}) == []
    assert lost(journal, {}) == [("default/A", "1"), ("default/A", "2"), ("default/A", "4")]


def test_latency_is_from_the_first_sending_to_the_first_sample() -> None:
    journal = [entry(str(n), sent_ns=n * 1_000_000) for n in range(100)]
    journal += [entry("7", sent_ns=90_000_000), entry("boot", action="BootNotification")]
    seen = {("default/A", str(n)): (2 * n + 1) * 1_000_000 for n in range(100)}
    assert latency_ms(journal, seen) == (51.0, 100.0)
    assert latency_ms(journal, {}) == (None, None)


def test_the_commonest_reasons_are_told() -> None:
    found = {f"streams fold-error: {n}": n for n in range(1, 9)}
    lines = dead_letters(found)
    assert lines[0] == "dead letters: 8 from streams fold-error: 8"
    assert len(lines) == 5
    assert dead_letters({}) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_who_writes_next_begins_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr("voltstream.demo.report._EVERY_S", 0.0)
    say = Progress(quiet=False)
    say.close()
    assert terminal.getvalue() == ""
    say.progress(1.0, 60.0, 5)
    assert not terminal.getvalue().endswith("\n")
    say.close()
    say.close()
    assert terminal.getvalue().count("\n") == 1
    say.line("done")
    assert terminal.getvalue().endswith("\ndone\n")
