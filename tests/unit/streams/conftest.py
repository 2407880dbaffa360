"""A log in a list: frames and ticks go in as an edge would write them, and are folded as the engine does."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from contracts import envelope as envelopes
from contracts.envelope import ClockSetting, Envelope
from contracts.times import SECOND, from_rfc3339, rfc3339
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
        folded = fold_batch(self.agent, self.fold, self.states, [record], LIMITS)
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
                site="default",
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

    def start(
        self,
        at: float,
        meter: int,
        transaction: int = 7,
        said: float | None = None,
        connector: int = 1,
        conn: str = "C1",
        token: str = "TAG",
        **more: Any,
    ) -> None:
        self.call(
            at,
            "StartTransaction",
            {
                "connectorId": connector,
                "idTag": token,
                "meterStart": meter,
                "timestamp": ts(at if said is None else said),
            },
            conn,
            **more,
        )
        self.reply(
            at, "StartTransaction", {"transactionId": transaction, "idTagInfo": {"status": "Accepted"}}, conn, **more
        )

    def stop(
        self,
        at: float,
        meter: int,
        transaction: int = 7,
        said: float | None = None,
        conn: str = "C1",
        token: str = "TAG",
        **more: Any,
    ) -> None:
        payload = {
            "transactionId": transaction,
            "meterStop": meter,
            "timestamp": ts(at if said is None else said),
            "idTag": token,
            **more,
        }
        self.call(at, "StopTransaction", payload, conn)
        self.reply(at, "StopTransaction", {}, conn)

    def meter(
        self,
        at: float,
        wh: float,
        transaction: int | None = 7,
        said: float | None = None,
        connector: int = 1,
        conn: str = "C1",
        context: str = "Sample.Periodic",
        **values: float,
    ) -> None:
        sampled = [{"value": str(wh), "context": context, "unit": "Wh"}]
        sampled += [
            {"value": str(value), "context": context, "measurand": name.replace("_", "."), "unit": "W"}
            for name, value in values.items()
        ]
        payload: dict[str, Any] = {
            "connectorId": connector,
            "meterValue": [{"timestamp": ts(at if said is None else said), "sampledValue": sampled}],
        }
        if transaction is not None:
            payload["transactionId"] = transaction
        self.call(at, "MeterValues", payload, conn)
        self.reply(at, "MeterValues", {}, conn)

    # -- reading

    def all(self, topic: str) -> list[dict[str, Any]]:
        """Every record written to a topic (without prefix)."""
        return [json.loads(output.value or b"null") for output in self.outputs if output.topic == f"ocpp.{topic}"]

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
        (only,) = self.sessions()
        return only


def us(at: float) -> int:
    return T0 + round(at * SECOND)


def ts(at: float) -> str:
    return rfc3339(us(at))


@pytest.fixture
def log() -> Log:
    """A partition with one edge that ticks at 10:00 and a station that is connected."""
    log = Log()
    log.tick(0)
    log.connect(0)
    return log


@pytest.fixture
def new_log() -> Callable[..., Log]:
    return Log
