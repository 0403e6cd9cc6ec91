// SPDX-License-Identifier: GPL-2.0-only
//
// Where the TCP payload of a packet is. At the hooks of a cgroup, a packet begins with its IP header, and all headers
// lie in the part that can be read directly: TCP has written them there (__tcp_transmit_skb) or pulled them there
// (tcp_v4_rcv).
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "payload.h"
#include "ports.h"

#define ETH_P_IPV6 0x86dd

enum { MAX_IPV6_EXTENSION_HEADERS = 4 };

// Where an IPv6 packet's TCP header begins; 0: nowhere.
static __always_inline __u32 behind_ipv6(struct __sk_buff *skb, __u8 next)
{
	struct ipv6_opt_hdr extension;
	__u32 offset = sizeof(struct ipv6hdr);

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

// NULL: there is none, or none that can be read.
static __always_inline struct tcphdr *tcp_header(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ipv6 = data;
	struct iphdr *ipv4 = data;
	struct tcphdr *tcp;
	__u32 offset;

	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		offset = (void *)(ipv6 + 1) > end ? 0 : behind_ipv6(skb, ipv6->nexthdr);
		if (!offset)
			return NULL;
	} else {
		if ((void *)(ipv4 + 1) > end || ipv4->protocol != IPPROTO_TCP)
			return NULL;
		offset = ipv4->ihl * 4;
	}
	tcp = data + offset;
	return (void *)(tcp + 1) > end ? NULL : tcp;
}

// Returns whether there is any payload from a port that is served; a negative number: the packet cannot be understood.
static __always_inline int find_payload(struct __sk_buff *skb, struct http2_segment *payload)
{
	struct tcphdr *tcp = tcp_header(skb);

	if (!tcp)
		return -1;
	payload->source = skb;
	payload->offset = (void *)tcp - (void *)(long)skb->data + tcp->doff * 4;
	payload->end = skb->len;
	payload->seq = bpf_ntohl(tcp->seq);
	return payload->offset < payload->end && is_served(tcp->source);
}
