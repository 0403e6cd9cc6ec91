// SPDX-License-Identifier: GPL-2.0-only
//
// Addresses of contexts and sockets as keys of maps: IPv6, and IPv4 in its v4-mapped form.
#pragma once

#include <bpf/bpf_endian.h>

#include "abi.h"

#define AF_INET 2
#define AF_INET6 10
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

static __always_inline struct socket_address ipv4_address(__be32 ip, __be16 port)
{
	return (struct socket_address){.ip = {0, 0, IPV4_MAPPED, ip}, .port = port};
}
