"""Frames and answers are counted by what a station may say, and by nothing that it makes up."""

import asyncio
import json
from time import monotonic

from edge.traffic import sum_up
from ops.metrics.edge import REGISTRY
from paper import HEARTBEAT, paper_edge, until


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"voltstream_edge_{name}", {"version": "ocpp1.6", **labels}) or 0.0


def seen() -> dict[str, float]:
    sum_up()
    return {
        "CALL": value("frames_in_total", type="CALL"),
        "CALLRESULT": value("frames_out_total", type="CALLRESULT"),
        "CALLERROR": value("frames_out_total", type="CALLERROR"),
        "Heartbeat": value("answer_seconds_count", action="Heartbeat"),
        "other": value("answer_seconds_count", action="other"),
    }


async def test_an_answer_is_counted_under_its_action() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        before, station = seen(), await edge.connect()
        await station.send(HEARTBEAT)
        await station.recv()
        await station.send(json.dumps([2, "1", "heartBEAT", {}]))  # a quirk, answered as what is meant
        await station.recv()
        await station.send(json.dumps([2, "2", "MadeUp", {}]))
        await station.recv()
        after = seen()
    assert {name: after[name] - before[name] for name in after} == {
        "CALL": 3,
        "CALLRESULT": 2,
        "CALLERROR": 1,
        "Heartbeat": 2,
        "other": 1,
    }
    assert value("answer_seconds_count", action="MadeUp") == 0


async def test_an_answer_takes_as_long_as_the_log_does() -> None:
    async with paper_edge() as edge:
        before, station = value("answer_seconds_sum", action="Heartbeat"), await edge.connect()
        edge.log.answer_all()
        began = monotonic()
        await station.send(HEARTBEAT)
        await until(lambda: edge.log.waiting)
        await asyncio.sleep(0.1)
        edge.log.answer_all()
        await station.recv()
        took = value("answer_seconds_sum", action="Heartbeat") - before
        assert 0.1 <= took <= monotonic() - began
