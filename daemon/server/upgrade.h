#pragma once

#include "daemon/server/face.h"

#include <microhttpd.h>

/* The way from a request to an upgraded connection, for exec, attach and port-forward. */
enum upgrade_kind { UPGRADE_NONE, UPGRADE_WEBSOCKET, UPGRADE_SPDY };

/* What the client asks for: "Upgrade: websocket" with GET, "Upgrade: SPDY/3.1" with POST (or GET).
 */
enum upgrade_kind upgrade_asked(const struct request *r);

/* The first that is offered and known (NULL-terminated), borrowed from known; NULL: none. Clients
 * put all into one header or each into one of its own. */
const char *upgrade_protocol(const struct request *r, enum upgrade_kind kind,
                             const char *const *known);

/* Queues 101. done(data...) gets the connection. When that fails an error is queued instead and
 * free(data) was called. */
enum MHD_Result upgrade_queue(struct request *r, enum upgrade_kind kind, const char *protocol,
                              MHD_UpgradeHandler done, void (*free_data)(void *data), void *data);
