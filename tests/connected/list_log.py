"""A log in a list: frames and ticks go in as an edge would write them, and are folded as the engine does.

log = Log()
log.tick(0)
log.connect(0)
log.start(10, meter=1000)
log.stop(1900, meter=4000)
assert log.session()["import_wh"] == 3000
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contracts import envelope as envelopes
from contracts.envelope import ClockSetting, Envelope
from contracts.times import SECOND, from_rfc3339, rfc3339, rfc3339_ms
from contracts.topics import node_key
from streams.engine.agent import Output, Record
from streams.engine.folding import Limits, fold_batch
from streams.messages import MessagesAgent

T0 = from_rfc3339("2026-03-01T10:00:00Z")
LIMITS = Limits(1_000_000, 2_000_000)


class Log:
    """One partition. Times are seconds after 10:00."""

    def __init__(self, partition: int = 0, *, log_append: bool = False, speed: float = 1.0) -> None:
        self.agent = MessagesAgent()
        self.partition, self.log_append, self.speed = partition, log_append, speed
        self.states: dict[bytes, bytes] = {}
        self.fold = self.agent.open(partition, self.states)
        self.records: list[Record] = []
        self.outputs: list[Output] = []
        self.seqs: dict[str, int] = {}
        self.append_skew_us = 0
        self.gathers = False
        """Whether records wait for `fold_gathered` instead of being folded as they come."""

    # -- writing

    def append(self, envelope: Envelope, key: bytes = b"") -> list[Output]:
        at_us = from_rfc3339(envelope.ts)
        record = Record(
            offset=len(self.records),
            timestamp_ms=(at_us + self.append_skew_us) // 1000,
            log_append=self.log_append,
            key=key or (envelope.station or "").encode(),
            value=envelopes.encode(envelope),
            partition=self.partition,
            topic=self.agent.source,
        )
        return self.replay(record)

    def replay(self, record: Record) -> list[Output]:
        """Fold one record as a batch of its own."""
        self.records.append(record)
        return [] if self.gathers else self._fold([record])

    def fold_gathered(self) -> None:
        """Fold all records in one batch."""
        self.gathers = False
        self._fold(self.records)

    def _fold(self, records: Sequence[Record]) -> list[Output]:
        folded = fold_batch(self.agent, self.fold, self.states, records, LIMITS)
        for state_key, value in folded.changes.items():
            if value is None:
                self.states.pop(state_key, None)
            else:
                self.states[state_key] = value
        self.outputs += folded.outputs
        return folded.outputs

    def tick(self, at: float, node: str = "edge-1", epoch: int = 1, connections: int = 1, log: int = 1) -> list[Output]:
        clock = ClockSetting(0, 0, self.speed)
        envelope = Envelope(
            v=1, kind="node", ts=rfc3339(us(at)), node=node, epoch=epoch, log=log, connections=connections, clock=clock
        )
        return self.append(envelope, node_key(node))

    def station(
        self,
        at: float,
        kind: str,
        *,
        conn: str,
        name: str = "CP1",
        node: str = "edge-1",
        site: str = "default",
        epoch: int | None = None,
        **more: Any,
    ) -> list[Output]:
        seq = self.seqs[conn] = self.seqs.get(conn, -1) + 1
        more.setdefault("proto", "ocpp1.6")
        return self.append(
            Envelope(
                v=1,
                kind=kind,  # type: ignore[arg-type]
                ts=rfc3339(us(at)),
                node=node,
                tenant="default",
                station=f"default/{name}",
                site=site,
                conn=conn,
                seq=seq,
                epoch=epoch,
                **more,
            )
        )

    def connect(self, at: float, conn: str = "C1", *, epoch: int = 1, **more: Any) -> list[Output]:
        return self.station(at, "connected", conn=conn, epoch=epoch, path="/ocpp/CP1", remote="127.0.0.1", **more)

    def disconnect(self, at: float, conn: str = "C1", **more: Any) -> list[Output]:
        return self.station(at, "disconnected", conn=conn, close_code=1006, **more)

    def call(self, at: float, action: str, payload: dict[str, Any], conn: str = "C1", **more: Any) -> list[Output]:
        """An inbound CALL."""
        frame = msgspec.Raw(json.dumps([2, f"m{len(self.records)}", action, payload]).encode())
        return self.station(
            at, "frame", conn=conn, dir="in", type="CALL", action=action, valid=True, frame=frame, **more
        )

    def reply(
        self,
        at: float,
        action: str,
        payload: dict[str, Any],
        conn: str = "C1",
        call_seq: int | None = None,
        **more: Any,
    ) -> list[Output]:
        """The CALLRESULT to the last CALL of the connection."""
        call_seq = self.seqs[conn] if call_seq is None else call_seq
        frame = msgspec.Raw(json.dumps([3, f"m{len(self.records)}", payload]).encode())
        return self.station(
            at, "frame", conn=conn, dir="out", type="CALLRESULT", action=action, call_seq=call_seq, frame=frame, **more
        )

    # 1.6

    def status(
        self, at: float, status: str, error: str = "NoError", connector: int = 1, conn: str = "C1", **more: Any
    ) -> None:
        """A 1.6 StatusNotification."""
        payload = {"connectorId": connector, "errorCode": error, "status": status, "timestamp": ts(at), **more}
        self.call(at, "StatusNotification", payload, conn)
        self.reply(at, "StatusNotification", {}, conn)

    def start(
        self,
        at: float,
        meter: int,
        transaction: int | None = 7,
        said: float | str | None = None,
        connector: int = 1,
        conn: str = "C1",
        tag: str = "TAG",
        **more: Any,
    ) -> None:
        """A StartTransaction and its reply; `transaction` None: the reply is not on the log (yet)."""
        payload = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": _said(at, said)}
        self.call(at, "StartTransaction", payload, conn, **more)
        if transaction is not None:
            self.answer_start(at, transaction, conn, **more)

    def answer_start(
        self, at: float, transaction: int, conn: str = "C1", call_seq: int | None = None, **more: Any
    ) -> None:
        result = {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}}
        self.reply(at, "StartTransaction", result, conn, call_seq, **more)

    def stop(
        self,
        at: float,
        meter: int,
        transaction: int = 7,
        said: float | str | None = None,
        conn: str = "C1",
        tag: str = "TAG",
        data: Mapping[float, float] | None = None,
        **more: Any,
    ) -> None:
        """A StopTransaction; `data`: transactionData, time -> Wh."""
        payload = {
            "transactionId": transaction,
            "meterStop": meter,
            "timestamp": _said(at, said),
            "idTag": tag,
            **({"transactionData": [meter_value(when, wh) for when, wh in data.items()]} if data else {}),
            **more,
        }
        self.call(at, "StopTransaction", payload, conn)
        self.reply(at, "StopTransaction", {}, conn)

    def meter(
        self,
        at: float,
        wh: float | None = None,
        transaction: int | None = 7,
        said: float | str | None = None,
        connector: int = 1,
        conn: str = "C1",
        context: str = "Sample.Periodic",
        **values: float,
    ) -> None:
        """A MeterValues with the register and other measurands (`Power_Active_Import=6000`)."""
        payload: dict[str, Any] = {
            "connectorId": connector,
            "meterValue": [meter_value(at if said is None else said, wh, context, **values)],
        }
        if transaction is not None:
            payload["transactionId"] = transaction
        self.call(at, "MeterValues", payload, conn)
        self.reply(at, "MeterValues", {}, conn)

    # 2.x

    def event(
        self,
        at: float,
        kind: str,
        seq: int | None = None,
        wh: float | None = None,
        transaction: str = "tx-1",
        evse: int | None = None,
        said: float | str | None = None,
        context: str | None = None,
        conn: str = "C1",
        info: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> list[Output]:
        """A TransactionEvent (Started, Updated, Ended) with a reading of the register, or none."""
        contexts = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": _said(at, said),
            "triggerReason": "MeterValuePeriodic",
            "transactionInfo": {"transactionId": transaction, **(info or {})},
            **({} if seq is None else {"seqNo": seq}),
            **({} if evse is None else {"evse": {"id": evse, "connectorId": 1}}),
            **more,
        }
        if wh is not None:
            reading = {"value": wh, "context": context or contexts.get(kind, "Sample.Periodic")}
            payload["meterValue"] = [{"timestamp": _said(at, said), "sampledValue": [reading]}]
        return self.call(at, "TransactionEvent", payload, conn, proto="ocpp2.0.1")

    # -- reading

    def all(self, topic: str) -> list[dict[str, Any]]:
        """Every record written to a topic (without prefix)."""
        return [json.loads(output.value or b"null") for output in self.outputs if output.topic == f"ocpp.{topic}"]

    def voids(self) -> list[dict[str, Any]]:
        """The sessions that are none."""
        return [each for each in self.latest("sessions").values() if each["state"] == "void"]

    def latest(self, topic: str) -> dict[str, dict[str, Any]]:
        """The greatest revision of every key."""
        found: dict[str, dict[str, Any]] = {}
        for output in self.outputs:
            if output.topic == f"ocpp.{topic}":
                value = json.loads(output.value or b"null")
                known = found.get((output.key or b"").decode())
                assert known is None or known["revision"] <= value["revision"]
                found[(output.key or b"").decode()] = value
        return found

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that stand, in order of their start."""
        standing = [each for each in self.latest("sessions").values() if each["state"] != "void"]
        return sorted(standing, key=lambda each: each.get("started_at", ""))

    def session(self) -> dict[str, Any]:
        """The only session that stands."""
        (only,) = self.sessions()
        return only

    def alarms(self, *states: str) -> list[tuple[str, str, str]]:
        """(key, state, time of that state) of every alarm record, or of those in these states."""
        times = {"cleared": "cleared_at", "expired": "cleared_at"}
        found = [
            (each["alarm_key"], each["state"], each[times.get(each["state"], "raised_at")])
            for each in self.all("alarms")
        ]
        return [each for each in found if not states or each[1] in states]

    def quarters(self, evse: int = 1) -> dict[str, dict[str, Any]]:
        """The latest totals of an evse, by HH:MM."""
        found = (each for each in self.latest("energy").values() if each["evse"] == evse)
        return {each["start"][11:16]: each for each in sorted(found, key=lambda each: each["start"])}

    def quarters_of_all_time(self, evse: int = 1) -> list[dict[str, Any]]:
        """The latest totals of an evse, in order of time."""
        found = [each for each in self.latest("energy").values() if each["evse"] == evse]
        return sorted(found, key=lambda each: str(each["start"]))

    # -- living on

    def restart(self) -> None:
        """Another worker goes on from the states."""
        self.fold = self.agent.open(self.partition, self.states)

    def passes(self, at: float) -> None:
        """The clock goes on to a time: an outage, and the ticks after it."""
        self.tick(at)
        self.tick(at + 5)

    def ticks(self, since: float, until: float, every: float = 5.0, node: str = "edge-1", **more: Any) -> None:
        """Ticks of a node, from `since` on and at `until`."""
        at = since
        while at < until:
            self.tick(at, node, **more)
            at += every
        self.tick(until, node, **more)


def us(at: float) -> int:
    return T0 + round(at * SECOND)


def ts(at: float) -> str:
    return rfc3339(us(at))


def ms(at: float) -> str:
    """A time as derived records have it."""
    return rfc3339_ms(us(at))


def _said(at: float, said: float | str | None) -> str:
    return said if isinstance(said, str) else ts(at if said is None else said)


def meter_value(
    at: float | str, wh: float | None = None, context: str = "Sample.Periodic", **values: float
) -> dict[str, Any]:
    """A meterValue of 1.6."""
    sampled = [] if wh is None else [{"value": str(wh), "context": context, "unit": "Wh"}]
    for name, value in values.items():
        sampled.append({"value": str(value), "context": context, "measurand": name.replace("_", ".")})
    return {"timestamp": at if isinstance(at, str) else ts(at), "sampledValue": sampled}
