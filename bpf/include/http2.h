// SPDX-License-Identifier: GPL-2.0-only
//
// The frame tracker: where in a server's byte stream do HTTP/2 frames begin and end?
//
// It follows one direction of one TCP connection in sequence space: it reads the 9 bytes of each frame header
// (RFC 9113 §4.1) and skips the payload, so that it costs the same for 1 byte and for 4 MB. It never guesses: bytes
// that it did not see, or that no HTTP/2 server would send, end it for good.
//
// Pure C without includes beyond <linux/types.h>: the BPF programs, Swift, the native tests and the fuzzer use this
// very file. Whoever drives it defines http2_load(segment, at, to, length) first: it copies `length` bytes of the
// segment's payload from `at` on, and returns 0 if it could. http2_load_frame(segment, at, frame), which does that with
// a frame header, may be defined too, by whoever has a shorter way.
#pragma once

#include <linux/types.h>

enum http2_sync {
	HTTP2_SILENT,  // the server's first frame header is not complete yet
	HTTP2_IN_SYNC, // next_seq is exact
	HTTP2_OPAQUE,  // the first frame was not a server's SETTINGS: TLS, HTTP/1, anything else
	HTTP2_LOST,    // a hole, or a frame that HTTP/2 does not allow here
};

enum {
	HTTP2_FRAME_HEADER_BYTES = 9,
	HTTP2_DEFAULT_MAX_FRAME_BYTES = 16384, // RFC 9113 §4.2
	// A first SETTINGS frame that is longer than 100 settings is not taken for one: HTTP/2 defines 8 of them.
	HTTP2_FIRST_SETTINGS_MAX_BYTES = 600,
	// Frames that are taken in one step: more than most packets hold, as each step costs a call and a return.
	HTTP2_COMMON_AT_ONCE = 16,
	// How many steps it takes at most for a packet of 512 kB (BIG TCP): nothing but frame headers that are not
	// common, and one at either end that is split, and taken byte by byte.
	HTTP2_MAX_STEPS = 512 * 1024 / HTTP2_FRAME_HEADER_BYTES + 2 * (HTTP2_FRAME_HEADER_BYTES - 1),
};

enum http2_frame_type {
	HTTP2_DATA = 0x0,
	HTTP2_HEADERS = 0x1,
	HTTP2_PRIORITY = 0x2,
	HTTP2_RST_STREAM = 0x3,
	HTTP2_SETTINGS = 0x4,
	HTTP2_PUSH_PROMISE = 0x5,
	HTTP2_PING = 0x6,
	HTTP2_GOAWAY = 0x7,
	HTTP2_WINDOW_UPDATE = 0x8,
	HTTP2_CONTINUATION = 0x9,
	HTTP2_ALTSVC = 0xa, // RFC 7838 §4
	HTTP2_GREASE = 0xb, // and every 0x1f types after it: RFC 8701's idea, draft-bishop-httpbis-grease
	HTTP2_ORIGIN = 0xc, // RFC 8336 §2
};

enum {
	HTTP2_FLAG_ACK = 0x1,	     // of SETTINGS and PING
	HTTP2_FLAG_END_STREAM = 0x1, // of DATA and HEADERS
	HTTP2_FLAG_END_HEADERS = 0x4,
	HTTP2_FLAG_PADDED = 0x8,
	HTTP2_FLAG_PRIORITY = 0x20, // of HEADERS
};

struct http2_tracker {
	__u64 responses;    // frames with END_STREAM
	__u32 next_seq;	    // sequence number of the next byte of framing: all before it is read or to be skipped
	__u32 header_block; // the stream whose header block is open (RFC 9113 §4.3); 0: none
	__u32 goaway_seq;   // where the first GOAWAY began, once `goaway` is set
	__u8 sync;	    // enum http2_sync
	__u8 goaway;	    // a GOAWAY has left
	__u8 acknowledged;  // a SETTINGS with ACK has left: the server has read the client's preface
	__u8 headers_seen;  // a response has begun
	__u8 promised;	    // a PUSH_PROMISE has left
	__u8 header_have;   // bytes of the next frame header that are in `header` already
	__u8 header[HTTP2_FRAME_HEADER_BYTES];
	__u8 padding[5];
};

