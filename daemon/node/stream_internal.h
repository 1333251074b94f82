#pragma once

/* What streams.c and the verbs share. Nobody else includes this. */

#include "api/client/stream.h"
#include "base/err.h"
#include "base/list.h"
#include "daemon/node/context.h"

#include <jansson.h>
#include <stdbool.h>

struct client_call;
struct conn;
struct node_pod;
struct pods;
struct stream;
struct streams;
struct usage;

/* One verb of the node's streams. All but name and start may be NULL. */
struct stream_verb {
        const char *name;
        /* The connection is open. Returns 0 (stream_finish() or stream_fail() comes later, or was
         * called), or a negative errno that ends the stream with e. */
        int (*start)(struct stream *s, struct err *e);
        void (*frame)(struct stream *s, const struct stream_frame *frame);
        void (*room)(struct stream *s);
        /* Frees s->state. */
        void (*free)(struct stream *s);
};

struct stream {
        struct list list;
        struct streams *owner;
        const struct context *ctx;
        struct pods *pods;
        struct usage *usage;
        json_t *request; /* {"id", "verb", "namespace", "pod", "uid", "container", "query"} */
        const struct stream_verb *verb;
        struct client_call *dial;
        struct conn *conn;
        void *state;
        bool is_over;
};

extern const struct stream_verb stream_log_verb, stream_exec_verb, stream_attach_verb,
        stream_forward_verb, stream_image_load_verb, stream_image_list_verb,
        stream_image_remove_verb, stream_image_inspect_verb, stream_image_manage_verb,
        stream_image_save_verb, stream_image_pull_verb, stream_image_push_verb,
        stream_image_build_verb, stream_usage_verb;

const char *stream_text(const struct stream *s, const char *key); /* of the request; NULL: absent */
json_t *stream_query(const struct stream *s, const char *key);    /* of its query; NULL: absent */
const char *stream_query_text(const struct stream *s, const char *key);
bool stream_query_bool(const struct stream *s, const char *key);
/* otherwise where it is absent or no number (numbers may come as text). */
int64_t stream_query_int(const struct stream *s, const char *key, int64_t otherwise);

/* Ends with Success, with a failure (400 for -EINVAL, 404 for -ENOENT, else 500), or as an exec
 * does. */
void stream_finish(struct stream *s);
void stream_fail(struct stream *s, int r, const struct err *e);
void stream_exit(struct stream *s, int exit_code);

/* The pod that the request names, or NULL with e explained. */
struct node_pod *stream_pod(const struct stream *s, struct err *e);

/* An image came or went. */
void stream_images_changed(struct stream *s);
