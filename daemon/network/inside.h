#pragma once

#include "base/err.h"

/* Opens a TCP socket of each family in a network namespace, from where it dials wherever it is
 * used. Enters the namespace and returns: the calling thread must be allowed to (a work thread).
 * When it can't come back the process aborts.
 *
 * ret_fds  IPv4 and IPv6, the caller's, not blocking; -1 where the kernel has no such family.
 *
 * Returns 0 or a negative errno when there is neither. */
int inside_sockets(int netns_fd, int ret_fds[2], struct err *e);
