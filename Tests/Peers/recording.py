"""Recordings of HTTP/2 connections: a file each, of records (one byte of kind, 4 bytes of length, bytes).

Kind C: sent by the client; S: sent by the server; E: the connection was closed in order. The order is the client's.
"""

import pathlib
from collections.abc import Iterator

import h2check


class FileRecording:
    """Records a connection into a new file."""

    def __init__(self, path: pathlib.Path) -> None:
        self.file = path.open("xb")

    def sent(self, data: bytes) -> None:
        self.write(b"C", data)

    def received(self, data: bytes) -> None:
        self.write(b"S", data)

    def close(self, in_order: bool) -> None:
        if in_order:
            self.write(b"E", b"")
        self.file.close()

    def write(self, kind: bytes, data: bytes) -> None:
        if not self.file.closed:
            self.file.write(kind + len(data).to_bytes(4) + data)


class LiveCheck:
    """Checks a connection while it lives, without keeping its bytes."""

    def __init__(self, name: str, total: h2check.Verdict) -> None:
        self.checker, self.total = h2check.Checker(name), total
        self.sent, self.received = self.checker.client, self.checker.server

    def close(self, in_order: bool) -> None:
        self.total.add(self.checker.finish(in_order))


def records(path: pathlib.Path) -> Iterator[tuple[bytes, bytes]]:
    with path.open("rb") as file:
        while head := file.read(5):
            yield head[:1], file.read(int.from_bytes(head[1:]))


def check(path: pathlib.Path) -> h2check.Verdict:
    checker, complete = h2check.Checker(path.name), False
    for kind, data in records(path):
        match kind:
            case b"C":
                checker.client(data)
            case b"S":
                checker.server(data)
            case b"E":
                complete = True
    return checker.finish(complete)
