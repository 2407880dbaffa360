"""The Sans-I/O half of a station's socket, driven by websockets' own client."""

import os
import tracemalloc
import zlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from edge.oversized import HEAD_BYTES
from edge.websocket import DEFLATE, INFLATE_AT_MOST, StationProtocol

LIMIT = 1000


class Pair:
    """A server and a client, connected by nothing but calls."""

    def __init__(self, limit: int = LIMIT, *, deflate: bool = False) -> None:
        extensions = [ClientPerMessageDeflateFactory()] if deflate else []
        self.client = ClientProtocol(
            parse_uri("ws://localhost/CP1"), subprotocols=[Subprotocol("ocpp1.6")], extensions=extensions, max_size=None
        )
        self.server = StationProtocol(limit)
        self.server.chosen = "ocpp1.6"
        self.server.available_extensions = DEFLATE if deflate else None
        self.messages: list[tuple[bytes, bool]] = []
        self.client.send_request(self.client.connect())
        self.to_server()
        self.to_client()

    def to_server(self, chunk: int = 1 << 20) -> None:
        """What the client has to send, in chunks."""
        data = b"".join(self.client.data_to_send())
        for start in range(0, len(data), chunk):
            self.feed(data[start : start + chunk])

    def feed(self, data: bytes) -> None:
        text = self.server.whole_text(data)
        if text is not None:
            self.messages.append((text, False))
            return
        self.server.receive_data(data)
        for event in self.server.events_received():
            if isinstance(event, Request):
                self.server.send_response(self.server.accept(event))
                self.server.begin()
        self.messages += self.server.messages_received()

    def to_client(self) -> None:
        for data in self.server.data_to_send():
            if data:
                self.client.receive_data(data)

    def received(self) -> list[bytes]:
        """The messages that the client got."""
        return [bytes(event.data) for event in self.client.events_received() if isinstance(event, Frame)]


def test_the_chosen_subprotocol_is_the_answer() -> None:
    assert Pair().client.subprotocol == "ocpp1.6"


def test_frames_behind_the_request_wait_for_its_answer() -> None:
    client, server = Pair().client, StationProtocol(LIMIT)
    asking = ClientProtocol(parse_uri("ws://localhost/CP1"))
    asking.send_request(asking.connect())
    client.send_text(b"in a hurry")
    client.send_close(1000)
    server.receive_data(b"".join([*asking.data_to_send(), *client.data_to_send()]))
    (request,) = server.events_received()
    assert isinstance(request, Request)
    assert not server.data_to_send()
    server.send_response(server.accept(request))
    server.begin()
    response, close, end = server.data_to_send()
    assert response.startswith(b"HTTP/1.1 101")
    assert (close[:1], end) == (b"\x88", b"")
    assert server.messages_received() == [(b"in a hurry", False)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, LIMIT])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_text_arrives_whole_however_it_is_cut(size: int, chunk: int) -> None:
    pair, text = Pair(), os.urandom(size).hex().encode()[:size]
    pair.client.send_text(text)
    pair.to_server(chunk)
    assert pair.messages == [(text, False)]


@pytest.mark.parametrize("first", range(1, 141))
def test_a_frame_of_64_bit_length_may_be_cut_anywhere(first: int) -> None:
    pair, text = Pair(limit=100_000), os.urandom(35_000).hex().encode()
    pair.client.send_text(text)
    data = b"".join(pair.client.data_to_send())
    pair.feed(data[:first])
    pair.feed(data[first:])
    assert pair.messages == [(text, False)]
    assert pair.server.state is State.OPEN