// The TCP payload of one packet.
struct http2_segment {
	void *source; // what http2_load() reads from
	__u32 offset; // of the payload in it
	__u32 end;    // offset behind the payload
	__u32 seq;    // sequence number of the payload's first byte
	__u32 padding;
};

struct http2_frame {
	__u32 length;
	__u32 stream;
	__u8 type;
	__u8 flags;
	__u16 padding;
};

// A frame header, as its first eight bytes in host order, and its last.
static inline __attribute__((always_inline)) struct http2_frame http2_unpack(__u64 first, __u8 last)
{
	struct http2_frame frame = {
	    .length = first >> 40,
	    .type = first >> 32,
	    .flags = first >> 24,
	    .stream = (__u32)first << 8 | last,
	};
	return frame;
}

static inline __attribute__((always_inline)) struct http2_frame http2_decode(const __u8 *header)
{
	__u64 first = 0;

	for (int i = 0; i < HTTP2_FRAME_HEADER_BYTES - 1; i++)
		first = first << 8 | header[i];
	return http2_unpack(first, header[HTTP2_FRAME_HEADER_BYTES - 1]);
}

static inline __attribute__((always_inline)) int http2_is_grease(__u8 type)
{
	return type >= HTTP2_GREASE && (type - HTTP2_GREASE) % 0x1fu == 0;
}

// The flags that are defined for a type of frame. A sender must leave all others unset (RFC 9113 §4.1).
static inline __attribute__((always_inline)) __u8 http2_defined_flags(__u8 type)
{
	switch (type) {
	case HTTP2_DATA:
		return HTTP2_FLAG_END_STREAM | HTTP2_FLAG_PADDED;
	case HTTP2_HEADERS:
		return HTTP2_FLAG_END_STREAM | HTTP2_FLAG_END_HEADERS | HTTP2_FLAG_PADDED | HTTP2_FLAG_PRIORITY;
	case HTTP2_SETTINGS:
	case HTTP2_PING:
		return HTTP2_FLAG_ACK;
	case HTTP2_PUSH_PROMISE:
		return HTTP2_FLAG_END_HEADERS | HTTP2_FLAG_PADDED;
	case HTTP2_CONTINUATION:
		return HTTP2_FLAG_END_HEADERS;
	default:
		return http2_is_grease(type) ? 0xff : 0;
	}
}

// Would a server send this frame as its first? (RFC 9113 §3.4)
static inline __attribute__((always_inline)) int http2_is_first_settings(struct http2_frame frame)
{
	return frame.type == HTTP2_SETTINGS && !frame.stream && !frame.flags && frame.length % 6 == 0 &&
	       frame.length <= HTTP2_FIRST_SETTINGS_MAX_BYTES;
}

// May these nine bytes, which stand where a frame may begin, be taken for a GOAWAY? (RFC 9113 §6.8) Anything else than
// one has the same 56 bits in one of 2^56 cases. No receiver has to take a frame of more than 16 kB (§4.2).
static inline __attribute__((always_inline)) int http2_is_goaway(struct http2_frame frame)
{
	return frame.type == HTTP2_GOAWAY && !frame.flags && !frame.stream && frame.length >= 8 &&
	       frame.length <= HTTP2_DEFAULT_MAX_FRAME_BYTES;
}

// Does the server answer on this stream? Those with even numbers are its own, once it has promised one (§5.1.1, §8.4).
static inline __attribute__((always_inline)) int http2_is_answered(const struct http2_tracker *t, __u32 stream)
{
	return stream % 2 || (stream && t->promised);
}

// Would a server send this frame here? What is not allowed anywhere betrays another protocol, or a lost boundary.
static inline __attribute__((always_inline)) int http2_is_allowed(const struct http2_tracker *t,
								  struct http2_frame frame)
{
	__u32 pad_length = frame.flags & HTTP2_FLAG_PADDED ? 1 : 0;
	__u32 priority = frame.flags & HTTP2_FLAG_PRIORITY ? 5 : 0;

