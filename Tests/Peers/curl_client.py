"""A client of libcurl (pycurl), an HTTP library without gRPC: messages are framed here."""

import asyncio
from collections.abc import Callable, Mapping

import pycurl

import peers
from wire import prefixed

HEADERS = ["content-type: application/grpc", "te: trailers", "expect:"]


class Call:
    """A call in flight: a transfer, what has arrived of it, and its end."""

    def __init__(self, url: str, request: bytes) -> None:
        self.data, self.headers = bytearray(), {}
        self.ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.transfer = pycurl.Curl()
        for option, value in {
            pycurl.URL: url,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
            pycurl.PIPEWAIT: 1,  # for the connection that is about to be there, instead of making a second one
            pycurl.PROXY: "",
            pycurl.POSTFIELDS: prefixed(request),
            pycurl.HTTPHEADER: HEADERS,
            pycurl.HEADERFUNCTION: self.on_header,
            pycurl.WRITEFUNCTION: self.data.extend,
        }.items():
            self.transfer.setopt(option, value)

    def on_header(self, line: bytes) -> None:
        name, _, value = line.decode().strip().partition(": ")
        self.headers[name] = value


class Channel:
    """A multi handle, driven by asyncio: all calls share a connection, as long as libcurl finds one usable."""

    def __init__(self, target: str) -> None:
        self.url, self.loop = f"http://{target}{peers.SERVICE}", asyncio.get_running_loop()
        self.calls: dict[pycurl.Curl, Call] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self.watch)
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self.set_timer)

    async def call(self, method: str, request: bytes, receive: Callable[[bytes], None]) -> Mapping[str, str]:
        call = Call(self.url + method, request)
        self.calls[call.transfer] = call
        self.multi.add_handle(call.transfer)
        try:
            problem = await call.ended
        finally:
            del self.calls[call.transfer]
            self.multi.remove_handle(call.transfer)
            call.transfer.close()
        if problem:
            raise peers.CallFailed(problem)
        if call.headers.get("grpc-status") != "0":
            raise peers.CallFailed(f"status {call.headers.get('grpc-status')}: {call.headers.get('grpc-message')}")
        while call.data:
            end = 5 + int.from_bytes(call.data[1:5])
            receive(bytes(call.data[5:end]))
            del call.data[:end]
        return call.headers

    # What libcurl asks for: to be told of its sockets and its time. Nothing of it may be called from within it.

    def watch(self, event: int, descriptor: int, *_: object) -> None:
        self.loop.remove_reader(descriptor)
        self.loop.remove_writer(descriptor)
        if event in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            self.loop.add_reader(descriptor, self.proceed, descriptor, pycurl.CSELECT_IN)
        if event in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            self.loop.add_writer(descriptor, self.proceed, descriptor, pycurl.CSELECT_OUT)

    def set_timer(self, milliseconds: int) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if milliseconds >= 0:
            self.timer = self.loop.call_later(milliseconds / 1000, self.proceed, pycurl.SOCKET_TIMEOUT, 0)

    def proceed(self, descriptor: int, events: int) -> None:
        self.multi.socket_action(descriptor, events)
        remaining = 1
        while remaining:
            remaining, succeeded, failed = self.multi.info_read()
            for transfer in succeeded:
                self.end(transfer, None)
            for transfer, number, text in failed:
                self.end(transfer, f"libcurl error {number}: {text}")

    def end(self, transfer: pycurl.Curl, problem: str | None) -> None:
        if (call := self.calls.get(transfer)) and not call.ended.done():
            call.ended.set_result(problem)


async def run(options, report, stop):
    channels = [Channel(options.target) for _ in range(options.channels)]
    await peers.Load(options, report, stop).run(channels)
    for channel in channels:
        channel.multi.close()


if __name__ == "__main__":
    peers.run_client(peers.load_arguments(__doc__).parse_args(), run)
