"""A client of nghttp, a command that makes its requests on one connection and ends: it is run again and again.

Each run makes --concurrency requests for `Ticks` of --stream-seconds and as many for an `Echo` of the same bytes, all
at once. nghttp shows of an answer its HTTP status and its size, and these are checked. There are no --bodies.
"""

import argparse
import asyncio
import tempfile

import peers
from wire import prefixed


class Requests:
    """What a run asks for, and the size of each answer in bytes, by its path."""

    def __init__(self, options: argparse.Namespace) -> None:
        request = peers.as_json(milliseconds=options.tick_milliseconds,
                                count=round(options.stream_seconds * 1000 / options.tick_milliseconds))
        self.target, self.copies, self.body = f"http://{options.target}", options.concurrency, prefixed(request)
        self.sizes = {f"{peers.SERVICE}Echo": len(self.body),
                      f"{peers.SERVICE}Ticks": sum(len(prefixed(tick)) for tick in peers.ticks(request)[1])}

    def command(self, file: str) -> list[str]:
        return ["nghttp", "--null-out", "--stat", f"--multiply={self.copies}", "-d", file,
                "-H", "content-type: application/grpc", "-H", "te: trailers",
                *(self.target + path for path in self.sizes)]

    def answered(self, output: str, path: str) -> int:
        """How many requests are in nghttp's table with status 200 and the right size."""
        rows = [line.split()[-3:] for line in output.splitlines()]
        return rows.count(["200", str(self.sizes[path]), path])


async def run_once(requests: Requests, file: str, report: peers.Report) -> None:
    process = await asyncio.create_subprocess_exec(
        *requests.command(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output = (await process.communicate())[0].decode()
    for path in requests.sizes:
        answered = requests.answered(output, path)
        for _ in range(answered):
            report.succeeded()
        for _ in range(requests.copies - answered):
            report.fail(f"{path.removeprefix(peers.SERVICE)}: not answered; nghttp exited with {process.returncode}")


async def run(options, report, stop):
    requests = Requests(options)
    load = peers.Load(options, report, stop)

    async def again_and_again(file: str) -> None:
        while load.time_left > 0:
            await run_once(requests, file, report)
            await asyncio.sleep(options.pause_milliseconds / 1000)

    with tempfile.NamedTemporaryFile() as file:
        file.write(requests.body)
        file.flush()
        async with asyncio.TaskGroup() as group:
            for _ in range(options.channels):
                group.create_task(again_and_again(file.name))


if __name__ == "__main__":
    peers.run_client(peers.load_arguments(__doc__).parse_args(), run)
