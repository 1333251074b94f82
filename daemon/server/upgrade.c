#include "daemon/server/upgrade.h"

#include "api/client/spdy.h"
#include "base/str.h"
#include "daemon/server/route.h"
#include "daemon/server/websocket.h"

#include <string.h>
#include <strings.h>

#define SPDY_PROTOCOL_HEADER "X-Stream-Protocol-Version"
#define WEBSOCKET_PROTOCOL_HEADER "Sec-WebSocket-Protocol"

enum upgrade_kind upgrade_asked(const struct request *r) {
        const char *upgrade = request_header(r, "Upgrade");

        if (!upgrade)
                return UPGRADE_NONE;
        if (strcasecmp(upgrade, "websocket") == 0 && str_eq(r->method, "GET"))
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

static void headers_add(struct MHD_Response *response, enum upgrade_kind kind, const char *protocol,
                        const char *accept) {
        if (kind == UPGRADE_SPDY) {
                (void) MHD_add_response_header(response, "Upgrade", SPDY_PROTOCOL);
                (void) MHD_add_response_header(response, SPDY_PROTOCOL_HEADER, protocol);
                return;
        }
        (void) MHD_add_response_header(response, "Upgrade", "websocket");
        (void) MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
        (void) MHD_add_response_header(response, WEBSOCKET_PROTOCOL_HEADER, protocol);
}

enum MHD_Result upgrade_queue(struct request *r, enum upgrade_kind kind, const char *protocol,
                              MHD_UpgradeHandler done, void (*free_data)(void *data), void *data) {
        char accept[WEBSOCKET_ACCEPT_MAX];
        struct MHD_Response *response;
        enum MHD_Result result;

        if (kind == UPGRADE_WEBSOCKET &&
            websocket_accept(request_header(r, "Sec-WebSocket-Key"), accept) < 0) {
                free_data(data);
                return request_refuse(r, 400, "BadRequest", "Sec-WebSocket-Key is malformed");
        }
        response = MHD_create_response_for_upgrade(done, data);
        if (!response) {
                free_data(data);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        headers_add(response, kind, protocol, accept);
        result = MHD_queue_response(r->mhd, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        MHD_destroy_response(response);
        if (result != MHD_YES)
                free_data(data);
        return result;
}
