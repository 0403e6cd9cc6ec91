// SPDX-License-Identifier: GPL-2.0-only
//
// Programs that the agent runs to see which connections there are, and which processes have them open.
#pragma once

#include "address.h"
#include "kernel.h"
#include "maps.h"

// ---- The agent reads: which connections there are, and whose they are ----

static __always_inline void write_record(struct connection_record *record, const struct connection *connection)
{
	const struct http2_tracker *t = &connection->tracker;

	record->cookie = connection->cookie;
	record->established_ns = connection->established_ns;
	record->responses = t->responses;
	record->goaway_ns = connection->goaway_ns;
	record->endpoint = connection->endpoint;
	record->peer = connection->peer;
	record->sync = t->sync;
	record->goaway = t->goaway;
	record->reason = t->goaway && t->goaway_seq == connection->placed_seq ? connection->reason : REASON_NONE;
	record->is_older = connection->is_older;
}

// Each read() of the iterator walks the map from its beginning up to where the read before has ended, and ends when 32
// kB are full, or as many bytes as were asked for. So that it has to be few reads, the records go into `page`, and only
// a byte for each to the reader, who asks for as many as the page has room for. A record's place is the number of bytes
// so far: the kernel begins each read with none (bpf_seq_read in kernel/bpf/bpf_iter.c).
SEC("iter/bpf_sk_storage_map")
int snapshot(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct connection *connection = ctx->value;
	struct connection_record *record;
	struct sock *sk = ctx->sk;
	__u8 mark = 0;
	__u32 place;

	if (!sk || !connection)
		return 0;
	place = seq->count;
	record = bpf_map_lookup_elem(&page, &place);
	if (record) {
		write_record(record, connection);
		record->tcp_state = sk->__sk_common.skc_state;
	}
	bpf_seq_write(seq, &mark, sizeof(mark));
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
