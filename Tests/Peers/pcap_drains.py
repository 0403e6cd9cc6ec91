"""What clients did with each GOAWAY in a packet capture (tcpdump -w) of clients that have an address each, and use one
connection at a time: prints a JSON object, see README.md.

Times are those of the packets, so capture near both sides. Connections are followed from their SYN on.
"""

import argparse
import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import dpkt
import hpack
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame)

import peers
from pcap_check import ACK, FIN, RST, SYN, Address, Direction, packets
from wire import PREFACE

LARGEST_TABLE = 1 << 20  # bytes of a header table; clients use what a server allows


class Frames:
    """One direction, cut into frames."""

    def __init__(self, preface: bytes = b"") -> None:
        self.data, self.skip = bytearray(), len(preface)

    def feed(self, data: bytes) -> Iterator[Frame]:
        self.data += data
        if len(self.data) < self.skip:
            return
        del self.data[:self.skip]
        self.skip = 0
        while len(self.data) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self.data[:9])))
            if len(self.data) < 9 + length:
                return
            if isinstance(frame, HeadersFrame | ContinuationFrame):
                frame.parse_body(memoryview(bytes(self.data[9:9 + length])))
            del self.data[:9 + length]
            yield frame


@dataclass
class Call:
    """A stream: when its request began, when it was over, and whether that was the end of the answer."""

    method: str
    began: float
    ended: float | None = None
    is_answered: bool = False

    def is_open(self, time: float) -> bool:
        return self.began <= time and (self.ended is None or self.ended > time)


@dataclass
class Connection:
    """What happened when on an HTTP/2 connection."""

    client: bytes  # address
    began: float  # its SYN
    goaway: float | None = None  # the first one of the server's
    first_answer: float | None = None
    ended: float | None = None
    ended_by_client: bool = False
    calls: dict[int, Call] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.from_client, self.from_server = Frames(PREFACE), Frames()
        self.decoder, self.block = hpack.Decoder(LARGEST_TABLE), b""
        self.decoder.max_allowed_table_size = LARGEST_TABLE

    def client_sent(self, time: float, data: bytes) -> None:
        for frame in self.from_client.feed(data):
            match frame:
                case HeadersFrame() | ContinuationFrame():
                    self.block += frame.data
                    if "END_HEADERS" in frame.flags:
                        fields, self.block = dict(self.decoder.decode(self.block)), b""
                        self.calls.setdefault(frame.stream_id, Call(fields[":path"], time))
                case RstStreamFrame():
                    self.end(frame.stream_id, time, is_answered=False)

    def server_sent(self, time: float, data: bytes) -> None:
        for frame in self.from_server.feed(data):
            match frame:
                case HeadersFrame() | DataFrame() if "END_STREAM" in frame.flags:
                    self.end(frame.stream_id, time, is_answered=True)
                case RstStreamFrame():
                    self.end(frame.stream_id, time, is_answered=False)
                case GoAwayFrame() if self.goaway is None:
                    self.goaway = time

    def end(self, number: int, time: float, is_answered: bool) -> None:
        call = self.calls.get(number)
        if call and call.ended is None:
            call.ended, call.is_answered = time, is_answered
            if is_answered and self.first_answer is None:
                self.first_answer = time

    def close(self, time: float, by_client: bool) -> None:
        """Takes the first FIN or RST of either side; what is still open may yet be answered, but not by a client's."""
        if self.ended is None:
            self.ended, self.ended_by_client = time, by_client

    @property
    def idle(self) -> float:
        """From when on nothing was open on it any more, at the earliest from its GOAWAY on. Its end ends all."""
        over = math.inf if self.ended is None else self.ended
        return max([self.goaway, *(over if call.ended is None else call.ended for call in self.calls.values())])


