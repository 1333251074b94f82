#include "daemon/server/upgrade.h"

#include "api/client/spdy.h"
#include "base/str.h"
#include "daemon/server/raw.h"
#include "daemon/server/route.h"
#include "daemon/server/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <systemd/sd-event.h>

#define SPDY_PROTOCOL_HEADER "X-Stream-Protocol-Version"
#define WEBSOCKET_PROTOCOL_HEADER "Sec-WebSocket-Protocol"

enum upgrade_kind upgrade_asked(const struct request *r) {
        return upgrade_kind_of(r->method, request_header(r, "Upgrade"));
}

enum upgrade_kind upgrade_kind_of(const char *method, const char *upgrade) {
        if (!upgrade)
                return UPGRADE_NONE;
        if (strcasecmp(upgrade, "websocket") == 0 && str_eq(method, "GET"))
                return UPGRADE_WEBSOCKET;
        return strcasecmp(upgrade, SPDY_PROTOCOL) == 0 ? UPGRADE_SPDY : UPGRADE_NONE;
}

struct offer {
        const char *header;
        struct strbuf all; /* "a, b" */
};

static enum MHD_Result offer_add(void *data, enum MHD_ValueKind kind, const char *key,
                                 const char *value) {
        struct offer *o = data;

        if (strcasecmp(key, o->header) == 0) {
                strbuf_add(&o->all, ",");
                strbuf_add(&o->all, str_or_empty(value));
        }
        return MHD_YES;
}

const char *upgrade_protocol(const struct request *r, enum upgrade_kind kind,
                             const char *const *known) {
        struct offer o = { .header = kind == UPGRADE_SPDY ? SPDY_PROTOCOL_HEADER
                                                          : WEBSOCKET_PROTOCOL_HEADER };
        const char *protocol;

        (void) MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, offer_add, &o);
        protocol = websocket_protocol(o.all.s, known);
        strbuf_done(&o.all);
        return protocol;
}

/* ---- 101 ---- */

/* libmicrohttpd calls back when the connection is raw, perhaps after the request. */
static void on_upgraded(void *data, struct MHD_Connection *mhd, void *state, const char *extra,
                        size_t extra_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *handle) {
        struct upgrade_then *then = data;
        struct raw *raw = raw_new(fd, handle);

        if (raw)
                then->done(then->data, raw, extra, extra_len);
        else
                then->free(then->data);
        free(then);
}

static enum MHD_Result switch_plain(struct request *r, const struct upgrade_header *headers,
                                    size_t n, struct upgrade_then *take_then) {
        struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgraded, take_then);
        enum MHD_Result result;

        if (!response) {
                take_then->free(take_then->data);
                free(take_then);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        for (size_t i = 0; i < n; i++)
                (void) MHD_add_response_header(response, headers[i].name, headers[i].value);
        result = MHD_queue_response(r->mhd, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        MHD_destroy_response(response);
        if (result != MHD_YES) {
                take_then->free(take_then->data);
                free(take_then);
        }
        return result;
}

/* libmicrohttpd 0.9.75 passes eight bytes at a time between an upgraded TLS connection and a socket
 * pair: so it is left out. */
static enum MHD_Result switch_tls(struct request *r, const struct upgrade_header *headers, size_t n,
                                  struct upgrade_then *take_then) {
        struct raw *raw = raw_new_tls(r);
        struct strbuf *b = raw ? raw_greeting(raw) : NULL;

        if (!raw) {
                take_then->free(take_then->data);
                free(take_then);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        strbuf_add(b, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
        for (size_t i = 0; i < n; i++)
                strbuf_addf(b, "%s: %s\r\n", headers[i].name, headers[i].value);
        strbuf_add(b, "\r\n");
        take_then->done(take_then->data, raw, NULL, 0);
        free(take_then);
        return MHD_YES;
}

enum MHD_Result upgrade_switch(struct request *r, const struct upgrade_header *headers, size_t n,
                               const struct upgrade_then *then) {
        struct upgrade_then *copy = calloc(1, sizeof(*copy));

        if (!copy) {
                then->free(then->data);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        *copy = *then;
        /* A request that has waited is watched; an event loop takes each descriptor once. */
        r->hangup = sd_event_source_disable_unref(r->hangup);
        return r->connection->session ? switch_tls(r, headers, n, copy)
                                      : switch_plain(r, headers, n, copy);
}

enum MHD_Result upgrade_queue(struct request *r, enum upgrade_kind kind, const char *protocol,
                              const struct upgrade_then *then) {
        char accept[WEBSOCKET_ACCEPT_MAX];
        const struct upgrade_header spdy[] = { { "Upgrade", SPDY_PROTOCOL },
                                               { SPDY_PROTOCOL_HEADER, protocol } };
        const struct upgrade_header websocket[] = { { "Upgrade", "websocket" },
                                                    { "Sec-WebSocket-Accept", accept },
                                                    { WEBSOCKET_PROTOCOL_HEADER, protocol } };

        if (kind == UPGRADE_SPDY)
                return upgrade_switch(r, spdy, ARRAY_SIZE(spdy), then);
        if (websocket_accept(request_header(r, "Sec-WebSocket-Key"), accept) < 0) {
                then->free(then->data);
                return request_refuse(r, 400, "BadRequest", "Sec-WebSocket-Key is malformed");
        }
        return upgrade_switch(r, websocket, ARRAY_SIZE(websocket), then);
}
