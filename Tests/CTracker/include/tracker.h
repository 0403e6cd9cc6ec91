// SPDX-License-Identifier: GPL-2.0-only
//
// The frame tracker outside the kernel: what the BPF program `track` does with a packet, for tests and the fuzzer.
#pragma once

#include "abi.h"

// Shows a tracker one packet's payload: `length` bytes from sequence number `seq` on. Without payload nothing happens.
// It learns the same whether it reads ahead or not, as where its CPU's scratch buffer is in use.
void tracker_feed(struct http2_tracker *tracker, const void *payload, __u32 length, __u32 seq, int reads_ahead);
