// SPDX-License-Identifier: GPL-2.0-only

#include <linux/types.h>

struct http2_segment;
static int load(const struct http2_segment *segment, __u32 at, void *to, __u32 length);
#define http2_load load

#include "tracker.h"

// As bpf_skb_load_bytes: all of it, or an error.
static int load(const struct http2_segment *segment, __u32 at, void *to, __u32 length)
{
	__u32 payload = segment->end - segment->offset;

	if (at > payload || length > payload - at)
		return -1;
	__builtin_memcpy(to, (const __u8 *)segment->source + segment->offset + at, length);
	return 0;
}

void tracker_feed(struct http2_tracker *tracker, const void *payload, __u32 length, __u32 seq)
{
	struct http2_segment segment = {.source = (void *)payload, .end = length, .seq = seq};

	if (!length)
		return;
	for (int i = 0; i < HTTP2_MAX_STEPS && http2_step(tracker, &segment); i++)
		;
}
