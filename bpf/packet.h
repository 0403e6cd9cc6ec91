// SPDX-License-Identifier: GPL-2.0-only
//
// The TCP payload of a packet. At the hooks of a cgroup, a packet begins with its IP header, and all headers lie in the
// part that can be read directly: TCP has written them there (__tcp_transmit_skb) or pulled them there (tcp_v4_rcv).
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IPV6 0x86dd

// How the tracker reads a packet.
struct http2_segment;
struct http2_frame;
static __always_inline long read_payload(const struct http2_segment *payload, __u32 at, __u8 *to, __u32 length);
static __always_inline long read_frame(const struct http2_segment *payload, __u32 at, struct http2_frame *frame);
#define http2_load read_payload
#define http2_load_frame read_frame

#include "http2.h"

enum { MAX_IPV6_EXTENSION_HEADERS = 4, READ_AHEAD_BYTES = 64 };

// Bytes of the payload are read ahead: a small response has two or three frame headers in 64 bytes, and what costs is
// to call for them, not to copy them.
struct packet {
	struct http2_segment payload; // first, so that the packet can be found by it
	__u32 ahead_at;		      // in the payload
	__u32 ahead_length;
	__u64 ahead[READ_AHEAD_BYTES / 8 + 1]; // in words, and one more behind a header that ends with the last
};

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

// Returns whether there is any payload; a negative number: the packet cannot be understood.
static __always_inline int find_payload(struct __sk_buff *skb, struct http2_segment *payload)
{
	struct tcphdr *tcp = tcp_header(skb);

	if (!tcp)
		return -1;
	payload->source = skb;
	payload->offset = (void *)tcp - (void *)(long)skb->data + tcp->doff * 4;
	payload->end = skb->len;
	payload->seq = bpf_ntohl(tcp->seq);
	return payload->offset < payload->end;
}

// Copies `length` bytes from `at` on. Returns 0 if it could.
static __always_inline long read_payload(const struct http2_segment *payload, __u32 at, __u8 *to, __u32 length)
{
	return bpf_skb_load_bytes(payload->source, payload->offset + at, to, length);
}

static __always_inline long read_ahead(struct packet *packet, __u32 at)
{
	__u32 length = packet->payload.end - packet->payload.offset - at;

	if (length > READ_AHEAD_BYTES)
		length = READ_AHEAD_BYTES;
	// There is a header at least, but the verifier has to see that it is not nothing, and the compiler must not see
	// that this changes nothing.
	asm volatile("" : "+r"(length));
	length = (length - 1) % READ_AHEAD_BYTES + 1;
	packet->ahead_at = at;
	packet->ahead_length = length;
	return bpf_skb_load_bytes(packet->payload.source, packet->payload.offset + at, packet->ahead, length);
}

// Reads a frame header that is in the payload as a whole. Returns 0 if it could.
//
// In two words: from a place on the stack that is not known beforehand, the verifier allows whole words only, or
// single bytes, and nine of these take longer than all the rest.
static __always_inline long read_frame(const struct http2_segment *payload, __u32 at, struct http2_frame *frame)
{
	struct packet *packet = (struct packet *)payload;
	__u32 from = at - packet->ahead_at, word, shift;
	__u64 low, high;

	if (from > READ_AHEAD_BYTES - HTTP2_FRAME_HEADER_BYTES ||
	    from + HTTP2_FRAME_HEADER_BYTES > packet->ahead_length) {
		if (read_ahead(packet, at))
			return -1;
		from = 0;
	}
	word = from / 8 % (READ_AHEAD_BYTES / 8);
	shift = from % 8 * 8;
	low = packet->ahead[word];
	high = packet->ahead[word + 1];
	// Little-endian, as all machines are that this is built for: the first byte is the lowest.
	*frame = http2_unpack(bpf_be64_to_cpu(low >> shift | high << 1 << (63 - shift)), high >> shift);
	return 0;
}
