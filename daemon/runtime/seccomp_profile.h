#pragma once

#include "base/err.h"

#include <stdint.h>

/* The default seccomp profile, as Docker and containerd have it: system calls that containers use
 * are allowed, known dangerous ones say EPERM, and those nobody has heard of yet say ENOSYS, so
 * that programs fall back. Some depend on capabilities. */

/* The capabilities that change the profile: compile once for each value of (mask & this). */
extern const uint64_t seccomp_profile_capabilities;

/* Compiles the profile for these capabilities and replaces path with the program (an array of
 * struct sock_filter). Takes some milliseconds. Returns 0, -ENOSYS (no seccomp in this kernel), or
 * an errno. */
int seccomp_profile_write(uint64_t capabilities, const char *path, struct err *e);
