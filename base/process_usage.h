#pragma once

#include <stdint.h>

/* What this process uses, for metrics (proc(5): stat, statm). */
struct process_usage {
        uint64_t cpu_usec; /* user and system */
        uint64_t resident_bytes, virtual_bytes;
        unsigned n_fds;
        uint64_t max_fds;         /* RLIMIT_NOFILE, soft */
        uint64_t start_wall_usec; /* since 1970; follows the wall clock */
};

/* Returns 0 or a negative errno where /proc can't be read. Doesn't block. */
int process_usage_read(struct process_usage *ret);
