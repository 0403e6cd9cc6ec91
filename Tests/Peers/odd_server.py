"""Servers that are unusual, and must not be harmed: see KINDS."""

import argparse
import asyncio
import contextlib
import functools
import http.server
import pathlib
import ssl
import subprocess
import tempfile
import threading

from hyperframe.frame import GoAwayFrame, PingFrame

import peers
import wire
from wire import Connection, Stream, Style

KINDS = {
    "own-goaway": "sends GOAWAYs of its own after --after responses, as RFC 9113 §6.8 recommends",
    "tls": "HTTP/2 over TLS, with a certificate made at start",
    "http1": "HTTP/1.1: POST /Echo and /Body",
    "lookalike": "not HTTP/2, but its first 9 bytes could be a SETTINGS frame's header; then echoes chunks",
    "bytewise": "HTTP/2, every byte by a send() of its own",
    "continuation": "HTTP/2, header blocks in pieces with pauses between them",
    "big-frames": "HTTP/2, frames of up to 4 MiB if the client allows them",
}
STYLES = {
    "bytewise": Style(bytewise=True),
    # nghttp2, and so Node, accepts no more than 8 CONTINUATION frames for a header block.
    "continuation": Style(header_pieces=9, piece_pause=0.01),
    "big-frames": Style(largest_frame=4 * 1024 * 1024),
}
LOOKALIKE_GREETING = bytes([0, 0, 18, 4, 0, 0, 0, 0, 0])
NO_LAST_STREAM = 2**31 - 1  # in a GOAWAY: streams that race with it will be answered
FINISH = 60  # seconds that connections get after SIGTERM


class ServerConnection(Connection):
    """The server's side: `serve(connection, stream)` answers a stream whose request headers have arrived."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, style: Style, serve) -> None:
        super().__init__(reader, writer, style)
        self.serve = serve
        self.last_number = self.answered = 0
        self.leaving = self.left = False  # the first GOAWAY is out, the second

    def on_headers(self, number: int, fields: dict[str, str], ended: bool) -> None:
        if number > self.last_number and not self.left:
            self.last_number = number
            self.streams[number] = Stream(number, self.stream_window)
            self.spawn(self.answer(self.streams[number]))
        super().on_headers(number, fields, ended)

    async def answer(self, stream: Stream) -> None:
        try:
            await self.serve(self, stream)
        except (peers.CallFailed, OSError):
            pass  # the client has reset the stream, or is gone
        finally:
            del self.streams[stream.number]
            self.close_if_done()

    async def leave(self) -> None:
        """A GOAWAY that names no last stream, a round trip in which late streams arrive, and one that names it."""
        if not self.leaving:
            self.leaving = True
            await self.write(GoAwayFrame(0, NO_LAST_STREAM, additional_data=b"own: leaving"), PingFrame(0, b"leaving"))

    async def on_pong(self) -> None:
        self.left = True
        self.post(GoAwayFrame(0, self.last_number, additional_data=b"own: left"))
        self.close_if_done()

    def close_if_done(self) -> None:
        if self.left and not self.streams:
            self.spawn(self.finish())


class HTTP2Server:
    """The echo service over HTTP/2."""

    def __init__(self, options, report: peers.Report) -> None:
        self.options, self.report = options, report
        self.style = STYLES.get(options.kind, Style())
        self.connections: set[ServerConnection] = set()

    async def start(self):
        tls = server_context() if self.options.kind == "tls" else None
        server = await asyncio.start_server(self.accepted, sock=peers.listening_socket(self.options.listen), ssl=tls)
        return server.sockets[0].getsockname()[1], functools.partial(self.finish, server)

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ServerConnection(reader, writer, self.style, self.serve)
        self.connections.add(connection)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await reader.readexactly(len(wire.PREFACE))
            await connection.start()
            await connection.reading
        self.connections.discard(connection)
        writer.close()

    async def finish(self, server: asyncio.Server) -> None:
        server.close()
        open_ones = list(self.connections)
        for connection in open_ones:
            await connection.leave()
        if readers := [connection.reading for connection in open_ones if connection.reading]:
            await asyncio.wait(readers, timeout=FINISH)

    async def serve(self, connection: ServerConnection, stream: Stream) -> None:
        messages = stream.messages()
        request = await anext(messages)
        host, port = connection.writer.get_extra_info("peername")[:2]
        trailers = {"grpc-status": "0", "x-server": self.options.name, "x-peer": f"{host} {port}"}
        method = stream.headers[":path"].removeprefix(peers.SERVICE)

        await connection.write_headers(stream.number, {":status": "200", "content-type": "application/grpc"})
        if method == "Ticks":
            pause, answers = peers.ticks(request)
        else:
            pause, answers = 0, [peers.answer(method, request, self.options.name)]
        for message in answers:
            await connection.write_data(stream, wire.prefixed(message))
            await asyncio.sleep(pause)
        await connection.write_headers(stream.number, trailers, ended=True)

        self.report.succeeded(trailers, channel=trailers["x-peer"])
        connection.answered += 1
        if self.options.kind == "own-goaway" and connection.answered >= self.options.after:
            await connection.leave()


def server_context() -> ssl.SSLContext:
    """A certificate for one day, whose key is thrown away once it is loaded."""
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = pathlib.Path(directory, "key.pem"), pathlib.Path(directory, "certificate.pem")
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=odd"
        subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    return context


class HTTP1Handler(http.server.BaseHTTPRequestHandler):
    """POST /METHOD, with the request and the answer as bodies, on connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["content-length"]))
        response = peers.answer(self.path.removeprefix("/"), request, self.server.options.name)
        trailers = {"x-server": self.server.options.name, "x-peer": "{} {}".format(*self.client_address)}
        self.send_response(200)
        for name, value in {"content-length": str(len(response)), **trailers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response)
        self.server.report.succeeded(trailers, channel=trailers["x-peer"])

    def log_message(self, *arguments) -> None:
        pass


async def start_http1(options, report):
    """The standard library's server, in threads of its own."""
    host, port = peers.address(options.listen)
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": peers.family(host)})
    server = kind((host, port), HTTP1Handler)
    server.options, server.report = options, report
    threading.Thread(target=server.serve_forever, daemon=True).start()

    async def finish() -> None:
        await asyncio.to_thread(server.shutdown)
    return server.server_port, finish


async def start_lookalike(options, report):
    """Greets with a frame header of SETTINGS; then returns every chunk (4 bytes of length, bytes) as it came."""
    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            writer.write(LOOKALIKE_GREETING)
            while True:
                head = await reader.readexactly(4)
                writer.write(head + await reader.readexactly(int.from_bytes(head)))
                await writer.drain()
                report.succeeded({"x-server": options.name, "x-peer": f"{host} {port}"}, channel=f"{host} {port}")
        writer.close()

    server = await asyncio.start_server(accepted, sock=peers.listening_socket(options.listen))

    async def finish() -> None:
        server.close()
    return server.sockets[0].getsockname()[1], finish


async def start(options, report):
    match options.kind:
        case "http1":
            return await start_http1(options, report)
        case "lookalike":
            return await start_lookalike(options, report)
        case _:
            return await HTTP2Server(options, report).start()


if __name__ == "__main__":
    parser = peers.server_arguments("\n".join([__doc__, "", *(f"{name}: {text}" for name, text in KINDS.items())]))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--after", type=int, default=3, metavar="N", help="own-goaway: answers before the GOAWAY")
    peers.run_server(parser.parse_args(), start)
