"""What clients did with a GOAWAY is read from the wire as it was. Run with pytest."""

import hpack
import pytest
from hyperframe.frame import DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

import peers
from pcap_drains import Connection, summary
from wire import PREFACE

END = ["END_HEADERS", "END_STREAM"]
UNTIL, PATIENCE = 100.0, 1.0


class Wire:
    """A connection on which frames pass at given times."""

    def __init__(self, began: float, client: bytes = b"a") -> None:
        self.connection, self.encoder = Connection(client, began), hpack.Encoder()
        self.connection.client_sent(began, PREFACE + SettingsFrame(0).serialize())
        self.server(began, SettingsFrame(0))

    def server(self, time: float, *frames: Frame) -> "Wire":
        self.connection.server_sent(time, b"".join(frame.serialize() for frame in frames))
        return self

    def request(self, time: float, number: int, method: str = "Echo") -> "Wire":
        frame = HeadersFrame(number, self.encoder.encode({":path": peers.SERVICE + method}), flags=END)
        self.connection.client_sent(time, frame.serialize())
        return self

    def answer(self, time: float, number: int) -> "Wire":
        return self.server(time, DataFrame(number, b"12345"), HeadersFrame(number, b"", flags=END))

    def goaway(self, time: float) -> "Wire":
        return self.server(time, GoAwayFrame(0, 2**31 - 1))

    def close(self, time: float, by_client: bool = True) -> "Wire":
        self.connection.close(time, by_client)
        return self


def seen(*wires: Wire) -> dict[str, object]:
    return summary([wire.connection for wire in wires], UNTIL, PATIENCE)


def test_calls_are_told_apart_by_when_they_began_and_what_they_are():
    wire = Wire(0).request(1, 1).answer(2, 1).request(3, 3).request(3, 5, "Ticks").goaway(4).request(5, 7)
    found = seen(wire.answer(6, 3).answer(6, 5).answer(6, 7))
    assert found["unary"] == found["streams"] == found["crossing"] == {"answered": 1, "lost": 0}
    assert found["goaways"] == 1


@pytest.mark.parametrize("cut", [
    lambda wire: wire.close(6),
    lambda wire: wire.server(6, RstStreamFrame(1)),
    lambda wire: wire.connection.client_sent(6, RstStreamFrame(1).serialize()),
])
def test_what_is_reset_or_has_no_end_is_lost(cut):
    wire = Wire(0).request(1, 1).goaway(2)
    cut(wire)
    assert seen(wire)["unary"] == {"answered": 0, "lost": 1}


def test_frames_may_come_in_pieces():
    wire = Wire(0).request(1, 1)
    for byte in GoAwayFrame(0, 2**31 - 1).serialize() + HeadersFrame(1, b"", flags=END).serialize():
        wire.connection.server_sent(2, bytes([byte]))
    assert seen(wire)["goaways"] == 1
    assert wire.connection.calls[1].is_answered


def test_the_next_connection_is_the_same_clients_first_one_after_the_goaway():
    drained = Wire(0).goaway(10)
    others = Wire(5), Wire(11, client=b"b"), Wire(12).request(13, 1).answer(14, 1), Wire(20)
    found = seen(drained, *others)
    assert found["connecting"] == {"median": 2_000, "longest": 2_000}
    assert found["answering"] == {"median": 4_000, "longest": 4_000}
    assert (found["reconnects"], found["stays_away"]) == (1, 0)


def test_a_client_that_does_not_connect_anew_is_counted_if_it_had_the_time():
    found = seen(Wire(0).goaway(10), Wire(0, client=b"b").goaway(UNTIL - PATIENCE / 2))
    assert (found["reconnects"], found["stays_away"], found["connecting"]) == (0, 1, None)


def test_a_connection_should_be_closed_when_its_last_stream_has_ended():
    def drained() -> Wire:
        return Wire(0).request(1, 1, "Ticks").goaway(10).answer(20, 1)
    found = seen(drained().close(20.5), drained().close(21, by_client=False), drained())
    assert (found["closed_by_client"], found["closed_by_server"], found["left_open"]) == (1, 1, 1)
    assert found["closing"] == {"median": 500, "longest": 500}


def test_a_connection_with_a_stream_or_at_the_end_is_not_left_open():
    streaming = Wire(0).request(1, 1, "Ticks").goaway(10)
    late = Wire(0, client=b"b").goaway(UNTIL - PATIENCE / 2)
    at_the_end = Wire(0, client=b"c").request(1, 1, "Ticks").goaway(10).answer(UNTIL + 1, 1).close(UNTIL + 2)
    found = seen(streaming, late, at_the_end)
    assert (found["closed_by_client"], found["left_open"]) == (0, 0)


def test_what_servers_say_at_the_end_is_no_drain():
    assert seen(Wire(0).goaway(UNTIL + 1))["goaways"] == 0
