#pragma once

#include "base/err.h"

/* Checks the query of pods/P/log as Kubernetes does (PodLogOptions): numbers, the time, and what
 * excludes what. Unknown parameters are left aside, insecureSkipTLSVerifyBackend too.
 *
 * pod  its name, for the message.
 *
 * Returns 0, or the HTTP code of a refusal: 400 for what can't be read, 422 for what is not
 * allowed, with Kubernetes' words in e. Pure. */
struct query;
unsigned log_options_check(const struct query *q, const char *pod, struct err *e);
