"""The checkers find every violation: in recordings, and in packet captures. Run with pytest."""

import io
import json

import dpkt
import hpack
import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, ExtensionFrame, GoAwayFrame, HeadersFrame, SettingsFrame,
                              WindowUpdateFrame)

import h2check
import pcap_check
import peers

PLACED = GoAwayFrame(0, 2**31 - 1, additional_data=b"max_age")
OWN = GoAwayFrame(0, 2**31 - 1, additional_data=b"own")
SERVER_HEADERS = {":status": "200", "content-type": "application/grpc", "x-note": "long enough to be cut into pieces"}
TRAILERS = {"grpc-status": "0"}


class Sample:
    """A connection with an Echo and a Ticks call, as lists of frames to change; both answers have two DATA frames."""

    def __init__(self) -> None:
        encoder = hpack.Encoder()
        ticks = json.dumps({"milliseconds": 1, "count": 3}).encode()
        self.client_frames = [SettingsFrame(0)]
        for number, method, request in (1, "Echo", b"twelve bytes"), (3, "Ticks", ticks):
            fields = {":method": "POST", ":path": peers.SERVICE + method}
            self.client_frames += [HeadersFrame(number, encoder.encode(fields), flags=["END_HEADERS"]),
                                   DataFrame(number, prefixed(request), flags=["END_STREAM"])]
        encoder = hpack.Encoder()
        self.server_frames = [SettingsFrame(0), SettingsFrame(0, flags=["ACK"]), WindowUpdateFrame(0, 17)]
        for number, answer in (1, prefixed(b"twelve bytes")), (3, b"".join(map(prefixed, (b"0", b"1", b"2")))):
            block = encoder.encode(SERVER_HEADERS)
            self.server_frames += [
                HeadersFrame(number, block[:5]),
                ContinuationFrame(number, block[5:], flags=["END_HEADERS"]),
                DataFrame(number, answer[:7]), DataFrame(number, answer[7:]),
                HeadersFrame(number, encoder.encode(TRAILERS), flags=["END_HEADERS", "END_STREAM"]),
            ]

    @property
    def client(self) -> bytes:
        return h2check.PREFACE + serialized(self.client_frames)

    @property
    def server(self) -> bytes:
        return serialized(self.server_frames)

    def insert(self, index: int, frame) -> None:
        self.server_frames.insert(index, frame)

    @property
    def allowed_offsets(self) -> set[int]:
        """Where a GOAWAY may be: once an answer has ended, before any frame but a CONTINUATION, and at the end."""
        offset, allowed, answered = 0, set(), False
        for frame in self.server_frames:
            if answered and not isinstance(frame, ContinuationFrame):
                allowed.add(offset)
            offset += len(frame.serialize())
            answered = answered or "END_STREAM" in frame.flags
        return allowed | {offset}


def prefixed(message: bytes) -> bytes:
    return len(message).to_bytes(5) + message


def serialized(frames) -> bytes:
    return b"".join(frame.serialize() for frame in frames)


def check(client: bytes, server: bytes, complete: bool = True) -> h2check.Verdict:
    checker = h2check.Checker("sample")
    checker.client(client)
    checker.server(server)
    return checker.finish(complete)


def only_violation(sample: Sample) -> str:
    violations = check(sample.client, sample.server).violations
    assert len(violations) == 1, violations
    return violations[0]


def test_a_correct_connection_has_no_violation():
    sample = Sample()
    sample.insert(10, PLACED)
    verdict = check(sample.client, sample.server)
    assert verdict.violations == []
    assert (verdict.answers, verdict.streams, verdict.unfinished) == (2, 2, 0)
    assert verdict.goaways == {"max_age": 1}


def test_bytes_may_arrive_one_by_one_and_the_server_may_speak_first():
    sample, checker = Sample(), h2check.Checker("sample")
    greeting = len(sample.server_frames[0].serialize())
    checker.server(sample.server[:greeting])
    for byte in sample.client:
        checker.client(bytes([byte]))
    for byte in sample.server[greeting:]:
        checker.server(bytes([byte]))
    verdict = checker.finish(True)
    assert verdict.violations == []
    assert verdict.answers == 2


def test_a_goaway_is_a_violation_at_every_offset_but_the_allowed_ones():
    sample = Sample()
    for offset in range(len(sample.server) + 1):
        changed = sample.server[:offset] + PLACED.serialize() + sample.server[offset:]
        verdict = check(sample.client, changed)
        assert (verdict.violations == []) == (offset in sample.allowed_offsets), (offset, verdict)


def test_every_lost_byte_is_a_violation():
    sample = Sample()
    for offset in range(len(sample.server)):
        assert check(sample.client, sample.server[:offset] + sample.server[offset + 1:]).violations, offset


