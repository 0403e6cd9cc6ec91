// What the C library has and Swift's Glibc module leaves out.
#pragma once

#include <malloc.h>
#include <sys/pidfd.h>
#include <sys/statfs.h>
