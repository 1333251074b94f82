#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

/* "[LOCAL:]REMOTE", as kubectl's: "8080" (the same here and there), "9000:80", ":80" (any port
 * here), "9000:http" (a name). */
#define PORT_NAME_MAX 64

struct port_spec {
        uint16_t local;           /* 0: any */
        uint16_t remote;          /* 0: by name */
        char name[PORT_NAME_MAX]; /* "": none */
};

/* Returns 0 or -EINVAL. Pure. */
int port_spec_parse(const char *text, struct port_spec *ret, struct err *e);

/* The pod's port that is meant.
 *
 * service  the service whose port the spec names, or NULL: the pod's own.
 *
 * With a service the local port of a spec of one number stays the service's. Returns 0, or -ENOENT.
 * Pure. */
int port_spec_resolve(const struct port_spec *spec, const json_t *service, const json_t *pod,
                      uint16_t *ret_port, struct err *e);
