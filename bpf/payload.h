// SPDX-License-Identifier: GPL-2.0-only
//
// How the tracker reads the payload of a packet. Native tests and the fuzzer use this very file.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct http2_segment;
struct http2_frame;
static __always_inline long read_payload(const struct http2_segment *payload, __u32 at, __u8 *to, __u32 length);
static __always_inline long read_frame(const struct http2_segment *payload, __u32 at, struct http2_frame *frame);
#define http2_load read_payload
#define http2_load_frame read_frame

#include "http2.h"

enum {
	SCRATCH_BYTES = 2048,
	READ_AHEAD_BYTES = 64, // of a large packet: two or three frame headers of a small response
	NEAR_BYTES = 1024,     // from one read to the next: what lies between is worth copying
};

struct scratch {
	__u32 in_use; // a task may be preempted in the middle of a packet, or interrupted by one that TCP sends itself
	__u32 padding;
	__u8 bytes[SCRATCH_BYTES];
};

// The payload is read ahead into the scratch buffer: what costs is to call for bytes, not to copy them.
struct packet {
	struct http2_segment payload; // first, so that the packet can be found by it
	struct scratch *scratch;      // NULL: frame headers are called for one by one
	__u32 ahead_at;		      // where in the payload the buffer's bytes begin
	__u32 ahead_length;	      // 0: nothing has been read
};

// Copies `length` bytes from `at` on. Returns 0 if it could.
static __always_inline long read_payload(const struct http2_segment *payload, __u32 at, __u8 *to, __u32 length)
{
	return bpf_skb_load_bytes(payload->source, payload->offset + at, to, length);
}

// All of a small packet, and of a large one as long as its frames are small; else not much more than a frame header.
static __always_inline long read_ahead(struct packet *packet, struct scratch *scratch, __u32 at)
{
	__u32 length = packet->payload.end - packet->payload.offset - at;
	int is_near = packet->ahead_length && at - packet->ahead_at < NEAR_BYTES;

	if (length > SCRATCH_BYTES)
		length = is_near ? SCRATCH_BYTES : READ_AHEAD_BYTES;
	// There is a header at least, but the verifier has to see that it is not nothing, and the compiler must not see
	// that this changes nothing.
	asm volatile("" : "+r"(length));
	length = (length - 1) % SCRATCH_BYTES + 1;
	// Set before the read, which verifiers like; one that fails leaves zeros, and these are no frame.
	packet->ahead_at = at;
	packet->ahead_length = length;
	return bpf_skb_load_bytes(packet->payload.source, packet->payload.offset + at, scratch->bytes, length);
}

// Reads a frame header that is in the payload as a whole. Returns 0 if it could.
static __always_inline long read_frame(const struct http2_segment *payload, __u32 at, struct http2_frame *frame)
{
	struct packet *packet = (struct packet *)payload;
	struct scratch *scratch = packet->scratch;
	__u8 header[HTTP2_FRAME_HEADER_BYTES];
	__u32 from = at - packet->ahead_at;

	if (!scratch) {
		if (read_payload(payload, at, header, sizeof(header)))
			return -1;
		*frame = http2_decode(header);
		return 0;
	}
	if (from > SCRATCH_BYTES - HTTP2_FRAME_HEADER_BYTES || from + HTTP2_FRAME_HEADER_BYTES > packet->ahead_length) {
		if (read_ahead(packet, scratch, at))
			return -1;
		from = 0;
	}
	// Eight bytes at once, wherever they lie: nine single ones take longer than all the rest.
	*frame = http2_unpack(bpf_be64_to_cpu(*(__u64 *)(scratch->bytes + from)), scratch->bytes[from + 8]);
	return 0;
}
