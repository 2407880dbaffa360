"""websockets' Sans-I/O server, and what a charging station needs beyond it.

- The subprotocol is chosen by the caller (`chosen`): the client's order counts, and none in common is no error here.
- A message of several frames is put together, up to `limit` bytes.
- Of a message that is larger, `oversized` tells what there is to know. It is read to its end and not kept, before
  anything is closed: a socket closed with unread bytes resets, and the station would never learn the reason.
- permessage-deflate without context takeover (RFC 7692): nothing is kept between two messages.
- What nearly every read and every write is, one whole text frame, takes a short cut: a third of the cost.
"""

import logging
import sys
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress

from websockets.datastructures import Headers
from websockets.exceptions import PayloadTooBig
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader
from websockets.typing import ExtensionParameter, Subprotocol

from edge.oversized import Oversized

try:
    from websockets.speedups import apply_mask
except ImportError:  # where it was built without its C part
    from websockets.utils import apply_mask

INFLATE_AT_MOST = 8 << 20
"""A message that inflates to more is not inflated further just to be counted."""
_CHUNK = 64 << 10

_quiet = logging.getLogger("edge.websocket")
_quiet.setLevel(logging.WARNING)  # our own lines say when a connection opens and closes


class _Frames(Protocol):
    """Reads no frame before the handshake is answered: a client may send its first ones, even its last, with it."""

    def parse(self) -> Generator[None]:
        while self.state is State.CONNECTING:
            yield
        yield from super().parse()


class _FrameReader(StreamReader):
    """Knows whether what comes next is the beginning of a frame.

    An empty buffer does not say so: a frame's header and its mask are taken out of it as soon as they are there, while
    the payload may be in the next segment. Between two frames, and only there, websockets asks whether the stream ends.
    """

    between = False

    def at_eof(self) -> Generator[None, None, bool]:
        self.between = True
        ended = yield from super().at_eof()
        self.between = False
        return ended


class StationProtocol(ServerProtocol, _Frames):
    """One station's WebSocket, without the socket. When the handshake is answered, call `begin`."""

    def __init__(self, limit: int) -> None:
        super().__init__(max_size=(None, limit), logger=_quiet)
        self.limit = limit
        self.chosen: str | None = None
        self.oversized: Oversized | None = None
        self._frames = _FrameReader()  # reads from `begin` on
        self._messages: list[tuple[bytes, bool]] = []
        self._parts = bytearray()  # of a message of several frames
        self._binary = False

    def process_subprotocol(self, headers: Headers) -> Subprotocol | None:  # noqa: ARG002 - websockets' signature
        """What the handshake's response names."""
        return None if self.chosen is None else Subprotocol(self.chosen)

    def begin(self) -> None:
        """Read on with what came behind the request, and let go of the request: it is a third of an idle connection."""
        self._frames.buffer, self._frames.eof = self.reader.buffer, self.reader.eof
        self.reader = self._frames
        self.parser = self.parse()
        next(self.parser)

    def whole_text(self, data: bytes) -> bytes | None:
        """The message, where `data` is exactly one whole text frame and nothing of another came before it; else None.

        With None, give the data to `receive_data`, which is right in every case.
        """
        if len(data) < 6 or data[0] != 0x81 or not self._frames.between or self.current_size is not None:
            return None
        length, start = data[1] - 0x80, 6  # below 0 where it is not masked, which is an error
        if length >= 126:
            if length == 127:  # 64 bits of length follow, which is rare
                return None
            length, start = data[2] << 8 | data[3], 8
        if len(data) != start + length or length > self.limit or self.state is not State.OPEN:
            return None
        return apply_mask(data[start:], data[start - 4 : start])

    def text_frame(self, text: bytes) -> bytes:
        """The bytes of a whole message, to be written at once; what `data_to_send` holds comes first."""
        size = len(text)
        if self.extensions or size > 0xFFFF:
            self.send_text(text)
            return b"".join(self.data_to_send())
        return (b"\x81%c" % size if size < 126 else b"\x81\x7e%c%c" % (size >> 8, size & 0xFF)) + text

    def messages_received(self) -> list[tuple[bytes, bool]]:
        """The messages that were completed since the last call, and whether each is binary."""
        messages, self._messages = self._messages, []
        return messages

    def recv_frame(self, frame: Frame) -> None:
        """As websockets', which leaves frames to be put together; `events_received` gives the request only."""
        super().recv_frame(frame)
        self.events.pop()
        if frame.opcode > Opcode.BINARY:
            return
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
            if frame.fin:
                self._messages.append((bytes(frame.data), self._binary))
                return
        if self.oversized is None and len(self._parts) + len(frame.data) > self.limit:
            self.oversized = self._take_parts()
        if self.oversized is not None:
            self.oversized.feed(frame.data)
            self.oversized.complete = frame.fin
            return
        self._parts += frame.data
        if frame.fin:
            self._messages.append((bytes(self._parts), self._binary))
            self._parts.clear()

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """As websockets', except that a frame beyond the limit is read to its end first."""
        error = sys.exception()
        if not isinstance(error, PayloadTooBig) or self.oversized is not None:
            super().fail(code, reason)
            return
        self.oversized = self._take_parts()
        if isinstance(error, InflatedTooBig):
            error.feed(self.oversized)
            self.parser = self._wait_for_close()
        else:
            self.parser = self._read_on(error.size or 0, self.oversized)
        next(self.parser)  # start it, as websockets does with its own

    def _read_on(self, size: int, oversized: Oversized) -> Generator[None]:
        """Read the rest of a frame whose header said `size`, then go on with the frames behind it."""
        mask = bytes((yield from self.reader.read_exact(4)))
        buffer = self.reader.buffer
        while size:
            if not buffer:
                yield
                continue
            chunk = bytes(buffer[: min(size, _CHUNK)])
            del buffer[: len(chunk)]
            oversized.feed(apply_mask(chunk, mask))
            turn = len(chunk) % 4
            mask = mask[turn:] + mask[:turn]
            size -= len(chunk)
        oversized.complete = True
        yield from self._wait_for_close()

    def _wait_for_close(self) -> Generator[None]:
        """Leave what follows unread until our close frame is sent; then look for the station's."""
        while self.state is State.OPEN:
            yield
        yield from self.parse()

    def _take_parts(self) -> Oversized:
        oversized = Oversized()
        oversized.feed(self._parts)
        self._parts.clear()
        return oversized


