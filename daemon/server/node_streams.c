/* The node's side: its watch of the streams that are wanted, and the connections that it dials. */
#include "base/str.h"
#include "daemon/server/face.h"
#include "daemon/server/pull.h"
#include "daemon/server/route.h"
#include "daemon/server/tunnel.h"

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

/* Outlives the request: libmicrohttpd calls back when the connection is raw. */
struct dial {
        struct nodes *nodes;
        char *id;
};

static void dial_upgraded(void *data, struct MHD_Connection *mhd, void *state, const char *extra,
                          size_t extra_len, MHD_socket fd,
                          struct MHD_UpgradeResponseHandle *handle) {
        struct dial *d = data;

        nodes_dialled(d->nodes, d->id, fd, handle, extra, extra_len);
        free(d->id);
        free(d);
}

static enum MHD_Result dial_dispatch(struct request *r) {
        AUTO_DONE(node_path) struct node_path p = { 0 };
        struct nodes *nodes = r->face->server->nodes;
        struct MHD_Response *response;
        enum MHD_Result result;
        struct dial *d;

        if (node_path_parse(r->path, &p) < 0)
                return path_refuse(r);
        if (!str_eq(request_header(r, "Upgrade"), STREAM_PROTOCOL))
                return request_refuse(r, 400, "BadRequest",
                                      "Upgrade: " STREAM_PROTOCOL " is needed");
        if (!nodes_is_awaited(nodes, p.node, p.rest))
                return request_refuse(r, 404, "NotFound", "this stream is not awaited any more");
        d = calloc(1, sizeof(*d));
        response = d ? MHD_create_response_for_upgrade(dial_upgraded, d) : NULL;
        if (!response) {
                free(d);
                return request_refuse(r, 500, "InternalError", "memory is out");
        }
        d->nodes = nodes;
        d->id = STEAL(p.rest);
        (void) MHD_add_response_header(response, "Upgrade", STREAM_PROTOCOL);
        result = MHD_queue_response(r->mhd, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        MHD_destroy_response(response);
        if (result != MHD_YES) {
                free(d->id);
                free(d);
        }
        return result;
}

const struct route node_dial_route = { .dispatch = dial_dispatch };
