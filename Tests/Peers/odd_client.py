"""Clients for the unusual servers, which check that nothing was harmed; and one that stops reading for a while."""

import asyncio
import http.client
import itertools
import random
import ssl
import time

from hyperframe.frame import DataFrame

import h2check
import peers
from odd_server import KINDS, LOOKALIKE_GREETING
from recording import LiveCheck
from wire import Style
from wire_client import Channel, ClientConnection

SMALL_BODIES = (1, 100, 1_000, 5_000)  # for the server that sends every byte by itself
STALLED_BODY = 12 * 1024 * 1024  # bytes: more than a server's kernel buffers, less than the HTTP/2 window we open
STALLED_BUFFER = 64 * 1024  # bytes that the kernel takes for a client that does not read


async def http2(options, report, stop):
    """The load of every other client, on a channel whose bytes are checked as they come."""
    verdict = h2check.Verdict()
    tls = client_context() if options.kind == "tls" else None
    style = Style(accepted_frame=2**24 - 1) if options.kind == "big-frames" else Style()
    channels = [Channel(options.target, style, tls, lambda: LiveCheck(options.kind, verdict))
                for _ in range(options.channels)]
    await peers.Load(options, report, stop).run(channels)
    for channel in channels:
        await channel.close()

    conclude(report, verdict)
    if missing := missing_oddity(options.kind, channels):
        report.fail(f"the server is not odd: {missing}")


def conclude(report: peers.Report, verdict: h2check.Verdict) -> None:
    """What the check of the bytes found, into the report."""
    for violation in verdict.violations:
        report.fail(violation)
    report.more = {"goaways": verdict.goaways.total(), "own_goaways": verdict.own_goaways}


def missing_oddity(kind: str, channels: list[Channel]) -> str | None:
    """A check of an odd server is worth nothing if the server was not odd."""
    connections = [connection for channel in channels for connection in channel.connections]
    match kind:
        case "own-goaway" if not any(g.additional_data.startswith(b"own") for c in connections for g in c.goaways):
            return "no GOAWAY of its own"
        case "continuation" if not any("ContinuationFrame" in c.seen for c in connections):
            return "no CONTINUATION"
        case "big-frames" if max(c.largest_seen for c in connections) < max(peers.BODY_SIZES) // 2:
            return "no big frame"
    return None


def client_context() -> ssl.SSLContext:
    """The server's certificate is its own; what matters here is the bytes."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class StallingConnection(ClientConnection):
    """Stops reading when a body begins to arrive, and reads on after a while."""

    stalled_stream, seconds = 0, 0.0

    def on_data(self, frame: DataFrame) -> None:
        super().on_data(frame)
        if frame.stream_id > self.stalled_stream:
            self.stalled_stream = frame.stream_id
            self.may_read.clear()
            asyncio.get_running_loop().call_later(self.seconds, self.may_read.set)


async def stalled(options, report, stop):
    """Big bodies one after the other, so that the server's send buffer stays full while we do not read."""
    verdict, load = h2check.Verdict(), peers.Load(options, report, stop)
    channel = Channel(options.target, record=lambda: LiveCheck("stalled", verdict), receive_buffer=STALLED_BUFFER)
    channel.connection_type = type("Stalling", (StallingConnection,), {"seconds": options.stall})
    request, expected = peers.as_json(bytes=STALLED_BODY, seed=0), [peers.body(0, STALLED_BODY)]
    while load.time_left > 0:
        await load.call(0, channel, "Body", request, expected, options.stall)
    await channel.close()
    conclude(report, verdict)


async def http1(options, report, stop):
    """Requests one after the other on one connection."""
    host, port = peers.address(options.target)
    connection = http.client.HTTPConnection(host, port, timeout=peers.SLACK)

    def post(method: str, request: bytes, expected: bytes) -> None:
        try:
            connection.request("POST", f"/{method}", request)
            response = connection.getresponse()
            if response.read() != expected:
                raise peers.CallFailed("wrong answer")
            report.succeeded(response.headers)
        except (OSError, http.client.HTTPException, peers.CallFailed) as error:
            report.fail(f"{method}: {error!r}")

    def work() -> None:
        end = time.monotonic() + options.seconds
        for size in itertools.cycle(options.bodies):
            payload, seed = random.randbytes(size), random.randrange(peers.SEEDS)
            post("Echo", payload, payload)
            post("Body", peers.as_json(bytes=size, seed=seed), peers.body(seed, size))
            if stop.is_set() or time.monotonic() > end:
                return

    await asyncio.to_thread(work)


async def lookalike(options, report, stop):
    """Chunks that must come back as they went."""
    reader, writer = await asyncio.open_connection(*peers.address(options.target))
    end = time.monotonic() + options.seconds
    try:
        if await reader.readexactly(len(LOOKALIKE_GREETING)) != LOOKALIKE_GREETING:
            report.fail("wrong greeting")
        for size in itertools.cycle(options.bodies):
            chunk = size.to_bytes(4) + random.randbytes(size)
            writer.write(chunk)
            if await reader.readexactly(len(chunk)) != chunk:
                report.fail("wrong chunk")
                break
            report.succeeded()
            await asyncio.sleep(options.pause_milliseconds / 1000)
            if stop.is_set() or time.monotonic() > end:
                break
    except (OSError, asyncio.IncompleteReadError) as error:
        report.fail(f"{error!r}")
    writer.close()


if __name__ == "__main__":
    others = {"http1": http1, "lookalike": lookalike, "stalled": stalled}
    parser = peers.load_arguments(__doc__)
    parser.add_argument("--kind", choices=[*KINDS, "stalled"], required=True)
    parser.add_argument("--stall", type=float, default=2, metavar="SECONDS", help="stalled: how long not to read")
    options = parser.parse_args()
    if options.kind == "bytewise" and options.bodies == peers.BODY_SIZES:
        options.bodies = SMALL_BODIES
    peers.run_client(options, others.get(options.kind, http2))
