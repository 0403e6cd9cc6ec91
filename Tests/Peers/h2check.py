"""An independent check of one HTTP/2 connection, from the bytes of both its directions.

It shares no code with the agent or with the peers: frames are parsed by hyperframe, header blocks decoded by hpack,
and the answers of the echo service computed again from the requests. Feed it the bytes in any portions, but no answer
before its request; `finish` returns what was found.
"""

import collections
import functools
import hashlib
import json
import re
from dataclasses import dataclass, field

import hpack
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (ContinuationFrame, DataFrame, ExtensionFrame, Frame, GoAwayFrame, HeadersFrame,
                              PushPromiseFrame, RstStreamFrame, SettingsFrame)

import peers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REASONS = (b"max_age", b"endpoint_terminating", b"rebalance", b"manual")
OPEN_ENDED = 2**31 - 1
DEFAULT_FRAME_SIZE, DEFAULT_TABLE_SIZE = 16_384, 4_096  # bytes: RFC 9113 §6.5.2
HEADER_LIST_LIMIT = 1 << 20  # bytes; hpack's own is smaller
# A GOAWAY of the agent's, wherever it is: 9 bytes of header, the last stream, the error code, a reason.
PLACED = re.compile(rb"\0\0.\x07\0\0\0\0\0.{8}(?:%s)" % b"|".join(REASONS), re.DOTALL)
PLACED_LIMIT = 9 + 8 + max(map(len, REASONS))


@dataclass
class Verdict:
    """What was found on one connection, or (added up) on several."""

    connections: int = 0
    not_http2: int = 0
    cut: int = 0  # reset, or still open where the record ends: its last frame may be a part
    streams: int = 0
    answers: int = 0  # responses that ended with status 0, all of them found exact
    unfinished: int = 0  # streams neither ended nor reset
    goaways: collections.Counter[str] = field(default_factory=collections.Counter)  # placed, by reason
    own_goaways: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def show(self) -> dict[str, object]:
        """For a report: all of it, but not endless violations."""
        by_reason = dict(self.goaways)
        return {**vars(self), "goaways": self.goaways.total(), "goaways_by_reason": by_reason,
                "violations": self.violations[:50]}


class Violation(Exception):
    """After this the direction cannot be followed any more."""


class HeaderList(dict[str, str]):
    """A decoded header block."""

    ends_stream = False


class Frames:
    """One direction: cuts bytes into frames, joins header blocks, and insists on RFC 9113 §4 and §6."""

    def __init__(self) -> None:
        self.data, self.offset = bytearray(), 0
        self.frame_size = DEFAULT_FRAME_SIZE
        self.decoder = hpack.Decoder(HEADER_LIST_LIMIT)
        self.opening: HeadersFrame | PushPromiseFrame | None = None  # of a header block that has not ended
        self.block = b""
        self.started = False

    def feed(self, data: bytes):
        """Yields each frame that is now complete, with the header list that it completes, if any."""
        self.data += data
        while len(self.data) >= 9:
            frame, length = self.header()
            if len(self.data) < 9 + length:
                return
            payload = bytes(self.data[9:9 + length])
            del self.data[:9 + length]
            yield self.parsed(frame, payload), self.headers(frame)
            self.offset += 9 + length

    def header(self) -> tuple[Frame, int]:
        try:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self.data[:9])))
        except HyperframeError as error:
            raise Violation(str(error)) from error
        if isinstance(frame, ExtensionFrame):
            raise Violation(f"unknown frame type {frame.type}")
        if length > self.frame_size:
            raise Violation(f"{type(frame).__name__} of {length} bytes, more than SETTINGS_MAX_FRAME_SIZE")
        if not self.started and not (isinstance(frame, SettingsFrame) and "ACK" not in frame.flags):
            raise Violation(f"{type(frame).__name__} before the first SETTINGS")
        self.started = True
        return frame, length

    def parsed(self, frame: Frame, payload: bytes) -> Frame:
        if misplaced := PLACED.search(payload):
            raise Violation(f"GOAWAY inside a {type(frame).__name__}, {misplaced.start()} bytes into its payload")
        try:
            frame.parse_body(memoryview(payload))
        except HyperframeError as error:
            raise Violation(f"{type(frame).__name__}: {error}") from error
        return frame

    def headers(self, frame: Frame) -> HeaderList | None:
        if self.opening is not None:
            if not isinstance(frame, ContinuationFrame) or frame.stream_id != self.opening.stream_id:
                raise Violation(f"{type(frame).__name__} inside a header block")
        elif isinstance(frame, HeadersFrame | PushPromiseFrame):
            self.opening, self.block = frame, b""
        elif isinstance(frame, ContinuationFrame):
            raise Violation("CONTINUATION outside a header block")
        else:
            return None
        self.block += frame.data
        if "END_HEADERS" not in frame.flags:
            return None
        try:
            headers = HeaderList(self.decoder.decode(self.block))
        except hpack.HPACKError as error:
            raise Violation(f"header block: {error}") from error
        headers.ends_stream = "END_STREAM" in self.opening.flags
        self.opening = None
        return headers

    def allow(self, settings: dict[int, int]) -> None:
        """Takes the other side's SETTINGS: these are limits on this direction."""
        self.frame_size = settings.get(SettingsFrame.MAX_FRAME_SIZE, self.frame_size)
        size = settings.get(SettingsFrame.HEADER_TABLE_SIZE, DEFAULT_TABLE_SIZE)
        # A lowered limit holds only from its acknowledgement on: never lower it here.
        self.decoder.max_allowed_table_size = max(self.decoder.max_allowed_table_size, size)


