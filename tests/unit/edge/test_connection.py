"""A station's connection over a real socket, and a log that answers when it is told to."""

import asyncio
import json
import socket
import struct
from hashlib import sha256

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from contracts.envelope import Envelope
from ops.metrics import edge as metrics
from paper import BOOT, HEARTBEAT, close_code, paper_edge, until

METER_VALUES = json.dumps(
    [
        2,
        "m",
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": []}]},
    ]
)


def heartbeat(number: int) -> str:
    return f'[2,"{number}","Heartbeat",{{}}]'


def kinds(records: list[Envelope]) -> list[str]:
    return [f"{record.kind} {record.dir}" if record.dir else record.kind for record in records]


async def test_no_reply_before_the_log() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        await station.send(BOOT)
        await until(lambda: len(edge.log.waiting) == 2)  # connected; the CALL with its reply
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(station.recv(), 0.2)
        assert [len(submission.records) for _, submission in edge.log.waiting] == [1, 2]
        edge.log.answer()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(station.recv(), 0.1)
        edge.log.answer()
        reply = await asyncio.wait_for(station.recv(), 60)
        assert json.loads(reply)[2]["status"] == "Accepted"
        assert kinds(edge.records) == ["connected", "frame in", "frame out"]
        assert [record.seq for record in edge.records] == [0, 1, 2]
        assert edge.records[2].frame_bytes() == str(reply).encode()
        assert edge.records[2].call_seq == 1


async def test_what_was_answered_is_not_kept() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        (connection,) = edge.node.stations
        await station.send(HEARTBEAT + " " * 400_000)  # such frames come: a night's readings in a StopTransaction
        await asyncio.wait_for(station.recv(), 60)
        assert (connection._step.records, connection._step.reply) == ((), None)


async def test_records_say_who_and_where() -> None:
    async with paper_edge(tenant="acme") as edge:
        edge.log.prompt = True
        station = await edge.connect("CP1", "ocpp2.0.1")
        await station.close(1000, "bye")
        await until(lambda: len(edge.records) == 2)
        (partition, key, connected), (same, _, disconnected) = edge.log.written
        assert (partition, key) == (same, b"acme/CP1")
        assert (connected.tenant, connected.station, connected.site) == ("acme", "acme/CP1", "default")
        assert (connected.node, connected.epoch, connected.proto) == ("here:9000", edge.node.epoch, "ocpp2.0.1")
        assert (connected.path, connected.security_profile) == ("/ocpp/CP1", 0)
        assert connected.remote is not None
        assert connected.remote.startswith("127.0.0.1:")
        assert connected.user_agent is not None
        assert connected.conn is not None
        assert len(connected.conn) == 26
        assert (disconnected.conn, disconnected.seq) == (connected.conn, 1)
        assert (disconnected.close_code, disconnected.reason) == (1000, "bye")


async def test_records_say_the_edges_site_and_a_connect_its_time_zone() -> None:
    async with paper_edge(site="depot-1", time_zone="Europe/Paris") as edge:
        edge.log.prompt = True
        station = await edge.connect("CP1")
        await station.close(1000)
        await until(lambda: len(edge.records) == 2)
        (_, _, connected), (_, _, disconnected) = edge.log.written
        assert (connected.site, connected.time_zone) == ("depot-1", "Europe/Paris")
        assert (disconnected.site, disconnected.time_zone) == ("depot-1", None)


async def test_frames_are_answered_in_order_and_one_at_a_time() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        for number in range(5):
            await station.send(heartbeat(number))
        await until(lambda: len(edge.log.waiting) == 2)
        await asyncio.sleep(0.05)
        assert len(edge.log.waiting) == 2  # the first frame only
        for number in range(5):
            await until(lambda: edge.log.waiting)
            edge.log.answer_all()
            assert json.loads(await station.recv())[1] == str(number)
        times = [record.ts for record in edge.records]
        assert times == sorted(times)


