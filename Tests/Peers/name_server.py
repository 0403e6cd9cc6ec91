"""A name server for the Services of a cluster: A and AAAA records of the ready pods of headless ones, over UDP.

It knows what the Kubernetes objects in a directory say at the moment of the question.
"""

import asyncio
import functools
import json
import pathlib
import socket
from collections.abc import Iterator

import dnslib

import peers

DOMAIN = "svc.cluster.local"
TTL = 1  # seconds
RECORDS = {"A": dnslib.A, "AAAA": dnslib.AAAA}
FAMILIES = {"A": "IPv4", "AAAA": "IPv6"}


SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python has no name for it
RECEIVE_BUFFER = 8 << 20  # bytes: clients by the hundred ask at the same time, and wait seconds for what gets lost


def objects(manifests: pathlib.Path) -> Iterator[dict]:
    for file in manifests.glob("*.json"):
        yield from items(file, file.stat().st_mtime_ns)


@functools.lru_cache
def items(file: pathlib.Path, _time: int) -> list[dict]:
    """A file's objects, read once for each time that it was replaced."""
    return json.loads(file.read_text())["items"]


def addresses(manifests: pathlib.Path, name: str) -> dict[str, list[str]] | None:
    """The addresses behind a name by their family; None: there is no headless Service of that name."""
    services: set[str] = set()
    found: dict[str, list[str]] = {"IPv4": [], "IPv6": []}
    for item in objects(manifests):
        metadata = item["metadata"]
        if item["kind"] == "Service" and item["spec"]["clusterIP"] == "None":
            services.add(f"{metadata['name']}.{metadata['namespace']}.{DOMAIN}")
        if item["kind"] == "EndpointSlice":
            service = metadata["labels"]["kubernetes.io/service-name"]
            if name == f"{service}.{metadata['namespace']}.{DOMAIN}":
                ready = (endpoint for endpoint in item["endpoints"] if endpoint["conditions"]["ready"])
                found[item["addressType"]] += (address for endpoint in ready for address in endpoint["addresses"])
    return found if name in services else None


def answer(manifests: pathlib.Path, question: bytes) -> bytes:
    request = dnslib.DNSRecord.parse(question)
    reply = request.reply()
    kind = dnslib.QTYPE[request.q.qtype]
    found = addresses(manifests, str(request.q.qname).rstrip(".").lower())
    if found is None:
        reply.header.rcode = dnslib.RCODE.NXDOMAIN
    elif kind in FAMILIES:
        for address in found[FAMILIES[kind]]:
            reply.add_answer(dnslib.RR(request.q.qname, request.q.qtype, rdata=RECORDS[kind](address), ttl=TTL))
    return reply.pack()


class NameServer(asyncio.DatagramProtocol):
    def __init__(self, manifests: pathlib.Path, report: peers.Report) -> None:
        self.manifests, self.report = manifests, report

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        # Root may have more than the system's limit.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, sender: tuple) -> None:
        self.transport.sendto(answer(self.manifests, data), sender)
        self.report.succeeded()


async def start(options, report):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        functools.partial(NameServer, options.manifests, report), local_addr=peers.address(options.listen))

    async def finish() -> None:
        transport.close()

    return transport.get_extra_info("sockname")[1], finish


if __name__ == "__main__":
    arguments = peers.server_arguments(__doc__)
    arguments.add_argument("--manifests", required=True, type=pathlib.Path, metavar="DIRECTORY")
    peers.run_server(arguments.parse_args(), start)
