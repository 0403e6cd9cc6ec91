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

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { ALLOW = 1, REFUSE = 0 };

#include "payload.h" // first, as it says how the tracker reads

#include "drain.h"
#include "snapshots.h"
#include "spread.h"

char LICENSE[] SEC("license") = "GPL";

// ---- TCP's changes of state: count what clients open, start to track what servers accept ----

static __always_inline void count_change(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	struct choice *choice = bpf_sk_storage_get(&choices, sk, NULL, 0);

	if (!choice)
		return;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		count_connecting(ops, choice);
	else if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		count_established(choice);
	else
		count_state(choice, ops->args[1]);
}

// Runs a dozen times for each connection: the kernel asks for time-outs, windows and more, and takes the answer that is
// there already.
SEC("sockops")
int follow_tcp(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk; // read once: the verifier forgets a NULL check on a second load

	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_STATE_CB:
		sk = ops->sk;
		if (sk)
			count_change(ops, sk);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		sk = ops->sk;
		if (sk)
			start_tracking(ops, sk);
	}
	return 1;
}

// Who the agent is in the initial PID namespace, as the guard will see it.
SEC("syscall")
int whoami(void *ctx)
{
	return bpf_get_current_pid_tgid() >> 32;
}
