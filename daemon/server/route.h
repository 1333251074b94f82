#pragma once

#include "daemon/server/face.h"

#include <microhttpd.h>
#include <stddef.h>

/* Requests that the server answers beside the registry: streams to and from nodes. */
struct route {
        /* The headers are there. May refuse (then is_answered). NULL: nothing to do yet. */
        enum MHD_Result (*begin)(struct request *r);
        /* Takes the body as it comes. NULL: it is collected in r->body. */
        enum MHD_Result (*upload)(struct request *r, const char *bytes, size_t len);
        /* The request is whole: answer, or suspend. */
        enum MHD_Result (*dispatch)(struct request *r);
        /* The request is over: frees r->route_data. NULL: there is none. */
        void (*gone)(struct request *r);
};

/* The route of a method and a path, or NULL: the registry's. */
const struct route *route_find(const char *method, const char *path);

/* ---- answers, for routes ---- */

/* Queues a Status. */
enum MHD_Result request_refuse(struct request *r, unsigned code, const char *reason,
                               const char *message);

/* Queues the answer that is there. */
enum MHD_Result request_queue(struct request *r);

/* An answer for a request that is suspended, or about to be queued. take_text: JSON; NULL counts as
 * out of memory. */
void request_answer(struct request *r, unsigned code, char *take_text);

/* The same with a Status. All of these do nothing once there is an answer. */
void request_answer_status(struct request *r, unsigned code, const char *reason,
                           const char *message);

/* A node's final Status becomes the answer. True: it said Failure, and the answer is given. */
bool request_answer_failure(struct request *r, const char *json, size_t len);

/* ---- the routes ---- */
extern const struct route node_watch_route, node_dial_route;
extern const struct route log_route, exec_route, forward_route;
extern const struct route images_route, image_load_route, image_remote_route, build_route;
extern const struct route measures_route;

/* End all commands and all forwarded ports at once. */
void exec_stop(struct server *s);
void forward_stop(struct server *s);

/* Parts of "/apis/orch.dev/v1/nodes/NAME/WHAT[/REST]", decoded; the caller's. REST may hold slashes
 * and is "" where there is none. Returns 0, -EINVAL or -ENOMEM. */
struct node_path {
        char *node, *what, *rest;
};
void node_path_done(struct node_path *p);
DEFINE_AUTO_DONE(node_path);
int node_path_parse(const char *path, struct node_path *ret);

/* The line that asks a node for a stream (tunnel_ask): verb, and the request's query with reference
 * in it (NULL or empty: without). The caller's; NULL: memory is out, or the query is malformed. */
struct json_t *request_stream_line(const struct request *r, const char *verb,
                                   const char *reference);
