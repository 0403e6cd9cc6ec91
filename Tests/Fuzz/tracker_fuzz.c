// SPDX-License-Identifier: GPL-2.0-only
//
// A libFuzzer target for the frame tracker. The input's first half is the script of what a server sends, its second
// half that of how TCP cuts it, repeats it, and what the tracker does not get to see. Sequence numbers wrap around
// somewhere in it.
//
// Two others read the same stream, and each has all of it: walk(), which goes from frame header to frame header, and
// the client of client.h. Wherever the tracker takes a place for a boundary, a PING is put into what the client
// receives, as long as it reads: it must arrive as this PING, and the client must then be able to read on.

#include <stdlib.h>

#include "client.h"
#include "server.h"
#include "tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is true of the first bytes of a stream.
struct truth {
	uint32_t next; // all before is read or payload
	uint32_t header_block;
	uint32_t responses;
	uint32_t goaway; // where the first one begins
	bool has_goaway;
	bool is_inside;	      // a frame, or its header
	bool is_acknowledged; // the server has read the client's SETTINGS
	bool is_http2;	      // as far as can be told from the order of frames
};

static void walk_frame(struct truth *truth, const uint8_t *header)
{
	uint32_t stream = (uint32_t)header[5] << 24 | header[6] << 16 | header[7] << 8 | header[8];
	uint8_t type = header[3], flags = header[4];
	bool is_block = type == NGHTTP2_HEADERS || type == NGHTTP2_PUSH_PROMISE || type == NGHTTP2_CONTINUATION;

	if (truth->next == 0 && type != NGHTTP2_SETTINGS)
		truth->is_http2 = false;
	if ((type == NGHTTP2_CONTINUATION) != (truth->header_block != 0))
		truth->is_http2 = false;
	if (truth->header_block && truth->header_block != stream)
		truth->is_http2 = false;
	if (type == NGHTTP2_SETTINGS && flags & NGHTTP2_FLAG_ACK)
		truth->is_acknowledged = true;
	if (is_block)
		truth->header_block = flags & NGHTTP2_FLAG_END_HEADERS ? 0 : stream;
	if ((type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) && flags & NGHTTP2_FLAG_END_STREAM)
		truth->responses++;
	if (type == NGHTTP2_GOAWAY && !truth->has_goaway) {
		truth->has_goaway = true;
		truth->goaway = truth->next;
	}
}

static struct truth walk(const uint8_t *bytes, uint32_t length)
{
	struct truth truth = {.is_http2 = true};

	while (truth.next + HTTP2_FRAME_HEADER_BYTES <= length) {
		const uint8_t *header = bytes + truth.next;

		walk_frame(&truth, header);
		truth.next += HTTP2_FRAME_HEADER_BYTES + (header[0] << 16 | header[1] << 8 | header[2]);
	}
	truth.is_inside = truth.next != length;
	if (truth.next < length)
		truth.next = length;
	return truth;
}

struct run {
	struct http2_tracker tracker;
	struct server server;
	struct client client;
	struct script cuts;
	uint32_t origin;   // sequence number of the stream's first byte
	uint32_t sent;	   // by TCP
	uint32_t seen;	   // where the last of what the tracker has seen ends
	uint32_t received; // by the client
	bool has_hole;
};

// Shows the tracker a segment, in memory of exactly its size.
static void show(struct run *run, uint32_t start, uint32_t end)
{
	struct http2_tracker before = run->tracker, without_scratch = run->tracker;
	uint8_t *segment = malloc(end - start);

	assert(segment || start == end);
	memcpy(segment, run->server.bytes + start, end - start);
	tracker_feed(&run->tracker, segment, end - start, run->origin + start, true);
	tracker_feed(&without_scratch, segment, end - start, run->origin + start, false);
	free(segment);
	assert(memcmp(&without_scratch, &run->tracker, sizeof(without_scratch)) == 0);
	if (start < end && end > run->seen)
		run->seen = end;

	assert((int32_t)(run->tracker.next_seq - before.next_seq) >= 0);
	if (before.sync == HTTP2_OPAQUE || before.sync == HTTP2_LOST)
		assert(memcmp(&before, &run->tracker, sizeof(before)) == 0);
}

// The client receives what has been sent so far.
static void receive(struct run *run)
{
	client_receive(&run->client, run->server.bytes + run->received, run->sent - run->received);
	run->received = run->sent;
	if (run->server.is_conforming)
		assert(!run->client.has_failed);
}

static void check_boundary(struct run *run, const struct truth *truth)
{
	assert(truth->is_http2 && truth->is_acknowledged && !truth->is_inside && !truth->header_block);
	receive(run);
	if (client_is_reading(&run->client))
		assert(client_is_reached(&run->client, run->client.pinged + 1));
}

static void check_knowledge(const struct run *run, const struct truth *truth)
{
	const struct http2_tracker *tracker = &run->tracker;

	assert(truth->is_http2);
	assert(tracker->next_seq - run->origin == truth->next);
	assert(tracker->header_block == truth->header_block);
	assert(tracker->responses == truth->responses);
	assert(tracker->goaway == truth->has_goaway);
	if (truth->has_goaway)
		assert(tracker->goaway_seq - run->origin == truth->goaway);
}

static void check(struct run *run)
{
	struct truth truth = walk(run->server.bytes, run->sent);

	if (http2_at_boundary(&run->tracker, run->origin + run->sent))
		check_boundary(run, &truth);
	if (run->tracker.sync == HTTP2_IN_SYNC && run->seen == run->sent)
		check_knowledge(run, &truth);
	if (run->server.is_conforming && !run->has_hole && run->sent >= HTTP2_FRAME_HEADER_BYTES)
		assert(run->tracker.sync == HTTP2_IN_SYNC);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// TCP sends new bytes, or new bytes and old ones before them, or old ones only; or new ones that the tracker misses.
static void deliver_next(struct run *run)
{
	bool is_last = run->cuts.at == run->cuts.end;
	uint8_t step = take(&run->cuts);
	uint32_t length = is_last ? run->server.length : 1 + (step & 31u);
	uint32_t start = run->sent;
	bool is_missed = !is_last && step >> 5 == 7;

	if (step >> 5 == 5 || step >> 5 == 6) {
		start -= smaller(start, take(&run->cuts));
		length = step >> 5 == 5 ? smaller(length, run->sent - start) : length + run->sent - start;
	}
	length = smaller(length, run->server.length - start);
	if (start + length > run->sent)
		run->sent = start + length;
	if (is_missed)
		run->has_hole = true;
	else
		show(run, start, start + length);
	check(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *middle = data + size / 2;
	struct run run = {.cuts = {middle, data + size}};

	server_write(&run.server, (struct script){data, middle});
	run.origin = -(uint32_t)(take(&run.cuts) << 4);
	run.tracker.next_seq = run.origin;
	client_open(&run.client);
	while (run.sent < run.server.length)
		deliver_next(&run);
	receive(&run);
	client_close(&run.client);
	return 0;
}