@pytest.mark.parametrize("frame, says", [
    (GoAwayFrame(0, 7, additional_data=b"manual"), "with last stream 7"),
    (GoAwayFrame(0, 2**31 - 1, error_code=11, additional_data=b"rebalance"), "with error 11"),
    (ExtensionFrame(77, 0, body=b"?"), "unknown frame type 77"),
    (DataFrame(1, b"more"), "after its END_STREAM"),
    (DataFrame(5, b"?"), "which the client has not opened"),
    (HeadersFrame(3, b"\xff\xff\xff\xff\xff", flags=["END_HEADERS"]), "header block"),
    (DataFrame(3, bytes(16_385)), "more than SETTINGS_MAX_FRAME_SIZE"),
    (ContinuationFrame(3, b"", flags=["END_HEADERS"]), "outside a header block"),
])
def test_a_wrong_frame_is_found(frame, says):
    sample = Sample()
    sample.insert(8, frame)
    assert says in only_violation(sample)


def test_what_interrupts_a_header_block_is_found():
    for frame in DataFrame(3, b"?"), HeadersFrame(3, b"", flags=["END_HEADERS"]), PLACED:
        sample = Sample()
        sample.insert(9, frame)
        assert f"{type(frame).__name__} inside a header block" in only_violation(sample)


def test_a_goaway_in_the_middle_of_a_body_is_named_as_such():
    frame = DataFrame(1, bytes(100)).serialize()
    broken = SettingsFrame(0).serialize() + frame[:50] + PLACED.serialize() + frame[50:]
    assert "GOAWAY inside a DataFrame, 41 bytes into its payload" in check(Sample().client, broken).violations[0]


def test_a_goaway_before_the_first_answer_is_found():
    sample = Sample()
    sample.insert(3, PLACED)
    assert "before any answer has ended" in only_violation(sample)


def test_a_goaway_before_the_settings_is_found():
    sample = Sample()
    sample.insert(0, PLACED)
    assert "before the first SETTINGS" in only_violation(sample)


def test_a_second_goaway_is_found():
    sample = Sample()
    sample.insert(8, PLACED)
    sample.insert(9, PLACED)
    assert "is the second one" in only_violation(sample)


def test_a_goaway_after_the_servers_own_is_found_but_not_one_before_it():
    sample = Sample()
    sample.insert(8, OWN)
    sample.insert(9, PLACED)
    assert "after the server's own" in only_violation(sample)
    sample = Sample()
    sample.insert(8, PLACED)
    sample.insert(9, OWN)
    assert check(sample.client, sample.server).violations == []


def test_a_goaway_that_raises_the_last_stream_is_found():
    sample = Sample()
    sample.insert(8, GoAwayFrame(0, 3, additional_data=b"own"))
    sample.insert(9, GoAwayFrame(0, 5, additional_data=b"own"))
    assert "raises the last stream" in only_violation(sample)


def test_a_changed_body_is_found():
    sample = Sample()
    assert only_violation(changed(sample, 5, b"\0\0\0\0\x0ctw", b"\0\0\0\0\x0cTW")).endswith("is not exact")
    sample = Sample()
    sample.server_frames[11].data = b""  # Ticks lacks messages
    assert only_violation(sample).endswith("Ticks is not exact")


def changed(sample: Sample, index: int, before: bytes, after: bytes) -> Sample:
    assert sample.server_frames[index].data == before
    sample.server_frames[index].data = after
    return sample


def test_an_end_inside_a_frame_is_a_violation_only_if_the_connection_was_closed_in_order():
    sample = Sample()
    assert check(sample.client, sample.server[:-3], complete=True).violations
    verdict = check(sample.client, sample.server[:-3], complete=False)
    assert (verdict.violations, verdict.cut, verdict.unfinished) == ([], 1, 1)


def test_a_goaway_in_what_is_not_http2_is_found_wherever_it_is_cut():
    plain = bytes(range(200))
    assert check(b"GET / HTTP/1.1\r\n", plain).violations == []
    placed = plain[:100] + PLACED.serialize() + plain[100:]
    for cut in range(len(placed)):
        checker = h2check.Checker("plain")
        checker.client(b"GET / HTTP/1.1\r\n")
        checker.server(placed[:cut])
        checker.server(placed[cut:])
        verdict = checker.finish(True)
        assert verdict.violations == ["plain: byte 100: GOAWAY in what is not HTTP/2"]
        assert verdict.not_http2 == 1


# Packet captures

FIN, SYN, ACK = dpkt.tcp.TH_FIN, dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK
CLIENT, SERVER = (bytes([10, 0, 0, 1]), 40_000), (bytes([10, 0, 0, 2]), 50_051)
WRAPPING = 2**32 - 100  # first sequence number: it wraps around within the sample


