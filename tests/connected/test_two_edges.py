"""Two edges on one log: one dies and its stations find the other; one's clock is wrong and only its own are touched."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest

from contracts.times import HOUR, SECOND, from_rfc3339
from edge_process import Edge, start_edge
from parts.handles import Broker
from parts.service import start_service
from two_edges import Station, alarms, clock_off_by, sessions, station_statuses

DEADLINE_S, GRACE_S, TICK_S = 15, 60, 5


@contextlib.asynccontextmanager
async def charging(edge: Edge, *identities: str) -> AsyncIterator[list[Station]]:
    """Stations with a session each at this edge."""
    async with contextlib.AsyncExitStack() as stations:
        found = [await stations.enter_async_context(Station(identity)) for identity in identities]
        await asyncio.gather(*(station.charge_at(edge) for station in found))
        yield found


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Returns once it is true, and after so many seconds in any case."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not await asyncio.to_thread(condition):
        await asyncio.sleep(1)


@pytest.mark.timeout(240)
async def test_an_edge_that_dies_is_one_alarm(kafka: Broker) -> None:
    """Its stations that are back elsewhere within 60 s raise nothing, each of the others one `offline`."""
    with (
        start_edge(kafka, "--node", "edge-a") as edge_a,
        start_edge(kafka, "--node", "edge-b") as edge_b,
        start_service("streams", env=kafka.env),
    ):
        async with (
            charging(edge_a, "A-01", "A-02", "A-03", "A-04", "A-05", "A-06") as of_a,
            charging(edge_b, "B-01", "B-02", "B-03") as of_b,
        ):
            movers, lost = of_a[:4], of_a[4:]
            await asyncio.sleep(TICK_S + 2)  # a tick tells how many stations there are
            edge_a.service.kill()
            killed_us = time.time_ns() // 1000
            for station, pause_s in zip(movers, (1, 12, 15, 25), strict=True):  # the last one 53 s after
                await asyncio.sleep(pause_s)
                await station.move_to(edge_b)
            deadline_s = DEADLINE_S + GRACE_S + TICK_S - 53
            await until(lambda: len(alarms(kafka)) >= 1 + len(lost), deadline_s + 20)
            await asyncio.sleep(TICK_S)  # whatever else there might be
            await asyncio.gather(*(station.stop() for station in movers + of_b))
            await until(lambda: sum(one.state == "ended" for one in sessions(kafka).values()) == 7, 60)

            node, *offline = alarms(kafka)
            assert (node.alarm_key, node.state) == ("edge-node-lost/edge-a", "raised")
            assert node.affected is not None
            assert node.affected.count == len(of_a)
            dead_us = from_rfc3339(node.raised_at)
            assert killed_us + (DEADLINE_S - TICK_S - 1) * SECOND <= dead_us <= killed_us + (DEADLINE_S + 1) * SECOND
            assert [alarm.alarm_key for alarm in offline] == [f"offline/{station.name}" for station in lost]
            for alarm in offline:
                late_us = from_rfc3339(alarm.raised_at) - dead_us - GRACE_S * SECOND
                assert abs(late_us) < SECOND
                assert alarm.state == "raised"
            assert_unharmed(kafka, movers + of_b)
            for station in of_b:
                assert [status.online for status in station_statuses(kafka)[station.name]].count(False) == 0


@pytest.mark.timeout(240)
async def test_a_wrong_clock_harms_its_own_stations_only(kafka: Broker) -> None:
    """One edge is an hour ahead, one an hour behind: each an alarm, and no station of the third is touched."""
    with (
        start_edge(kafka, "--node", "edge-good") as good,
        start_edge(kafka, "--node", "edge-ahead", **clock_off_by(HOUR)) as ahead,
        start_edge(kafka, "--node", "edge-behind", **clock_off_by(-HOUR)) as behind,
        start_service("streams", env=kafka.env),
    ):
        async with (
            charging(good, "G-01", "G-02", "G-03", "G-04") as of_good,
            charging(ahead, "H-01", "H-02"),
            charging(behind, "I-01", "I-02"),
        ):
            await until(lambda: len(alarms(kafka)) >= 2, 60)
            await asyncio.sleep(2 * DEADLINE_S)  # long enough for a node that ticks to be taken for dead
            await asyncio.gather(*(station.stop() for station in of_good))
            await until(lambda: sum(one.state == "ended" for one in sessions(kafka).values()) >= 4, 60)

            found = {alarm.alarm_key: alarm for alarm in alarms(kafka)}
            assert found.keys() == {"edge-clock/edge-ahead", "edge-clock/edge-behind"}
            assert {alarm.state for alarm in found.values()} == {"raised"}
            for key, skew_s in (("edge-clock/edge-ahead", 3600), ("edge-clock/edge-behind", -3600)):
                assert found[key].value == pytest.approx(skew_s, abs=5)
            assert_unharmed(kafka, of_good)
            for station in of_good:
                assert all(status.online for status in station_statuses(kafka)[station.name])


def assert_unharmed(broker: Broker, stations: list[Station]) -> None:
    """Each session is what its station says."""
    found = sessions(broker)
    for station in stations:
        session = found[station.name]
        assert session.transaction_id == station.transaction
        assert (session.started_at, session.ended_at) == (station.started_at, station.ended_at)
        assert (session.state, session.import_wh, session.flags) == ("ended", station.wh, ())
