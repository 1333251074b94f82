#pragma once

#include "base/err.h"

#include <pthread.h>

/* Starts a joinable thread with a small stack (256 KiB; more under sanitizers) that gets no
 * signals. name: at most 15 bytes, as top shows it. Returns 0 or a negative errno. */
int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *arg);
