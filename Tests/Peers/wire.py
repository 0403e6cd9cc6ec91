"""HTTP/2 over asyncio streams, frame by frame, for peers that must do what libraries do not allow.

Frames are hyperframe's, header compression is hpack's. The library h2 is no use here: to it, a GOAWAY ends the
connection, while RFC 9113 §6.8 lets both sides finish their streams, and these peers do.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from typing import Protocol

import hpack
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

import peers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FIRST_WINDOW = 65_535  # bytes: RFC 9113 §6.9.2
WINDOW = 16 * 1024 * 1024  # bytes that our peers may send ahead, on a stream and on a connection
LINGER = 5  # seconds for the other side to close, once we have


@dataclass(frozen=True)
class Style:
    """How a side writes. The defaults are what libraries do."""

    bytewise: bool = False  # every byte by a send() of its own
    header_pieces: int = 1  # HEADERS and CONTINUATION frames of a header block; the last one is empty
    piece_pause: float = 0  # seconds between those
    largest_frame: int = 16_384  # bytes to send in a frame, if the other side allows
    accepted_frame: int = 16_384  # bytes to allow the other side


class Recording(Protocol):
    """Keeps every byte of one connection."""

    def sent(self, data: bytes) -> None: ...
    def received(self, data: bytes) -> None: ...
    def close(self, in_order: bool) -> None: ...


class Stream:
    """A stream: what arrives is queued, as header lists and byte strings; None is its end, an exception its failure."""

    def __init__(self, number: int, window: int) -> None:
        self.number, self.window = number, window
        self.arrived: asyncio.Queue[dict[str, str] | bytes | None | Exception] = asyncio.Queue()
        self.headers: dict[str, str] = {}  # the latest: in the end, the trailers
        self.failure: Exception | None = None

    def fail(self, failure: Exception) -> None:
        self.failure = failure
        self.arrived.put_nowait(failure)

    async def messages(self) -> AsyncIterator[bytes]:
        """The gRPC messages, until the end of the stream."""
        data = bytearray()
        while (item := await self.arrived.get()) is not None:
            match item:
                case Exception():
                    raise item
                case dict():
                    self.headers = item
                case bytes():
                    data += item
            while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[1:5])):
                yield bytes(data[5:end])
                del data[:end]


class Connection:
    """One side of an HTTP/2 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, style: Style,
                 recording: Recording | None = None) -> None:
        self.reader, self.writer, self.style, self.recording = reader, writer, style, recording
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.streams: dict[int, Stream] = {}
        self.window, self.stream_window, self.frame_limit = FIRST_WINDOW, FIRST_WINDOW, 16_384
        self.window_opened, self.writing = asyncio.Condition(), asyncio.Lock()
        self.block, self.block_start = b"", None
        self.seen: set[str] = set()  # names of frame types
        self.largest_seen = 0  # bytes of a frame
        self.goaways: list[GoAwayFrame] = []
        self.tasks: set[asyncio.Task] = set()
        self.closed: ConnectionError | None = None  # why nothing arrives any more
        self.finishing = False  # we write no more
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.reading: asyncio.Task | None = None
        if style.bytewise:  # drain() then waits until the kernel has the byte: none is joined to another
            writer.transport.set_write_buffer_limits(high=0)

    async def start(self, preface: bytes = b"") -> None:
        settings = {SettingsFrame.INITIAL_WINDOW_SIZE: WINDOW, SettingsFrame.MAX_FRAME_SIZE: self.style.accepted_frame}
        first = SettingsFrame(0, settings), WindowUpdateFrame(0, WINDOW - FIRST_WINDOW)
        await self.transmit(preface + b"".join(frame.serialize() for frame in first))
        self.reading = asyncio.create_task(self.read())

    # Reading

    async def read(self) -> None:
        """Reads until the other side closes, then fails what is still open."""
        in_order = False
        try:
            await self.read_frames()
            in_order = not self.streams
            self.closed = ConnectionError("the connection was closed")
        except (OSError, HyperframeError, hpack.HPACKError) as error:
            self.closed = ConnectionError(f"{type(error).__name__}: {error}")
        for stream in self.streams.values():
            stream.fail(peers.CallFailed(f"connection lost: {self.closed}"))
        if self.recording:
            self.recording.close(in_order)
        await self.notify()
        self.writer.close()

    async def read_frames(self) -> None:
        data = bytearray()
        while chunk := await self.reader.read(256 * 1024):
            if self.recording:
                self.recording.received(chunk)
            data += chunk
            start = 0
            while len(data) - start >= 9:
                frame, length = Frame.parse_frame_header(memoryview(bytes(data[start:start + 9])))
                if len(data) - start < 9 + length:
                    break
                frame.parse_body(memoryview(bytes(data[start + 9:start + 9 + length])))
                start += 9 + length
                self.seen.add(type(frame).__name__)
                self.largest_seen = max(self.largest_seen, length)
                await self.handle(frame)
            del data[:start]
            await self.may_read.wait()

    async def handle(self, frame: Frame) -> None:
        match frame:
            case SettingsFrame() if "ACK" not in frame.flags:
                await self.apply(frame.settings)
                self.post(SettingsFrame(0, flags=["ACK"]))
            case PingFrame() if "ACK" not in frame.flags:
                self.post(PingFrame(0, frame.opaque_data, flags=["ACK"]))
            case PingFrame():
                await self.on_pong()
            case WindowUpdateFrame():
                await self.widen(frame.stream_id, frame.window_increment)
            case HeadersFrame() | ContinuationFrame():
                self.on_header_block(frame)
            case DataFrame():
                self.on_data(frame)
            case RstStreamFrame():
                if stream := self.streams.get(frame.stream_id):
                    stream.fail(peers.CallFailed(f"stream reset with error {frame.error_code}"))
                    await self.notify()
            case GoAwayFrame():
                self.on_goaway(frame)

    async def apply(self, settings: Mapping[int, int]) -> None:
        self.frame_limit = settings.get(SettingsFrame.MAX_FRAME_SIZE, self.frame_limit)
        self.encoder.header_table_size = settings.get(SettingsFrame.HEADER_TABLE_SIZE, self.encoder.header_table_size)
        window = settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self.stream_window)
        for stream in self.streams.values():
            stream.window += window - self.stream_window
        self.stream_window = window
        await self.notify()

    async def widen(self, number: int, increment: int) -> None:
        if number == 0:
            self.window += increment
        elif stream := self.streams.get(number):
            stream.window += increment
        await self.notify()

    async def notify(self) -> None:
        async with self.window_opened:
            self.window_opened.notify_all()

    def on_header_block(self, frame: HeadersFrame | ContinuationFrame) -> None:
        if isinstance(frame, HeadersFrame):
            self.block, self.block_start = b"", frame
        self.block += frame.data
        if "END_HEADERS" in frame.flags:
            fields = dict(self.decoder.decode(self.block))
            self.on_headers(frame.stream_id, fields, "END_STREAM" in self.block_start.flags)

    def on_headers(self, number: int, fields: dict[str, str], ended: bool) -> None:
        if stream := self.streams.get(number):
            stream.arrived.put_nowait(fields)
            if ended:
                stream.arrived.put_nowait(None)

    def on_data(self, frame: DataFrame) -> None:
        if frame.flow_controlled_length:
            self.post(WindowUpdateFrame(0, frame.flow_controlled_length))
        if stream := self.streams.get(frame.stream_id):
            stream.arrived.put_nowait(frame.data)
            if "END_STREAM" in frame.flags:
                stream.arrived.put_nowait(None)
            elif frame.flow_controlled_length:
                self.post(WindowUpdateFrame(frame.stream_id, frame.flow_controlled_length))

    def on_goaway(self, frame: GoAwayFrame) -> None:
        self.goaways.append(frame)

    async def on_pong(self) -> None:
        pass

    # Writing

    def post(self, *frames: Frame) -> None:
        """Writes when its turn comes, without making the reader wait: two sides that wait to write would never read."""
        self.spawn(self.write(*frames))

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def write(self, *frames: Frame) -> None:
        async with self.writing:
            await self.transmit(b"".join(frame.serialize() for frame in frames))

    async def transmit(self, data: bytes) -> None:
        """To be called by the holder of `writing`."""
        if self.finishing or self.closed:
            return
        if self.recording:
            self.recording.sent(data)
        with contextlib.suppress(OSError):  # the reader learns of it too, and tells the streams
            for part in (data[i:i + 1] for i in range(len(data))) if self.style.bytewise else (data,):
                self.writer.write(part)
                await self.writer.drain()
                if self.style.bytewise:
                    await asyncio.sleep(0)

    async def write_headers(self, number: int, fields: Mapping[str, str], ended: bool = False) -> None:
        async with self.writing:  # nothing may come between a header block's frames, and HPACK has a state
            block = self.encoder.encode(fields)
            size = -(-len(block) // max(1, self.style.header_pieces - 1))
            pieces = [block[i:i + size] for i in range(0, len(block), size)]
            if self.style.header_pieces > 1:
                pieces.append(b"")
            frames = [HeadersFrame(number, pieces[0], flags=["END_STREAM"] if ended else [])]
            frames += [ContinuationFrame(number, piece) for piece in pieces[1:]]
            frames[-1].flags.add("END_HEADERS")
            for frame in frames:
                await self.transmit(frame.serialize())
                if frame is not frames[-1]:
                    await asyncio.sleep(self.style.piece_pause)

    async def write_data(self, stream: Stream, data: bytes, ended: bool = False) -> None:
        """Writes within the windows of the stream and of the connection."""
        start = 0
        while start < len(data):
            async with self.window_opened:
                await self.window_opened.wait_for(
                    lambda: min(self.window, stream.window) > 0 or self.closed or stream.failure)
            if failure := self.closed or stream.failure:
                raise failure
            size = min(len(data) - start, self.window, stream.window, self.frame_limit, self.style.largest_frame)
            self.window -= size
            stream.window -= size
            last = ended and start + size == len(data)
            await self.write(DataFrame(stream.number, data[start:start + size], flags=["END_STREAM"] if last else []))
            start += size

    async def finish(self) -> None:
        """Closes our direction and waits for the other, so that every byte that is on its way arrives."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(LINGER):
                async with self.writing:  # after all that waits to be written
                    self.finishing = True
                    if self.writer.can_write_eof():
                        self.writer.write_eof()
                    else:  # TLS has no half-closed connections
                        self.writer.close()
                await asyncio.shield(self.reading)
        self.writer.close()


def prefixed(message: bytes) -> bytes:
    """A gRPC message with its prefix: not compressed, length."""
    return b"\0" + len(message).to_bytes(4) + message
