// SPDX-License-Identifier: GPL-2.0-only
//
// Every map. The agent pins those that connections depend on; `page`, `placement`, `borrowed` and `sink` are not
// pinned: they and the guard die with the agent, and a socket that it had borrowed leaves `borrowed` by that.
// `scratches` lives as long as the programs that use it, and holds nothing that lasts.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "payload.h"

#include "abi.h"

// ---- Spread

struct table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP); // tables differ in size
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(union table_entry));
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct socket_address);
	__array(values, struct table);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct outgoing);
} outgoing SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct choice);
} choices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct affinity_key);
	__type(value, struct affinity);
} affinities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OUTCOME_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} outcomes SEC(".maps");

// A bit for each port. The programs set those that pods behind Services serve at (ports.h).
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 64);
	__type(key, __u32);
	__type(value, __u64);
} served_ports SEC(".maps");

// ---- Drain

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct socket_address);
	__type(value, __u32); // index in `incoming`
} local_endpoints SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct incoming);
} incoming SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
} connections SEC(".maps");

// What the iterator `snapshot` has found since the agent's read began. The agent has it in its own memory. It is not
// larger, as a read holds RCU and its CPU, for 0.3 to 0.5 us a record.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 20480);
	__type(key, __u32);
	__type(value, struct connection_record);
} page SEC(".maps");

// Where `track` copies what it reads of a packet's payload: the stack has no room for it.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct placement);
} placement SEC(".maps");

// The one socket on which a GOAWAY is being placed, for the microseconds that takes.
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} borrowed SEC(".maps");

// The agent's own socket that swallows what the guard bounces.
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sink SEC(".maps");

static __always_inline void count(enum outcome outcome)
{
	__u32 key = outcome;
	__u64 *counter = bpf_map_lookup_elem(&outcomes, &key);

	if (counter)
		__sync_fetch_and_add(counter, 1); // per CPU, and still atomic: connect() can be preempted by connect()
}
