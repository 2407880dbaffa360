"""Laws of the folds: order, repeats, batches and restarts do not show; what was published is; borders add up."""

import json
import math
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import quirks
from histories import DAY, History, delayed, folded, histories, orders
from list_log import LIMITS, Log, ts
from streams import meters, samples, session_records
from streams.energy.rows import QUARTER
from streams.engine.agent import Record
from streams.engine.folding import fold_batch
from streams.engine.state import State
from streams.keeping import overlapping
from streams.messages import MessagesAgent
from streams.outbox import Outbox
from streams.states import NAMED, OTHER, States, decode, encode
from streams.turn import Turn

Views = dict[str, dict[str, Any]]

# Which message changed a record last, and where a session stood before, tell of the way and not of the facts.
_STATES = ("charging_s", "suspended_ev_s", "suspended_evse_s", "idle_s")
_OF_THE_WAY = {"revision", "source", "final", "supersedes"}


def views(log: Log) -> Views:
    """Every session, and every quarter in which something was read or delivered, as the states have it now."""
    states = States(State(log.agent, log.states))
    clock = states.clock()
    found: Views = {}
    for key in sorted(log.states):
        if not key.startswith(b"l/"):
            continue
        station = key[2:].decode()
        link = states.link(station)
        assert link is not None
        outbox = Outbox("ocpp.", 1, Record(0, 0, False, b"", b"", 0, "ocpp.messages"))
        turn = Turn(states, outbox, station, link, clock.node_now(link.node))
        for held in turn.held():
            session_records.publish(turn, held.facts.session_id, final=True)
        for evse in (1, 2):
            both = [states.meter(station, evse, stream).quarters for stream in (NAMED, OTHER)]
            numbers = [number for quarters in both for number in quarters]
            for number in range(min(numbers, default=0), max(numbers, default=-1) + 1):
                meters.publish(turn, evse, number, overlapping(turn.held(), evse, number))
        for output in outbox.outputs():
            value = json.loads(output.value or b"")
            if output.topic == "ocpp.sessions" or value["readings"] or value["import_wh"] or value["export_wh"]:
                found[(output.key or b"").decode()] = _facts(value)
    return found


def published(log: Log) -> Views:
    """What stands on the topics; void sessions and empty quarters aside."""
    found = {**log.latest("sessions"), **log.latest("energy")}
    return {
        key: _facts(value)
        for key, value in found.items()
        if value.get("state") != "void" and ("state" in value or value["readings"] or value["import_wh"])
    }


def _facts(value: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in _OF_THE_WAY}


def end_of(history: History) -> float:
    return max((message.sent for message in history), default=0) + 1000


@given(st.data())
def test_order_and_repeats_do_not_show(data: st.DataObject) -> None:
    history = data.draw(histories())
    order = data.draw(orders(history))
    until = end_of(history) + data.draw(st.sampled_from([0, 2 * DAY]))
    assert views(folded(history, order, until)) == views(folded(history, range(len(history)), until))


@given(st.data())
def test_nor_do_arrivals_over_three_days(data: st.DataObject) -> None:
    history = data.draw(delayed(data.draw(histories()), 3 * DAY))
    by_arrival = sorted(range(len(history)), key=lambda number: history[number].sent)
    until = end_of(history) + data.draw(st.sampled_from([0, 2 * DAY]))
    log = folded(history, data.draw(orders(history)), until)
    assert views(log) == views(folded(history, by_arrival, until))
    assert log.all("dlq") == []


@given(st.data())
def test_what_was_published_last_is_what_is(data: st.DataObject) -> None:
    history = data.draw(delayed(data.draw(histories()), data.draw(st.sampled_from([60.0, 3.0 * DAY]))))
    log = folded(history, data.draw(orders(history)), end_of(history) + 2 * DAY)
    assert published(log) == views(log)


@given(st.data())
def test_the_states_of_a_session_are_never_longer_than_it(data: st.DataObject) -> None:
    history = data.draw(histories())
    log = folded(history, data.draw(orders(history)), end_of(history))
    for session in log.latest("sessions").values():
        states = [session[name] for name in _STATES if name in session]
        assert len(states) in (0, len(_STATES))
        assert all(seconds >= 0 for seconds in states)
        if "duration_s" in session:
            assert round(sum(states), 3) <= session["duration_s"]


@given(st.data())
def test_batches_do_not_show(data: st.DataObject) -> None:
    history = data.draw(histories())
    log = folded(history, data.draw(orders(history)), end_of(history))
    sizes = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    states, outputs = in_batches(log.records, sizes, restarts=False)
    assert outputs == log.outputs
    assert states == log.states


@given(st.data())
def test_restarts_do_not_show(data: st.DataObject) -> None:
    history = data.draw(delayed(data.draw(histories()), float(DAY)))
    log = folded(history, data.draw(orders(history)), end_of(history) + 2 * DAY)
    sizes = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    states, outputs = in_batches(log.records, sizes, restarts=True)
    assert outputs == log.outputs
    assert states == log.states


def in_batches(
    records: Sequence[Record], sizes: Sequence[int], *, restarts: bool
) -> tuple[dict[bytes, bytes], list[Any]]:
    """Fold in batches of these sizes in turn; with `restarts` by a new worker each time."""
    agent, states, outputs = MessagesAgent(), dict[bytes, bytes](), list[Any]()
    fold, at, turn = agent.open(0, states), 0, 0
    while at < len(records):
        if restarts:
            agent = MessagesAgent()
            fold = agent.open(0, states)
        batch = records[at : at + sizes[turn % len(sizes)]]
        result = fold_batch(agent, fold, states, batch, LIMITS)
        for key, value in result.changes.items():
            states.pop(key, None)
            if value is not None:
                states[key] = value
        outputs += result.outputs
        at, turn = at + len(batch), turn + 1
    return states, outputs


