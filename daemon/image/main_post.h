#pragma once

#include "base/err.h"

/* "orch-image post URL": sends what comes from fd, one JSON text of at most 64 KiB, and forgets the
 * answer; 2xx is wanted, redirects aren't followed. At most 10 s. Returns 0, -ETIMEDOUT, -EPROTO
 * (another status), an errno of daemon/distribution/http.h, or -EINVAL (no http or https URL).
 * Blocks. */
int main_post(const char *url, int fd, struct err *e);
