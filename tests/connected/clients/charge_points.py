"""Charge points on PyPI's `ocpp`, which is not ours: it validates what it sends and what it is answered.

Each charges once: boot, status, authorize, start, meter, stop. Gives the unique ids and actions of what was answered.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16.enums import ChargePointErrorCode, ChargePointStatus
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call as call21
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

AT = "2026-11-24T06:00:00Z"
Answers = list[tuple[str, str, Any]]
"""Unique id, action, and the answer as `ocpp` understood it."""


async def charge(version: str, url: str) -> Answers:
    """One session of a station of this version (ocpp1.6, ocpp2.0.1, ocpp2.1) at ws://host:port/path/identity."""
    identity = url.rsplit("/", 1)[1]
    async with connect(url, subprotocols=[Subprotocol(version)], proxy=None) as socket:
        assert socket.subprotocol == version
        return await (_charge_16(identity, socket) if version == "ocpp1.6" else _charge_2x(version, identity, socket))


class _Calls:
    """The calls of one station, numbered as many chargers do."""

    def __init__(self, station: Any) -> None:
        self.station, self.answers = station, Answers()

    async def __call__(self, request: Any) -> Any:
        unique_id = str(len(self.answers) + 1)
        answer = await asyncio.wait_for(self.station.call(request, suppress=False, unique_id=unique_id), 30)
        self.answers.append((unique_id, type(request).__name__, answer))
        return answer


@contextlib.asynccontextmanager
async def _started(station: Any) -> AsyncIterator[_Calls]:
    reading = asyncio.create_task(station.start())
    try:
        yield _Calls(station)
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


async def _charge_16(identity: str, socket: Any) -> Answers:
    def register(wh: int) -> Mapping[str, Any]:
        return {"timestamp": AT, "sampledValue": [{"value": str(wh), "unit": "Wh"}]}

    async with _started(ChargePoint16(identity, socket)) as call:
        boot = await call(call16.BootNotification(charge_point_model="Wallbox XYZ", charge_point_vendor="Vendor"))
        assert boot.status == "Accepted"
        no_error, status = ChargePointErrorCode.no_error, ChargePointStatus
        await call(call16.StatusNotification(connector_id=1, error_code=no_error, status=status.preparing))
        assert (await call(call16.Authorize(id_tag="04A2B3C4"))).id_tag_info["status"] == "Accepted"
        start = await call(call16.StartTransaction(connector_id=1, id_tag="04A2B3C4", meter_start=1000, timestamp=AT))
        assert start.id_tag_info["status"] == "Accepted"
        assert 0 < start.transaction_id < 2**31
        for wh in (1500, 2000):
            readings = [register(wh)]
            await call(call16.MeterValues(connector_id=1, transaction_id=start.transaction_id, meter_value=readings))
        await call(call16.StopTransaction(meter_stop=2500, timestamp=AT, transaction_id=start.transaction_id))
        await call(call16.StatusNotification(connector_id=1, error_code=no_error, status=status.available))
        await call(call16.Heartbeat())
        return call.answers


async def _charge_2x(version: str, identity: str, socket: Any) -> Answers:
    point, calls = (ChargePoint201, call201) if version == "ocpp2.0.1" else (ChargePoint21, call21)
    token = {"idToken": "04A2B3C4", "type": "ISO14443"}

    def event(kind: str, number: int, trigger: str, **more: Any) -> Any:
        at = AT.replace(":00Z", f":0{number}Z")  # readings of one time would be one reading
        return calls.TransactionEvent(
            event_type=kind,
            timestamp=at,
            trigger_reason=trigger,
            seq_no=number,
            transaction_info={"transactionId": f"{identity}-1", "chargingState": "Charging"},
            meter_value=[{"timestamp": at, "sampledValue": [{"value": 1000.0 + number}]}],
            **more,
        )

    async with _started(point(identity, socket)) as call:
        station = {"model": "Wallbox XYZ", "vendorName": "Vendor"}
        boot = await call(calls.BootNotification(charging_station=station, reason="PowerUp"))
        assert boot.status == "Accepted"
        await call(calls.StatusNotification(timestamp=AT, connector_status="Occupied", evse_id=1, connector_id=1))
        assert (await call(calls.Authorize(id_token=token))).id_token_info["status"] == "Accepted"
        evse = {"id": 1, "connectorId": 1}
        started = await call(event("Started", 0, "Authorized", evse=evse, id_token=token))
        assert started.id_token_info["status"] == "Accepted"
        await call(event("Updated", 1, "MeterValuePeriodic"))
        await call(event("Ended", 2, "StopAuthorized", id_token=token))
        reading = {"timestamp": AT, "sampledValue": [{"value": 1003.0}]}
        await call(calls.MeterValues(evse_id=1, meter_value=[reading]))
        await call(calls.Heartbeat())
        return call.answers
