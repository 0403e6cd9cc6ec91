"""What every Python peer shares: the echo service, the command line, the report and the load.

A client is a coroutine `run(options, report, stop)` given to `run_client`; a server is a coroutine
`start(options, report) -> (port, finish)` given to `run_server`. Both print JSON lines, see README.md.
"""

import argparse
import asyncio
import collections
import functools
import hashlib
import itertools
import json
import random
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

SERVICE = "/evenkeel.lab.Echo/"
UNARY_METHODS = ("Echo", "Body", "Name")
LARGEST_BODY = 4 * 1024 * 1024  # bytes; 4 MiB is what gRPC libraries accept by default

# From one byte to the largest; among them the sizes around an HTTP/2 frame and an initial flow-control window.
BODY_SIZES = (1, 100, 1_000, 16_379, 16_384, 65_535, 65_536, 300_000, 1_000_000, LARGEST_BODY)
PATTERN_BLOCKS = 2047  # so that a pattern's length fits no frame, page or buffer, and what is lost or swapped shows
SEEDS = 16
SLACK = 30  # seconds a call may take beyond what it asks for


# The service

def body(seed: int, size: int) -> bytes:
    """The first `size` bytes of the seed's pattern repeated for ever."""
    each = pattern(seed)
    return (each * (size // len(each) + 1))[:size]


@functools.lru_cache(maxsize=SEEDS)
def pattern(seed: int) -> bytes:
    """SHA-256(seed ‖ 0) ‖ … ‖ SHA-256(seed ‖ 2046), all numbers as 8 bytes, big-endian: 65,504 bytes."""
    start = seed.to_bytes(8, "big")
    return b"".join(hashlib.sha256(start + counter.to_bytes(8, "big")).digest() for counter in range(PATTERN_BLOCKS))


def answer(method: str, request: bytes, name: str) -> bytes:
    """What a unary method of the service returns."""
    match method:
        case "Echo":
            return request
        case "Name":
            return name.encode()
        case "Body":
            wanted = json.loads(request)
            return body(wanted["seed"], wanted["bytes"])
    raise ValueError(f"no such method: {method}")


def ticks(request: bytes) -> tuple[float, list[bytes]]:
    """What Ticks returns: the seconds between two messages, and the messages."""
    wanted = json.loads(request)
    return wanted["milliseconds"] / 1000, [str(number).encode() for number in range(wanted["count"])]


# The command line

def address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT`."""
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def listening_socket(text: str) -> socket.socket:
    """A socket that listens; on `[::]` to IPv4 too, as every gRPC library does, which asyncio by itself does not."""
    host, port = address(text)
    return socket.create_server((host, port), family=family(host), dualstack_ipv6=family(host) == socket.AF_INET6)


def server_arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="port 0: any free one")
    parser.add_argument("--name", default="server", help="what Name returns, and the trailer x-server")
    return parser


def client_arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--target", required=True, metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=10, help="no new call after this time")
    return parser


def load_arguments(description: str) -> argparse.ArgumentParser:
    parser = client_arguments(description)
    parser.add_argument("--channels", type=int, default=1, help="each has a TCP connection of its own")
    parser.add_argument("--concurrency", type=int, default=2, help="unary calls at once on each channel")
    parser.add_argument("--bodies", type=sizes, default=BODY_SIZES, metavar="BYTES,…",
                        help="to ask for, in turn, after each Echo; empty: only Echo")
    parser.add_argument("--pause-milliseconds", type=float, default=0, help="between two calls of one of those")
    parser.add_argument("--streams", type=int, default=1, help="long server streams at once on each channel")
    parser.add_argument("--stream-seconds", type=float, default=15)
    parser.add_argument("--tick-milliseconds", type=int, default=100, help="between two messages of a long stream")
    return parser


def sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(",") if text)


# The report

class CallFailed(Exception):
    """A call that did not end with status OK and the right answer. The text is what is counted."""


class Report:
    """Counts, printed as one JSON object a line."""

    def __init__(self) -> None:
        self.ok = 0
        self.errors: collections.Counter[str] = collections.Counter()
        self.by_server: collections.Counter[str] = collections.Counter()
        self.connections: dict[int | str, set[str]] = collections.defaultdict(set)
        self.more: dict[str, object] = {}

    @property
    def failed(self) -> int:
        return self.errors.total()

    @property
    def reconnects(self) -> int:
        """Connections beyond each channel's first."""
        return sum(len(seen) - 1 for seen in self.connections.values())

    def succeeded(self, trailers: Mapping[str, str] | None = None, channel: int | str = 0) -> None:
        """Counts a call. Our servers say in its trailers who they are and from where they saw it come."""
        self.ok += 1
        if trailers and "x-server" in trailers:
            self.by_server[trailers["x-server"]] += 1
            self.connections[channel].add(f"{trailers['x-server']} {trailers.get('x-peer')}")

    def fail(self, text: str) -> None:
        self.errors[text[:160]] += 1

    def show(self, event: str) -> None:
        print(json.dumps({
            "event": event, "ok": self.ok, "failed": self.failed, "errors": dict(self.errors),
            "connections": sum(map(len, self.connections.values())), "reconnects": self.reconnects,
            "by_server": dict(self.by_server), **self.more,
        }), flush=True)


# Running

def run_client(options: argparse.Namespace,
               run: Callable[[argparse.Namespace, Report, asyncio.Event], Awaitable[None]]) -> None:
    """Runs the client until it ends or SIGTERM stops it; exits 0 only if nothing failed."""
    async def main(report: Report) -> None:
        progress = asyncio.create_task(_show_progress(report))
        await run(options, report, _stop_signal())
        progress.cancel()
        report.show("done")

    report = Report()
    asyncio.run(main(report))
    sys.exit(0 if report.failed == 0 else 1)


def run_server(options: argparse.Namespace,
               start: Callable[[argparse.Namespace, Report], Awaitable[tuple[int, Callable[[], Awaitable[None]]]]]
               ) -> None:
    """Runs the server until SIGTERM, then lets it finish what it has begun."""
    async def main() -> None:
        stop, report = _stop_signal(), Report()
        port, finish = await start(options, report)
        print(f"ready {port}", flush=True)
        await stop.wait()
        await finish()
        report.show("done")

    asyncio.run(main())


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _show_progress(report: Report) -> None:
    while True:
        await asyncio.sleep(1)
        report.show("progress")


# The load

class Channel(Protocol):
    """A gRPC channel of whatever library: makes a call, hands over each message, returns the trailers."""

    async def call(self, method: str, request: bytes, receive: Callable[[bytes], None]) -> Mapping[str, str]: ...


class Load:
    """Unary calls and long streams on several channels at once, every answer verified byte for byte."""

    def __init__(self, options: argparse.Namespace, report: Report, stop: asyncio.Event) -> None:
        self.options, self.report, self.stop = options, report, stop
        self.end = time.monotonic() + options.seconds

    async def run(self, channels: list[Channel]) -> None:
        async with asyncio.TaskGroup() as group:
            for number, channel in enumerate(channels):
                for worker in range(self.options.concurrency):
                    group.create_task(self.unary_calls(number, channel, worker))
                for _ in range(self.options.streams):
                    group.create_task(self.long_streams(number, channel))

    @property
    def time_left(self) -> float:
        return 0 if self.stop.is_set() else self.end - time.monotonic()

    async def unary_calls(self, number: int, channel: Channel, worker: int) -> None:
        wanted = itertools.cycle(self.options.bodies or (None,))
        for size in itertools.islice(wanted, worker, None):  # workers start at different sizes
            if self.time_left <= 0:
                return
            payload = random.randbytes(random.randint(1, 3_000))
            await self.call(number, channel, "Echo", payload, [payload])
            if size is not None:
                seed = random.randrange(SEEDS)
                await self.call(number, channel, "Body", as_json(bytes=size, seed=seed), [body(seed, size)])
            await asyncio.sleep(self.options.pause_milliseconds / 1000)

    async def long_streams(self, number: int, channel: Channel) -> None:
        """The first at once; another only if it can end in time."""
        count = round(self.options.stream_seconds * 1000 / self.options.tick_milliseconds)
        request = as_json(milliseconds=self.options.tick_milliseconds, count=count)
        expected = ticks(request)[1]
        while True:
            await self.call(number, channel, "Ticks", request, expected, self.options.stream_seconds)
            if self.time_left < self.options.stream_seconds:
                return

    async def call(self, number: int, channel: Channel, method: str, request: bytes, expected: list[bytes],
                   seconds: float = 0) -> None:
        received: list[bytes] = []
        try:
            async with asyncio.timeout(seconds + SLACK):
                trailers = await channel.call(method, request, received.append)
            if received != expected:
                raise CallFailed(difference(received, expected))
            self.report.succeeded(trailers, number)
        except CallFailed as error:
            self.report.fail(f"{method}: {error}")
        except TimeoutError:
            self.report.fail(f"{method}: no answer within {seconds + SLACK:.0f} s")


def as_json(**fields: int) -> bytes:
    return json.dumps(fields).encode()


def difference(received: list[bytes], expected: list[bytes]) -> str:
    """How the messages of an answer differ from what they should be."""
    for index, (one, other) in enumerate(zip(received, expected, strict=False)):
        if one != other:
            return f"message {index} differs: {len(one)} bytes instead of {len(other)}, or other bytes"
    return f"{len(received)} messages instead of {len(expected)}"
