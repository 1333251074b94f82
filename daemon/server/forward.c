/* pods/P/portforward: SPDY, SPDY inside a WebSocket, or a plain WebSocket on the user's side; a
 * stream to the node for each connection. */
#include "base/str.h"
#include "daemon/registry/path.h"
#include "daemon/server/face.h"
#include "daemon/server/forward_internal.h"
#include "daemon/server/route.h"
#include "daemon/server/upgrade.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL "portforward.k8s.io"
#define TUNNELLED "SPDY/3.1+portforward.k8s.io"
#define PLAIN "v4.channel.k8s.io"

static const char *const SPDY_PROTOCOLS[] = { PROTOCOL, NULL };
static const char *const WEBSOCKET_PROTOCOLS[] = { TUNNELLED, PLAIN, NULL };

static void forward_free(void *data) {
        struct forward *f = data;

        list_remove(&f->link);
        if (f->face)
                f->free_face(f->face);
        pod_target_done(&f->target);
        free(f->query);
        free(f);
}

void forward_gone(struct forward *f) {
        forward_free(f);
}

int forward_dial(const struct forward *f, uint16_t port, const struct tunnel_handlers *handlers,
                 void *data, struct tunnel **ret_tunnel, struct err *e) {
        json_t *what = json_copy(f->target.what);
        int r;

        if (!what || json_object_set_new(what, "query", json_pack("{s:i}", "port", port)) < 0) {
                json_decref(what);
                return err_set(e, -ENOMEM, "memory is out");
        }
        r = tunnel_open(f->server->nodes, &(struct tunnel_ask){ f->target.node, what }, handlers,
                        data, ret_tunnel, e);
        json_decref(what);
        return r;
}

char *forward_message(const struct forward *f, uint16_t port, const char *why) {
        const json_t *what = f->target.what;

        return str_format("error forwarding port %u to pod %s, uid %s: %s", port,
                          str_or_empty(json_string_value(json_object_get(what, "pod"))),
                          str_or_empty(json_string_value(json_object_get(what, "uid"))), why);
}

char *forward_status_message(const struct forward *f, uint16_t port, const char *json, size_t len) {
        json_t *status = json_loadb(json, len, 0, NULL);
        const char *word = json_string_value(json_object_get(status, "status"));
        const char *why = json_string_value(json_object_get(status, "message"));
        char *message = NULL;

        if (!str_eq(word, "Success"))
                message = forward_message(f, port, why ? why : "the node's answer is malformed");
        json_decref(status);
        return message;
}

/* "ports=80&ports=81" or "ports=80,81". */
int forward_ports_parse(const char *query, uint16_t ret_ports[FORWARD_PORTS_MAX], size_t *ret_n,
                        struct err *e) {
        AUTO_DONE(query) struct query q = { 0 };
        int r = query_parse(query, &q, e);

        *ret_n = 0;
        for (size_t i = 0; r == 0 && i < q.n; i++) {
                const char *at = q.pairs[i].value;

                while (str_eq(q.pairs[i].key, "ports") && *at) {
                        size_t len = strcspn(at, ",");
                        char text[8] = "";
                        int64_t port;

                        if (len < sizeof(text))
                                memcpy(text, at, len);
                        if (str_to_int64(text, 1, 65535, &port) < 0)
                                return err_set(e, -EINVAL, "unable to parse \"%.32s\" as a port",
                                               at);
                        if (*ret_n == FORWARD_PORTS_MAX)
                                return err_set(e, -EINVAL, "more than %d ports at once",
                                               FORWARD_PORTS_MAX);
                        ret_ports[(*ret_n)++] = (uint16_t) port;
                        at += len + (at[len] == ',');
                }
        }
        if (r == 0 && *ret_n == 0)
                return err_set(e, -EINVAL, "query parameter \"ports\" is required");
        return r;
}

/* ---- the request ---- */

static void upgraded_spdy(void *data, struct raw *take_raw, const void *extra, size_t extra_len) {
        struct forward *f = data;

        if (forward_spdy_open(f, take_raw, false) < 0)
                forward_free(f);
        else if (extra_len > 0)
                forward_spdy_feed(f, extra, extra_len);
}

static void upgraded_tunnelled(void *data, struct raw *take_raw, const void *extra,
                               size_t extra_len) {
        struct forward *f = data;

        if (forward_spdy_open(f, take_raw, true) < 0)
                forward_free(f);
        else if (extra_len > 0)
                forward_spdy_feed(f, extra, extra_len);
}

static void upgraded_websocket(void *data, struct raw *take_raw, const void *extra,
                               size_t extra_len) {
        struct forward *f = data;

        if (forward_websocket_open(f, take_raw) < 0)
                forward_free(f);
        else if (extra_len > 0)
                forward_websocket_feed(f, extra, extra_len);
}

static struct forward *forward_new(struct request *r, struct pod_target *take_target) {
        struct forward *f = calloc(1, sizeof(*f));
        char *query = strdup(str_or_empty(r->query));

        if (!f || !query) {
                pod_target_done(take_target);
                free(query);
                free(f);
                return NULL;
        }
        *f = (struct forward){ .server = r->face->server, .target = *take_target, .query = query };
        list_append(&f->server->forwards, &f->link);
        return f;
}

static enum MHD_Result forward_dispatch(struct request *r) {
        enum upgrade_kind kind = upgrade_asked(r);
        const char *protocol = upgrade_protocol(
                r, kind, kind == UPGRADE_SPDY ? SPDY_PROTOCOLS : WEBSOCKET_PROTOCOLS);
        uint16_t ports[FORWARD_PORTS_MAX];
        struct upgrade_then then = { .done = upgraded_spdy, .free = forward_free };
        struct pod_target target;
        struct err e = { 0 };
        const char *reason;
        struct forward *f;
        unsigned code;
        size_t n;

        if (kind == UPGRADE_NONE || !protocol)
                return request_refuse(r, 400, "BadRequest",
                                      "you must request an upgrade: SPDY/3.1 with POST for "
                                      "portforward.k8s.io, or websocket with GET");
        if (kind == UPGRADE_WEBSOCKET)
                then.done = str_eq(protocol, PLAIN) ? upgraded_websocket : upgraded_tunnelled;
        if (then.done == upgraded_websocket && forward_ports_parse(r->query, ports, &n, &e) < 0)
                return request_refuse(r, 400, "BadRequest", err_text(&e));
        code = pod_target_find(r, &target, &reason, &e);
        if (code > 0)
                return request_refuse(r, code, reason, err_text(&e));
        f = forward_new(r, &target);
        if (!f)
                return request_refuse(r, 500, "InternalError", "memory is out");
        then.data = f;
        return upgrade_queue(r, kind, protocol, &then);
}

void forward_stop(struct server *s) {
        LIST_FOREACH(i, &s->forwards)
                forward_free(CONTAINER_OF(i, struct forward, link));
}

const struct route forward_route = { .dispatch = forward_dispatch };
