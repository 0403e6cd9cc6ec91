// SPDX-License-Identifier: GPL-2.0-only
//
// Programs that spread: an endpoint in the place of a Service at connect(), and the Service again at getpeername(); and
// the count of connections by which an endpoint is chosen.
#pragma once

#include "address.h"
#include "maps.h"
#include "pick.h"
#include "ports.h"

#define ECONNREFUSED 111

// ---- connect(): choose an endpoint ----

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
	choice->established = 0;
	note_served(endpoint->address.port);
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

// ---- Count what clients open ----

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

static __always_inline void count_established(struct choice *choice)
{
	struct outgoing *counters = bpf_map_lookup_elem(&outgoing, &choice->outgoing);

	if (!counters || !choice->counted)
		return;
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
	if (choice->established)
		return;
	counters->failed_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&counters->failed, 1);
}

static __always_inline void count_state(struct choice *choice, __u32 state)
{
	if (state != BPF_TCP_SYN_SENT && state != BPF_TCP_SYN_RECV && state != BPF_TCP_ESTABLISHED)
		count_down(choice);
}
