"""The agent on `messages`: what one record, one batch and one restart come to."""

import base64
import json

import msgspec
import pytest

from contracts.errors import LogContradictionError
from contracts.topics import Name
from list_log import LIMITS, Log, ms
from streams.engine.agent import Output, Record
from streams.engine.folding import fold_batch
from streams.engine.state import State
from streams.messages import MessagesAgent
from streams.states import decode, encode
from streams.turn import Turn


def headers(output: Output) -> dict[str, str]:
    return {name: value.decode() for name, value in output.headers}


def record(log: Log, value: bytes | None, key: bytes = b"default/CP1") -> Record:
    return Record(len(log.records), 0, False, key, value, log.partition, log.agent.source)


def test_topics_and_headers_of_what_is_derived(log: Log) -> None:
    log.start(10, 1000)
    outputs = log.call(70, "MeterValues", {"connectorId": 1, "meterValue": {"sampledValue": {"value": 5}}})
    assert [output.topic for output in outputs] == ["ocpp.samples", "ocpp.energy"]
    sample, energy = outputs
    offset = len(log.records) - 1
    assert sample.key == b"default/CP1"
    assert headers(sample) == {
        "schema": "samples/1",
        "ce_specversion": "1.0",
        "ce_id": f"samples/default/CP1/1.{offset}.0",
        "ce_type": "voltstream.Sample.v1",
        "ce_source": "/ocpp.messages/0",
        "ce_time": "2026-03-01T10:01:10.000000Z",
    }
    assert energy.key == f"default/CP1/1/evse/{ms(0)}".encode()
    value = json.loads(energy.value or b"")
    assert (value["log"], value["revision"], value["source"]) == (1, offset, {"partition": 0, "offset": offset})
    assert (value["v"], value["tenant"], value["station"], value["site"]) == (1, "default", "default/CP1", "default")


def test_everything_goes_to_the_partition_of_its_source(log: Log) -> None:
    log.start(10, 1000)
    assert {output.partition for output in log.outputs} == {None}


def test_the_prefix_is_replaced() -> None:
    agent = MessagesAgent("replayed.", log=3)
    assert (agent.name, agent.source) == ("messages", "replayed.messages")
    letter = agent.dead_letter(Record(7, 0, True, None, None, 2, "replayed.messages"), ValueError("x"), "fold-error")
    assert letter.topic == "replayed.dlq"
    assert json.loads(letter.value or b"")["source"] == {
        "topic": "replayed.messages",
        "partition": 2,
        "offset": 7,
        "log": 3,
    }


def test_a_dead_letter_holds_the_record_verbatim(log: Log) -> None:
    (letter,) = log.replay(record(log, b"\x00nonsense", b"\xff"))
    value = json.loads(letter.value or b"")
    assert (letter.topic, letter.key, headers(letter)) == ("ocpp.dlq", b"\xff", {"schema": "dlq/1"})
    assert (value["part"], value["name"], value["code"]) == ("streams", "messages", "fold-error")
    assert base64.b64decode(value["value"]) == b"\x00nonsense"
    assert base64.b64decode(value["key"]) == b"\xff"
    assert "not an envelope" in value["error"]


@pytest.mark.parametrize("value", [None, b"", b"[]", b'{"v":1,"kind":"node","ts":"x","node":"n"}'])
def test_what_is_no_record_is_a_dead_letter(log: Log, value: bytes | None) -> None:
    before = dict(log.states)
    (letter,) = log.replay(record(log, value))
    assert letter.topic == f"ocpp.{Name.DLQ}"
    assert log.states == before


def test_a_tick_of_another_log_ends_the_process(log: Log) -> None:
    with pytest.raises(LogContradictionError, match="KAFKA_LOG_EPOCH"):
        log.tick(5, log=2)


def test_a_repeat_changes_nothing(log: Log) -> None:
    log.start(10, 1000)
    before = dict(log.states)
    for again in log.records[1:]:
        assert log.replay(msgspec.structs.replace(again, offset=again.offset + 100)) == []
    assert log.states == before


def test_of_several_views_of_one_key_the_last_is_emitted(log: Log) -> None:
    log.start(10, 1000)
    meter_values = [{"timestamp": ms(10 + at), "sampledValue": {"value": 1000 + at}} for at in range(5)]
    outputs = log.call(70, "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": meter_values})
    keys = [(output.topic, output.key) for output in outputs if output.topic != "ocpp.samples"]
    assert len(keys) == len(set(keys)) == 2


def test_a_batch_is_no_unit_of_meaning(log: Log) -> None:
    log.start(10, 1000)
    for at in range(20, 200, 20):
        log.meter(at, 1000 + at)
    log.stop(210, 1300)
    fold = log.agent.open(0, {})
    folded = fold_batch(log.agent, fold, {}, log.records, LIMITS)
    assert folded.outputs == log.outputs
    assert folded.changes == log.states


def test_a_record_that_fails_leaves_no_trace(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("half-way")

    log.start(10, 1000)
    before = dict(log.states)
    monkeypatch.setattr("streams.session_records.prune", broken)
    outputs = log.call(70, "StopTransaction", {"transactionId": 7, "meterStop": 1300, "timestamp": ms(70)})
    assert [output.topic for output in outputs] == ["ocpp.dlq"]
    assert log.states == before
    monkeypatch.undo()
    log.stop(80, 1300)
    assert log.session()["import_wh"] == 300


def test_one_stations_broken_timer_does_not_stop_the_others(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def expire(turn: Turn) -> None:
        if turn.station == "default/CP1":
            raise RuntimeError("half-way")

    log.connect(1, "D1", name="CP2")
    log.disconnect(10)
    log.disconnect(10, "D1", name="CP2")
    monkeypatch.setattr("streams.session_records.expire", expire)
    log.ticks(15, 75)
    assert [key for key, _, _ in log.alarms()] == ["offline/default/CP2"]
    (letter,) = log.all("dlq")
    assert (letter["code"], letter["error"]) == ("fold-error", "timers of default/CP1: RuntimeError: half-way")


def test_a_tick_about_many_stations_is_folded_in_steps(log: Log) -> None:
    for n in range(20):
        log.connect(1, f"D{n}", name=f"D{n}")
        log.disconnect(10, f"D{n}", name=f"D{n}")
    log.ticks(15, 65)
    log.gathers = True  # the last tick, which finds all of them offline, is folded here
    log.tick(70)
    fold = log.agent.open(0, log.states)
    steps = list(fold.fold(log.records[-1], State(log.agent, log.states)))
    alarms = [step for step in steps if step is not None and step.topic == "ocpp.alarms"]
    assert len(alarms) == 20
    assert steps.count(None) == 2 * 20, "one to find each of them due, and one to fire its timers"


def test_a_worker_that_starts_anew_knows_the_timers(log: Log) -> None:
    log.disconnect(10)
    log.restart()
    log.ticks(15, 80)
    assert log.alarms() == [("offline/default/CP1", "raised", ms(70))]


def test_and_which_stations_a_node_holds(log: Log) -> None:
    log.tick(5, "edge-2")
    log.restart()
    log.ticks(10, 100, node="edge-2")
    assert ("offline/default/CP1", "raised", ms(75)) in log.alarms()


def test_timers_taken_from_the_index_for_a_record_that_failed_are_put_back(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.disconnect(10)
    log.ticks(15, 65)

    def broken(*_: object) -> None:
        raise RuntimeError("after the timers")

    monkeypatch.setattr("streams.messages.nodes.elapsed", broken)
    log.tick(72)
    assert [each["code"] for each in log.all("dlq")] == ["fold-error"]
    monkeypatch.undo()
    log.tick(73)
    assert log.alarms() == [("offline/default/CP1", "raised", ms(70))]


def test_an_index_of_timers_does_not_grow_with_the_messages(log: Log) -> None:
    log.start(0, 1000)
    for at in range(1, 100):
        log.meter(at / 10, 1000)
    heaps = log.fold._timers._heaps
    assert len(heaps["edge-1"]) < 5


def test_an_idle_station_is_not_written_again(log: Log) -> None:
    log.start(0, 1000)
    log.stop(10, 1100)
    log.ticks(905, 920)
    before = dict(log.states)
    log.ticks(925, 1000)
    changed = {key for key, value in log.states.items() if before.get(key) != value}
    assert changed == {b"\x00clock"}


def test_states_encode_as_they_were_decoded(log: Log, log_2x: Log) -> None:
    log.status(1, "Faulted", "GroundFailure")
    log.start(2, 1000)
    log.meter(70, 1100, 4711, Power_Active_Import=5, SoC=7)
    log.stop(80, 1200)
    log.tick(1, "edge-2")
    log_2x.event(1, "Started", 0, 5, evse=1)
    log_2x.event(70, "Updated", 4, 6)
    for each in (log, log_2x):
        for key, value in each.states.items():
            assert encode(key, decode(key, value)) == value
            assert decode(key, encode(key, decode(key, value))) == decode(key, value)
    assert {key[:2] for key in log.states} == {b"\x00c", b"l/", b"h/", b"p/", b"b/", b"s/", b"m/", b"r/", b"c/"}


def test_no_derived_record_holds_anything_but_the_log(log: Log) -> None:
    """The same log again, elsewhere and later: the same bytes."""
    log.status(1, "Faulted", "GroundFailure")
    log.start(2, 1000)
    log.meter(70, 1100)
    log.disconnect(100)
    log.ticks(105, 300)
    other = Log()
    for each in log.records:
        other.replay(each)
    assert other.outputs == log.outputs
    assert other.states == log.states
