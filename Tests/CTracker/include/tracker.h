// SPDX-License-Identifier: GPL-2.0-only
//
// The frame tracker outside the kernel: what the BPF program `track` does with a packet, for tests and the fuzzer.
#pragma once

#include "abi.h"

// Shows a tracker one packet's payload: `length` bytes from sequence number `seq` on. Without payload nothing happens.
void tracker_feed(struct http2_tracker *tracker, const void *payload, __u32 length, __u32 seq);