class Capture:
    """Sorts packets into connections."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections: list[Connection] = []
        self.open: dict[Address, tuple[Connection, dict[bool, Direction]]] = {}  # by the client's end

    def take(self, time: float, ip: dpkt.ip.IP | dpkt.ip6.IP6) -> None:
        tcp = ip.data
        if not isinstance(tcp, dpkt.tcp.TCP) or self.port not in (tcp.sport, tcp.dport):
            return
        by_client = tcp.dport == self.port
        end = (ip.src, tcp.sport) if by_client else (ip.dst, tcp.dport)
        if by_client and tcp.flags & SYN and not tcp.flags & ACK:
            if end in self.open and self.open[end][1][True].start == tcp.seq:
                return  # sent again
            self.open[end] = Connection(ip.src, time), {True: Direction(tcp.seq)}
            self.connections.append(self.open[end][0])
        elif end in self.open:
            self.follow(time, tcp, by_client, *self.open[end])

    def follow(self, time: float, tcp: dpkt.tcp.TCP, by_client: bool, connection: Connection,
               directions: dict[bool, Direction]) -> None:
        if tcp.flags & SYN:
            directions.setdefault(by_client, Direction(tcp.seq))
        elif tcp.data and by_client in directions:
            direction = directions[by_client]
            for data in direction.take(direction.position(tcp.seq), tcp.data):
                (connection.client_sent if by_client else connection.server_sent)(time, data)
        if tcp.flags & (FIN | RST):
            connection.close(time, by_client)


def summary(connections: list[Connection], until: float, patience: float) -> dict[str, object]:
    """What became of the connections whose GOAWAY came before `until`, when the clients were told to end.

    Only those are asked for a new connection, or for their end, that had `patience` seconds for it before that.
    """
    drained = [each for each in connections if each.goaway is not None and each.goaway < until]
    in_flight = [call for each in drained for call in each.calls.values() if call.is_open(each.goaway)]
    crossing = [call for each in drained for call in each.calls.values() if call.began > each.goaway]
    followed = [(each, successor(each, connections)) for each in drained if each.goaway < until - patience]
    settled = [each for each in drained if each.idle < until - patience]
    closed = [each for each in settled if each.ended is not None and each.ended < until]
    by_client = [each for each in closed if each.ended_by_client]
    return {
        "connections": len(connections),
        "goaways": len(drained),
        "unary": outcome([call for call in in_flight if call.method != f"{peers.SERVICE}Ticks"]),
        "streams": outcome([call for call in in_flight if call.method == f"{peers.SERVICE}Ticks"]),
        "crossing": outcome(crossing),
        "reconnects": sum(next is not None for _, next in followed),
        "stays_away": sum(next is None for _, next in followed),
        "connecting": times([next.began - each.goaway for each, next in followed if next]),
        "answering": times([next.first_answer - each.goaway for each, next in followed if next and next.first_answer]),
        "closed_by_client": len(by_client),
        "closed_by_server": len(closed) - len(by_client),
        "left_open": len(settled) - len(closed),
        "closing": times([max(0, each.ended - each.idle) for each in by_client]),
    }


def successor(drained: Connection, connections: list[Connection]) -> Connection | None:
    """The same client's next connection."""
    return next((each for each in connections if each.client == drained.client and each.began > drained.goaway), None)


def outcome(calls: list[Call]) -> dict[str, int]:
    answered = sum(call.is_answered for call in calls)
    return {"answered": answered, "lost": len(calls) - answered}


def times(seconds: list[float]) -> dict[str, float] | None:
    """In milliseconds; None where there was nothing to measure."""
    if not seconds:
        return None
    return {"median": statistics.median(seconds) * 1000, "longest": max(seconds) * 1000}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=argparse.FileType("rb"))
    parser.add_argument("--port", type=int, required=True, help="of the servers")
    parser.add_argument("--until", type=float, required=True, metavar="SECONDS",
                        help="since 1970: GOAWAYs and closes after that are not counted")
    parser.add_argument("--patience", type=float, default=1, metavar="SECONDS",
                        help="what a client gets to connect anew, and to close what is drained")
    options = parser.parse_args()
    capture = Capture(options.port)
    for seconds, packet in packets(options.file):
        capture.take(seconds, packet)
    print(json.dumps(summary(capture.connections, options.until, options.patience)))
