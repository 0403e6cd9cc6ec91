// SPDX-License-Identifier: GPL-2.0-only
//
// The few kernel structs that the programs read, each with the few fields they read. preserve_access_index makes libbpf
// find the fields' places in the running kernel's BTF (CO-RE), so that nothing here depends on the build machine.
// What is UAPI (contexts, helpers' arguments) comes from <linux/bpf.h>.
#pragma once

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr___words { // a flavour: UAPI has an in6_addr of its own
	struct {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	__u16 skc_family;
	volatile unsigned char skc_state;
	struct in6_addr___words skc_v6_daddr;
	struct in6_addr___words skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

struct tcp_sock {
	__u32 snd_nxt;
	__u32 write_seq;
};

struct socket {
	struct sock *sk;
};

struct task_struct {
	int tgid;
};

struct seq_file {
	unsigned long count;
};

struct file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop
