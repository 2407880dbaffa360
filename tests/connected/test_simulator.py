"""Fleets over real sockets: what they send is valid, complete, and what their truth says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from contracts.times import MINUTE, SECOND, parse_time, rfc3339_ms
from contracts.versions import Version
from ops.clock import Clock
from parts.processes import free_port
from plain_csms import Csms, Received, plain_csms
from simulator import misbehaviour as names
from simulator import truth as truths
from simulator.fleet import Fleet
from simulator.journal import Journal, read_journal
from simulator.ledger import Ledger
from simulator.line import LineSettings
from simulator.misbehaviour import chosen
from simulator.plan import PlanSettings
from simulator.station import Environment
from simulator.truth import BOOT_LOOP_WINDOW, BOOTS_CERTAIN, SessionTruth, Truth

SPEED = 450.0  # an hour in eight seconds
MIXED = {Version.V16: 2.0, Version.V201: 1.0, Version.V21: 1.0}


def environment(csms: Csms, journal: Journal, speed: float = SPEED, **line: Any) -> Environment:
    settings = {"call_timeout_s": 30.0, "attempts": 3, "retry_s": 1.0, **line}
    now_us = 1_800_000_000_000_000
    clock = csms.clock = Clock(now_us, Clock.system().system_us(), speed, Clock.system().started_us)
    return Environment(
        clock=clock,
        line=LineSettings(target=csms.url, **settings),
        ledger=Ledger(),
        journal=journal,
        seed=7,
        aligned_us=15 * MINUTE,
        heartbeat_us=15 * MINUTE,
    )


async def fleet_truth(
    csms: Csms, *, stations: int, mix: dict[Version, float], misbehave: str, seconds: float = 8.0
) -> Truth:
    """Run a fleet for so many real seconds; its truth."""
    with Journal(None) as journal:
        env = environment(csms, journal)
        plan = PlanSettings(
            stations=stations,
            seed=7,
            mix=mix,
            readings_s=(60, 300),
            misbehaviours=chosen(misbehave.split(","), real_time=False),
        )
        fleet = Fleet(plan, env, env.clock.now_us() + round(seconds * SPEED * SECOND))
        assert await fleet.run(asyncio.Event(), progress_s=60, drain_s=30)
        return fleet.truth()


def time_of(text: str) -> str:
    """The time of a frame as the truth writes it."""
    parsed = parse_time(text)
    assert parsed is not None
    return rfc3339_ms(parsed[0])


Life = tuple[str, int, str, str, int]  # station, evse, start, end, Wh


def lives_16(csms: Csms) -> set[Life]:
    """Sessions of 1.6 as the frames say it, by the plainest rule: a stop belongs to the start with its token."""
    starts = {(one.station, one.payload["idTag"]): one.payload for one in csms.calls("StartTransaction")}
    found = set()
    for stop in csms.calls("StopTransaction"):
        start = starts.get((stop.station, stop.payload["idTag"]))
        if start is not None:
            wh = stop.payload["meterStop"] - start["meterStart"]
            times = time_of(start["timestamp"]), time_of(stop.payload["timestamp"])
            found.add((f"default/{stop.station}", start["connectorId"], *times, wh))
    return found


def register_wh(event: Received) -> int:
    (meter_value,) = event.payload["meterValue"]
    value = next(one for one in meter_value["sampledValue"] if one["measurand"] == "Energy.Active.Import.Register")
    wh: float = value["value"] * (1000 if value["unitOfMeasure"]["unit"] == "kWh" else 1)
    return round(wh)


def lives_2x(csms: Csms) -> set[Life]:
    """Sessions of 2.x as the frames say it: from Started to Ended."""
    events: dict[tuple[str, str], dict[str, Received]] = {}
    for event in csms.calls("TransactionEvent"):
        transaction = event.payload["transactionInfo"]["transactionId"]
        events.setdefault((event.station, transaction), {})[event.payload["eventType"]] = event
    found = set()
    for (station, _), by_type in events.items():
        if {"Started", "Ended"} <= by_type.keys():
            start, end = by_type["Started"], by_type["Ended"]
            times = time_of(start.payload["timestamp"]), time_of(end.payload["timestamp"])
            wh = register_wh(end) - register_wh(start)
            found.add((f"default/{station}", start.payload["evse"]["id"], *times, wh))
    return found


def life(session: SessionTruth) -> Life:
    assert session.ended_at is not None
    return session.station, session.evse, session.started_at, session.ended_at, session.wh


def lives(csms: Csms) -> set[Life]:
    return lives_16(csms) | lives_2x(csms)


@pytest.mark.parametrize("version", list(Version))
async def test_a_well_behaved_fleet(version: Version) -> None:
    async with plain_csms() as csms:
        truth = await fleet_truth(csms, stations=8, mix={version: 1.0}, misbehave="none")
    assert csms.invalid == []
    assert truth.end.calls == truth.end.answered == len(csms.received)
    assert truth.end.undelivered == truth.end.discarded == 0
    assert {session.station for session in truth.sessions} == set(truth.run.stations)
    assert {life(session) for session in truth.sessions} == lives(csms)
    assert all(session.wh > 0 for session in truth.sessions if session.started_at < truth.end.ended_at[:-9])
    assert not truth.gaps
    assert {code for _, code in csms.closed} == {1000}


async def test_a_fleet_that_misbehaves_still_tells_the_truth() -> None:
    async with plain_csms() as csms:
        truth = await fleet_truth(csms, stations=24, mix=MIXED, misbehave="all", seconds=12)
    assert all("is not of type" in error for error in csms.invalid)
    assert truth.end.undelivered == truth.end.discarded == 0
    seen = {life(session) for session in truth.sessions if names.MISSING_START not in session.misbehaviours}
    assert seen == lives(csms)
    silent = [session for session in truth.sessions if names.MISSING_START in session.misbehaviours]
    assert all(session.expected.flags == (names.MISSING_START,) for session in silent)
    assert truth.end.answered <= len(csms.received) <= truth.end.calls
    assert sum(gap.verdict == "long" for gap in truth.gaps) > 0
    assert len(truth.end.misbehaviours) > len(chosen(["all"], real_time=False)) // 2


@pytest.mark.parametrize(
    ("version", "together"),
    [
        (
            Version.V16,
            (
                names.DUPLICATE_START_SAME_ID,
                names.DUPLICATE_START_NEW_ID,
                names.DUPLICATE_STOP,
                names.LOST_START_ANSWER,
                names.MISSING_START,
                names.ENERGY_MISSING,
                names.PADDED_VALUES,
            ),
        ),
        (
            Version.V201,
            (
                names.MISSING_START,
                names.RETRY,
                names.SEQ_GAP,
                names.ENDED_WITHOUT_EVSE,
                names.BATCHED_READINGS,
                names.METER_RESET,
            ),
        ),
        (Version.V201, (names.OFFLINE_REPLAY,)),
        (Version.V16, (names.POWER_LOSS_END,)),
        (Version.V21, (names.POWER_LOSS_RESUME,)),
        (Version.V16, (names.ABRUPT_CLOSE, names.CLOCK_SKEW)),
        (Version.V201, (names.BOOT_LOOP, names.OVERSIZED_FRAME)),
        (Version.V21, (names.LONG_OUTAGE,)),
    ],
)
async def test_each_misbehaviour_is_on_the_wire(version: Version, together: tuple[str, ...]) -> None:
    async with plain_csms() as csms:
        truth = await fleet_truth(csms, stations=30, mix={version: 1.0}, misbehave=",".join(together))
    assert truth.end.misbehaviours.keys() == {*together}
    assert truth.end.undelivered == 0
    assert csms.invalid == []
    for name in together:
        _ON_THE_WIRE[name](csms, truth)


def touched(truth: Truth, name: str) -> list[SessionTruth]:
    """The sessions that a misbehaviour touched."""
    return [session for session in truth.sessions if name in session.misbehaviours]


def _same_id(csms: Csms, truth: Truth) -> None:
    ids = Counter((one.station, one.connection, one.id) for one in csms.calls("StartTransaction"))
    assert sum(count > 1 for count in ids.values()) == truth.end.misbehaviours[names.DUPLICATE_START_SAME_ID]


def _new_id(csms: Csms, truth: Truth) -> None:
    starts = Counter(one.payload["idTag"] for one in csms.calls("StartTransaction"))
    assert {starts[session.id_token] for session in touched(truth, names.DUPLICATE_START_NEW_ID)} == {3}


def _stops(csms: Csms, truth: Truth) -> None:
    stops = Counter((one.station, json.dumps(one.payload)) for one in csms.calls("StopTransaction"))
    assert sum(count == 3 for count in stops.values()) == truth.end.misbehaviours[names.DUPLICATE_STOP]
    assert all("transactionData" in json.loads(stop) for (_, stop), count in stops.items() if count == 3)


def _minus_one(csms: Csms, truth: Truth) -> None:
    lost = touched(truth, names.LOST_START_ANSWER)
    assert {session.transaction_id for session in lost} == {"-1"}
    stops = [one for one in csms.calls("StopTransaction") if one.payload["transactionId"] == -1]
    assert {one.payload["idTag"] for one in stops} == {session.id_token for session in lost}


def _no_start(csms: Csms, truth: Truth) -> None:
    silent = touched(truth, names.MISSING_START)
    assert not {one.id_token for one in silent} & {one.payload["idTag"] for one in csms.calls("StartTransaction")}
    started = {
        one.payload["transactionInfo"]["transactionId"]
        for one in csms.calls("TransactionEvent")
        if one.payload["eventType"] == "Started"
    }
    assert not started & {session.transaction_id for session in silent}
    assert all(session.wh == session.expected.import_wh for session in truth.sessions)


def _events_again(csms: Csms, truth: Truth) -> None:
    events = Counter((one.station, json.dumps(one.payload)) for one in csms.calls("TransactionEvent"))
    assert sum(count > 1 for count in events.values()) >= truth.end.misbehaviours[names.RETRY]


def _gaps_in_seq_no(csms: Csms, truth: Truth) -> None:
    seen: dict[str, set[int]] = {}
    for one in csms.calls("TransactionEvent"):
        seen.setdefault(one.payload["transactionInfo"]["transactionId"], set()).add(one.payload["seqNo"])
    assert any(session.expected.seq_missing for session in truth.sessions)
    for session in truth.sessions:
        numbers = seen[session.transaction_id or ""]
        assert tuple(sorted(set(range(min(numbers), max(numbers))) - numbers)) == session.expected.seq_missing


def _no_evse(csms: Csms, truth: Truth) -> None:
    ended = {
        one.payload["transactionInfo"]["transactionId"]
        for one in csms.calls("TransactionEvent")
        if one.payload["eventType"] == "Ended" and "evse" not in one.payload
    }
    assert {session.transaction_id for session in touched(truth, names.ENDED_WITHOUT_EVSE)} <= ended


def _no_energy(csms: Csms, truth: Truth) -> None:
    def measurands(one: Received) -> set[str]:
        return {value["measurand"] for each in one.payload["meterValue"] for value in each["sampledValue"]}

    without = [one for one in csms.calls("MeterValues") if "Energy.Active.Import.Register" not in measurands(one)]
    assert len(without) >= truth.end.misbehaviours[names.ENERGY_MISSING]


def _batches(csms: Csms, truth: Truth) -> None:
    batches = [one.payload for one in csms.calls("TransactionEvent") if len(one.payload.get("meterValue", [])) > 1]
    assert {one["transactionInfo"]["transactionId"] for one in batches} == {
        session.transaction_id for session in touched(truth, names.BATCHED_READINGS)
    }
    orders = [[one["timestamp"] for one in batch["meterValue"]] for batch in batches]
    assert any(order != sorted(order) for order in orders)


def _offline(csms: Csms, truth: Truth) -> None:
    assert any(one.payload.get("offline") for one in csms.calls("TransactionEvent"))
    assert {gap.verdict for gap in truth.gaps} == {"long"}
    assert len(csms.calls("BootNotification")) == len(truth.run.stations)


def _power_ends(csms: Csms, truth: Truth) -> None:
    ended = {one.payload["idTag"] for one in csms.calls("StopTransaction") if one.payload["reason"] == "PowerLoss"}
    assert ended
    assert ended == {session.id_token for session in truth.sessions if session.stop_reason == "PowerLoss"}
    assert ended <= {session.id_token for session in touched(truth, names.POWER_LOSS_END)}
    assert len(csms.calls("BootNotification")) > len(truth.run.stations)
    assert 1006 in {code for _, code in csms.closed}


def _power_resumes(csms: Csms, truth: Truth) -> None:
    connections: dict[str, set[int]] = {}
    for one in csms.calls("TransactionEvent"):
        connections.setdefault(one.payload["transactionInfo"]["transactionId"], set()).add(one.connection)
    over = touched(truth, names.POWER_LOSS_RESUME)
    assert any(len(connections[session.transaction_id or ""]) > 1 for session in over)
    assert {session.stop_reason for session in over} <= {"Local", "GroundFault"}
    assert len(csms.calls("BootNotification")) > len(truth.run.stations)


def _abrupt(csms: Csms, truth: Truth) -> None:
    assert sum(code == 1006 for _, code in csms.closed) == len(truth.gaps) > 0
    assert len(csms.calls("BootNotification")) == len(truth.run.stations)


def _reset(_: Csms, truth: Truth) -> None:
    resetting = {session.station for session in touched(truth, names.METER_RESET)}
    assert all((session.meter_start_wh == 0) == (session.station in resetting) for session in truth.sessions)


def _padded(csms: Csms, truth: Truth) -> None:
    padded = {
        one.station
        for one in csms.calls("MeterValues")
        if one.payload["meterValue"][0]["sampledValue"][0]["value"].startswith(" ")
    }
    assert {f"default/{one}" for one in padded} == {one.station for one in touched(truth, names.PADDED_VALUES)}


def _skewed(csms: Csms, truth: Truth) -> None:
    assert {life(session) for session in truth.sessions} == lives(csms)


def _loops(csms: Csms, truth: Truth) -> None:
    # On a busy machine boots fall together, or apart: the truth then says how certain the alarm is, if there is one.
    boots: dict[str, list[float]] = {}
    for one in csms.calls("BootNotification"):
        boots.setdefault(one.station, []).append(one.at_s)
    looping = {station for station, times in boots.items() if len(times) > 1}
    assert len(looping) == truth.end.misbehaviours[names.BOOT_LOOP]
    alarms = {alarm.alarm_key: alarm.must for alarm in truth.alarms if alarm.rule == "boot-loop"}
    assert alarms.keys() <= {f"boot-loop/default/{station}" for station in looping}
    assert all(len(boots[key.rpartition("/")[2]]) > BOOTS_CERTAIN for key, must in alarms.items() if must)
    for station in looping:
        if f"boot-loop/default/{station}" not in alarms:
            gaps_s = [SPEED * (after - before) for before, after in pairwise(boots[station])]
            assert min(gaps_s) > 0.8 * BOOT_LOOP_WINDOW / SECOND, "they were too far apart for a loop"


def _oversized(_: Csms, truth: Truth) -> None:
    alarms = [alarm for alarm in truth.alarms if alarm.rule == "oversized-frame"]
    assert len(alarms) == truth.end.misbehaviours[names.OVERSIZED_FRAME]
    assert all(alarm.must for alarm in alarms)  # the CSMS closed with 1009


def _away(csms: Csms, truth: Truth) -> None:
    assert len(truth.gaps) == truth.end.misbehaviours[names.LONG_OUTAGE]
    assert len(csms.calls("BootNotification")) == len(truth.run.stations)


_ON_THE_WIRE = {
    names.DUPLICATE_START_SAME_ID: _same_id,
    names.DUPLICATE_START_NEW_ID: _new_id,
    names.DUPLICATE_STOP: _stops,
    names.LOST_START_ANSWER: _minus_one,
    names.MISSING_START: _no_start,
    names.RETRY: _events_again,
    names.SEQ_GAP: _gaps_in_seq_no,
    names.ENDED_WITHOUT_EVSE: _no_evse,
    names.ENERGY_MISSING: _no_energy,
    names.BATCHED_READINGS: _batches,
    names.OFFLINE_REPLAY: _offline,
    names.POWER_LOSS_END: _power_ends,
    names.POWER_LOSS_RESUME: _power_resumes,
    names.ABRUPT_CLOSE: _abrupt,
    names.METER_RESET: _reset,
    names.PADDED_VALUES: _padded,
    names.CLOCK_SKEW: _skewed,
    names.BOOT_LOOP: _loops,
    names.OVERSIZED_FRAME: _oversized,
    names.LONG_OUTAGE: _away,
}


async def simulate(
    csms: Csms, folder: Path, *arguments: str, speed: float = 1.0, shared: bool = True
) -> asyncio.subprocess.Process:
    """`voltstream simulate`, as a user runs it; on the clock of the CSMS, or (not `shared`) on one of its own."""
    if shared:
        system = Clock.system()
        csms.clock = Clock(system.now_us(), system.now_us(), speed, system.now_us())
    clock = csms.clock.environment() if shared else {"CLOCK_SPEED": str(speed)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voltstream",
        "simulate",
        "--target",
        csms.url,
        "--truth",
        str(folder / "truth.jsonl"),
        "--journal",
        str(folder / "journal.jsonl"),
        "--progress",
        "0.5",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **clock},
    )


async def test_the_command_ends_in_order(tmp_path: Path) -> None:
    async with plain_csms() as csms:
        process = await simulate(csms, tmp_path, "--stations", "10", "--seconds", "6", speed=360)
        output, errors = await process.communicate()
    assert process.returncode == 0
    summary = json.loads(output.splitlines()[-1])
    truth, journal = truths.read(tmp_path / "truth.jsonl"), read_journal(tmp_path / "journal.jsonl")
    assert summary["sessions"] == len(truth.sessions) > 0
    assert summary["calls"] == truth.end.calls == len(journal)
    outcomes = Counter(entry.outcome for entry in journal)
    assert summary["outcomes"] == {name: outcomes[name] for name in ("result", "error", "none")}
    latency = summary["latency_ms"]
    took_ms = max((entry.answered_ns - entry.sent_ns) / 1e6 for entry in journal if entry.answered_ns)
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"] == round(took_ms, 3)
    assert f"p50_ms={latency['p50']}" in errors.decode()
    assert b" progress " in errors
    received = Counter((f"default/{one.station}", one.id) for one in csms.received)
    assert not Counter((entry.station, entry.id) for entry in journal if entry.outcome == "result") - received
    orders: dict[str, list[int]] = {}
    for entry in journal:
        orders.setdefault(entry.station, []).append(entry.n)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in orders.values())
    assert all(entry.answered_ns and entry.answered_ns > entry.sent_ns for entry in journal if entry.answered_at)


async def test_sigterm_stops_the_sessions_and_a_second_one_aborts(tmp_path: Path) -> None:
    async with plain_csms() as csms:
        process = await simulate(csms, tmp_path, "--stations", "10", "--misbehave", "none", speed=360)
        while not csms.calls("TransactionEvent") or not csms.calls("StartTransaction"):
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0
        truth = truths.read(tmp_path / "truth.jsonl")
        assert all(session.delivered and session.expected.state == "ended" for session in truth.sessions)
        assert {life(session) for session in truth.sessions} == lives(csms)

        csms.silent.add("Heartbeat")
        csms.silent.add("StatusNotification")
        process = await simulate(csms, tmp_path, "--stations", "3", speed=60)
        while csms.connections.get("CP0003", 0) < 2:
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == -signal.SIGTERM


async def test_a_clock_that_is_not_the_edges_ends_it(tmp_path: Path) -> None:
    async with plain_csms() as csms:
        process = await simulate(csms, tmp_path, "--stations", "20", speed=60, shared=False)
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    last = errors.decode().splitlines()[-1]
    assert last.startswith("voltstream simulate: CLOCK_SPEED (--speed): it is ")
    assert last.endswith(" here: edge and simulator must be given the same CLOCK_ORIGIN, CLOCK_ANCHOR and CLOCK_SPEED")


async def test_what_cannot_be_said_is_told(tmp_path: Path) -> None:
    async with plain_csms() as csms:
        csms.silent.add("StatusNotification")
        process = await simulate(
            csms, tmp_path, "--stations", "2", "--seconds", "1", "--drain", "1", "--mix", "1.6", speed=60
        )
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"not everything was answered" in errors


def test_an_edge_that_is_not_there_is_told_once_and_not_waited_for(tmp_path: Path) -> None:
    target = f"ws://127.0.0.1:{free_port()}/ocpp"
    command = [sys.executable, "-m", "voltstream", "simulate", "--target", target, "--stations", "5"]
    done = subprocess.run(
        [*command, "--seconds", "3", "--drain", "600"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    (told,) = [line for line in done.stderr.splitlines() if "no station connects" in line]
    assert " WARNING " in told
    assert f"target={target}" in told
    assert "refused" in told
    assert done.stderr.index("no station connects") < done.stderr.index("stopping all sessions")


async def test_an_edge_that_goes_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    with Journal(None) as journal:
        async with plain_csms() as csms:
            env = environment(csms, journal, speed=60)
            plan = PlanSettings(
                stations=2, seed=7, mix=MIXED, readings_s=(60, 300), misbehaviours=frozenset(), faults=False
            )
            fleet, stop = Fleet(plan, env, None), asyncio.Event()
            running = asyncio.create_task(fleet.run(stop, progress_s=60, drain_s=0.1))
            while not all(station.line.online for station in fleet.stations):
                await asyncio.sleep(0.05)
            assert "no station connects" not in caplog.text
        while "no station connects" not in caplog.text:
            await asyncio.sleep(0.05)
        stop.set()
        assert not await running
    assert [record.levelname for record in caplog.records if record.message == "no station connects"] == ["WARNING"]


def test_a_time_that_is_past_is_refused(tmp_path: Path) -> None:

    done = subprocess.run(
        [sys.executable, "-m", "voltstream", "simulate", "--until", "2020-01-01T00:00:00Z"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "SIM_UNTIL" in done.stderr
