"""A gRPC client on `wire`: a channel that goes on to a new connection after a GOAWAY."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping

from hyperframe.frame import GoAwayFrame, RstStreamFrame

import peers
from wire import PREFACE, Connection, Recording, Stream, Style, prefixed

CANCEL = 8  # error code: RFC 9113 §7
DEFAULT_STYLE = Style()


class NotProcessed(Exception):
    """The call never reached the application, so that it may be tried again: RFC 9113 §8.7."""


class ClientConnection(Connection):
    """The client's side."""

    next_number = 1

    @property
    def usable(self) -> bool:
        return not self.goaways and not self.closed

    async def call(self, path: str, request: bytes, receive: Callable[[bytes], None]) -> Mapping[str, str]:
        stream = Stream(self.next_number, self.stream_window)
        self.next_number += 2  # nothing is awaited until the write lock is asked for: numbers reach the wire in order
        self.streams[stream.number] = stream
        ended = False
        try:
            await self.write_headers(stream.number, {
                ":method": "POST", ":scheme": "http", ":path": path, ":authority": "evenkeel.lab",
                "content-type": "application/grpc", "te": "trailers",
            })
            await self.write_data(stream, prefixed(request), ended=True)
            async for message in stream.messages():
                receive(message)
            ended = True
        finally:
            del self.streams[stream.number]
            if not ended and not self.closed:
                self.post(RstStreamFrame(stream.number, CANCEL))
            if self.goaways and not self.streams:
                self.spawn(self.finish())
        if stream.headers.get("grpc-status") != "0":
            raise peers.CallFailed(f"status {stream.headers.get('grpc-status')}: {stream.headers.get('grpc-message')}")
        return stream.headers

    def on_goaway(self, frame: GoAwayFrame) -> None:
        super().on_goaway(frame)
        for number, stream in self.streams.items():
            if number > frame.last_stream_id:
                stream.fail(NotProcessed())
        if not self.streams:
            self.spawn(self.finish())


class Channel:
    """Connections to one target, one after the other: a new one for the calls that follow a GOAWAY."""

    connection_type = ClientConnection

    def __init__(self, target: str, style: Style = DEFAULT_STYLE, tls: ssl.SSLContext | None = None,
                 record: Callable[[], Recording] | None = None, receive_buffer: int | None = None) -> None:
        self.target, self.style, self.tls, self.record = peers.address(target), style, tls, record
        self.receive_buffer = receive_buffer
        self.connections: list[ClientConnection] = []
        self.connecting = asyncio.Lock()

    async def call(self, method: str, request: bytes, receive: Callable[[bytes], None]) -> Mapping[str, str]:
        while True:
            try:
                connection = await self.usable_connection()
                return await connection.call(peers.SERVICE + method, request, receive)
            except NotProcessed:
                continue
            except OSError as error:
                raise peers.CallFailed(str(error)) from error

    async def usable_connection(self) -> ClientConnection:
        async with self.connecting:
            if not self.connections or not self.connections[-1].usable:
                reader, writer = await asyncio.open_connection(sock=await self.connect(), ssl=self.tls,
                                                               server_hostname="localhost" if self.tls else None)
                connection = self.connection_type(reader, writer, self.style, self.record and self.record())
                await connection.start(PREFACE)
                self.connections.append(connection)
            return self.connections[-1]

    async def connect(self) -> socket.socket:
        host, port = self.target
        connected = socket.socket(peers.family(host))
        connected.setblocking(False)
        if self.receive_buffer:  # before connect(): it bounds the window that TCP announces
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        await asyncio.get_running_loop().sock_connect(connected, (host, port))
        return connected

    async def close(self) -> None:
        await asyncio.gather(*(connection.finish() for connection in self.connections))

    @property
    def goaways(self) -> list[GoAwayFrame]:
        return [frame for connection in self.connections for frame in connection.goaways]
