// SPDX-License-Identifier: GPL-2.0-only

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

// A packet that is nothing but payload.
struct bytes {
	const __u8 *first;
	__u32 count;
};

// As the kernel's helper: all of it, or an error.
static long load_bytes(const struct bytes *bytes, __u32 at, void *to, __u32 length)
{
	if (at > bytes->count || length > bytes->count - at)
		return -1;
	__builtin_memcpy(to, bytes->first + at, length);
	return 0;
}

#define bpf_skb_load_bytes load_bytes
#include "../../bpf/payload.h" // first, as it says how the tracker reads

#include "tracker.h"

void tracker_feed(struct http2_tracker *tracker, const void *payload, __u32 length, __u32 seq, int reads_ahead)
{
	struct bytes bytes = {.first = payload, .count = length};
	struct scratch scratch;
	struct packet packet = {
	    .payload = {.source = &bytes, .end = length, .seq = seq},
	    .scratch = reads_ahead ? &scratch : NULL,
	};

	if (!length)
		return;
	for (int i = 0; i < HTTP2_MAX_STEPS && http2_step(tracker, &packet.payload); i++)
		;
}
