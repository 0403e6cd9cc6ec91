// SPDX-License-Identifier: GPL-2.0-only
//
// What the kernel side and the agent share: map keys and values, limits, counter indices. Everything here is seen by
// BPF C and by Swift; nothing is written a second time. Addresses are IPv6, IPv4 in its v4-mapped form, in network
// order.
//
// A change of any layout here needs a new EVENKEEL_ABI: the agent keeps maps of another ABI apart from its own.
#pragma once

#include <linux/types.h>

#include "http2.h"

// clang-format off
enum {
	EVENKEEL_ABI = 3,
	LEAST_CONNECTIONS_CANDIDATES = 8, // keep busiest and idlest of 6 to 50 pods within 2 connections (simulated)
	AVOID_FAILED_MS = 1000,           // as long as gRPC's clients wait before they try again (its connection backoff)
	RING_SLOTS_PER_ENTRY = 8,
	TABLE_MAX_ENTRIES = 1 << 20,      // of one Service's table: 65,000 endpoints with their ring
	OWN_TABLE_RETRIES = 8,            // lookups of a table that turned out to be another Service's
};
// clang-format on

struct socket_address {
	__be32 ip[4];
	__be16 port;
	__u16 padding;
};

// ---- Spread: the table of a Service address and port ----
//
// A table is an array that never changes once it is published: entry 0 the header, then the endpoints, then with maglev
// the ring. A new one replaces it by a single store in the map `services`.

enum policy { POLICY_LEAST_CONNECTIONS, POLICY_RANDOM, POLICY_MAGLEV };

struct table_header {
	struct socket_address service; // whose table this is
	__u32 endpoint_count;
	__u32 ring_slots;	   // maglev only
	__u32 policy_and_affinity; // enum policy in the low 8 bits, seconds of ClientIP affinity above; 0: none
};

struct table_endpoint {
	struct socket_address address;
	__u32 outgoing; // index of its counters in the map `outgoing`
	__u64 padding;
};

union table_entry {
	struct table_header header;
	struct table_endpoint endpoint;
	__u32 ring[RING_SLOTS_PER_ENTRY]; // positions of endpoints, from 0
};

// Counters of an endpoint as this node's clients see it. The agent writes `service` and `endpoint` when it assigns the
// entry and never after; programs only add.
struct outgoing {
	__u64 service; // hash of namespace, name and port: makes the entry findable after a restart; 0: free
	struct socket_address endpoint;
	__u32 padding;
	__u64 active;	 // in SYN_SENT or ESTABLISHED now, and not asked to go away by a GOAWAY
	__u64 opened;	 // ever established
	__u64 failed;	 // ever closed before that
	__u64 failed_ns; // when the last of these was closed; 0: none was
};

// What connect() chose for a socket.
struct choice {
	struct socket_address service;
	struct socket_address endpoint;
	__u32 outgoing;
	__u32 counted; // is in outgoing.active
	__u32 established;
	__u32 padding;
};

// One line of the iterator `clients`: a connection that was spread.
struct client_record {
	__u64 cookie;
	struct socket_address service;
	struct socket_address endpoint;
};

struct affinity_key {
	__u64 client; // cookie of the network namespace: the pod
	struct socket_address service;
	__u32 padding;
};

struct affinity {
	struct socket_address endpoint;
	__u32 padding;
	__u64 used_ns;
};

// ---- Drain: the connections that pods of this node accepted ----

enum reason { REASON_NONE, REASON_MAX_AGE, REASON_ENDPOINT_TERMINATING, REASON_REBALANCE, REASON_MANUAL, REASON_COUNT };

// What the guard said to the agent's frame.
enum verdict {
	VERDICT_NONE,
	VERDICT_PLACED,
	VERDICT_UNSENT,		 // the server wrote bytes that TCP has not sent, so that the tracker has not seen them
	VERDICT_NOT_AT_BOUNDARY, // inside a frame
	VERDICT_HEADER_BLOCK,	 // between HEADERS and its last CONTINUATION
	VERDICT_NOT_IN_SYNC,	 // not HTTP/2, or lost
	VERDICT_GOAWAY_SENT,	 // ours or the server's
	VERDICT_NOT_SERVED,	 // no response has ended yet
	VERDICT_UNKNOWN,	 // a socket that is not tracked
};

struct connection {
	struct http2_tracker tracker;
	__u64 cookie;
	__u64 established_ns;		// CLOCK_MONOTONIC
	__u64 goaway_ns;		// when the first GOAWAY was seen to leave; 0: none
	struct socket_address endpoint; // the pod's side
	struct socket_address peer;
	__u32 incoming;	  // index of its endpoint's counters in the map `incoming`
	__u32 placed_seq; // where the agent's GOAWAY begins, once `reason` is set
	__u32 guarded;	  // frames of the agent's that the guard has looked at
	__u8 reason;	  // enum reason: why the agent's GOAWAY was placed; none: it was not
	__u8 verdict;	  // enum verdict: the guard's last
	__u8 is_older;	  // was established before it could be tracked
	__u8 padding;
};

// What the iterator `snapshot` tells of a connection, in the map `page`: what the agent wants to know and no more, as
// there may be 100,000.
struct connection_record {
	__u64 cookie;
	__u64 established_ns;
	__u64 responses;
	__u64 goaway_ns;
	struct socket_address endpoint;
	struct socket_address peer;
	__u8 tcp_state; // as in /proc/net/tcp: 1 is ESTABLISHED
	__u8 sync;	// enum http2_sync
	__u8 goaway;	// a GOAWAY has left
	__u8 reason;	// enum reason: why, if it is the agent's
	__u8 is_older;
	__u8 padding[3];
};

// One line of the iterators `owners` and `client_owners`: a file descriptor that refers to a tracked socket, or to a
// client's.
struct owner_record {
	__u64 cookie;
	__u32 process; // in the initial PID namespace
	__u32 descriptor;
};

// Counters of a pod of this node. As with `outgoing`, the agent writes `endpoint` once; programs only add.
struct incoming {
	struct socket_address endpoint;
	__u32 is_assigned;
	__u64 accepted;
	__u64 responses;
	__u64 goaways[REASON_COUNT]; // seen on the wire; [REASON_NONE]: the server's own
	__u64 refused;		     // the agent's frames that the guard bounced
	__u64 opaque;		     // connections that turned out not to be HTTP/2
	__u64 lost;		     // connections whose frames could not be followed to the end
};

// The agent's word to the guard before it sends a frame.
struct placement {
	__u32 process; // the agent's, in the initial PID namespace
	__u32 reason;
};

// Why connect() ended as it did: indices of the map `outcomes`.
enum outcome {
	OUTCOME_SPREAD,
	OUTCOME_NO_ENDPOINTS, // refused with ECONNREFUSED
	OUTCOME_TABLE_MISSED, // only another Service's table was found, again and again: left alone
	OUTCOME_TABLE_BROKEN, // the table holds less than its header says: left alone
	OUTCOME_NOT_COUNTED,  // spread, but no memory for the socket's storage
	OUTCOME_NOT_TRACKED,  // accepted, but no memory for the socket's storage
	OUTCOME_COUNT,
};
