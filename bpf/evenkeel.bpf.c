// SPDX-License-Identifier: GPL-2.0-only
//
// The kernel side of Evenkeel.
//
// Spread. When a process connects to a Service address, connect4/connect6 choose an endpoint and write its address into
// the call: the connection goes straight to the pod, and nothing of ours is in its way afterwards. What was chosen is
// remembered with the socket, so that getpeername still answers with the Service, and so that `follow_tcp` can keep
// the number of connections of each endpoint: up when the SYN leaves, down when the connection leaves ESTABLISHED by
// whatever way, which includes failed connects and killed processes, or when `heed_goaway` sees its server's GOAWAY.
//
// Drain. `follow_tcp` starts a tracker for each connection that a local pod accepts; `track` follows
// the HTTP/2 frames that the server sends. The agent decides which connection is to be drained, and writes a GOAWAY on
// the server's own socket; `guard` lets it pass only where a frame may be put. docs/SHIM.md says why that is safe.
//
// Who decides: the agent writes the tables and decides whom to drain; the kernel side chooses, counts and guards, and
// goes on doing so without the agent.
//
// The programs are in spread.h, drain.h and snapshots.h. Here is the one that is of both: it sees TCP's changes of
// state.

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// Reads the tracker's bytes out of the packet.
#define http2_load(segment, at, to, length) bpf_skb_load_bytes((segment)->source, (segment)->offset + (at), to, length)

enum { ALLOW = 1, REFUSE = 0 };

#include "drain.h"
#include "snapshots.h"
#include "spread.h"

char LICENSE[] SEC("license") = "GPL";

// ---- TCP's changes of state: count what clients open, start to track what servers accept ----

SEC("sockops")
int follow_tcp(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk; // read once: the verifier forgets a NULL check on a second load
	struct choice *choice;

	if (!sk)
		return 1;
	if (ops->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		start_tracking(ops, sk);
		return 1;
	}
	if (ops->op != BPF_SOCK_OPS_TCP_CONNECT_CB && ops->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ops->op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	choice = bpf_sk_storage_get(&choices, sk, NULL, 0);
	if (!choice)
		return 1;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		count_connecting(ops, choice);
	else if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		count_established(ops, choice);
	else
		count_state(choice, ops->args[1]);
	return 1;
}

// Who the agent is in the initial PID namespace, as the guard will see it.
SEC("syscall")
int whoami(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}