class InflatedTooBig(PayloadTooBig):
    """A compressed frame of acceptable size inflates beyond the limit."""

    def __init__(self, max_size: int, compressed: bytes, window_bits: int) -> None:
        super().__init__(None, max_size)
        self.compressed, self.window_bits = compressed, window_bits

    def feed(self, oversized: Oversized) -> None:
        """Inflate it once more, keeping nothing, to its end or as far as is sensible."""
        with suppress(zlib.error):  # a fragment needs what came before it, which is gone
            for chunk in _inflate(self.compressed, self.window_bits):
                oversized.feed(chunk)
                if oversized.size > INFLATE_AT_MOST:
                    break
        oversized.complete = True


def _inflate(compressed: bytes, window_bits: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=-window_bits)
    rest = compressed + b"\x00\x00\xff\xff"
    while rest:
        yield decoder.decompress(rest, _CHUNK)
        rest = decoder.unconsumed_tail


class BoundedDeflate(PerMessageDeflate):
    """websockets' permessage-deflate, which tells a frame that inflates too far from one that is sent too long."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        try:
            return super().decode(frame, max_size=max_size)
        except PayloadTooBig as error:
            raise InflatedTooBig(error.max_size, bytes(frame.data), self.remote_max_window_bits) from error


class DeflateFactory(ServerPerMessageDeflateFactory):
    """Offers permessage-deflate without context takeover on either side."""

    def __init__(self) -> None:
        super().__init__(
            server_no_context_takeover=True, client_no_context_takeover=True, compress_settings={"memLevel": 5}
        )

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        answer, agreed = super().process_request_params(params, accepted_extensions)
        bounded = BoundedDeflate(
            agreed.remote_no_context_takeover,
            agreed.local_no_context_takeover,
            agreed.remote_max_window_bits,
            agreed.local_max_window_bits,
            self.compress_settings,
        )
        return answer, bounded


DEFLATE = (DeflateFactory(),)
