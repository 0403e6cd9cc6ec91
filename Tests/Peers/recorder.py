"""A gRPC client that records every byte of each of its connections, for check_stream.py."""

import itertools
import pathlib

import peers
from recording import FileRecording
from wire_client import Channel


async def run(options, report, stop):
    options.record.mkdir(parents=True, exist_ok=True)
    numbers = itertools.count(1)
    channels = [Channel(options.target, record=lambda: FileRecording(options.record / f"{next(numbers):04}.h2"))
                for _ in range(options.channels)]
    await peers.Load(options, report, stop).run(channels)
    for channel in channels:
        await channel.close()
    report.more["goaways"] = sum(len(channel.goaways) for channel in channels)


if __name__ == "__main__":
    parser = peers.load_arguments(__doc__)
    parser.add_argument("--record", type=pathlib.Path, required=True, metavar="DIRECTORY")
    peers.run_client(parser.parse_args(), run)
