#pragma once

#include <stdint.h>

/* What is used in a time, from counters read at two moments; and when to read them. Pure. */

/* Two readings closer than this say little: the kernel counts in ticks. */
#define USAGE_WINDOW_LEAST_USEC 2000000U
/* How long the first who asks waits. */
#define USAGE_WINDOW_FIRST_USEC 3000000U
/* A reading older than this tells of other times. */
#define USAGE_WINDOW_MOST_USEC 120000000U

enum usage_step_kind {
        USAGE_ANSWER, /* read now; the window began with the reading before */
        USAGE_WAIT,   /* the reading before is fresh: read again when due */
        USAGE_BEGIN,  /* read now, and again when due */
};

struct usage_step {
        enum usage_step_kind kind;
        uint64_t due_usec;
};

/* What to do for somebody who asks. last_usec: of the reading before, 0: there is none. */
struct usage_step usage_step(uint64_t last_usec, uint64_t now_usec);

/* Billionths of a processor, rounded, from two readings of a counter of nanoseconds. A counter that
 * went back began anew: all that it shows was used since. */
uint64_t usage_rate(uint64_t before_nsec, uint64_t now_nsec, uint64_t window_usec);

/* The used part of the first line of /proc/stat, in its ticks (proc(5)): what its own
 * programs, the kernel and its guests took. 0 for what is no such line. */
uint64_t usage_ticks(const char *proc_stat);

/* Bytes in use by /proc/meminfo, without pages of files that nobody has looked at for long: as
 * kubelet counts a node's working set. */
uint64_t usage_memory(const char *proc_meminfo);
