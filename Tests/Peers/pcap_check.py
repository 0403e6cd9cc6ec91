"""Checks every HTTP/2 connection in a packet capture (tcpdump -w): see h2check.py for what is checked.

Each connection is reassembled from its SYN on. A connection whose SYN is missing is counted, not checked; where
bytes are missing from the capture, a connection is checked up to there, and counted as one with a hole.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import dpkt

import h2check

LINK_TYPES = {  # as captures number them, which is not as dpkt's DLT constants do
    1: dpkt.ethernet.Ethernet,
    101: None,  # IPv4 or IPv6 without a link header
    113: dpkt.sll.SLL,
    276: dpkt.sll2.SLL2,
}
Address = tuple[bytes, int]
FIN, SYN, RST, ACK = dpkt.tcp.TH_FIN, dpkt.tcp.TH_SYN, dpkt.tcp.TH_RST, dpkt.tcp.TH_ACK


@dataclass
class Direction:
    """What one side sent, put in order by TCP's sequence numbers."""

    start: int  # of the SYN
    received: int = 0  # bytes handed on
    pending: dict[int, bytes] = field(default_factory=dict)  # position → bytes that came too early
    end: int | None = None  # position of the FIN

    def position(self, sequence: int) -> int:
        """Bytes from the start; sequence numbers wrap around."""
        distance = (sequence - self.start - 1 - self.received) & 0xFFFF_FFFF
        return self.received + (distance - (1 << 32) if distance >= 1 << 31 else distance)

    def take(self, position: int, data: bytes) -> Iterator[bytes]:
        """Yields what follows without a gap; what was handed on before, a retransmission, is left out."""
        if len(data) > len(self.pending.get(position, b"")):
            self.pending[position] = data
        while ready := [at for at in self.pending if at <= self.received]:
            for at in ready:
                fresh = self.pending.pop(at)[self.received - at:]
                self.received += len(fresh)
                if fresh:
                    yield fresh

    @property
    def has_hole(self) -> bool:
        return bool(self.pending) or (self.end is not None and self.end > self.received)

    @property
    def is_complete(self) -> bool:
        return self.end == self.received


@dataclass
class Connection:
    """A TCP connection whose SYN was seen."""

    client: Address
    start: int
    checker: h2check.Checker
    directions: dict[Address, Direction] = field(default_factory=dict)

    def take(self, source: Address, tcp: dpkt.tcp.TCP) -> None:
        if tcp.flags & SYN:
            self.directions.setdefault(source, Direction(tcp.seq))
            return
        if source not in self.directions:
            return  # the SYN of the answer is not in the capture: a hole
        direction, data = self.directions[source], tcp.data
        position = direction.position(tcp.seq)
        if tcp.flags & FIN:
            direction.end = position + len(data)
        hand_on = self.checker.client if source == self.client else self.checker.server
        for fresh in direction.take(position, data) if data else ():
            hand_on(fresh)

    @property
    def has_hole(self) -> bool:
        return len(self.directions) < 2 or any(direction.has_hole for direction in self.directions.values())

    def finish(self) -> h2check.Verdict:
        server = next((each for source, each in self.directions.items() if source != self.client), None)
        return self.checker.finish(complete=server is not None and server.is_complete and not self.has_hole)


class Capture:
    """Sorts packets into connections, and adds up what was found on them."""

    def __init__(self, port: int | None) -> None:
        self.port = port
        self.open: dict[frozenset[Address], Connection] = {}
        self.total = h2check.Verdict()
        self.without_start: set[frozenset[Address]] = set()
        self.holes = 0

    def take(self, ip: dpkt.ip.IP | dpkt.ip6.IP6) -> None:
        tcp = ip.data
        if not isinstance(tcp, dpkt.tcp.TCP) or (self.port and self.port not in (tcp.sport, tcp.dport)):
            return
        source, target = (ip.src, tcp.sport), (ip.dst, tcp.dport)
        key = frozenset((source, target))
        connection = self.open.get(key)
        if tcp.flags & SYN and not tcp.flags & ACK and (connection is None or connection.start != tcp.seq):
            self.close(key)  # the ports may be in use for the second time
            name = f"{show(source)} → {show(target)}"
            connection = self.open[key] = Connection(source, tcp.seq, h2check.Checker(name))
        if connection:
            connection.take(source, tcp)
        else:
            self.without_start.add(key)

    def close(self, key: frozenset[Address]) -> None:
        if connection := self.open.pop(key, None):
            self.holes += connection.has_hole
            self.total.add(connection.finish())

    def finish(self) -> None:
        for key in list(self.open):
            self.close(key)


def show(address: Address) -> str:
    host = dpkt.utils.inet_to_str(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def packets(file: BinaryIO) -> Iterator[tuple[float, dpkt.ip.IP | dpkt.ip6.IP6]]:
    """The IP packets of a capture, each with its time in seconds since 1970."""
    reader = dpkt.pcap.UniversalReader(file)
    link = LINK_TYPES[reader.datalink()]
    for time, data in reader:
        ip = link(data).data if link else (dpkt.ip.IP(data) if data[0] >> 4 == 4 else dpkt.ip6.IP6(data))
        if isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6):
            yield time, ip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=argparse.FileType("rb"))
    parser.add_argument("--port", type=int, help="only connections from or to this port")
    options = parser.parse_args()
    capture = Capture(options.port)
    for _, packet in packets(options.file):
        capture.take(packet)
    capture.finish()
    sys.exit(h2check.report(capture.total, holes=capture.holes, without_start=len(capture.without_start)))
