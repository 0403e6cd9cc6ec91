// SPDX-License-Identifier: GPL-2.0-only
//
// The kernel side of Evenkeel.
//
// Spread. When a process connects to a Service address, connect4/connect6 choose an endpoint and write its address into
// the call: the connection goes straight to the pod, and nothing of ours is in its way afterwards. What was chosen is
// remembered with the socket, so that getpeername still answers with the Service, and so that `follow_tcp` can keep
// the number of connections of each endpoint: up when the SYN leaves, down when the connection leaves ESTABLISHED by
// whatever way, which includes failed connects and killed processes, or when `heed_goaway` sees its server's GOAWAY.
//
// Drain. `follow_tcp` starts a tracker for each connection that a local pod accepts; `track` follows
// the HTTP/2 frames that the server sends. The agent decides which connection is to be drained, and writes a GOAWAY on
// the server's own socket; `guard` lets it pass only where a frame may be put. docs/SHIM.md says why that is safe.
//
// Who decides: the agent writes the tables and decides whom to drain; the kernel side chooses, counts and guards, and
// goes on doing so without the agent.

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// Reads the tracker's bytes out of the packet.
#define http2_load(segment, at, to, length) bpf_skb_load_bytes((segment)->source, (segment)->offset + (at), to, length)

#include "kernel.h"
#include "maps.h"
#include "pick.h"

#define AF_INET 2
#define AF_INET6 10
#define ECONNREFUSED 111
#define ETH_P_IPV6 0x86dd
#define IPV4_MAPPED bpf_htonl(0xffff) // the third word of ::ffff:a.b.c.d

// A macro, for a context's array can only be read and written word by word; volatile, for the compiler would else
// compute pointers into the context, which the verifier refuses.
#define COPY_IP(to, from)                                                                                              \
	do {                                                                                                           \
		(to)[0] = *(volatile __be32 *)&(from)[0];                                                              \
		(to)[1] = *(volatile __be32 *)&(from)[1];                                                              \
		(to)[2] = *(volatile __be32 *)&(from)[2];                                                              \
		(to)[3] = *(volatile __be32 *)&(from)[3];                                                              \
	} while (0)

enum { ALLOW = 1, REFUSE = 0 };

char LICENSE[] SEC("license") = "GPL";

// ---- connect(): choose an endpoint ----

static __always_inline struct socket_address ipv4_address(__be32 ip, __be16 port)
{
	return (struct socket_address){.ip = {0, 0, IPV4_MAPPED, ip}, .port = port};
}

// The table of a Service address, and its header. A hash map may hand out an element that is reused for another key in
// that very moment; the header names the Service, and the table behind it never changes.
static __always_inline void *find_table(const struct socket_address *service, struct table_header **header)
{
	for (int i = 0; i < OWN_TABLE_RETRIES; i++) {
		void *table = bpf_map_lookup_elem(&services, service);
		union table_entry *entry = table ? table_entry(table, 0) : NULL;

		if (!entry)
			return NULL;
		*header = &entry->header;
		if (same_address(&entry->header.service, service))
			return table;
	}
	count(OUTCOME_TABLE_MISSED);
	return NULL;
}

// Remembers with the socket what was chosen for it.
static __always_inline void remember_choice(struct bpf_sock_addr *ctx, const struct socket_address *service,
					    const struct table_endpoint *endpoint)
{
	struct choice *choice;

	choice = bpf_sk_storage_get(&choices, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!choice) {
		count(OUTCOME_NOT_COUNTED);
		return;
	}
	choice->service = *service;
	choice->endpoint = endpoint->address;
	choice->outgoing = endpoint->outgoing;
	choice->counted = 0;
	choice->incoming = (struct http2_tracker){};
	choice->established = 0;
}

