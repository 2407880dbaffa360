"""What goes wrong with a station while another's record is folded."""

import pytest

from list_log import Log, ms
from streams.alarms.episodes import Signal
from streams.turn import Turn


@pytest.fixture
def swollen(log: Log, monkeypatch: pytest.MonkeyPatch) -> Log:
    """CP1's head does not fit once something is signalled of it; CP2 and CP3 are other stations of its node."""
    signal = Turn.signal

    def swell(turn: Turn, signals: list[Signal]) -> None:
        signal(turn, signals)
        if signals and turn.station == "default/CP1":
            turn.set_head(registration="x" * 1_000_000)

    log.connect(0, "D1", name="CP2")
    log.connect(0, "E1", name="CP3")
    monkeypatch.setattr(Turn, "signal", swell)
    return log


def test_a_state_too_large_behind_a_timer_harms_nobody_else(swollen: Log) -> None:
    log = swollen
    log.disconnect(5)
    log.ticks(10, 19)
    log.disconnect(20, "E1", name="CP3")
    log.ticks(25, 64)
    log.start(66, 5, 9, conn="D1", name="CP2")
    log.ticks(67, 1800)
    assert [each["station"] for each in log.sessions()] == ["default/CP2"]
    assert log.alarms() == [("offline/default/CP3", "raised", ms(80))]
    (letter,) = log.all("dlq")
    assert (letter["code"], letter["name"]) == ("too-large", "messages")
    assert letter["error"].startswith("timers of default/CP1: TooLargeError: the state b'h/default/CP1' would have")


def test_nor_does_it_when_their_node_dies(swollen: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log = swollen

    def broken(turn: Turn) -> None:
        if turn.station == "default/CP1":
            raise RuntimeError("half-way")

    monkeypatch.setattr("streams.transactions.settle", broken)
    log.tick(5, "edge-2")
    log.ticks(10, 120, node="edge-2")
    (letter,) = log.all("dlq")
    assert letter["error"] == "node edge-1 lost of default/CP1: RuntimeError: half-way"
    assert ("edge-node-lost/edge-1", "raised", ms(15)) in log.alarms()
    offline = [key for key, _, _ in log.alarms("raised") if key.startswith("offline")]
    assert offline == ["offline/default/CP2", "offline/default/CP3"]


def test_its_own_record_is_its_own(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a station's own record makes of it does not fit: that record is the dead letter."""
    signal = Turn.signal

    def swell(turn: Turn, signals: list[Signal]) -> None:
        signal(turn, signals)
        turn.set_head(registration="x" * 1_000_000)

    monkeypatch.setattr(Turn, "signal", swell)
    log.call(10, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    (letter,) = log.all("dlq")
    assert (letter["code"], letter["source"]["offset"]) == ("too-large", 2)
    assert log.latest("status").keys() == {"default/CP1/0/0"}
