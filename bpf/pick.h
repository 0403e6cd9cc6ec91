// SPDX-License-Identifier: GPL-2.0-only
//
// The choice of an endpoint from a table: least connections, random or Maglev, with ClientIP affinity above all three.
#pragma once

#include "maps.h"

static __always_inline int same_address(const struct socket_address *a, const struct socket_address *b)
{
	return a->ip[0] == b->ip[0] && a->ip[1] == b->ip[1] && a->ip[2] == b->ip[2] && a->ip[3] == b->ip[3] &&
	       a->port == b->port;
}

static __always_inline union table_entry *table_entry(void *table, __u32 index)
{
	return bpf_map_lookup_elem(table, &index);
}

// The endpoint at a position from 0; behind the header.
static __always_inline struct table_endpoint *endpoint_at(void *table, __u32 position)
{
	union table_entry *entry = table_entry(table, 1 + position);

	return entry ? &entry->endpoint : NULL;
}

static __always_inline int has_just_failed(const struct outgoing *counters)
{
	// Signed, for another CPU may have seen it fail after the time was read here.
	return counters->failed_ns && (__s64)(bpf_ktime_get_ns() - counters->failed_ns) < AVOID_FAILED_MS * 1000000LL;
}

// How many connections an endpoint has, by which it is chosen. One that refuses them has the fewest, and would be given
// all: for a moment it comes after those that do not.
static __always_inline __u64 burden(void *table, __u32 position)
{
	struct table_endpoint *endpoint = endpoint_at(table, position);
	struct outgoing *counters = endpoint ? bpf_map_lookup_elem(&outgoing, &endpoint->outgoing) : NULL;

	if (!counters)
		return ~0ULL;
	return counters->active | (has_just_failed(counters) ? 1ULL << 63 : 0);
}

// Of some random candidates the one with the fewest connections, those that have just refused one last; of equals each
// is as likely. Candidates may repeat where there are many endpoints; where there are few, all are looked at.
static __always_inline __u32 pick_least_connections(void *table, __u32 endpoint_count)
{
	__u32 best = 0, equals = 0;
	__u64 fewest = ~0ULL;

	for (__u32 i = 0; i < LEAST_CONNECTIONS_CANDIDATES; i++) {
		__u32 candidate = i;
		__u64 connections;

		if (endpoint_count > LEAST_CONNECTIONS_CANDIDATES)
			candidate = bpf_get_prandom_u32() % endpoint_count;
		else if (i >= endpoint_count)
			break;
		connections = burden(table, candidate);
		if (connections > fewest)
			continue;
		equals = connections < fewest ? 1 : equals + 1;
		if (equals > 1 && bpf_get_prandom_u32() % equals)
			continue;
		fewest = connections;
		best = candidate;
	}
	return best;
}

// splitmix64's finalizer: client cookies are small consecutive numbers.
static __always_inline __u64 mix(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static __always_inline __u32 pick_maglev(void *table, const struct table_header *header, __u64 client)
{
	__u32 slot, *position;
	union table_entry *entry;

	if (!header->ring_slots)
		return 0;
	slot = mix(client) % header->ring_slots;
	entry = table_entry(table, 1 + header->endpoint_count + slot / RING_SLOTS_PER_ENTRY);
	if (!entry)
		return 0;
	position = &entry->ring[slot % RING_SLOTS_PER_ENTRY];
	return *position;
}

struct search {
	void *table;
	struct socket_address wanted;
	__u32 found; // position from 1; 0: not there
};

static long search_endpoint(__u32 position, struct search *search)
{
	struct table_endpoint *endpoint = endpoint_at(search->table, position);

	if (!endpoint)
		return 1;
	if (!same_address(&endpoint->address, &search->wanted))
		return 0;
	search->found = position + 1;
	return 1;
}

// The endpoint that the client was given last, if that is not too long ago and it is in the table still. Position from
// 1; 0: there is none.
static __always_inline __u32 remembered(void *table, const struct table_header *header, const struct affinity_key *key)
{
	__s64 timeout_ns = (__s64)(header->policy_and_affinity >> 8) * 1000000000LL;
	struct affinity *affinity = bpf_map_lookup_elem(&affinities, key);
	struct search search = {.table = table};
	__u64 now = bpf_ktime_get_ns();

	// Signed, for a connect() on another CPU may have used it after `now`.
	if (!affinity || (__s64)(now - affinity->used_ns) > timeout_ns)
		return 0;
	search.wanted = affinity->endpoint;
	bpf_loop(header->endpoint_count, search_endpoint, &search, 0);
	if (search.found)
		affinity->used_ns = now;
	return search.found;
}

static __always_inline void remember(const struct affinity_key *key, const struct table_endpoint *endpoint)
{
	struct affinity affinity = {.endpoint = endpoint->address, .used_ns = bpf_ktime_get_ns()};

	bpf_map_update_elem(&affinities, key, &affinity, BPF_ANY);
}

// Chooses an endpoint for a client, who is known by the cookie of its network namespace: as a pod's address names the
// pod elsewhere. NULL: the table holds less than its header says.
static __always_inline struct table_endpoint *pick(void *table, const struct table_header *header, __u64 client)
{
	struct affinity_key key = {.client = client, .service = header->service};
	__u32 is_sticky = header->policy_and_affinity >> 8;
	struct table_endpoint *endpoint;
	__u32 position;

	if (is_sticky) {
		position = remembered(table, header, &key);
		if (position)
			return endpoint_at(table, position - 1);
	}
	switch (header->policy_and_affinity & 0xff) {
	case POLICY_RANDOM:
		position = bpf_get_prandom_u32() % header->endpoint_count;
		break;
	case POLICY_MAGLEV:
		position = pick_maglev(table, header, client);
		break;
	default:
		position = pick_least_connections(table, header->endpoint_count);
	}
	endpoint = endpoint_at(table, position);
	if (is_sticky && endpoint)
		remember(&key, endpoint);
	return endpoint;
}
