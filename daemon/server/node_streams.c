/* The node's side: its watch of the streams that are wanted, and the connections that it dials. */
#include "base/str.h"
#include "daemon/server/face.h"
#include "daemon/server/pull.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"
#include "daemon/server/upgrade.h"

#include <stdlib.h>
#include <string.h>

static enum MHD_Result path_refuse(struct request *r) {
        return request_refuse(r, 400, "BadRequest", "the path is malformed");
}

/* ---- the watch ---- */

static ssize_t watch_take(void *data, char *room, size_t len) {
        return node_watch_take(data, room, len);
}

static void watch_free(void *data) {
        node_watch_unref(data);
}

static void watch_ready(void *data) {
        request_resume(data);
}

static enum MHD_Result watch_dispatch(struct request *r) {
        static const struct pull_source SOURCE = { .take = watch_take, .free = watch_free };
        AUTO_DONE(node_path) struct node_path p = { 0 };
        struct node_watch *w;

        if (node_path_parse(r->path, &p) < 0)
                return path_refuse(r);
        if (node_watch_new(r->face->server->nodes, p.node, watch_ready, r, &w) < 0)
                return request_refuse(r, 500, "InternalError", "memory is out");
        return pull_queue(r, "application/json", &SOURCE, w);
}

const struct route node_watch_route = { .dispatch = watch_dispatch };

/* ---- a dialled stream ---- */

/* May outlive the request. */
struct dial {
        struct nodes *nodes;
        char *id;
};

static void dial_free(void *data) {
        struct dial *d = data;

        free(d->id);
        free(d);
}

static void dial_upgraded(void *data, struct raw *take_raw, const void *extra, size_t extra_len) {
        struct dial *d = data;

        nodes_dialled(d->nodes, d->id, take_raw, extra, extra_len);
        dial_free(d);
}

static enum MHD_Result dial_dispatch(struct request *r) {
        AUTO_DONE(node_path) struct node_path p = { 0 };
        struct nodes *nodes = r->face->server->nodes;
        struct dial *d;

        if (node_path_parse(r->path, &p) < 0)
                return path_refuse(r);
        if (!str_eq(request_header(r, "Upgrade"), STREAM_PROTOCOL))
                return request_refuse(r, 400, "BadRequest",
                                      "Upgrade: " STREAM_PROTOCOL " is needed");
        if (!nodes_is_awaited(nodes, p.node, p.rest))
                return request_refuse(r, 404, "NotFound", "this stream is not awaited any more");
        d = calloc(1, sizeof(*d));
        if (!d)
                return request_refuse(r, 500, "InternalError", "memory is out");
        d->nodes = nodes;
        d->id = STEAL(p.rest);
        return upgrade_switch(
                r, &(struct upgrade_header){ "Upgrade", STREAM_PROTOCOL }, 1,
                &(struct upgrade_then){ .done = dial_upgraded, .free = dial_free, .data = d });
}

const struct route node_dial_route = { .dispatch = dial_dispatch };