@given(st.data())
def test_states_encode_as_they_were_decoded(data: st.DataObject) -> None:
    history = data.draw(histories())
    log = folded(history, data.draw(orders(history)), end_of(history))
    for key, value in log.states.items():
        assert encode(key, decode(key, value)) == value


@given(st.data())
def test_a_record_that_fails_changes_nothing_else(data: st.DataObject) -> None:
    history = data.draw(histories())
    log = folded(history, range(len(history)), end_of(history))
    at = data.draw(st.integers(0, len(log.records)))
    bad = Record(10_000, 0, False, b"k", b'{"v":1}', 0, "ocpp.messages")
    records = [*log.records[:at], bad, *log.records[at:]]
    states, outputs = in_batches(
        records, data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=3)), restarts=False
    )
    letters = [output for output in outputs if output.topic == "ocpp.dlq"]
    assert [json.loads(letter.value)["source"]["offset"] for letter in letters] == [10_000]
    assert [output for output in outputs if output.topic != "ocpp.dlq"] == log.outputs
    assert states == log.states


# -- energy

_STEPS = st.lists(st.tuples(st.integers(1, 3 * 3600), st.integers(0, 10_000_000)), min_size=1, max_size=40)


@given(_STEPS, st.integers(0, 900), st.integers(0, 2**40))
def test_quarters_add_up_to_the_session(steps: list[tuple[int, int]], begin: int, register_mwh: int) -> None:
    """Readings at any times, of a register in thousandths of a Wh that is never reset."""
    log = Log()
    log.tick(0)
    log.connect(0)
    at, mwh = begin, register_mwh
    log.call(at, "StartTransaction", _start(at, mwh))
    log.answer_start(at, 7)
    for seconds, more in steps:
        at, mwh = at + seconds, mwh + more
        log.meter(at, mwh / 1000)
    log.call(at, "StopTransaction", _stop(at, mwh))
    log.tick(at + 1000)
    log.tick(at + 1001)
    session = log.session()
    assert session["import_wh"] == round((mwh - register_mwh) / 1000, 3)
    quarters = log.quarters_of_all_time()
    assert round(sum(each["import_wh"] for each in quarters), 3) == session["import_wh"]
    for each in quarters:
        assert each["import_wh"] == round(each["measured_wh"] + each["interpolated_wh"], 3)
        assert 0 <= each["coverage_s"] <= 900


@given(_STEPS, st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0, 500, 90_000_000])), max_size=6))
def test_nor_does_one_reading_apart_show(steps: list[tuple[int, int]], glitches: list[tuple[int, float]]) -> None:
    """Readings apart, at least two others between them, of a register that is never reset."""
    log = Log()
    log.tick(0)
    log.connect(0)
    apart, index = dict[int, float](), 0
    for gap, wh in glitches:
        index += gap + (2 if apart else 0)
        apart[index] = wh
    at, mwh = 0, 50_000_000
    log.call(at, "StartTransaction", _start(at, mwh))
    log.answer_start(at, 7)
    for number, (seconds, more) in enumerate(steps):
        at, mwh = at + seconds, mwh + more
        log.meter(at, apart[number] if number in apart and number < len(steps) - 1 else mwh / 1000)
    log.call(at, "StopTransaction", _stop(at, mwh))
    log.tick(at + 1000)
    log.tick(at + 1001)
    session = log.session()
    assert session["import_wh"] == round(mwh / 1000 - 50_000, 3)
    assert round(sum(each["import_wh"] for each in log.quarters_of_all_time()), 3) == session["import_wh"]


def _start(at: float, mwh: int) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "T", "meterStart": mwh / 1000, "timestamp": ts(at)}


def _stop(at: float, mwh: int) -> dict[str, Any]:
    return {"transactionId": 7, "meterStop": mwh / 1000, "timestamp": ts(at)}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 95), st.integers(0, 899), st.integers(0, 10**6)), min_size=2, max_size=60))
def test_a_day_of_readings_in_any_order_gives_the_same_quarters(readings: list[tuple[int, int, int]]) -> None:
    logs = []
    for order in (readings, sorted(readings), sorted(readings, reverse=True)):
        log = Log()
        log.tick(0)
        log.connect(0)
        for quarter, second, wh in order:
            log.meter(2 * DAY, wh, None, said=quarter * QUARTER // 10**6 + second)
        log.tick(2 * DAY + 1000)
        log.tick(2 * DAY + 1001)
        logs.append(log)
    assert views(logs[0]) == views(logs[1]) == views(logs[2])
    assert published(logs[0]) == views(logs[0])


# -- readings

_VALUES = st.from_regex(r"\s*[+-]?[0-9_.]{1,6}([eE][+-]?\d{1,3})?\s*", fullmatch=True) | st.text(
    st.characters(max_codepoint=127), max_size=12
)


@given(_VALUES | st.floats() | st.integers() | st.none() | st.booleans())
def test_a_value_is_the_number_that_the_contract_reads(value: object) -> None:
    if not isinstance(value, float) or math.isfinite(value):
        assert samples._number(value) == quirks.number(value)