// Replaces a Service address by that of an endpoint. Returns whether connect() may go on.
static __always_inline int spread(struct bpf_sock_addr *ctx, struct socket_address *address)
{
	struct socket_address service = *address;
	struct table_header *header = NULL;
	struct table_endpoint *endpoint;
	void *table;

	table = find_table(&service, &header);
	if (!table || !header) {
		// The socket may have been used for a Service before: then that is over.
		bpf_sk_storage_delete(&choices, ctx->sk);
		return ALLOW;
	}
	if (!header->endpoint_count) {
		count(OUTCOME_NO_ENDPOINTS);
		bpf_set_retval(-ECONNREFUSED);
		return REFUSE;
	}
	endpoint = pick(table, header, bpf_get_netns_cookie(ctx));
	if (!endpoint) {
		count(OUTCOME_TABLE_BROKEN);
		return ALLOW;
	}
	*address = endpoint->address;
	remember_choice(ctx, &service, endpoint);
	count(OUTCOME_SPREAD);
	return ALLOW;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct socket_address address = ipv4_address(ctx->user_ip4, ctx->user_port);
	int allowed;

	if (ctx->protocol != IPPROTO_TCP)
		return ALLOW;
	allowed = spread(ctx, &address);
	ctx->user_ip4 = address.ip[3];
	ctx->user_port = address.port;
	return allowed;
}

// IPv6, and IPv4 through an IPv6 socket: as gRPC's C-core always connects.
SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct socket_address address = {.port = ctx->user_port};
	int allowed;

	if (ctx->protocol != IPPROTO_TCP)
		return ALLOW;
	COPY_IP(address.ip, ctx->user_ip6);
	allowed = spread(ctx, &address);
	COPY_IP(ctx->user_ip6, address.ip);
	ctx->user_port = address.port;
	return allowed;
}

// ---- getpeername(): the address that was asked for ----

static __always_inline struct choice *choice_of(struct bpf_sock_addr *ctx, const struct socket_address *peer)
{
	struct choice *choice = bpf_sk_storage_get(&choices, ctx->sk, NULL, 0);

	return choice && same_address(&choice->endpoint, peer) ? choice : NULL;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	struct socket_address peer = ipv4_address(ctx->user_ip4, ctx->user_port);
	struct choice *choice = choice_of(ctx, &peer);

	if (choice) {
		ctx->user_ip4 = choice->service.ip[3];
		ctx->user_port = choice->service.port;
	}
	return ALLOW;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	struct socket_address peer = {.port = ctx->user_port};
	struct choice *choice;

	COPY_IP(peer.ip, ctx->user_ip6);
	choice = choice_of(ctx, &peer);
	if (choice) {
		COPY_IP(ctx->user_ip6, choice->service.ip);
		ctx->user_port = choice->service.port;
	}
	return ALLOW;
}

// ---- TCP's changes of state: count what clients open, start to track what servers accept ----

// A SYN is about to leave.
static __always_inline void count_connecting(struct bpf_sock_ops *ops, struct choice *choice)
{
	struct outgoing *counters = bpf_map_lookup_elem(&outgoing, &choice->outgoing);

	if (!counters || choice->counted)
		return;
	// Without the call-back nobody would count it down.
	if (bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG))
		return;
	choice->counted = 1;
	__sync_fetch_and_add(&counters->active, 1);
}

static __always_inline void count_established(struct bpf_sock_ops *ops, struct choice *choice)
{
	struct outgoing *counters = bpf_map_lookup_elem(&outgoing, &choice->outgoing);

	if (!counters || !choice->counted)
		return;
	choice->incoming.next_seq = ops->rcv_nxt;
	choice->established = 1;
	__sync_fetch_and_add(&counters->opened, 1);
}

// The connection does not count any more. Once: TCP's states change under the socket's lock, packets arrive without it.
static __always_inline void count_down(struct choice *choice)
{
	struct outgoing *counters = bpf_map_lookup_elem(&outgoing, &choice->outgoing);

	if (!counters || __sync_val_compare_and_swap(&choice->counted, 1, 0) != 1)
		return;
	__sync_fetch_and_sub(&counters->active, 1);
	if (!choice->established)
		__sync_fetch_and_add(&counters->failed, 1);
}

