// SPDX-License-Identifier: GPL-2.0-only
//
// An HTTP/2 client that somebody else wrote (nghttp2): it has opened a few requests, and reads what a server sends.
#pragma once

#undef NDEBUG // what does not hold must be heard of

#include <nghttp2/nghttp2.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	CLIENT_REQUESTS = 8, // streams 1, 3, … 15
	CLIENT_SETTINGS = 4, // so many acknowledgements the server may send
};

struct client {
	nghttp2_session *session;
	uint64_t pinged; // content of the last PING
	bool has_failed; // it gave up the connection
};

static int client_received(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct client *client = user_data;

	(void)session;
	if (frame->hd.type == NGHTTP2_PING)
		memcpy(&client->pinged, frame->ping.opaque_data, sizeof(client->pinged));
	return 0;
}

// Whatever is wrong with a connection as a whole makes it say GOAWAY.
static int client_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct client *client = user_data;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		client->has_failed = true;
	return 0;
}

// What the client has to say goes nowhere.
static void client_flush(struct client *client)
{
	const uint8_t *bytes;
	ssize_t length;

	do
		length = nghttp2_session_mem_send(client->session, &bytes);
	while (length > 0);
	assert(length == 0);
}

static void client_open(struct client *client)
{
	nghttp2_nv get = {(uint8_t *)":method", (uint8_t *)"GET", 7, 3, NGHTTP2_NV_FLAG_NONE};
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;

	*client = (struct client){0};
	assert(!nghttp2_session_callbacks_new(&callbacks) && !nghttp2_option_new(&option));
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_received);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, client_sent);
	// Frames are all that matters here, not whether the messages in them make sense.
	nghttp2_option_set_no_http_messaging(option, 1);
	assert(!nghttp2_session_client_new2(&client->session, callbacks, client, option));
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	for (int i = 0; i < CLIENT_SETTINGS; i++)
		assert(!nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0));
	for (int i = 0; i < CLIENT_REQUESTS; i++)
		assert(nghttp2_submit_request(client->session, NULL, &get, 1, NULL, NULL) == 2 * i + 1);
	client_flush(client);
}

static void client_receive(struct client *client, const uint8_t *bytes, size_t length)
{
	if (client->has_failed)
		return;
	if (nghttp2_session_mem_recv(client->session, bytes, length) == (ssize_t)length)
		client_flush(client);
	else
		client->has_failed = true;
}

// Not after an error, nor when a GOAWAY has left it without streams: then it ignores all that comes.
static bool client_is_reading(const struct client *client)
{
	return !client->has_failed && nghttp2_session_want_read(client->session);
}

// Is a PING that is put here, behind what the client has received so far, received as this PING?
static bool client_is_reached(struct client *client, uint64_t content)
{
	uint8_t ping[9 + sizeof(content)] = {0, 0, sizeof(content), NGHTTP2_PING};

	memcpy(ping + 9, &content, sizeof(content));
	client_receive(client, ping, sizeof(ping));
	return !client->has_failed && client->pinged == content;
}

static void client_close(struct client *client)
{
	nghttp2_session_del(client->session);
}