async def test_a_station_that_sends_too_much_is_not_read() -> None:
    async with paper_edge(queue_frames=4) as edge:
        station = await edge.connect()
        sending = asyncio.create_task(send_all(station, 400))
        await asyncio.sleep(0.3)
        assert not sending.done()  # the socket is full
        assert edge.node.queued_bytes < 2_000_000
        edge.log.prompt = True
        edge.log.answer_all()
        async with asyncio.timeout(60):
            for number in range(400):
                assert json.loads(await station.recv())[1] == str(number)
        await sending
        assert edge.node.queued_bytes == 0


async def send_all(station: ClientConnection, frames: int) -> None:
    for number in range(frames):
        await station.send(heartbeat(number) + " " * 50_000)


async def test_a_node_with_too_much_waiting_reads_nobody_further() -> None:
    async with paper_edge(queue_bytes=1 << 20, queue_frames=1000) as edge:
        station = await edge.connect()
        sending = asyncio.create_task(send_all(station, 400))
        await asyncio.sleep(0.3)
        assert not sending.done()
        assert edge.node.queued_bytes < (1 << 20) + (1 << 19)
        edge.log.prompt = True
        edge.log.answer_all()
        async with asyncio.timeout(60):
            for number in range(400):
                assert json.loads(await station.recv())[1] == str(number)
        await sending


async def test_a_full_log_is_waited_for_and_nothing_overtakes() -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 1
        stations = [await edge.connect(f"CP{number}") for number in range(3)]
        for station in stations:
            await station.send(BOOT)
            await station.close()
        await asyncio.sleep(0.1)
        assert len(edge.log.waiting) == 1
        async with asyncio.timeout(60):
            while len(edge.records) < 12:
                edge.log.answer()
                edge.node.writer.rooms()
                await asyncio.sleep(0.002)
        for number in range(3):
            assert kinds(edge.of(f"CP{number}")) == ["connected", "frame in", "frame out", "disconnected"]
            assert [record.seq for record in edge.of(f"CP{number}")] == [0, 1, 2, 3]


async def test_an_acknowledgement_makes_room_for_those_who_wait() -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 2
        first = await edge.connect("CP1")
        await first.send(BOOT)
        await until(lambda: len(edge.log.waiting) == 2)
        second = await edge.connect("CP5")
        await asyncio.sleep(0.05)
        same = edge.node.writer.partition_of(b"default/CP1") == edge.node.writer.partition_of(b"default/CP5")
        edge.log.answer_all()  # the reply's done() makes room in its own partition
        if not same:
            edge.node.writer.rooms()
        await until(lambda: edge.log.waiting)
        edge.log.answer_all()
        assert kinds(edge.of("CP5")) == ["connected"]
        await second.close()


async def test_a_vanished_station_is_1006() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        station.transport.abort()
        await until(lambda: len(edge.records) == 2)
        assert edge.records[1].close_code == 1006


async def test_a_close_without_a_code_is_1005() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        station.transport.write(b"\x88\x80\x00\x00\x00\x00")
        await until(lambda: len(edge.records) == 2)
        assert edge.records[1].close_code == 1005


async def test_what_came_before_the_end_is_recorded_before_it_and_without_a_reply_that_never_was() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        for number in range(3):
            await station.send(heartbeat(number))
        await station.close()
        await until(lambda: len(edge.log.waiting) == 5)
        edge.log.answer_all()
        order = ["connected", "frame in", "frame out", "frame in", "frame in", "disconnected"]
        assert kinds(edge.records) == order
        assert [record.seq for record in edge.records] == list(range(6))


async def test_who_leaves_answers_what_was_read_and_reads_no_further() -> None:
    async with paper_edge(queue_frames=8) as edge:
        station = await edge.connect()
        for number in range(3):
            await station.send(heartbeat(number))
        (connection,) = edge.node.stations
        await until(lambda: connection.calls_owed == 3)
        connection.leave(1012)
        await station.send(heartbeat(3))
        await asyncio.sleep(0.05)
        assert connection.calls_owed == 3
        edge.log.prompt = True
        edge.log.answer_all()
        for number in range(3):
            assert json.loads(await station.recv())[1] == str(number)
        assert await close_code(station) == 1012
        await until(lambda: len(edge.records) == 8)
        assert kinds(edge.records) == ["connected", *["frame in", "frame out"] * 3, "disconnected"]


