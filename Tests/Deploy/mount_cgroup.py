"""Mounts cgroup v2 in a container that is made and not yet started, as it is mounted on nodes that have v2 alone.

usage: mount_cgroup.py PID
"""

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWCGROUP = 0x20000, 0x2000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8

libc = ctypes.CDLL(None, use_errno=True)


def check(what, result):
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


kinds = [("cgroup", CLONE_NEWCGROUP), ("mnt", CLONE_NEWNS)]
namespaces = [(os.open(f"/proc/{sys.argv[1]}/ns/{name}", os.O_RDONLY), kind) for name, kind in kinds]
for descriptor, kind in namespaces:
    check("setns", libc.setns(descriptor, kind))
path = "/sys/fs/cgroup/unified"
os.makedirs(path, exist_ok=True)
flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
check(f"mount {path}", libc.mount(b"cgroup", path.encode(), b"cgroup2", flags, None))