@pytest.mark.parametrize("size", [6, 131, 138, 1000])
@pytest.mark.parametrize("first", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_the_middle_of_a_frame_that_looks_like_one_is_none(size: int, first: int) -> None:
    pair, text = Pair(), b"[" + os.urandom(size).hex().encode()[: size - 1]
    # One mask in 65,536 makes a payload such that, in a segment of its own, it looks like a whole masked text frame.
    length = size - 6 if size < 132 else size - 8
    looks = b"\x81" + (bytes([0x80 | length]) if size < 132 else b"\xfe" + length.to_bytes(2, "big"))
    mask = bytes(a ^ b for a, b in zip(text, looks.ljust(4, b"?"), strict=False))
    head = b"\x81" + (bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")) + mask
    frame = head + bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
    for data in (frame[:first], frame[first:], frame):
        pair.feed(data)
    pair.feed(frame[: len(head)])  # this cut is the one that could deceive
    pair.feed(frame[len(head) :])
    assert pair.messages == [(text, False)] * 3
    assert pair.server.state is State.OPEN


def test_a_payload_of_a_large_frame_that_looks_like_a_frame_is_none() -> None:
    pair, whole = Pair(), bytes.fromhex("818537fa213d7f9f4d5158")
    pair.feed(b"\x81\xfe" + (LIMIT + 1).to_bytes(2, "big") + bytes(4))
    pair.feed(whole)
    assert not pair.messages
    assert pair.server.oversized is not None
    assert pair.server.oversized.size == len(whole)


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 1500))
def test_messages_arrive_in_order_whatever_the_chunks(texts: list[bytes], chunk: int) -> None:
    pair = Pair()
    for text in texts:
        pair.client.send_text(text)
    pair.to_server(chunk)
    assert pair.messages == [(text, False) for text in texts]


def test_fragments_are_put_together_with_pings_between() -> None:
    pair = Pair()
    pair.client.send_text(b"[2,", fin=False)
    pair.client.send_ping(b"?")
    pair.client.send_continuation(b"1]", fin=True)
    pair.client.send_binary(b"\x00", fin=False)
    pair.client.send_continuation(b"\x01", fin=True)
    pair.client.send_text(b"after")
    pair.to_server()
    assert pair.messages == [(b"[2,1]", False), (b"\x00\x01", True), (b"after", False)]


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 70_000])
@pytest.mark.parametrize("deflate", [False, True])
def test_a_reply_arrives(size: int, deflate: bool) -> None:
    pair, text = Pair(deflate=deflate), b"x" * size
    pair.client.receive_data(pair.server.text_frame(text))
    assert pair.received()[-1:] == [text]


def test_a_short_cut_is_not_taken_in_the_middle_of_anything() -> None:
    whole = bytes.fromhex("818537fa213d7f9f4d5158")  # RFC 6455, 5.7: "Hello", masked
    assert Pair().server.whole_text(whole) == b"Hello"
    assert Pair().server.whole_text(whole[:-1]) is None
    assert Pair().server.whole_text(whole + b"\x81") is None
    assert Pair().server.whole_text(b"\x81\x05Hello") is None  # not masked
    assert Pair().server.whole_text(b"\x01" + whole[1:]) is None  # not final
    assert Pair().server.whole_text(b"\x82" + whole[1:]) is None  # binary
    assert Pair().server.whole_text(b"\xc1" + whole[1:]) is None  # compressed
    assert Pair(limit=4).server.whole_text(whole) is None
    fragmented = Pair()
    fragmented.client.send_text(b"a", fin=False)
    fragmented.to_server()
    assert fragmented.server.whole_text(whole) is None
    for cut in range(1, len(whole)):  # websockets takes the header and the mask out of its buffer at once
        begun = Pair()
        begun.feed(whole[:cut])
        assert begun.server.whole_text(whole) is None
        begun.feed(whole[cut:])
        assert begun.messages == [(b"Hello", False)]
        assert begun.server.whole_text(whole) == b"Hello"
    closing = Pair()
    closing.server.send_close(1012)
    assert closing.server.whole_text(whole) is None


@pytest.mark.parametrize("chunk", [997, 1 << 20])
def test_a_large_frame_is_read_to_its_end_and_not_kept(chunk: int) -> None:
    pair, text = Pair(), os.urandom(300_000)
    pair.client.send_text(b"before")
    pair.client.send_text(text)
    pair.client.send_text(b"after")
    pair.to_server(chunk)
    oversized = pair.server.oversized
    assert oversized is not None
    assert oversized.complete
    assert (oversized.size, oversized.sha256) == (len(text), sha256(text).hexdigest())
    assert oversized.head == text[:HEAD_BYTES]
    assert pair.messages == [(b"before", False)]
    assert pair.server.state is State.OPEN  # nothing is closed yet
    assert len(pair.server.reader.buffer) < 1000


def test_after_a_large_frame_the_close_is_answered() -> None:
    pair = Pair()
    pair.client.send_text(b"x" * 5000)
    pair.to_server()
    pair.server.send_close(1009, "too large")
    pair.to_client()
    assert pair.client.close_rcvd is not None
    assert pair.client.close_rcvd.code == 1009
    pair.to_server()
    assert pair.server.close_rcvd is not None


