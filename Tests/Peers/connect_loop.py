"""Connects, reads the name of the peer and closes again, as fast as it can, until SIGTERM.

Every connect() must succeed at once, and getpeername() must answer with the address that was asked for.
"""

import argparse
import asyncio
import socket
import time

import peers

TIMEOUT = 5  # seconds


def connect_once(target: tuple[str, int]) -> None:
    with socket.create_connection(target, TIMEOUT) as connection:
        seen = connection.getpeername()[:2]
        if seen != target:
            raise OSError(f"getpeername says {seen}")


async def run(options: argparse.Namespace, report: peers.Report, stop: asyncio.Event) -> None:
    target = peers.address(options.target)
    end = time.monotonic() + options.seconds
    while not stop.is_set() and time.monotonic() < end:
        try:
            await asyncio.to_thread(connect_once, target)
            report.succeeded()
        except OSError as error:
            report.fail(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    arguments = peers.client_arguments(__doc__)
    arguments.set_defaults(seconds=600)
    peers.run_client(arguments.parse_args(), run)
