// SPDX-License-Identifier: GPL-2.0-only
//
// The choice of an endpoint outside the kernel: bpf/pick.h, made to look at plain arrays instead of maps.
#pragma once

#include "abi.h"

// How many connections the clients of one node have to an endpoint: what a choice reads of `struct outgoing`.
struct endpoint_count {
	__u32 endpoint;
	__u32 active;
};

// Chooses from a table as connect() does, without affinity, and returns an endpoint's number. Endpoints have numbers of
// the caller's; `endpoints` lists those of the table, `ring` the positions therein if the policy is Maglev. `counts` is
// in order of the endpoints' numbers; who is not in it has no connections. Where pick.h looks at
// LEAST_CONNECTIONS_CANDIDATES endpoints, this looks at `candidates`. All randomness comes from `seed`. A table without
// endpoints is the caller's matter, as it is in connect().
__u32 pick_natively(const struct table_header *header, const __u32 *endpoints, const __u32 *ring,
		    const struct endpoint_count *counts, __u32 count, __u32 candidates, __u64 client, __u64 seed);
