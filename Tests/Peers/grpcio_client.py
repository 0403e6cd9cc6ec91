"""A gRPC client of grpcio (C-core)."""

from collections.abc import Callable, Mapping

import grpc

import peers


class Channel:
    """A channel with a TCP connection of its own: channels to one target share one unless told not to."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.aio.insecure_channel(target, options=[
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_http_proxy", 0),
        ])
        self.unary = {name: self.channel.unary_unary(peers.SERVICE + name) for name in peers.UNARY_METHODS}
        self.ticks = self.channel.unary_stream(peers.SERVICE + "Ticks")

    async def call(self, method: str, request: bytes, receive: Callable[[bytes], None]) -> Mapping[str, str]:
        try:
            if method == "Ticks":
                call = self.ticks(request)
                async for message in call:
                    receive(message)
            else:
                call = self.unary[method](request)
                receive(await call)
            return dict(await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            raise peers.CallFailed(f"{error.code().name}: {error.details()}") from error


async def run(options, report, stop):
    channels = [Channel(options.target) for _ in range(options.channels)]
    await peers.Load(options, report, stop).run(channels)
    for channel in channels:
        await channel.channel.close()


if __name__ == "__main__":
    peers.run_client(peers.load_arguments(__doc__).parse_args(), run)