async def test_who_leaves_with_a_fatal_frame_in_the_queue_closes_with_its_code() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        await station.send(HEARTBEAT)
        await station.send(b"\x00")
        await station.send(HEARTBEAT)
        (connection,) = edge.node.stations
        await until(lambda: connection.calls_owed == 2)
        connection.leave(1012)
        edge.log.prompt = True
        edge.log.answer_all()
        assert json.loads(await station.recv())[1] == "2"
        assert await close_code(station) == 1003
        await until(lambda: len(edge.records) == 6)
        assert kinds(edge.records)[3:] == ["frame in", "frame in", "disconnected"]


async def test_the_newer_connection_takes_over() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        old = await edge.connect()
        new = await edge.connect()
        assert await close_code(old) == 1012
        await new.send(HEARTBEAT)
        await new.recv()
        await until(lambda: len(edge.records) == 5)
        first, second = edge.records[0].conn, edge.records[-1].conn
        assert first != second
        ends = [record for record in edge.records if record.kind == "disconnected"]
        assert [(record.conn, record.close_code) for record in ends] == [(first, 1012)]
        assert len(edge.node.stations) == 1


async def test_a_half_open_socket_is_taken_over_while_it_owes_a_reply() -> None:
    async with paper_edge() as edge:
        old = await edge.connect()
        await old.send(BOOT)
        await until(lambda: len(edge.log.waiting) == 2)
        new = await edge.connect()
        await new.send(HEARTBEAT)
        await until(lambda: len(edge.log.waiting) == 5)
        edge.log.answer_all()
        assert json.loads(await new.recv())[1] == "2"
        order = [(record.conn == edge.records[0].conn, record.kind) for record in edge.records]
        assert order[:4] == [(True, "connected"), (True, "frame"), (True, "frame"), (True, "disconnected")]


@pytest.mark.parametrize("size", [600_000, 10_000_000])
async def test_a_frame_that_is_too_large_leaves_what_there_is_to_know(size: int) -> None:
    frame = json.dumps([2, "77", "DataTransfer", {"vendorId": "v", "data": "x" * size}])
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        await station.send(HEARTBEAT)
        await station.send(frame)
        assert json.loads(await station.recv())[1] == "2"
        assert await close_code(station) == 1009
        await until(lambda: len(edge.records) == 5)
        rejected, disconnected = edge.records[3:]
        assert (rejected.kind, rejected.reason, rejected.close_code) == ("rejected", "oversized-frame", 1009)
        assert (rejected.size, rejected.sha256) == (len(frame), sha256(frame.encode()).hexdigest())
        assert (rejected.id, rejected.action, rejected.seq) == ("77", "DataTransfer", 3)
        assert disconnected.close_code == 1009


async def test_a_large_frame_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.connection.READ_ON_S", 0.2)
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        begun = Frame(Opcode.TEXT, b"z" * 700_000).serialize(mask=True)[:600_000]
        station.transport.write(begun)
        assert await close_code(station) == 1009
        await until(lambda: len(edge.records) == 3)
        assert edge.records[1].size == 600_000 - 14


async def test_binary_is_recorded_then_closed() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        await station.send(b"\x00\x01")
        assert await close_code(station) == 1003
        await until(lambda: len(edge.records) == 3)
        assert edge.records[1].frame_bytes() == b"\x00\x01"
        assert edge.records[2].close_code == 1003


async def test_text_that_is_not_utf8_is_recorded_then_closed() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        station.transport.write(Frame(Opcode.TEXT, b'[2,"1","Heartbeat",{"a":"\xff"}]').serialize(mask=True))
        assert await close_code(station) == 1007
        await until(lambda: len(edge.records) >= 3)
        assert edge.records[1].frame_bytes() == b'[2,"1","Heartbeat",{"a":"\xff"}]'
        assert edge.records[-1].close_code == 1007


