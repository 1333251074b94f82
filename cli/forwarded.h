#pragma once

#include "base/err.h"

#include <stdint.h>

/* One forwarded connection: a local socket, and a SPDY connection to the server with one pair of
 * streams. So each has its own back-pressure, and an end of one side stays one of that side. */
struct list;
struct session;

/* take_fd: the local connection, not blocking; consumed on failure too. path: of the pod's
 * sub-resource; borrowed. list: of those that live; it leaves it when it ends. Session is
 * connected. Returns 0 or a negative errno; later failures are told on standard error. */
int forwarded_new(struct session *s, const char *path, int take_fd, uint16_t port,
                  struct list *list, struct err *e);

/* link: an element of the list. */
void forwarded_free(struct list *link);
