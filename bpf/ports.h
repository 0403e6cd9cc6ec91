// SPDX-License-Identifier: GPL-2.0-only
//
// The ports that pods behind Services serve at. Most packets on a node come from others, and are told by that, before
// anything is looked up that belongs to a socket.
#pragma once

#include <bpf/bpf_endian.h>

#include "maps.h"

// Ports are bits of 64-bit words.
static __always_inline __u64 *word_of_port(__be16 port)
{
	__u32 word = bpf_ntohs(port) / 64;

	return bpf_map_lookup_elem(&served_ports, &word);
}

static __always_inline __u64 bit_of_port(__be16 port)
{
	return 1ULL << bpf_ntohs(port) % 64;
}

static __always_inline int is_served(__be16 port)
{
	__u64 *word = word_of_port(port);

	return word && *word & bit_of_port(port);
}

// Before the first packet of a connection that is to be looked at. For good: to forget a port, one would have to know
// when the last such connection has ended.
static __always_inline void note_served(__be16 port)
{
	__u64 *word = word_of_port(port);

	if (word && !(*word & bit_of_port(port)))
		__sync_fetch_and_or(word, bit_of_port(port));
}