async def test_what_cannot_be_redacted_is_counted() -> None:
    for setting, lost in (("drop", "dropped"), ("keep", "kept")):
        counter = metrics.UNREDACTABLE.labels(lost)
        before = counter._value.get()
        async with paper_edge(unredactable=setting) as edge:
            edge.log.prompt = True
            station = await edge.connect()
            await station.send('[2,"1","LogX",{"url":"ftp://joe:secret')
            await until(lambda edge=edge: len(edge.records) >= 2)  # type: ignore[misc]
            assert (edge.records[1].frame_bytes() is None) == (lost == "dropped")
            assert counter._value.get() == before + 1


async def test_a_frame_whose_redaction_would_fit_nowhere_is_answered() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        await station.send(json.dumps([2, "1", "DataTransfer", {"vendorId": "x", "data": ["://b@"] * 50_000}]))
        assert str(await asyncio.wait_for(station.recv(), 60)).startswith("[4,")
        assert (edge.records[1].frame_bytes(), edge.records[1].redacted) == (None, ("",))


async def test_a_protocol_error_of_the_station_is_recorded() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        station.transport.write(b"\x81\x05Hello")  # not masked
        await until(lambda: len(edge.records) == 2)
        assert edge.records[1].close_code == 1002


async def test_what_kafka_refuses_is_replaced_under_its_seq() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        edge.log.answer_all()
        await station.send(METER_VALUES)
        await until(lambda: edge.log.waiting)
        edge.log.refuse()
        assert await close_code(station) == 1013
        edge.log.answer_all()
        assert [(record.kind, record.seq) for record in edge.records] == [
            ("connected", 0),
            ("rejected", 1),
            ("rejected", 2),
            ("disconnected", 3),
        ]
        refused, reply = edge.records[1:3]
        assert (refused.reason, refused.size, refused.dir) == ("refused", len(METER_VALUES), "in")
        assert refused.sha256 == sha256(METER_VALUES.encode()).hexdigest()
        assert (reply.reason, reply.size, reply.dir) == ("refused", len('[3,"m",{}]'), "out")


async def test_what_replaces_a_refused_record_stands_before_later_ones() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        edge.log.answer_all()
        for frame in (METER_VALUES, HEARTBEAT):
            await station.send(frame)
        await station.close()
        await until(lambda: len(edge.log.waiting) == 3)
        edge.log.refuse()
        edge.log.answer_all()
        kinds_and_seqs = [(record.kind, record.seq) for record in edge.records[1:]]
        assert kinds_and_seqs == [("rejected", 1), ("rejected", 2), ("frame", 3), ("disconnected", 4)]


async def test_every_record_that_is_refused_is_replaced_once() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        await until(lambda: edge.log.waiting)
        edge.log.refuse()  # the connection's first record, which has no frame
        assert await close_code(station) == 1013
        edge.log.refuse()  # and what took its place: that is not replaced again
        edge.log.answer_all()
        assert [(record.kind, record.seq) for record in edge.records] == [("disconnected", 1)]


async def test_what_can_never_fit_is_replaced_in_its_turn_when_there_is_room() -> None:
    async with paper_edge() as edge:
        edge.log.capacity, edge.log.largest = 1, 2000
        station = await edge.connect()
        for frame in (HEARTBEAT + " " * 5000, METER_VALUES, HEARTBEAT):
            await station.send(frame)
        await station.close()
        async with asyncio.timeout(60):
            while len(edge.records) < 6:
                edge.log.answer()
                edge.node.writer.rooms()
                await asyncio.sleep(0.002)
        assert [(record.kind, record.seq) for record in edge.records] == [
            ("connected", 0),
            ("rejected", 1),
            ("rejected", 2),
            ("frame", 3),
            ("frame", 4),
            ("disconnected", 5),
        ]


async def test_what_can_never_fit_is_replaced_likewise() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        edge.log.largest = 2000
        station = await edge.connect()
        await station.send(HEARTBEAT + " " * 5000)
        assert await close_code(station) == 1013
        await until(lambda: len(edge.records) == 4)
        assert [record.kind for record in edge.records] == ["connected", "rejected", "rejected", "disconnected"]


