#pragma once

#include "daemon/server/face.h"

#include <microhttpd.h>

/* The way from a request to an upgraded connection, for exec, attach and port-forward. */
enum upgrade_kind { UPGRADE_NONE, UPGRADE_WEBSOCKET, UPGRADE_SPDY };

/* What the client asks for: "Upgrade: websocket" with GET, "Upgrade: SPDY/3.1" with POST (or GET).
 */
enum upgrade_kind upgrade_asked(const struct request *r);

/* The same, of a method and an Upgrade header (NULL: none). Pure. */
enum upgrade_kind upgrade_kind_of(const char *method, const char *upgrade);

/* The first that is offered and known (NULL-terminated), borrowed from known; NULL: none. Clients
 * put all into one header or each into one of its own. */
const char *upgrade_protocol(const struct request *r, enum upgrade_kind kind,
                             const char *const *known);

/* What happens with the connection. */
struct raw;
struct upgrade_then {
        /* extra: bytes that came together with the request. */
        void (*done)(void *data, struct raw *take_raw, const void *extra, size_t extra_len);
        void (*free)(void *data); /* instead of done, when it comes to nothing */
        void *data;
};

struct upgrade_header {
        const char *name, *value;
};

/* Answers 101 with these headers ("Upgrade" among them).
 * When that fails an error is queued instead and then->free() was called. then: copied. */
enum MHD_Result upgrade_switch(struct request *r, const struct upgrade_header *headers, size_t n,
                               const struct upgrade_then *then);

/* The same with what Kubernetes' clients expect of a kind and a protocol. */
enum MHD_Result upgrade_queue(struct request *r, enum upgrade_kind kind, const char *protocol,
                              const struct upgrade_then *then);
