// Namespaces of the calling thread. <sched.h> declares these only for programs that define _GNU_SOURCE, which a module
// that is built once for all of them cannot.
#pragma once

enum {
	NEW_MOUNT_NAMESPACE = 0x00020000,   // CLONE_NEWNS
	NEW_NETWORK_NAMESPACE = 0x40000000, // CLONE_NEWNET
};

int unshare(int flags);
int setns(int descriptor, int type);
