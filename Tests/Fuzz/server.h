// SPDX-License-Identifier: GPL-2.0-only
//
// What a server sends, as a script of arbitrary bytes wants it: frames that a client must accept, or anything else.
#pragma once

#include "client.h"

enum {
	STREAM_MAX_BYTES = 4096,
	FRAME_MAX_BYTES = 512, // of what one step of the script appends
};

struct script {
	const uint8_t *at;
	const uint8_t *end;
};

struct server {
	struct script script;
	uint32_t length;
	uint32_t promised;  // how many streams it has pushed
	uint32_t settings;  // how many of the client's it has acknowledged
	uint32_t answered;  // bit n: stream 2n + 1 has HEADERS
	bool is_conforming; // so far, all a client must accept
	uint8_t bytes[STREAM_MAX_BYTES];
};

// After the script's end: zeros.
static uint8_t take(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

static void put(struct server *server, uint8_t byte)
{
	assert(server->length < STREAM_MAX_BYTES);
	server->bytes[server->length++] = byte;
}

static void put_number(struct server *server, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put(server, number >> shift);
}

static void put_header(struct server *server, uint32_t length, uint8_t type, uint8_t flags, uint32_t stream)
{
	put_number(server, length << 8 | type);
	put(server, flags);
	put_number(server, stream);
}

static void put_frame(struct server *server, uint8_t type, uint8_t flags, uint32_t stream, uint32_t length,
		      uint8_t fill)
{
	put_header(server, length, type, flags, stream);
	while (length--)
		put(server, fill);
}

// The rest of a header block: fields that say ":status: 200". Now and then a part of it is another stream's.
static void put_continuations(struct server *server, uint32_t stream, uint32_t count)
{
	while (count--) {
		uint8_t shape = take(&server->script);
		bool is_astray = shape >= 0xf0;

		if (is_astray)
			server->is_conforming = false;
		put_frame(server, NGHTTP2_CONTINUATION, count ? 0 : NGHTTP2_FLAG_END_HEADERS,
			  is_astray ? stream + 2 : stream, shape & 7, 0x88);
	}
}

// HEADERS or PUSH_PROMISE with a few CONTINUATION.
static void put_block(struct server *server, uint8_t type, uint8_t flags, uint32_t stream, uint32_t promised)
{
	uint8_t shape = take(&server->script);
	uint32_t fields = shape & 7, continuations = shape >> 3 & 3;
	uint32_t padding = flags & NGHTTP2_FLAG_PADDED ? shape >> 5 : 0;
	uint32_t before = (flags & NGHTTP2_FLAG_PADDED ? 1 : 0) + (flags & NGHTTP2_FLAG_PRIORITY ? 5 : 0);

	if (!continuations)
		flags |= NGHTTP2_FLAG_END_HEADERS;
	put_header(server, before + (promised ? 4 : 0) + fields + padding, type, flags, stream);
	if (flags & NGHTTP2_FLAG_PADDED)
		put(server, padding);
	for (int i = 0; flags & NGHTTP2_FLAG_PRIORITY && i < 5; i++)
		put(server, 0);
	if (promised)
		put_number(server, promised);
	while (fields--)
		put(server, 0x88);
	while (padding--)
		put(server, 0);
	put_continuations(server, stream, continuations);
}

static void put_response(struct server *server, uint32_t index)
{
	uint8_t flags = take(&server->script);

	server->answered |= 1u << index;
	put_block(server, NGHTTP2_HEADERS,
		  flags & (NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_PRIORITY), 2 * index + 1, 0);
}

static void put_data(struct server *server, uint32_t index)
{
	uint8_t flags = take(&server->script) & (NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PADDED);
	uint32_t length = take(&server->script) + (flags & NGHTTP2_FLAG_PADDED ? 1 : 0);

	if (server->answered >> index & 1)
		put_frame(server, NGHTTP2_DATA, flags, 2 * index + 1, length, 0);
}

static void put_push(struct server *server, uint32_t index)
{
	uint32_t promised = 2 * ++server->promised;

	put_block(server, NGHTTP2_PUSH_PROMISE, take(&server->script) & NGHTTP2_FLAG_PADDED, 2 * index + 1, promised);
	put_block(server, NGHTTP2_HEADERS, take(&server->script) & NGHTTP2_FLAG_END_STREAM, promised, 0);
}

static void put_settings(struct server *server)
{
	if (server->settings++ < CLIENT_SETTINGS)
		put_frame(server, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, 0, 0);
	else
		put_frame(server, NGHTTP2_SETTINGS, 0, 0, take(&server->script) % 8 * 6, 0);
}

static void put_goaway(struct server *server)
{
	uint32_t debug_bytes = take(&server->script);

	put_header(server, 8 + debug_bytes, NGHTTP2_GOAWAY, 0, 0);
	put_number(server, 0x7fffffff);
	put_number(server, NGHTTP2_NO_ERROR);
	while (debug_bytes--)
		put(server, 0);
}

static void put_window_update(struct server *server, uint32_t stream)
{
	put_header(server, 4, NGHTTP2_WINDOW_UPDATE, 0, stream);
	put_number(server, 1);
}

// A type that clients have to ignore.
static void put_grease(struct server *server)
{
	uint8_t type = 0xb + take(&server->script) % 8 * 0x1f;
	uint8_t flags = take(&server->script), stream = take(&server->script);

	put_frame(server, type, flags, stream, take(&server->script), flags);
}

// A header of any kind, or bytes without any sense.
static void put_anything(struct server *server)
{
	uint8_t shape = take(&server->script), type = take(&server->script), flags = take(&server->script);
	uint32_t stream = take(&server->script);

	server->is_conforming = false;
	if (shape & 0x80)
		put_frame(server, type, flags, stream | (uint32_t)(shape & 0x40) << 25, shape & 0x3f, 0);
	else
		for (int i = shape & 0x1f; i; i--)
			put(server, take(&server->script));
}

static void put_next(struct server *server)
{
	uint8_t step = take(&server->script);
	uint32_t index = step >> 4 & (CLIENT_REQUESTS - 1), stream = 2 * index + 1;

	switch (step & 15) {
	case 0:
	case 1:
		return put_data(server, index);
	case 2:
	case 3:
		return put_response(server, index);
	case 4:
		return put_push(server, index);
	case 5:
		return put_frame(server, NGHTTP2_PRIORITY, 0, stream, 5, 0);
	case 6:
		return put_frame(server, NGHTTP2_RST_STREAM, 0, stream, 4, 0);
	case 7:
	case 8:
		return put_settings(server);
	case 9:
		return put_frame(server, NGHTTP2_PING, step >> 7, 0, 8, 0);
	case 10:
		return put_goaway(server);
	case 11:
		return put_window_update(server, step >> 7 ? 0 : stream);
	case 12:
		return put_grease(server);
	case 13:
		return put_frame(server, NGHTTP2_ALTSVC, 0, 0, 2 + step, 0);
	case 14:
		return put_frame(server, NGHTTP2_ORIGIN, 0, 0, step, 0);
	default:
		return put_anything(server);
	}
}

static void server_write(struct server *server, struct script script)
{
	*server = (struct server){.script = script, .is_conforming = true};
	if (take(&server->script) & 1)
		put_anything(server);
	else
		put_frame(server, NGHTTP2_SETTINGS, 0, 0, take(&server->script) % 8 * 6, 0);
	while (server->script.at < server->script.end && server->length + FRAME_MAX_BYTES < STREAM_MAX_BYTES)
		put_next(server);
}
