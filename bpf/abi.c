// SPDX-License-Identifier: GPL-2.0-only
//
// Makes the compiler of this module look at the shared headers, so that an edit there rebuilds the Swift code that uses
// them, and proves their layouts.
#define http2_load(segment, offset, to, length) 1 // nothing is read here

#include "abi.h"

_Static_assert(sizeof(struct socket_address) == 20, "a map key has no implicit padding");
_Static_assert(sizeof(union table_entry) == 32, "header, endpoint and ring slots share entries of one size");
_Static_assert(sizeof(struct outgoing) == 64, "one cache line");
_Static_assert(sizeof(struct choice) == 56, "no implicit padding");
_Static_assert(sizeof(struct affinity_key) == 32, "a map key has no implicit padding");
_Static_assert(sizeof(struct connection) <= 256, "with the kernel's own part, a connection stays below 512 bytes");
_Static_assert(sizeof(struct connection_record) == 80, "no implicit padding");
_Static_assert(sizeof(struct connection_record) % 8 == 0, "values of an array that is mapped follow without gaps");
_Static_assert(sizeof(struct owner_record) == 16, "no implicit padding");
_Static_assert(sizeof(struct client_record) == 48, "no implicit padding");
