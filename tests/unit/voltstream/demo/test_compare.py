"""The comparison calls exactly what differs by its name."""

import msgspec
import pytest

from simulator.truth import AlarmTruth, ExpectedSession, SessionTruth
from voltstream.demo.compare import Comparison, DerivedAlarm, DerivedSession, compare

START, END = "2026-11-24T06:00:00.000Z", "2026-11-24T06:30:00.000Z"
KEY = "connector-fault/default/A/1/1/GroundFailure"


def derived(transaction: str = "7", /, **changes: object) -> DerivedSession:
    session = DerivedSession(f"default/A/{transaction}/{START}", "default/A", 1, "ended", START, END, 1500.0)
    return msgspec.structs.replace(session, **changes)


def true(transaction: str = "7", /, **expected: object) -> SessionTruth:
    wanted = {"state": "ended", "started_at": START, "ended_at": END, "import_wh": 1500, **expected}
    return SessionTruth(
        station="default/A",
        proto="ocpp1.6",
        evse=1,
        connector=1,
        transaction_id=transaction,
        id_token="TAG",  # noqa: S106 - of a car, not of ours
        started_at=START,
        ended_at=END,
        meter_start_wh=0,
        meter_stop_wh=1500,
        wh=1500,
        stop_reason=None,
        misbehaviours=(),
        delivered=True,
        expected=msgspec.convert(wanted, ExpectedSession),
    )


def alarm(at: str, key: str = KEY, state: str = "cleared") -> DerivedAlarm:
    return DerivedAlarm(f"{key}/{at}", key, state, at)


def wanted(at: str | None, *, must: bool = True, near: str = START, key: str = KEY) -> AlarmTruth:
    return AlarmTruth(alarm_key=key, rule=key.partition("/")[0], must=must, near=at or near, raised_at=at)


def sessions(got: list[DerivedSession], truth: list[SessionTruth]) -> Comparison:
    return compare(got, [], truth, [])


def alarms(got: list[DerivedAlarm], truth: list[AlarmTruth]) -> Comparison:
    return compare([], got, [], truth)


def test_equal_sessions_are_equal() -> None:
    found = sessions([derived("7"), derived("8")], [true("7"), true("8")])
    assert (found.sessions, found.sessions_equal, found.sessions_extra) == (2, 2, 0)
    assert (found.energy_wh, found.energy_truth_wh) == (3000, 3000)
    assert found.equal


@pytest.mark.parametrize(
    "change",
    [
        {"import_wh": 1501.0},
        {"import_wh": None},
        {"started_at": "2026-11-24T06:00:00.001Z"},
        {"ended_at": None, "state": "open"},
        {"evse": 2},
        {"station": "default/B"},
    ],
)
def test_a_session_that_differs_is_missing_and_extra(change: dict[str, object]) -> None:
    found = sessions([derived(**change)], [true()])
    missing, extra = found.differences
    assert missing.startswith("session missing: default/A evse 1 transaction 7 ended")
    assert extra.startswith(f"session extra: default/A/7/{START}")
    assert (found.sessions_equal, found.sessions_extra) == (0, 1)


def test_flags_must_be_there_or_may_be() -> None:
    truth = [true(flags=["missing-start"], may_flags=["offline"])]
    assert sessions([derived(flags=("missing-start",))], truth).equal
    assert sessions([derived(flags=("missing-start", "offline"))], truth).equal
    for flags in ((), ("offline",), ("missing-start", "late")):
        (difference,) = sessions([derived(flags=flags)], truth).differences
        assert difference.startswith(f"session default/A/7/{START} has flags")


def test_two_sessions_alike_are_two() -> None:
    found = sessions([derived("7")], [true("7"), true("8")])
    assert found.sessions_equal == 1
    assert len(found.differences) == 1


def test_an_alarm_of_an_exact_time_is_that_one() -> None:
    assert alarms([alarm(START), alarm(END)], [wanted(START), wanted(END)]).equal
    found = alarms([alarm(START)], [wanted(END)])
    assert (found.alarms_missed, found.alarms_extra) == (1, 1)
    assert found.differences == [f"alarm missing: {KEY} raised at {END}", f"alarm extra: {KEY}/{START} (cleared)"]


def test_alarms_without_an_exact_time_are_matched_in_order() -> None:
    truth = [wanted(None, near=START), wanted(None, near=END)]
    assert alarms([alarm("2026-11-24T06:01:00.000Z"), alarm("2026-11-24T06:31:00.000Z")], truth).equal
    found = alarms([alarm("2026-11-24T06:01:00.000Z")], truth)
    assert found.differences == [f"alarm missing: {KEY} raised at about {END}"]


def test_an_alarm_that_may_be_there_is_neither_missed_nor_extra() -> None:
    may = [wanted(None, must=False)]
    there, away = alarms([alarm(END)], may), alarms([], may)
    assert (there.alarms, there.alarms_missed, there.alarms_extra, there.alarms_uncertain) == (0, 0, 0, 1)
    assert (away.alarms, away.alarms_missed, away.alarms_extra, away.alarms_uncertain) == (0, 0, 0, 0)
    assert alarms([alarm(START), alarm(END)], may).alarms_extra == 1


def test_a_certain_alarm_takes_the_episode_that_is_nearest_to_it() -> None:
    truth = [wanted(None, near=START, must=False), wanted(None, near=END)]
    found = alarms([alarm("2026-11-24T06:01:00.000Z"), alarm("2026-11-24T06:31:00.000Z")], truth)
    assert found.equal
    assert [text.partition(" ")[0] for text in found.uncertain] == [f"{KEY}/2026-11-24T06:01:00.000Z"]


def test_alarms_of_different_keys_are_not_exchanged() -> None:
    found = alarms([alarm(START, key="offline/default/A")], [wanted(START)])
    assert (found.alarms_missed, found.alarms_extra) == (1, 1)