static __always_inline void count_state(struct choice *choice, __u32 state)
{
	if (state != BPF_TCP_SYN_SENT && state != BPF_TCP_SYN_RECV && state != BPF_TCP_ESTABLISHED)
		count_down(choice);
}

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
	__sync_fetch_and_add(&counters->accepted, 1);
}

SEC("sockops")
int follow_tcp(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk; // read once: the verifier forgets a NULL check on a second load
	struct choice *choice;

	if (!sk)
		return 1;
	if (ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		start_tracking(ops, sk);
		return 1;
	}
	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB && ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ops->op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	choice = bpf_sk_storage_get(&choices, sk, NULL, 0);
	if (!choice)
		return 1;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		count_connecting(ops, choice);
	else if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		count_established(ops, choice);
	else
		count_state(choice, ops->args[1]);
	return 1;
}

// ---- A server's packets leave: follow its frames ----

enum { MAX_IPV6_EXTENSION_HEADERS = 4 };

struct walk {
	struct http2_tracker *tracker;
	struct http2_segment segment;
};

static long step(__u32 index, struct walk *walk)
{
	return !http2_step(walk->tracker, &walk->segment);
}

// Where the TCP header begins; 0: nowhere. At this hook a packet begins with its IP header.
static __always_inline __u32 tcp_offset(struct __sk_buff *skb)
{
	struct ipv6_opt_hdr extension;
	__u8 version_and_length, next = 0;
	__u32 offset = sizeof(struct ipv6hdr);

	if (skb->protocol != bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, offsetof(struct iphdr, protocol), &next, 1) || next != IPPROTO_TCP ||
		    bpf_skb_load_bytes(skb, 0, &version_and_length, 1))
			return 0;
		return (version_and_length & 15) * 4;
	}
	if (bpf_skb_load_bytes(skb, offsetof(struct ipv6hdr, nexthdr), &next, 1))
		return 0;
	for (int i = 0; i < MAX_IPV6_EXTENSION_HEADERS; i++) {
		if (next == IPPROTO_TCP)
			return offset;
		if (bpf_skb_load_bytes(skb, offset, &extension, sizeof(extension)))
			return 0;
		next = extension.nexthdr;
		offset += (extension.hdrlen + 1) * 8;
	}
	return 0;
}

// Finds a packet's payload. Returns whether there is any; what cannot be understood ends the tracking.
static __always_inline int payload(struct __sk_buff *skb, struct walk *walk)
{
	__u32 offset = tcp_offset(skb);
	struct tcphdr tcp;

	if (!offset || bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp))) {
		walk->tracker->sync = HTTP2_LOST;
		return 0;
	}
	walk->segment.offset = offset + tcp.doff * 4;
	walk->segment.end = skb->len;
	walk->segment.seq = bpf_ntohl(tcp.seq);
	return walk->segment.offset < walk->segment.end;
}

// What is new since the packet before goes into the counters of the endpoint.
static __always_inline void report(struct connection *connection, const struct http2_tracker *before)
{
	const struct http2_tracker *now = &connection->tracker;
	struct incoming *counters = bpf_map_lookup_elem(&incoming, &connection->incoming);
	__u32 reason = REASON_NONE;

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

SEC("cgroup_skb/egress")
int track(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *connection;
	struct http2_tracker before;
	struct walk walk = {};

	if (!sk)
		return ALLOW;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return ALLOW;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection || connection->tracker.sync >= HTTP2_OPAQUE)
		return ALLOW;
	before = connection->tracker;
	walk.tracker = &connection->tracker;
	walk.segment.source = skb;
	if (payload(skb, &walk))
		bpf_loop(HTTP2_MAX_STEPS, step, &walk, 0);
	report(connection, &before);
	return ALLOW;
}

// ---- A client's packets arrive: is it asked to go away? ----

