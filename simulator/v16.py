"""How a station says it in OCPP 1.6."""

from collections.abc import Callable, Sequence

import msgspec

from simulator import misbehaviour as names
from simulator.charging import Evse, Session
from simulator.faults import Fault, Fault16
from simulator.outbox import Deafness, Kind, Message, Payload
from simulator.plan import SessionPlan
from simulator.readings import BEGIN, END, Snapshot, Style, sampled_values_16
from simulator.states import ConnectorState
from simulator.visits import BROKEN, RETRY_AFTER_US, VisitedStation

NO_ID = -1  # what stations name a transaction by whose id they never learned
_FOREIGN_IDS = (1_000_000, 2**31 - 2)
_REASONS = {BROKEN: "Other"}
_WHOLE_SNAPSHOTS = 8


class Station16(VisitedStation):
    """Connector N is evse N; connector 0 is the station."""

    def connectors(self) -> Sequence[int]:
        return range(len(self.evses) + 1)

    def boot_payload(self, reason: str) -> Payload:  # noqa: ARG002 - 1.6 has no reasons
        return {
            "chargePointVendor": "Example Chargers",
            "chargePointModel": "EC-DC" if self.traits.dc else "EC-22",
            "chargePointSerialNumber": f"SN-{self.traits.identity}",
            "firmwareVersion": "1.8.3",
            "meterType": "MID-3P",
        }

    def status_call(self, connector: int, state: ConnectorState) -> tuple[str, Payload]:
        payload: Payload = {
            "connectorId": connector,
            "errorCode": "NoError",
            "status": state.status,
            "timestamp": self.text(state.at_us),
        }
        if isinstance(state.fault, Fault16):
            payload["errorCode"] = state.fault.error_code
            if state.fault.info is not None:
                payload["info"] = state.fault.info
            if state.fault.vendor_error_code is not None:
                payload |= {"vendorId": "org.example", "vendorErrorCode": state.fault.vendor_error_code}
        return "StatusNotification", payload

    # -- visits

    def plugged_in(self, evse: Evse, visit: SessionPlan, at_us: int) -> None:  # noqa: ARG002
        self._set_status(evse, at_us, "Preparing")

    def authorized(self, evse: Evse, visit: SessionPlan, at_us: int) -> None:  # noqa: ARG002
        if self.line.online:  # offline it trusts the token
            self.line.outbox.add(Message("Authorize", {"idTag": visit.id_token}))

    def charging_started(self, evse: Evse, visit: SessionPlan, at_us: int) -> Session:
        session = self.open_session(evse, visit, at_us)
        if session.starts_silently:  # another backend gave the transaction its id, or the start was given up
            session.transaction_id = str(self.rng.randrange(*_FOREIGN_IDS))
            self.read_begin(evse, session, at_us)
        else:
            self._send_start(evse, session)
        self._set_status(evse, at_us, "Charging")
        return session

    def _send_start(self, evse: Evse, session: Session) -> None:
        def answered(answer: Payload | None) -> None:
            transaction_id = (answer or {}).get("transactionId")
            session.transaction_id = str(NO_ID if transaction_id is None else transaction_id)
            session.start_answered = True

        def given_up() -> None:
            session.transaction_id = str(NO_ID)
            # A deaf station's CSMS did answer; where the time-outs were real, the start is not known to be on the log.
            session.start_answered = session.quirk == names.LOST_START_ANSWER

        payload: Payload = {
            "connectorId": evse.number,
            "idTag": session.plan.id_token,
            "meterStart": session.start_wh,
            "timestamp": self.text(session.start_us),
        }
        self._send(
            "StartTransaction",
            payload,
            self.deafness(session, first=True),
            answered=answered,
            given_up=given_up,
        )

    def car_suspends(self, evse: Evse, session: Session, at_us: int) -> None:  # noqa: ARG002
        self._set_status(evse, at_us, "SuspendedEV")

    def tell_readings(self, evse: Evse, session: Session, snapshots: list[Snapshot], at_us: int) -> None:  # noqa: ARG002
        meter_values = [self._meter_value(snapshot) for snapshot in snapshots]
        first = min(snapshots, key=lambda snapshot: snapshot.at_us)
        session.seen(first.at_us, first.energy_wh)

        def payload() -> Payload:
            return {"connectorId": evse.number, "transactionId": _id(session), "meterValue": meter_values}

        self._send("MeterValues", payload, self.deafness(session, first=False))

    def tell_idle(self, evse: Evse, snapshot: Snapshot) -> None:
        payload: Payload = {"connectorId": evse.number, "meterValue": [self._meter_value(snapshot)]}
        self._send("MeterValues", payload)

    def charging_stopped(self, evse: Evse, session: Session, at_us: int, reason: str) -> None:
        if session.stop_us is None or session.stop_wh is None:
            raise ValueError("the session is not over")
        session.stop_reason = _REASONS.get(reason, reason)
        again = session.quirk == names.DUPLICATE_STOP
        data = self._transaction_data(session) if again or self.traits.stop_data else []
        stop_wh, stop_text = session.stop_wh, self.text(session.stop_us)

        def payload() -> Payload:
            stop: Payload = {
                "transactionId": _id(session),
                "idTag": session.plan.id_token,
                "meterStop": stop_wh,
                "timestamp": stop_text,
                "reason": session.stop_reason,
            }
            return stop | ({"transactionData": data} if data else {})

        def answered(answer: Payload | None) -> None:
            session.stop_answered = answer is not None

        deafness = Deafness(2, RETRY_AFTER_US, new_id=True) if again else self.deafness(session, first=False)
        self._send("StopTransaction", payload, deafness, answered=answered)
        self._set_status(evse, at_us, "Finishing")

    def _transaction_data(self, session: Session) -> list[Payload]:
        """The register at begin and end, and between them the readings once more (many: only their registers)."""
        register = msgspec.structs.replace(self.traits.style, measurands="energy")
        style = self.traits.style if len(session.snapshots) <= _WHOLE_SNAPSHOTS else register
        begin = Snapshot(session.start_us, BEGIN, session.start_wh)
        end = Snapshot(session.stop_us or 0, END, session.stop_wh)
        between = [self._meter_value(snapshot, style) for snapshot in session.snapshots]
        return [self._meter_value(begin, register), *between, self._meter_value(end, register)]

    def _meter_value(self, snapshot: Snapshot, style: Style | None = None) -> Payload:
        return {
            "timestamp": self.text(snapshot.at_us),
            "sampledValue": sampled_values_16(snapshot, style or self.traits.style),
        }

    def _send(
        self,
        action: str,
        payload: Payload | Callable[[], Payload],
        deafness: Deafness | None = None,
        answered: Callable[[Payload | None], None] | None = None,
        given_up: Callable[[], None] | None = None,
    ) -> None:
        message = Message(action, payload, Kind.TRANSACTION, answered=answered, given_up=given_up, deafness=deafness)
        self.line.outbox.add(message)

    # -- states and faults

    def _set_status(self, evse: Evse, at_us: int, status: str) -> None:
        state = self.states[evse.number]
        if state.status != "Faulted":  # the fault's end brings the status that holds then
            self.set_state(evse.number, at_us, status, state.fault)

    def fault_raised(self, evse: int, fault: Fault, at_us: int) -> None:
        self.set_state(evse, at_us, "Faulted" if fault.faulted else None, fault)

    def fault_cleared(self, evse: int, fault: Fault, at_us: int) -> None:
        if self.states[evse].fault is fault:
            self.set_state(evse, at_us, _after_fault(self.evse(evse)) if fault.faulted else None, None)

    def clear_faults(self, at_us: int) -> None:
        for connector in self.states:
            if self.states[connector].fault is not None:
                self.set_state(connector, at_us, "Available", None)


def _id(session: Session) -> int:
    return NO_ID if session.transaction_id is None else int(session.transaction_id)


def _after_fault(evse: Evse) -> str:
    """The status of a connector that was out of order."""
    return "Available" if evse.visit is None else "Finishing"
