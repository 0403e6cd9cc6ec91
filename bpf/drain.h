// SPDX-License-Identifier: GPL-2.0-only
//
// Programs that drain: the frames that a server sends are followed, a GOAWAY that arrives is heeded, and the one that
// the agent writes is judged.
#pragma once

#include "address.h"
#include "kernel.h"
#include "maps.h"
#include "packet.h"
#include "ports.h"
#include "spread.h"

// ---- Track what servers accept ----

// A local pod, perhaps one behind a Service, has accepted a connection.
static __always_inline void start_tracking(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	struct socket_address local = {.port = bpf_htons(ops->local_port)};
	struct socket_address peer = {.port = bpf_htons(bpf_ntohl(ops->remote_port))};
	struct connection *connection;
	struct incoming *counters;
	__u32 *index;

	if (ops->family == AF_INET6) {
		COPY_IP(local.ip, ops->local_ip6);
		COPY_IP(peer.ip, ops->remote_ip6);
	} else {
		local = ipv4_address(ops->local_ip4, local.port);
		peer = ipv4_address(ops->remote_ip4, peer.port);
	}
	index = bpf_map_lookup_elem(&local_endpoints, &local);
	if (!index)
		return;
	counters = bpf_map_lookup_elem(&incoming, index);
	if (!counters)
		return;
	connection = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection) {
		count(OUTCOME_NOT_TRACKED);
		return;
	}
	connection->tracker.next_seq = ops->snd_nxt;
	connection->cookie = bpf_get_socket_cookie(ops);
	connection->established_ns = bpf_ktime_get_ns();
	connection->endpoint = local;
	connection->peer = peer;
	connection->incoming = *index;
	note_served(local.port);
	__sync_fetch_and_add(&counters->accepted, 1);
}

// ---- A server's packets leave: follow its frames ----

struct walk {
	struct http2_tracker *tracker;
	struct packet packet;
};

static long step(__u32 index, struct walk *walk)
{
	return !http2_step(walk->tracker, &walk->packet.payload);
}

// Takes the scratch buffer of this CPU, on which a program stays while it runs. NULL: it is in use, by a packet that an
// interrupt or another task came in between.
static __always_inline struct scratch *take_scratch(void)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	return scratch && !__sync_val_compare_and_swap(&scratch->in_use, 0, 1) ? scratch : NULL;
}

static __always_inline void give_back(struct scratch *scratch)
{
	// Volatile, so that it comes after all reads. Only this CPU looks at it, so no barrier is needed.
	if (scratch)
		*(volatile __u32 *)&scratch->in_use = 0;
}

// What is new since the packet before goes into the counters of the endpoint.
static __always_inline void report(struct connection *connection, const struct http2_tracker *before)
{
	const struct http2_tracker *now = &connection->tracker;
	__u32 reason = REASON_NONE;
	struct incoming *counters;

	if (now->responses == before->responses && now->sync == before->sync && now->goaway == before->goaway)
		return;
	counters = bpf_map_lookup_elem(&incoming, &connection->incoming);
	if (!counters)
		return;
	if (now->responses != before->responses)
		__sync_fetch_and_add(&counters->responses, now->responses - before->responses);
	if (now->sync != before->sync && now->sync == HTTP2_OPAQUE)
		__sync_fetch_and_add(&counters->opaque, 1);
	if (now->sync != before->sync && now->sync == HTTP2_LOST)
		__sync_fetch_and_add(&counters->lost, 1);
	if (now->goaway && !before->goaway) {
		connection->goaway_ns = bpf_ktime_get_ns();
		if (connection->reason < REASON_COUNT && now->goaway_seq == connection->placed_seq)
			reason = connection->reason;
		__sync_fetch_and_add(&counters->goaways[reason], 1);
	}
}