// A connection that was drained may live on for hours, for as long as a stream on it; new connections are not to keep
// away from its endpoint for that. Packets that arrive out of order end this: then it counts until it is closed.
SEC("cgroup_skb/ingress")
int heed_goaway(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct choice *choice;
	struct walk walk = {};

	if (!sk)
		return ALLOW;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return ALLOW;
	choice = bpf_sk_storage_get(&choices, sk, NULL, 0);
	if (!choice || !choice->counted || !choice->established || choice->incoming.sync >= HTTP2_OPAQUE)
		return ALLOW;
	walk.tracker = &choice->incoming;
	walk.segment.source = skb;
	if (payload(skb, &walk))
		bpf_loop(HTTP2_MAX_STEPS, step, &walk, 0);
	if (choice->incoming.goaway)
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

// ---- The agent reads: which connections there are, and whose they are ----

SEC("iter/bpf_sk_storage_map")
int snapshot(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct connection_tail tail = {};
	struct sock *sk = ctx->sk;
	void *connection = ctx->value;

	if (!sk || !connection)
		return 0;
	tail.tcp_state = sk->__sk_common.skc_state;
	// Where the buffer is full, the kernel takes back what was written of this record and calls again.
	bpf_seq_write(seq, connection, sizeof(struct connection));
	bpf_seq_write(seq, &tail, sizeof(tail));
	return 0;
}

// A connection that was there before its endpoint was known here: nobody saw where its frames began.
static __always_inline struct connection *take_older(struct sock *sk)
{
	struct socket_address local = ipv4_address(sk->__sk_common.skc_rcv_saddr, bpf_htons(sk->__sk_common.skc_num));
	struct socket_address peer = ipv4_address(sk->__sk_common.skc_daddr, sk->__sk_common.skc_dport);
	struct connection *connection;
	__u32 *index;

	if (sk->__sk_common.skc_family == AF_INET6) {
		COPY_IP(local.ip, sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
		COPY_IP(peer.ip, sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32);
	}
	index = bpf_map_lookup_elem(&local_endpoints, &local);
	if (!index)
		return NULL;
	connection = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection)
		return NULL;
	connection->is_older = 1;
	connection->tracker.sync = HTTP2_LOST;
	connection->cookie = bpf_get_socket_cookie(sk);
	connection->established_ns = bpf_ktime_get_ns();
	connection->endpoint = local;
	connection->peer = peer;
	connection->incoming = *index;
	return connection;
}

// The TCP socket that a descriptor refers to; NULL: it refers to something else.
static __always_inline struct sock *tcp_sock_of(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket = file && ctx->task ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = socket ? socket->sk : NULL;

	return sk && sk->sk_protocol == IPPROTO_TCP ? sk : NULL;
}

static __always_inline void write_owner(struct bpf_iter__task_file *ctx, __u64 cookie)
{
	struct task_struct *task = ctx->task;
	struct owner_record record;

	if (!task)
		return;
	record.cookie = cookie;
	record.process = task->tgid;
	record.descriptor = ctx->fd;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
}

SEC("iter/task_file")
int owners(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = tcp_sock_of(ctx);
	struct connection *connection;

	if (!sk || sk->__sk_common.skc_state != BPF_TCP_ESTABLISHED)
		return 0;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		connection = take_older(sk);
	if (connection)
		write_owner(ctx, connection->cookie);
	return 0;
}

// ---- The same of the connections that clients opened by a Service address ----

// They wait for their peer: for its answer to the SYN, or for data.
static __always_inline int is_waiting(const struct sock *sk)
{
	return sk->__sk_common.skc_state == BPF_TCP_ESTABLISHED || sk->__sk_common.skc_state == BPF_TCP_SYN_SENT;
}

SEC("iter/bpf_sk_storage_map")
int clients(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct choice *choice = ctx->value;
	struct client_record record;
	struct sock *sk = ctx->sk;

	if (!sk || !choice || !is_waiting(sk))
		return 0;
	record.cookie = bpf_get_socket_cookie(sk);
	record.service = choice->service;
	record.endpoint = choice->endpoint;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/task_file")
int client_owners(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = tcp_sock_of(ctx);

	if (sk && is_waiting(sk) && bpf_sk_storage_get(&choices, sk, NULL, 0))
		write_owner(ctx, bpf_get_socket_cookie(sk));
	return 0;
}

// Who the agent is in the initial PID namespace, as the guard will see it.
SEC("syscall")
int whoami(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}