	if (frame.stream >> 31) // reserved; must be unset when sending
		return 0;
	if (frame.flags & ~http2_defined_flags(frame.type))
		return 0;
	if (t->header_block)
		return frame.type == HTTP2_CONTINUATION && frame.stream == t->header_block;
	switch (frame.type) {
	case HTTP2_DATA:
		return http2_is_answered(t, frame.stream) && t->headers_seen && frame.length >= pad_length;
	case HTTP2_HEADERS:
		return http2_is_answered(t, frame.stream) && frame.length >= pad_length + priority;
	case HTTP2_PRIORITY:
		return frame.stream && frame.length == 5;
	case HTTP2_RST_STREAM:
		return frame.stream && frame.length == 4;
	case HTTP2_SETTINGS:
		return !frame.stream && frame.length % 6 == 0 && (!(frame.flags & HTTP2_FLAG_ACK) || !frame.length);
	case HTTP2_PUSH_PROMISE:
		return frame.stream % 2 && frame.length >= pad_length + 4;
	case HTTP2_PING:
		return !frame.stream && frame.length == 8;
	case HTTP2_GOAWAY:
		return !frame.stream && frame.length >= 8;
	case HTTP2_WINDOW_UPDATE:
		return frame.length == 4;
	case HTTP2_ALTSVC:
		return frame.length >= 2;
	case HTTP2_ORIGIN:
		return !frame.stream;
	default: // CONTINUATION outside a header block, and PRIORITY_UPDATE, which only clients send (RFC 9218 §7.1)
		return http2_is_grease(frame.type);
	}
}

// Takes a frame header, whose last byte is just before t->next_seq. Returns whether the tracker can go on.
static inline __attribute__((always_inline)) int http2_take_frame(struct http2_tracker *t, struct http2_frame frame)
{
	if (t->sync == HTTP2_SILENT) {
		t->sync = http2_is_first_settings(frame) ? HTTP2_IN_SYNC : HTTP2_OPAQUE;
		if (t->sync == HTTP2_OPAQUE)
			return 0;
	}
	if (!http2_is_allowed(t, frame)) {
		t->sync = HTTP2_LOST;
		return 0;
	}
	if (frame.type == HTTP2_SETTINGS && frame.flags & HTTP2_FLAG_ACK)
		t->acknowledged = 1;
	if (frame.type == HTTP2_HEADERS)
		t->headers_seen = 1;
	if (frame.type == HTTP2_PUSH_PROMISE)
		t->promised = 1;
	if (frame.type == HTTP2_HEADERS || frame.type == HTTP2_PUSH_PROMISE || frame.type == HTTP2_CONTINUATION)
		t->header_block = frame.flags & HTTP2_FLAG_END_HEADERS ? 0 : frame.stream;
	if ((frame.type == HTTP2_DATA || frame.type == HTTP2_HEADERS) && frame.flags & HTTP2_FLAG_END_STREAM)
		t->responses++;
	if (frame.type == HTTP2_GOAWAY && !t->goaway) {
		t->goaway = 1;
		t->goaway_seq = t->next_seq - HTTP2_FRAME_HEADER_BYTES;
	}
	t->next_seq += frame.length;
	return 1;
}

#ifdef http2_load
#ifndef http2_load_frame
static inline __attribute__((always_inline)) int http2_load_frame(const struct http2_segment *segment, __u32 at,
								  struct http2_frame *frame)
{
	__u8 header[HTTP2_FRAME_HEADER_BYTES];

	if (http2_load(segment, at, header, HTTP2_FRAME_HEADER_BYTES))
		return -1;
	*frame = http2_decode(header);
	return 0;
}
#endif

// What nearly all frames are: HEADERS and DATA on a client's stream, without anything special.
static inline __attribute__((always_inline)) int http2_is_common(struct http2_frame frame, int headers_seen)
{
	__u8 flags = frame.flags & ~HTTP2_FLAG_END_STREAM;

	if (frame.stream >> 31 || !(frame.stream % 2))
		return 0;
	return frame.type == HTTP2_DATA ? !flags && headers_seen
					: frame.type == HTTP2_HEADERS && flags == HTTP2_FLAG_END_HEADERS;
}

