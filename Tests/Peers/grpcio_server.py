"""A gRPC server of grpcio (C-core)."""

import asyncio
import functools
from collections.abc import AsyncIterator

import grpc

import peers

FINISH = 60  # seconds that calls in flight get after SIGTERM


class Echo(grpc.GenericRpcHandler):
    """The echo service without protobuf: requests and responses are bytes."""

    def __init__(self, name: str, report: peers.Report) -> None:
        self.name, self.report = name, report

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = details.method.removeprefix(peers.SERVICE)
        if method == "Ticks":
            return grpc.unary_stream_rpc_method_handler(self.ticks)
        if method in peers.UNARY_METHODS:
            return grpc.unary_unary_rpc_method_handler(functools.partial(self.unary, method))
        return None

    async def unary(self, method: str, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        self.sign(context)
        return peers.answer(method, request, self.name)

    async def ticks(self, request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        self.sign(context)
        pause, messages = peers.ticks(request)
        for message in messages:
            yield message
            await asyncio.sleep(pause)

    def sign(self, context: grpc.aio.ServicerContext) -> None:
        trailers = {"x-server": self.name, "x-peer": context.peer()}
        context.set_trailing_metadata(tuple(trailers.items()))
        self.report.succeeded(trailers, channel=context.peer())


async def start(options, report):
    limits = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    if options.max_streams:
        limits.append(("grpc.max_concurrent_streams", options.max_streams))
    if options.max_age:
        limits.append(("grpc.max_connection_age_ms", round(options.max_age * 1000)))
    server = grpc.aio.server(options=limits)
    server.add_generic_rpc_handlers([Echo(options.name, report)])
    port = server.add_insecure_port(options.listen)
    await server.start()
    return port, functools.partial(server.stop, FINISH)


if __name__ == "__main__":
    arguments = peers.server_arguments(__doc__)
    arguments.add_argument("--max-streams", type=int, help="on each connection, announced; none: no limit is")
    arguments.add_argument("--max-age", type=float, metavar="SECONDS", help="of a connection, then it is told GOAWAY")
    peers.run_server(arguments.parse_args(), start)
