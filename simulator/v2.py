"""How a station says it in OCPP 2.0.1 and 2.1."""

from collections.abc import Callable, Sequence

from simulator import misbehaviour as names
from simulator.charging import Evse, Session
from simulator.faults import Fault, Fault2x
from simulator.message_ids import uuid_like
from simulator.outbox import Kind, Message, Payload
from simulator.plan import SessionPlan, StationPlan
from simulator.readings import BEGIN, END, OTHER, Snapshot, sampled_values_2x
from simulator.states import ConnectorState
from simulator.station import Environment
from simulator.visits import BROKEN, LOCAL, POWER_LOSS, VisitedStation

_STOP_TRIGGERS = {LOCAL: "StopAuthorized", POWER_LOSS: "AbnormalCondition", BROKEN: "AbnormalCondition"}
_STOP_REASONS = {BROKEN: "GroundFault"}
_DROPPED = 4  # of so many Updated events a station with gaps in seqNo drops one


class Station2x(VisitedStation):
    """Each evse has connector 1."""

    def __init__(self, plan: StationPlan, environment: Environment) -> None:
        self._event_ids = 0
        super().__init__(plan, environment)

    def connectors(self) -> Sequence[int]:
        return range(1, len(self.evses) + 1)

    def boot_payload(self, reason: str) -> Payload:
        return {
            "reason": reason,
            "chargingStation": {
                "model": "EC-DC" if self.traits.dc else "EC-22",
                "vendorName": "Example Chargers",
                "serialNumber": f"SN-{self.traits.identity}",
                "firmwareVersion": "2.4.0",
            },
        }

    def status_call(self, connector: int, state: ConnectorState) -> tuple[str, Payload]:
        at = self.text(state.at_us)
        if not self.traits.events_status:
            return "StatusNotification", {
                "timestamp": at,
                "connectorStatus": state.status,
                "evseId": connector,
                "connectorId": 1,
            }
        return "NotifyEvent", self._notify_event(
            connector, "Connector", "AvailabilityState", at, trigger="Delta", value=state.status
        )

    # -- visits

    def plugged_in(self, evse: Evse, visit: SessionPlan, at_us: int) -> None:
        self._set_status(evse, at_us, "Occupied")
        if self.traits.begins_plugged:
            session = self._open(evse, visit, at_us)
            self._event(session, "Started", "CablePluggedIn", at_us, state="EVConnected", context=BEGIN)

    def authorized(self, evse: Evse, visit: SessionPlan, at_us: int) -> None:
        if self.line.online:  # offline it trusts the token
            self.line.outbox.add(Message("Authorize", {"idToken": _id_token(visit)}))
        if evse.session is not None:
            self._event(evse.session, "Updated", "Authorized", at_us, state="EVConnected", shows_token=True)
        else:
            session = self._open(evse, visit, at_us)
            self._event(session, "Started", "Authorized", at_us, state="EVConnected", context=BEGIN, shows_token=True)

    def charging_started(self, evse: Evse, visit: SessionPlan, at_us: int) -> Session:
        if evse.session is not None:
            session = evse.session
            self._event(session, "Updated", "ChargingStateChanged", at_us, state="Charging", context=OTHER)
        else:  # the one that began with the plug or the token is over already: a fault, a loss of power
            session = self._open(evse, visit, at_us)
            self._event(session, "Started", "ChargingStateChanged", at_us, state="Charging", context=BEGIN)
        return session

    def _open(self, evse: Evse, visit: SessionPlan, at_us: int) -> Session:
        session = self.open_session(evse, visit, at_us)
        session.transaction_id = uuid_like(self.rng)
        return session

    def car_suspends(self, evse: Evse, session: Session, at_us: int) -> None:  # noqa: ARG002
        self._event(session, "Updated", "ChargingStateChanged", at_us, state="SuspendedEV", context=OTHER)

    def tell_readings(self, evse: Evse, session: Session, snapshots: list[Snapshot], at_us: int) -> None:  # noqa: ARG002
        aligned = snapshots[0].context == "Sample.Clock"
        trigger = "MeterValueClock" if aligned else "MeterValuePeriodic"
        if session.quirk == names.SEQ_GAP and session.readings % _DROPPED == 2 and not aligned:
            self.touch(session, names.SEQ_GAP)
            session.seq_missing.append(session.seq_no)
            session.seq_no += 1
            return
        self._event(session, "Updated", trigger, at_us, snapshots=snapshots)

    def tell_idle(self, evse: Evse, snapshot: Snapshot) -> None:
        payload: Payload = {"evseId": evse.number, "meterValue": [self._meter_value(snapshot)]}
        self.line.outbox.add(Message("MeterValues", payload, Kind.TRANSACTION))

    def charging_stopped(self, evse: Evse, session: Session, at_us: int, reason: str) -> None:
        session.stop_reason = _STOP_REASONS.get(reason, reason)

        def answered(answer: Payload | None) -> None:
            session.stop_answered = answer is not None

        end = Snapshot(session.stop_us or 0, END, session.stop_wh)
        trigger = _STOP_TRIGGERS[reason]
        self._event(session, "Ended", trigger, at_us, state="EVConnected", snapshots=[end], answered=answered)
        self._set_status(evse, at_us, "Occupied")

    def _event(
        self,
        session: Session,
        kind: str,
        trigger: str,
        at_us: int,
        *,
        state: str | None = None,
        context: str | None = None,
        snapshots: Sequence[Snapshot] = (),
        shows_token: bool = False,
        answered: Callable[[Payload | None], None] | None = None,
    ) -> None:
        """One TransactionEvent; `context`: with a reading of this moment."""
        evse = self.evse(session.plan.evse)
        started, stamped_us = kind == "Started", self.stamped(at_us)
        if context is not None:
            snapshots = [evse.snapshot(at_us, stamped_us, context)]
        number, session.seq_no = session.seq_no, session.seq_no + 1
        if started and session.starts_silently:
            return  # given up: the CSMS joins in the middle
        info: Payload = {"transactionId": session.transaction_id}
        if state is not None:
            info["chargingState"] = state
        if kind == "Ended" and session.stop_reason != LOCAL:  # an omitted reason is Local
            info["stoppedReason"] = session.stop_reason
        payload: Payload = {
            "eventType": kind,
            "timestamp": self.text(stamped_us),
            "triggerReason": trigger,
            "seqNo": number,
            "transactionInfo": info,
        }
        if not self.line.online:
            payload["offline"] = True
        if started or (
            self._names_evse(session) and not (kind == "Ended" and session.quirk == names.ENDED_WITHOUT_EVSE)
        ):
            payload["evse"] = {"id": evse.number, "connectorId": 1}
        if shows_token:
            payload["idToken"] = _id_token(session.plan)
        if snapshots:
            payload["meterValue"] = [self._meter_value(snapshot) for snapshot in snapshots]
        known = [snapshot.energy_wh for snapshot in snapshots if snapshot.energy_wh is not None]
        session.seen(stamped_us, known[0] if known else None)
        if started:

            def answered(answer: Payload | None) -> None:
                session.start_answered = answer is not None

        self.line.outbox.add(
            Message(
                "TransactionEvent",
                payload,
                Kind.TRANSACTION,
                answered=answered,
                deafness=self.deafness(session, first=started),
            )
        )

    def _names_evse(self, session: Session) -> bool:
        """Whether events after the first name their evse: who missed the first would never know it otherwise."""
        return self.traits.evse_in_all_events or session.quirk in (names.ENDED_WITHOUT_EVSE, names.MISSING_START)

    def _meter_value(self, snapshot: Snapshot) -> Payload:
        return {
            "timestamp": self.text(snapshot.at_us),
            "sampledValue": sampled_values_2x(snapshot, self.traits.style),
        }

    # -- states and faults

    def _set_status(self, evse: Evse, at_us: int, status: str) -> None:
        if self.states[evse.number].status != "Faulted":  # the fault's end brings the status that holds then
            self.set_state(evse.number, at_us, status, self.states[evse.number].fault)

    def fault_raised(self, evse: int, fault: Fault, at_us: int) -> None:
        self._tell_fault(evse, fault, at_us, cleared=False)
        self.set_state(evse, at_us, "Faulted" if fault.faulted else None, fault)

    def fault_cleared(self, evse: int, fault: Fault, at_us: int) -> None:
        if self.states[evse].fault is fault:
            self._tell_fault(evse, fault, at_us, cleared=True)
            self.set_state(evse, at_us, _after_fault(self.evse(evse)) if fault.faulted else None, None)

    def clear_faults(self, at_us: int) -> None:
        for connector in self.states:
            fault = self.states[connector].fault
            if fault is not None:
                self.fault_cleared(connector, fault, at_us)

    def _tell_fault(self, evse: int, fault: Fault, at_us: int, *, cleared: bool) -> None:
        if not isinstance(fault, Fault2x):
            raise TypeError(fault)
        stamped_us, source = self.stamped(at_us), fault.cause

        def told(*, answered: bool) -> None:
            if cleared:
                self.ledger.fault_over(self.name, evse, 1, stamped_us, answered=answered, source=source)
            else:
                self.ledger.fault(self.name, evse, 1, fault.cause, stamped_us, answered=answered, source=source)

        payload = self._notify_event(
            evse,
            fault.component,
            fault.variable,
            self.text(stamped_us),
            trigger="Alerting",
            value="false" if cleared else "true",
            cleared=cleared,
        )
        self.line.outbox.add(
            Message(
                "NotifyEvent",
                payload,
                Kind.EVENT,
                sent=lambda: told(answered=False),
                answered=lambda answer: told(answered=answer is not None),
            )
        )

    def _notify_event(
        self,
        evse: int,
        component: str,
        variable: str,
        at: str,
        *,
        trigger: str,
        value: str,
        cleared: bool | None = None,
    ) -> Payload:
        self._event_ids += 1
        data: Payload = {
            "eventId": self._event_ids,
            "timestamp": at,
            "trigger": trigger,
            "actualValue": value,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": component, "evse": {"id": evse, "connectorId": 1}},
            "variable": {"name": variable},
        }
        if cleared:
            data["cleared"] = True
        return {"generatedAt": at, "seqNo": 0, "eventData": [data]}


def _id_token(visit: SessionPlan) -> Payload:
    return {"idToken": visit.id_token, "type": "ISO14443"}


def _after_fault(evse: Evse) -> str:
    """The status of a connector that was out of order."""
    return "Available" if evse.visit is None else "Occupied"
