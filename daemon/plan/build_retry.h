#pragma once

#include <stdint.h>

/* Whether a base image is asked for again (docs/adr/0214). */
#define BUILD_RETRIES 3

/* complaint   orch-image's line: "ECONNREFUSED words".
 * n_failures  how often it has failed, this time included.
 * ret_words   the words alone; borrowed from complaint.
 *
 * Returns the microseconds to wait before the next try; 0: it won't get better by itself, or was
 * tried often enough. Pure. */
uint64_t build_retry_wait(const char *complaint, unsigned n_failures, const char **ret_words);