@dataclass
class Exchange:
    """A request and its response; bodies are compared by their hashes."""

    path: str = ""
    request: bytearray = field(default_factory=bytearray)
    response: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    trailers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    reset: bool = False

    @property
    def is_exact(self) -> bool:
        expected = answer_hash(self.path.removeprefix(peers.SERVICE), bytes(self.request))
        return expected is None or self.response.digest() == expected


class Checker:
    """Checks one connection."""

    def __init__(self, name: str) -> None:
        self.name, self.verdict = name, Verdict(connections=1)
        self.from_client, self.from_server = Frames(), Frames()
        self.is_http2: bool | None = None  # not known before the client has spoken; servers may speak first
        self.preface, self.early = b"", b""
        self.tail, self.raw_offset = b"", 0  # of a server's bytes that are not HTTP/2
        self.lost: set[str] = set()  # directions that cannot be followed any more
        self.exchanges: dict[int, Exchange] = collections.defaultdict(Exchange)
        self.highest = 0  # stream that the client opened
        self.answer_ended = False
        self.last_goaway: GoAwayFrame | None = None

    def client(self, data: bytes) -> None:
        """Takes what the client sent."""
        if self.is_http2 is None:
            self.preface += data
            data = self.decide()
        if self.is_http2:
            self.follow("client", self.from_client, data, self.on_client_frame)

    def server(self, data: bytes) -> None:
        """Takes what the server sent."""
        if self.is_http2 is None:
            self.early += data
        elif self.is_http2:
            self.follow("server", self.from_server, data, self.on_server_frame)
        else:
            self.search(data)

    def decide(self) -> bytes:
        """Is it HTTP/2? Returns what of the client's first bytes follows the preface."""
        if not PREFACE.startswith(self.preface[:len(PREFACE)]):
            self.is_http2 = False
        elif len(self.preface) < len(PREFACE):
            return b""
        else:
            self.is_http2 = True
        early, self.early = self.early, b""
        self.server(early)
        return self.preface[len(PREFACE):]

    def finish(self, complete: bool) -> Verdict:
        """`complete`: these are all the bytes of a connection that was closed in order."""
        if not self.is_http2:
            self.verdict.not_http2 = 1
            self.search(self.early)
        if not complete:
            self.verdict.cut = 1
        elif (self.from_server.data or self.from_server.opening) and "server" not in self.lost:
            self.violate("the server's bytes end inside a frame or a header block")
        self.verdict.streams = len(self.exchanges)
        self.verdict.unfinished = sum(not (exchange.ended or exchange.reset) for exchange in self.exchanges.values())
        return self.verdict

    def violate(self, text: str) -> None:
        self.verdict.violations.append(f"{self.name}: {text}")

    def follow(self, side: str, frames: Frames, data: bytes, handle) -> None:
        if side in self.lost:
            return
        try:
            for frame, headers in frames.feed(data):
                handle(frame, headers)
        except Violation as error:
            self.violate(f"{side}'s byte {frames.offset}: {error}")
            self.lost.add(side)

    def search(self, data: bytes) -> None:
        """No GOAWAY belongs into what is not HTTP/2."""
        joined = self.tail + data
        if found := PLACED.search(joined):
            self.violate(f"byte {self.raw_offset - len(self.tail) + found.start()}: GOAWAY in what is not HTTP/2")
            joined = joined[found.end():]
        self.raw_offset += len(data)
        self.tail = joined[-(PLACED_LIMIT - 1):]

    def on_client_frame(self, frame: Frame, headers: HeaderList | None) -> None:
        match frame:
            case SettingsFrame():
                self.from_server.allow(frame.settings)
            case RstStreamFrame():
                self.exchanges[frame.stream_id].reset = True
            case DataFrame():
                self.exchanges[frame.stream_id].request += frame.data
        if headers and ":path" in headers:
            self.highest = max(self.highest, frame.stream_id)
            self.exchanges[frame.stream_id].path = headers[":path"]

    def on_server_frame(self, frame: Frame, headers: HeaderList | None) -> None:
        if frame.stream_id and (frame.stream_id % 2 == 0 or frame.stream_id > self.highest):
            raise Violation(f"{type(frame).__name__} on stream {frame.stream_id}, which the client has not opened")
        exchange = self.exchanges[frame.stream_id] if frame.stream_id else None
        if isinstance(frame, DataFrame | HeadersFrame) and exchange.ended:
            raise Violation(f"{type(frame).__name__} on stream {frame.stream_id} after its END_STREAM")
        match frame:
            case SettingsFrame():
                self.from_client.allow(frame.settings)
            case RstStreamFrame():
                exchange.reset = True
            case DataFrame():
                exchange.response.update(frame.data)
                if "END_STREAM" in frame.flags:
                    self.end(frame.stream_id, exchange)
            case GoAwayFrame():
                self.on_goaway(frame)
        if headers is not None:
            exchange.trailers |= headers
            if headers.ends_stream:
                self.end(frame.stream_id, exchange)

    def end(self, number: int, exchange: Exchange) -> None:
        exchange.ended = self.answer_ended = True
        if exchange.trailers.get("grpc-status") == "0" and "client" not in self.lost:
            self.verdict.answers += 1
            if not exchange.is_exact:
                self.violate(f"stream {number}: the answer to {exchange.path} is not exact")
        exchange.request.clear()

    def on_goaway(self, frame: GoAwayFrame) -> None:
        place = f"server's byte {self.from_server.offset}: GOAWAY"
        last, self.last_goaway = self.last_goaway, frame
        if last and frame.last_stream_id > last.last_stream_id:
            self.violate(f"{place} raises the last stream to {frame.last_stream_id}")
        if frame.additional_data not in REASONS:
            self.verdict.own_goaways += 1
            return
        if frame.last_stream_id != OPEN_ENDED:
            self.violate(f"{place} with last stream {frame.last_stream_id}")
        if frame.error_code != 0:
            self.violate(f"{place} with error {frame.error_code}")
        if not self.answer_ended:
            self.violate(f"{place} before any answer has ended")
        if self.verdict.own_goaways:
            self.violate(f"{place} after the server's own")
        if self.verdict.goaways:
            self.violate(f"{place} is the second one")
        self.verdict.goaways[frame.additional_data.decode()] += 1


@functools.lru_cache(maxsize=256)
def body_hash(seed: int, size: int) -> bytes:
    return hashlib.sha256(size.to_bytes(5) + peers.body(seed, size)).digest()


def answer_hash(method: str, request: bytes) -> bytes | None:
    """SHA-256 of the response's bytes, gRPC prefixes included; None if they cannot be known."""
    match method:
        case "Echo":
            return hashlib.sha256(request).digest()
        case "Body":
            wanted = json.loads(request[5:])
            return body_hash(wanted["seed"], wanted["bytes"])
        case "Ticks":
            messages = peers.ticks(request[5:])[1]
            return hashlib.sha256(b"".join(len(message).to_bytes(5) + message for message in messages)).digest()
    return None


def report(verdict: Verdict, **more: int) -> int:
    """Prints the verdict as one JSON line; the exit code to end with. Nothing checked is not a success."""
    ok = verdict.connections > 0 and not verdict.violations
    shown = {"event": "done", "ok": verdict.answers, "failed": len(verdict.violations), **verdict.show(), **more}
    print(json.dumps(shown), flush=True)
    return 0 if ok else 1