class Packets:
    """A capture made by hand."""

    def __init__(self, v6: bool = False) -> None:
        self.v6, self.packets = v6, []

    def add(self, source, target, seq: int, flags: int = ACK, data: bytes = b"") -> None:
        tcp = dpkt.tcp.TCP(sport=source[1], dport=target[1], seq=seq % 2**32, flags=flags, data=data)
        if self.v6:
            ip = dpkt.ip6.IP6(src=source[0] * 4, dst=target[0] * 4, nxt=dpkt.ip.IP_PROTO_TCP, plen=len(tcp), data=tcp)
        else:
            ip = dpkt.ip.IP(src=source[0], dst=target[0], p=dpkt.ip.IP_PROTO_TCP, data=tcp)
            ip.len = len(ip)
        self.packets.append(ip)

    def connection(self, sample: Sample, segments: list[tuple[int, int]], start: int = WRAPPING) -> "Packets":
        """`segments`: which bytes of the server's, in order of the packets."""
        self.add(CLIENT, SERVER, 1_000, SYN)
        self.add(SERVER, CLIENT, start, SYN | ACK)
        self.add(CLIENT, SERVER, 1_001, data=sample.client)
        for first, end in segments:
            self.add(SERVER, CLIENT, start + 1 + first, data=sample.server[first:end])
        self.add(SERVER, CLIENT, start + 1 + len(sample.server), FIN | ACK)
        return self

    def check(self, link: str = "ethernet") -> pcap_check.Capture:
        link_types = {"ethernet": 1, "raw": 101, "cooked": 113, "cooked 2": 276}
        file = io.BytesIO()
        writer = dpkt.pcap.Writer(file, linktype=link_types[link])
        for number, ip in enumerate(self.packets):
            kind = dpkt.ethernet.ETH_TYPE_IP6 if self.v6 else dpkt.ethernet.ETH_TYPE_IP
            header = {
                "ethernet": bytes(12) + kind.to_bytes(2),
                "raw": b"",
                "cooked": bytes(14) + kind.to_bytes(2),
                "cooked 2": kind.to_bytes(2) + bytes(18),
            }[link]
            writer.writepkt(header + bytes(ip), ts=number)
        file.seek(0)
        capture = pcap_check.Capture(None)
        for _, ip in pcap_check.packets(file):
            capture.take(ip)
        capture.finish()
        return capture


def placed_sample() -> Sample:
    sample = Sample()
    sample.insert(8, PLACED)
    return sample


def assert_checked(capture: pcap_check.Capture) -> None:
    assert (capture.total.violations, capture.holes, capture.total.cut) == ([], 0, 0)
    assert (capture.total.connections, capture.total.answers, capture.total.goaways) == (1, 2, {"max_age": 1})


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("link", ["ethernet", "raw", "cooked", "cooked 2"])
def test_a_capture_of_any_link_type_is_checked(link, v6):
    assert_checked(Packets(v6).connection(placed_sample(), [(0, 50), (50, 10_000)]).check(link))


@pytest.mark.parametrize("segments", [
    [(100, 200), (0, 60), (0, 60), (20, 110), (150, 160), (190, 10_000), (0, 10_000)],
    [(100, 10_000), (100, 150), (0, 100)],
])
def test_retransmissions_and_reordered_packets_are_put_in_order(segments):
    assert_checked(Packets().connection(placed_sample(), segments).check())


def test_a_violation_in_a_capture_is_found():
    sample = Sample()
    sample.insert(3, PLACED)
    violations = Packets().connection(sample, [(0, 10_000)]).check().total.violations
    assert violations == ["10.0.0.1:40000 → 10.0.0.2:50051: server's byte 31: GOAWAY before any answer has ended"]


def test_a_connection_with_a_hole_is_checked_up_to_it_and_counted():
    capture = Packets().connection(placed_sample(), [(0, 60), (80, 10_000)]).check()
    assert (capture.holes, capture.total.cut, capture.total.violations) == (1, 1, [])


def test_a_connection_without_its_syn_is_counted_but_not_checked():
    packets = Packets().connection(placed_sample(), [(0, 10_000)])
    del packets.packets[0]
    capture = packets.check()
    assert (len(capture.without_start), capture.total.connections) == (1, 0)


def test_ports_that_are_used_again_make_a_second_connection():
    packets = Packets().connection(placed_sample(), [(0, 10_000)])
    packets.add(CLIENT, SERVER, 77_000, SYN)
    packets.add(SERVER, CLIENT, 88_000, SYN | ACK)
    sample = placed_sample()
    packets.add(CLIENT, SERVER, 77_001, data=sample.client)
    packets.add(SERVER, CLIENT, 88_001, data=sample.server)
    capture = packets.check()
    assert (capture.total.connections, capture.total.answers, capture.total.violations) == (2, 4, [])
