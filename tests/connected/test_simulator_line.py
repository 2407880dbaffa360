"""One station and its line: time-outs, errors, refusals, reconnects, half-open sockets, registration."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from contracts.times import MINUTE, SECOND
from contracts.versions import Version
from ops.clock import Clock
from plain_csms import Csms, plain_csms
from simulator import misbehaviour as names
from simulator.battery import Car
from simulator.faults import FATAL_2X, FATAL_16
from simulator.fleet import station_of
from simulator.journal import Journal
from simulator.ledger import Ledger
from simulator.line import LineSettings
from simulator.plan import FaultPlan, Happening, SessionPlan, StationPlan, Traits
from simulator.planner import LOOP_BOOTS
from simulator.readings import Style
from simulator.station import Environment
from simulator.visits import VisitedStation

BEGIN = 1_800_000_000_000_000


def traits(version: Version) -> Traits:
    return Traits(
        identity="CP1",
        version=version,
        evses=1,
        dc=False,
        rated_w=22_080,
        reading_s=60,
        aligned="none",
        style=Style(),
        id_style="uuid",
        time_style="ms",
        skew_us=0,
        meter_resets=False,
        lifetime_wh=(1000,),
        misbehaviours=(),
    )


def visit(start_s: float, stop_s: float) -> SessionPlan:
    start_us, stop_us = BEGIN + round(start_s * SECOND), BEGIN + round(stop_s * SECOND)
    return SessionPlan(
        evse=1,
        plug_us=start_us - 10 * SECOND,
        start_us=start_us,
        stop_us=stop_us,
        unplug_us=stop_us + 5 * SECOND,
        id_token="AB",  # noqa: S106 - a car's, not a secret
        car=Car(50_000, 11_040, 3, 0.1, 1.0),
    )


def plan(version: Version, *sessions: SessionPlan, **parts: Any) -> StationPlan:
    empty = {"faults": (), "happenings": (), "security": ()}
    return StationPlan(traits=traits(version), connect_us=BEGIN, sessions=sessions, **{**empty, **parts})


@asynccontextmanager
async def living(csms: Csms, its: StationPlan, *, speed: float = 60.0, **line: Any) -> AsyncIterator[VisitedStation]:
    """A station that lives while this is open."""
    settings = {"call_timeout_s": 5.0, "attempts": 3, "retry_s": 0.1, **line}
    system = Clock.system()
    with Journal(None) as journal:
        env = Environment(
            clock=Clock(BEGIN, system.system_us(), speed, system.started_us),
            line=LineSettings(target=csms.url, **settings),
            ledger=Ledger(),
            journal=journal,
            seed=1,
            aligned_us=15 * MINUTE,
            heartbeat_us=15 * MINUTE,
        )
        station = station_of(its, env)
        task = asyncio.create_task(station.run())
        try:
            yield station
        finally:
            station.leaving = True
            await task


async def until(condition: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def finished(station: VisitedStation) -> None:
    station.finish(station.clock.now_us())
    await until(lambda: station.drained)


async def test_a_start_without_an_answer_is_tried_three_times_and_then_the_id_is_minus_one() -> None:
    async with plain_csms() as csms:
        csms.silent.add("StartTransaction")
        async with living(csms, plan(Version.V16, visit(20, 200)), call_timeout_s=0.3) as station:
            await until(lambda: csms.calls("StopTransaction"))
            assert len(csms.calls("StartTransaction")) == 3
            assert csms.calls("StopTransaction")[0].payload["transactionId"] == -1
            assert {one.payload["transactionId"] for one in csms.calls("MeterValues")} == {-1}
            assert station.ledger.discarded == 1
            assert not station.session_truths()[0].delivered


async def test_an_error_to_a_transaction_message_costs_an_attempt() -> None:
    async with plain_csms() as csms:
        csms.errors.add("StopTransaction")
        async with living(csms, plan(Version.V16, visit(20, 60))) as station:
            await until(lambda: len(csms.calls("StopTransaction")) == 3)
            await asyncio.sleep(0.5)
            assert len(csms.calls("StopTransaction")) == 3
            assert station.ledger.discarded == 1


async def test_a_status_is_never_sent_again_on_its_connection() -> None:
    async with plain_csms() as csms:
        csms.silent.add("StatusNotification")
        async with living(csms, plan(Version.V201), call_timeout_s=0.2):
            await until(lambda: csms.calls("StatusNotification"))
            await asyncio.sleep(1.0)
            assert len(csms.calls("StatusNotification")) == 1


async def test_away_from_its_csms_it_queues_and_spends_no_attempt() -> None:
    async with plain_csms() as csms, living(csms, plan(Version.V201, visit(20, 400)), attempts=1) as station:
        # A CALL that is under way when the socket goes is rightly sent again: the test below is about that.
        await until(lambda: csms.calls("TransactionEvent") and not len(station.line.outbox))
        csms.refusals += [(HTTPStatus.BAD_GATEWAY, {})] * 4
        csms.open["CP1"].transport.abort()  # from here on nothing is heard, as a goodbye would still let it
        await until(lambda: not csms.refusals)
        await until(lambda: any(one.payload["eventType"] == "Ended" for one in csms.calls("TransactionEvent")))
        numbers = [one.payload["seqNo"] for one in csms.calls("TransactionEvent")]
        assert numbers == list(range(len(numbers)))
        assert any(one.payload.get("offline") for one in csms.calls("TransactionEvent"))
        assert station.ledger.refused == {"502": 4}
        assert station.ledger.discarded == 0
        assert len(csms.calls("BootNotification")) == 1  # who only reconnects does not boot


async def test_it_comes_back_no_sooner_than_it_was_told() -> None:
    async with plain_csms() as csms:
        csms.refusals.append((HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "2"}))
        began = time.monotonic()
        async with living(csms, plan(Version.V16)):
            await until(lambda: csms.received)
            assert 2.0 <= time.monotonic() - began < 8.0


async def test_before_it_is_accepted_it_says_nothing_but_boots() -> None:
    async with plain_csms() as csms:
        csms.boots += ["Pending", "Rejected"]
        # The CSMS wants it back after 300 s, which is half a second here.
        async with living(csms, plan(Version.V21), speed=600.0) as station:
            await until(lambda: len(csms.calls("BootNotification")) == 3)
            await until(lambda: csms.calls("StatusNotification"))
            assert [one.action for one in csms.received[:3]] == ["BootNotification"] * 3
            assert station.line.registered


@pytest.mark.parametrize("begins_plugged", [True, False])
async def test_a_transaction_after_one_that_a_fault_ended_begins_with_a_start_too(*, begins_plugged: bool) -> None:
    its = plan(
        Version.V201, visit(60, 200), faults=(FaultPlan(1, BEGIN + 59 * SECOND, BEGIN + 120 * SECOND, FATAL_2X[0]),)
    )
    its = msgspec.structs.replace(its, traits=msgspec.structs.replace(its.traits, begins_plugged=begins_plugged))
    async with plain_csms() as csms, living(csms, its) as station:
        await until(lambda: [one.payload["eventType"] for one in csms.calls("TransactionEvent")].count("Ended") == 2)
        events = [one.payload for one in csms.calls("TransactionEvent")]
        assert [(one["seqNo"], one["evse"]["id"]) for one in events if one["eventType"] == "Started"] == [(0, 1)] * 2
        assert len({one["transactionInfo"]["transactionId"] for one in events}) == 2
        await finished(station)
        assert [truth.delivered for truth in station.session_truths()] == [True, True]


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
async def test_a_fault_that_nobody_heard_of_is_told_with_its_own_time(version: Version) -> None:
    fault = (FATAL_16 if version is Version.V16 else FATAL_2X)[0]
    its = plan(version, faults=(FaultPlan(1, BEGIN + 30 * SECOND, BEGIN + 150 * SECOND, fault),))
    action = "StatusNotification" if version is Version.V16 else "NotifyEvent"

    def faults(csms: Csms) -> list[dict[str, Any]]:
        found = [one.payload for one in csms.calls(action)]
        if version is Version.V16:
            return [one for one in found if one["errorCode"] != "NoError"]
        return [data for one in found for data in one["eventData"] if not data.get("cleared")]

    async with plain_csms() as csms, living(csms, its) as station:
        await until(lambda: csms.calls("StatusNotification"))
        await asyncio.sleep(0.1)
        csms.silent.add(action)
        await until(lambda: faults(csms))
        (alarm,) = [one for one in station.ledger.alarms() if one.alarm_key.endswith(fault.cause)]
        assert not alarm.must
        csms.silent.clear()
        csms.open["CP1"].transport.abort()
        await until(lambda: len(faults(csms)) == 2)
        first, again = faults(csms)
        assert first["timestamp"] == again["timestamp"]
        await finished(station)
        (alarm,) = [one for one in station.ledger.alarms() if one.alarm_key.endswith(fault.cause)]
        assert alarm.must
        assert alarm.raised_at is not None
        assert alarm.cleared_at is not None


async def test_a_half_open_socket_stays_while_a_new_one_works() -> None:
    its = plan(Version.V16, happenings=(Happening(names.HALF_OPEN, BEGIN + SECOND, 30 * SECOND),))
    async with plain_csms() as csms:
        async with living(csms, its, speed=20.0) as station:
            await until(lambda: csms.connections.get("CP1") == 2)
            await asyncio.sleep(0.3)
            assert csms.closed == []
            assert station.ledger.gaps == []
            assert station.line.online
        await until(lambda: len(csms.closed) == 2)


async def test_a_boot_loop_is_a_dozen_boots_and_an_alarm() -> None:
    its = plan(Version.V201, happenings=(Happening(names.BOOT_LOOP, BEGIN + 20 * SECOND, 3 * MINUTE),))
    async with plain_csms() as csms, living(csms, its, speed=20.0) as station:  # eleven seconds are half a real one
        await until(lambda: len(csms.calls("BootNotification")) == 1 + LOOP_BOOTS)
        await until(lambda: len(station.ledger.alarms()) == 1)
        await asyncio.sleep(0.2)
        (alarm,) = station.ledger.alarms()
        assert (alarm.alarm_key, alarm.must) == ("boot-loop/default/CP1", True)
        reasons = [one.payload["reason"] for one in csms.calls("BootNotification")]
        assert reasons == ["PowerUp"] + ["Watchdog"] * LOOP_BOOTS


async def test_the_socket_is_lost_in_the_middle_of_a_call_and_nothing_else() -> None:
    async with plain_csms() as csms:
        csms.silent.add("StartTransaction")
        async with living(csms, plan(Version.V16, visit(20, 90))) as station:
            await until(lambda: csms.calls("StartTransaction"))
            csms.silent.clear()
            csms.open["CP1"].transport.abort()
            await until(lambda: csms.calls("StopTransaction"))
            starts = csms.calls("StartTransaction")
            assert len(starts) == 2
            assert starts[0].payload == starts[1].payload
            assert starts[0].id != starts[1].id
            await finished(station)
            (truth,) = station.session_truths()
            assert truth.delivered
            assert truth.transaction_id == str(csms.calls("StopTransaction")[0].payload["transactionId"])


async def test_what_the_csms_commands_is_answered() -> None:
    async with plain_csms() as csms, living(csms, plan(Version.V16)):
        await until(lambda: csms.received)
        await csms.open["CP1"].send('[2,"c1","Reset",{"type":"Soft"}]')
        await asyncio.sleep(0.2)
        assert csms.answers == [[4, "c1", "NotSupported", "", {}]]
