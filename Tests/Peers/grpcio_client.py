"""A gRPC client of grpcio (C-core)."""

from collections.abc import Callable, Mapping

import grpc

import peers


ROUND_ROBIN = '{"loadBalancingConfig": [{"round_robin": {}}]}'


class Channel:
    """A channel with TCP connections of its own: channels to one target share them unless told not to."""

    def __init__(self, target: str, more: list[tuple[str, object]]) -> None:
        self.channel = grpc.aio.insecure_channel(target, options=[
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_http_proxy", 0),
            *more,
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
    more: list[tuple[str, object]] = []
    if options.round_robin:
        more.append(("grpc.service_config", ROUND_ROBIN))
    if options.resolve_milliseconds is not None:
        more.append(("grpc.dns_min_time_between_resolutions_ms", options.resolve_milliseconds))
    channels = [Channel(options.target, more) for _ in range(options.channels)]
    await peers.Load(options, report, stop).run(channels)
    for channel in channels:
        await channel.channel.close()


if __name__ == "__main__":
    arguments = peers.load_arguments(__doc__)
    arguments.add_argument("--round-robin", action="store_true", help="over all addresses of the target's name")
    arguments.add_argument("--resolve-milliseconds", type=int, help="ask for a name again no sooner than this")
    peers.run_client(arguments.parse_args(), run)