async def test_a_station_that_does_not_read_its_replies_is_not_read_either() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        (connection,) = edge.node.stations
        station.transport.pause_reading()
        long = '[2,"%s","Heartbeat",{}]' % ("i" * 30_000)
        sending = asyncio.create_task(send_frames(station, long, 2000))
        await until(lambda: connection._write_paused and connection._paused)
        answered = len(edge.records)
        await asyncio.sleep(0.3)
        assert not sending.done()
        assert len(edge.records) == answered
        sending.cancel()
        station.transport.abort()


async def test_pings_of_a_station_that_does_not_read_are_not_answered_without_end() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        (connection,) = edge.node.stations
        station.transport.pause_reading()
        ping = Frame(Opcode.PING, b"p" * 125).serialize(mask=True) * 1000
        async with asyncio.timeout(60):
            while not connection._paused:
                station.transport.write(ping)
                await asyncio.sleep(0)
        waiting = connection._transport.get_write_buffer_size()
        station.transport.write(ping * 10)
        await asyncio.sleep(0.2)
        assert connection._transport.get_write_buffer_size() == waiting
        now = connection.heard_at
        connection.check(now + 20.1)
        connection.check(now + 40.2)  # one that reads nothing for so long is gone
        assert connection.ended


async def send_frames(station: ClientConnection, frame: str, times: int) -> None:
    for _ in range(times):
        await station.send(frame)


async def test_a_silent_station_is_pinged_and_a_dead_one_let_go() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        (connection,) = edge.node.stations
        now = connection.heard_at
        connection.check(now + 19.9)
        connection.check(now + 20.1)
        await until(lambda: connection.heard_at > now)  # the pong came
        now = connection.heard_at
        station.transport.pause_reading()
        connection.check(now + 20.1)
        connection.check(now + 40.0)
        assert edge.node.stations.get("default/CP1") is connection
        connection.check(now + 40.2)
        assert connection.ended
        await until(lambda: len(edge.records) == 2)
        assert (edge.records[1].close_code, edge.records[1].reason) == (1006, "no answer to a ping")


async def test_a_socket_that_is_not_read_is_not_called_silent() -> None:
    async with paper_edge(queue_frames=1) as edge:
        station = await edge.connect()
        (connection,) = edge.node.stations
        for number in range(3):
            await station.send(heartbeat(number))
        await until(lambda: connection._paused)
        connection.check(connection.heard_at + 1000)
        connection.check(connection.heard_at + 1000)
        assert not connection.ended


async def test_a_station_that_is_read_again_has_time_to_be_heard() -> None:
    async with paper_edge() as edge:
        await edge.connect()
        (connection,) = edge.node.stations
        now = connection.heard_at
        connection.pause_writing()
        connection.check(now + 20.1)  # pinged, and its answer cannot be heard
        connection.resume_writing()
        connection.check(now + 40.2)
        assert not connection.ended
        connection.check(now + 60.3)
        assert connection.ended


async def test_a_process_that_stood_still_forgives() -> None:
    async with paper_edge() as edge:
        await edge.connect()
        (connection,) = edge.node.stations
        now = connection.heard_at
        connection.check(now + 20.1)
        connection.forgive(now + 500)
        connection.check(now + 501)
        assert not connection.ended


async def test_compression_where_a_2x_station_offers_it() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect("CP1", "ocpp2.0.1", compression="deflate")
        assert "server_no_context_takeover" in str(station.response and station.response.headers)
        await station.send('[2,"1","Heartbeat",{}]')
        assert json.loads(await station.recv())[1] == "1"
        older = await edge.connect("CP2", "ocpp1.6", compression="deflate")
        assert not older.protocol.extensions


async def test_a_reset_is_an_end_like_any_other() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        station.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        station.transport.abort()
        await until(lambda: len(edge.records) == 2)
        assert edge.records[1].close_code == 1006
