// SPDX-License-Identifier: GPL-2.0-only

#include "native_pick.h"

#include <stdlib.h>

#include "../../bpf/maps.h"

// The maps and what random numbers come from, as pick.h sees them.
struct world {
	const struct table_header *header;
	const __u32 *endpoints, *ring;
	const struct endpoint_count *counts;
	__u32 count, candidates;
	__u64 random;
	// What was looked up last. pick.h reads it before it looks up anything else of that kind.
	union table_entry entry;
	struct outgoing outgoing;
};

static _Thread_local struct world *world;

static int compare_endpoints(const void *a, const void *b)
{
	const struct endpoint_count *first = a, *second = b;

	return (first->endpoint > second->endpoint) - (first->endpoint < second->endpoint);
}

static void *look_up_outgoing(__u32 endpoint)
{
	struct endpoint_count wanted = {.endpoint = endpoint}, *found = NULL;

	if (world->count)
		found = bsearch(&wanted, world->counts, world->count, sizeof wanted, compare_endpoints);
	world->outgoing.active = found ? found->active : 0;
	return &world->outgoing;
}

// Entry 0, the header, is handed to pick() by who calls it.
static void *look_up_entry(__u32 index)
{
	__u32 position = index - 1;
	__u32 slot;

	if (position < world->header->endpoint_count) {
		world->entry.endpoint = (struct table_endpoint){.outgoing = world->endpoints[position]};
		return &world->entry;
	}
	slot = (position - world->header->endpoint_count) * RING_SLOTS_PER_ENTRY;
	for (__u32 i = 0; i < RING_SLOTS_PER_ENTRY && slot + i < world->header->ring_slots; i++)
		world->entry.ring[i] = world->ring[slot + i];
	return &world->entry;
}

static void *look_up(void *map, const __u32 *key)
{
	return map == &outgoing ? look_up_outgoing(*key) : look_up_entry(*key);
}

// splitmix64.
static __u32 random_number(void)
{
	__u64 x = world->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (x ^ x >> 31) >> 32;
}

// From here on the helpers are these, and the number of candidates is one that can be asked "what if" about. Those that
// only affinity and failed connects need stay the kernel's, and are not called.
#define bpf_map_lookup_elem(map, key) look_up(map, (const void *)(key))
#define bpf_get_prandom_u32 random_number
#define LEAST_CONNECTIONS_CANDIDATES world->candidates

#include "../../bpf/pick.h"

__u32 pick_natively(const struct table_header *header, const __u32 *endpoints, const __u32 *ring,
		    const struct endpoint_count *counts, __u32 count, __u32 candidates, __u64 client, __u64 seed)
{
	struct world here = {.header = header,
			     .endpoints = endpoints,
			     .ring = ring,
			     .counts = counts,
			     .count = count,
			     .candidates = candidates,
			     .random = seed};
	struct table_header without_affinity = *header;

	without_affinity.policy_and_affinity &= 0xff;
	world = &here;
	return pick(&here, &without_affinity, client)->outgoing;
}