// Takes the common frames that come next, as long as their headers are in the segment as a whole. It does the same as
// http2_take_any(), with less to be looked at: for the CPU, and for the verifier, who goes through a loop of it.
static inline __attribute__((always_inline)) void http2_take_common(struct http2_tracker *t,
								    const struct http2_segment *segment)
{
	__u32 ahead = t->next_seq - segment->seq; // a very large number if bytes are missing before this segment
	__u32 payload = segment->end - segment->offset;
	int headers_seen = t->headers_seen;
	struct http2_frame frame;
	__u32 responses = 0;

	if (t->sync != HTTP2_IN_SYNC || t->header_block || t->header_have)
		return;
	for (int i = 0; i < HTTP2_COMMON_AT_ONCE; i++) {
		if (ahead > payload || payload - ahead < HTTP2_FRAME_HEADER_BYTES)
			break;
		if (http2_load_frame(segment, ahead, &frame) || !http2_is_common(frame, headers_seen))
			break;
		headers_seen = 1;
		responses += frame.flags & HTTP2_FLAG_END_STREAM;
		ahead += HTTP2_FRAME_HEADER_BYTES + frame.length;
	}
	t->headers_seen = headers_seen;
	t->responses += responses;
	t->next_seq = segment->seq + ahead;
}

// Takes one frame header, or one byte of one. Returns whether there is more to read in the segment.
static inline __attribute__((always_inline)) int http2_take_any(struct http2_tracker *t,
								const struct http2_segment *segment)
{
	__s32 ahead = (__s32)(t->next_seq - segment->seq);
	__u32 payload = segment->end - segment->offset;
	__u32 have = t->header_have;
	struct http2_frame frame;

	if (t->sync == HTTP2_OPAQUE || t->sync == HTTP2_LOST)
		return 0;
	if (ahead < 0) { // bytes are missing before this segment
		t->sync = HTTP2_LOST;
		return 0;
	}
	if ((__u32)ahead >= payload)
		return 0;
	if (have == 0 && (__u32)ahead + HTTP2_FRAME_HEADER_BYTES <= payload) {
		if (http2_load_frame(segment, (__u32)ahead, &frame))
			goto unreadable;
		t->next_seq += HTTP2_FRAME_HEADER_BYTES;
		return http2_take_frame(t, frame);
	}
	// The header is split across segments: take it byte by byte.
	if (have >= HTTP2_FRAME_HEADER_BYTES || http2_load(segment, (__u32)ahead, &t->header[have], 1))
		goto unreadable;
	t->next_seq++;
	t->header_have = have + 1;
	if (have + 1 < HTTP2_FRAME_HEADER_BYTES)
		return 1;
	t->header_have = 0;
	return http2_take_frame(t, http2_decode(t->header));

unreadable:
	t->sync = HTTP2_LOST;
	return 0;
}

// Reads on in a segment, by some frames, one frame or one byte of a frame header. Returns whether there is more to read
// in it.
//
// A retransmitted segment changes nothing: what it holds lies before next_seq. Its tail may be new, and is read then.
static inline __attribute__((always_inline)) int http2_step(struct http2_tracker *t,
							    const struct http2_segment *segment)
{
	http2_take_common(t, segment);
	return http2_take_any(t, segment);
}
#endif

// Is `seq` exactly a place where a frame may be put? (rule 1 of docs/SHIM.md)
//
// Not before the server has acknowledged the client's SETTINGS, which every HTTP/2 server must do at once (RFC 9113
// §6.5.3): from then on both sides have spoken HTTP/2, and not only the server something that resembles it.
static inline __attribute__((always_inline)) int http2_at_boundary(const struct http2_tracker *t, __u32 seq)
{
	return t->sync == HTTP2_IN_SYNC && t->acknowledged && t->next_seq == seq && !t->header_have && !t->header_block;
}