// Runs for every packet that leaves: what is no server's, has no payload, or is not tracked, ends as soon as that is
// seen. The packet's headers come first: they are at hand, and what is remembered with the socket may have to come from
// afar.
SEC("cgroup_skb/egress")
int track(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *connection;
	struct http2_tracker before;
	struct walk walk = {};
	int found;

	found = find_payload(skb, &walk.packet.payload);
	if (!found || !sk)
		return ALLOW;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection || connection->tracker.sync >= HTTP2_OPAQUE)
		return ALLOW;
	before = connection->tracker;
	walk.tracker = &connection->tracker;
	walk.packet.scratch = take_scratch();
	if (found > 0)
		bpf_loop(HTTP2_MAX_STEPS, step, &walk, 0);
	else
		connection->tracker.sync = HTTP2_LOST;
	give_back(walk.packet.scratch);
	report(connection, &before);
	return ALLOW;
}

// ---- A client's packets arrive: is it asked to go away? ----

enum { GOAWAY_PACKET_MAX_BYTES = 512 }; // of payload: a server's own GOAWAY may have other frames behind it

// A connection that was drained may live on for hours, for as long as a stream on it; new connections are not to keep
// away from its endpoint for that. Only the first frame of a small packet is looked at: the agent's GOAWAY leaves when
// nothing waits to be sent before it, and so begins a packet, and is alone in it. One that is missed ends nothing: the
// connection counts until it is closed.
SEC("cgroup_skb/ingress")
int heed_goaway(struct __sk_buff *skb)
{
	__u8 header[HTTP2_FRAME_HEADER_BYTES];
	struct bpf_sock *sk = skb->sk;
	struct http2_segment payload;
	struct choice *choice;

	if (!sk || find_payload(skb, &payload) <= 0 || payload.end - payload.offset > GOAWAY_PACKET_MAX_BYTES)
		return ALLOW;
	choice = bpf_sk_storage_get(&choices, sk, NULL, 0);
	if (!choice || !choice->counted || !choice->established)
		return ALLOW;
	if (!bpf_skb_load_bytes(skb, payload.offset, header, sizeof(header)) && http2_is_goaway(http2_decode(header)))
		count_down(choice);
	return ALLOW;
}

// ---- A message for a borrowed socket: does the agent's frame fit here? ----

static __always_inline enum verdict judge(const struct connection *connection, struct tcp_sock *tcp)
{
	const struct http2_tracker *t = &connection->tracker;
	__u32 written = tcp->write_seq;

	if (t->sync == HTTP2_SILENT)
		return VERDICT_NOT_SERVED;
	if (t->sync != HTTP2_IN_SYNC)
		return VERDICT_NOT_IN_SYNC;
	if (t->goaway || connection->reason)
		return VERDICT_GOAWAY_SENT;
	if (written != tcp->snd_nxt)
		return VERDICT_UNSENT;
	if (t->header_block)
		return VERDICT_HEADER_BLOCK;
	if (!http2_at_boundary(t, written))
		return VERDICT_NOT_AT_BOUNDARY;
	if (!t->responses)
		return VERDICT_NOT_SERVED;
	return VERDICT_PLACED;
}

// Runs under the socket's lock, as `track` does for what this socket sends: what it reads holds still.
//
// Never SK_DROP: the kernel keeps that verdict for the socket's next message, which would be the server's own. A frame
// that does not fit is bounced into the agent's sink.
SEC("sk_msg")
int guard(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct connection *connection;
	struct placement *intent;
	struct incoming *counters;
	struct tcp_sock *tcp;
	__u32 zero = 0;

	intent = bpf_map_lookup_elem(&placement, &zero);
	if (!intent || !intent->process || bpf_get_current_pid_tgid() >> 32 != intent->process)
		return SK_PASS; // the server's own
	connection = sk ? bpf_sk_storage_get(&connections, sk, NULL, 0) : NULL;
	tcp = connection ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!connection || !tcp)
		return bpf_msg_redirect_hash(msg, &sink, &zero, BPF_F_INGRESS);
	connection->guarded++;
	connection->verdict = judge(connection, tcp);
	if (connection->verdict == VERDICT_PLACED) {
		connection->placed_seq = tcp->write_seq;
		connection->reason = intent->reason;
		return SK_PASS;
	}
	counters = bpf_map_lookup_elem(&incoming, &connection->incoming);
	if (counters)
		__sync_fetch_and_add(&counters->refused, 1);
	return bpf_msg_redirect_hash(msg, &sink, &zero, BPF_F_INGRESS);
}