def test_of_a_frame_whose_rest_does_not_come_so_much_is_known() -> None:
    pair = Pair()
    pair.client.send_text(b"y" * 50_000)
    data = b"".join(pair.client.data_to_send())
    pair.feed(data[:20_000])
    oversized = pair.server.oversized
    assert oversized is not None
    assert not oversized.complete
    assert oversized.size == 20_000 - 8
    assert oversized.head == b"y" * HEAD_BYTES


def test_a_large_message_in_small_fragments() -> None:
    pair, text = Pair(), os.urandom(10_000)
    pair.client.send_text(text[:900], fin=False)
    for start in range(900, 9_900, 900):
        pair.client.send_continuation(text[start : start + 900], fin=False)
    pair.to_server()
    oversized = pair.server.oversized
    assert oversized is not None
    known = [oversized.complete]
    pair.client.send_continuation(text[9_900:], fin=True)
    pair.to_server()
    assert [*known, oversized.complete] == [False, True]
    assert (oversized.size, oversized.sha256) == (10_000, sha256(text).hexdigest())
    assert oversized.head == text[:HEAD_BYTES]
    assert not pair.messages


def test_a_large_fragment_behind_a_small_one() -> None:
    pair, text = Pair(), os.urandom(5_000)
    pair.client.send_text(text[:500], fin=False)
    pair.client.send_continuation(text[500:], fin=True)
    pair.to_server()
    assert pair.server.oversized is not None
    assert pair.server.oversized.sha256 == sha256(text).hexdigest()


@pytest.mark.parametrize("part", [b"", b"x"])
def test_small_fragments_take_no_more_memory_than_their_bytes(part: bytes) -> None:
    pair = Pair(limit=1 << 20)
    pair.client.send_text(b"", fin=False)
    for _ in range(100_000):
        pair.client.send_continuation(part, fin=False)
    data = b"".join(pair.client.data_to_send())
    tracemalloc.start()
    try:
        for start in range(0, len(data), 1000):
            pair.feed(data[start : start + 1000])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 300_000
    pair.client.send_continuation(b"end", fin=True)
    pair.to_server()
    assert pair.messages == [(part * 100_000 + b"end", False)]


def test_compressed_messages_arrive() -> None:
    pair = Pair(deflate=True)
    assert [extension.name for extension in pair.client.extensions] == ["permessage-deflate"]
    pair.client.send_text(b"a" * 900)
    pair.client.send_text(b"b" * 900)
    pair.to_server()
    assert pair.messages == [(b"a" * 900, False), (b"b" * 900, False)]
    pair.client.receive_data(pair.server.text_frame(b"c" * 900))
    assert pair.received()[-1:] == [b"c" * 900]


@pytest.mark.parametrize("deflate", [False, True])
def test_the_limit_counts_inflated_bytes(deflate: bool) -> None:
    pair, text = Pair(deflate=deflate), b"0123456789" * 20_000
    pair.client.send_text(text)
    pair.to_server()
    assert not pair.messages
    assert pair.server.oversized is not None
    assert pair.server.oversized.complete
    assert (pair.server.oversized.size, pair.server.oversized.sha256) == (len(text), sha256(text).hexdigest())


def test_a_bomb_is_not_inflated_without_end() -> None:
    pair = Pair(limit=512 << 10, deflate=True)
    pair.client.send_text(bytes(200 << 20))
    pair.to_server()
    assert pair.server.oversized is not None
    assert INFLATE_AT_MOST < pair.server.oversized.size < INFLATE_AT_MOST + (1 << 20)
    assert pair.server.oversized.complete


def test_no_context_is_kept_between_compressed_messages() -> None:
    server, text = Pair(deflate=True).server, b"the same message again and again"
    first, second = server.text_frame(text), server.text_frame(text)
    assert first == second
    assert zlib.decompressobj(wbits=-15).decompress(first[2:] + b"\x00\x00\xff\xff") == text


def test_a_broken_frame_fails_as_websockets_says() -> None:
    pair = Pair()
    pair.feed(b"\x83\x80\x00\x00\x00\x00")  # opcode 3 does not exist
    assert pair.server.close_sent is not None
    assert pair.server.close_sent.code == 1002
