"""A client of httpx, an HTTP library without gRPC: messages are framed here, and trailers are out of its reach.

What cannot be known without trailers is not checked: an answer is right if its messages are.
"""

import collections
import re
from collections.abc import Callable, Mapping

import h2.exceptions
import httpx

import peers
from wire import prefixed

HEADERS = {"content-type": "application/grpc", "te": "trailers"}
BROKEN = (httpx.TransportError, h2.exceptions.ProtocolError)  # some of h2's errors come through httpx as they are


class Channel:
    """A connection to the server, and the next one after it."""

    def __init__(self, target: str, retries: bool, report: peers.Report) -> None:
        self.url, self.retries, self.report = f"http://{target}{peers.SERVICE}", retries, report
        self.client = httpx.AsyncClient(http1=False, http2=True, trust_env=False)

    async def call(self, method: str, request: bytes, receive: Callable[[bytes], None]) -> Mapping[str, str]:
        while True:
            messages: list[bytes] = []
            try:
                await self.attempt(method, request, messages.append)
                break
            except BROKEN as error:
                if not self.retries:
                    raise peers.CallFailed(text(error)) from error
                self.report.more["retried"] += 1
        for message in messages:
            receive(message)
        return {}

    async def attempt(self, method: str, request: bytes, receive: Callable[[bytes], None]) -> None:
        data = bytearray()
        async with self.client.stream("POST", self.url + method, content=prefixed(request), headers=HEADERS) as answer:
            async for chunk in answer.aiter_raw():
                data += chunk
                while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[1:5])):
                    receive(bytes(data[5:end]))
                    del data[:end]


def text(error: Exception) -> str:
    """Without what differs each time: the numbers of streams, and what h2 was about to do."""
    message = str(error).split(", last_stream_id")[0]
    message = "the stream is closed" if message.isdecimal() else re.sub(r"ConnectionInputs\.\w+ ", "", message)
    return f"{type(error).__module__}.{type(error).__name__}: {message}"


async def run(options, report, stop):
    report.more = collections.Counter(retried=0)
    channels = [Channel(options.target, options.retry, report) for _ in range(options.channels)]
    await peers.Load(options, report, stop).run(channels)
    for channel in channels:
        await channel.client.aclose()


if __name__ == "__main__":
    arguments = peers.load_arguments(__doc__)
    arguments.add_argument("--retry", action="store_true", help="make a call again whose connection broke")
    peers.run_client(arguments.parse_args(), run)
