#include "daemon/node/streams.h"

#include "api/client/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/conn.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/stream_internal.h"
#include "daemon/node/usage.h"

#include <errno.h>
#include <string.h>

#define STREAMS_MAX 1024
/* Beyond them so many are dialled to be refused in words; what comes then is left aside. */
#define REFUSALS_MAX 64
#define WATCH_RETRY_FIRST_USEC (100 * USEC_PER_MSEC)
#define WATCH_RETRY_MOST_USEC (10 * USEC_PER_SEC)

struct streams {
        const struct context *ctx;
        struct pods *pods;
        struct usage *usage;
        struct streams_events events;
        struct client_call *watch;
        struct loop_timer *timer, *reaper;
        unsigned n_failures;
        struct list open, over;
        size_t n_open;
};

static const struct stream_verb *const verbs[] = {
        &stream_log_verb,          &stream_exec_verb,          &stream_attach_verb,
        &stream_forward_verb,      &stream_image_load_verb,    &stream_image_list_verb,
        &stream_image_remove_verb, &stream_image_inspect_verb, &stream_image_manage_verb,
        &stream_image_save_verb,   &stream_image_pull_verb,    &stream_image_push_verb,
        &stream_image_build_verb,  &stream_usage_verb,
};

static int refuse_start(struct stream *s, struct err *e) {
        (void) s;
        return err_set(e, -EAGAIN, "too many streams are open on this node; try again later");
}

static const struct stream_verb refuse_verb = { .name = "refuse", .start = refuse_start };

const char *stream_text(const struct stream *s, const char *key) {
        return json_string_value(json_object_get(s->request, key));
}

json_t *stream_query(const struct stream *s, const char *key) {
        return json_object_get(json_object_get(s->request, "query"), key);
}

const char *stream_query_text(const struct stream *s, const char *key) {
        return json_string_value(stream_query(s, key));
}

bool stream_query_bool(const struct stream *s, const char *key) {
        const json_t *v = stream_query(s, key);
        const char *text = json_string_value(v);

        return json_is_true(v) || str_eq(text, "true") || str_eq(text, "1");
}

int64_t stream_query_int(const struct stream *s, const char *key, int64_t otherwise) {
        const json_t *v = stream_query(s, key);
        int64_t n;

        if (json_is_integer(v))
                return json_integer_value(v);
        if (json_is_string(v) && str_to_int64(json_string_value(v), INT64_MIN, INT64_MAX, &n) == 0)
                return n;
        return otherwise;
}

struct node_pod *stream_pod(const struct stream *s, struct err *e) {
        const char *ns = str_or_empty(stream_text(s, "namespace")),
                   *name = str_or_empty(stream_text(s, "pod"));
        struct node_pod *p = pods_find(s->pods, ns, name, stream_text(s, "uid"));

        if (!p)
                (void) err_set(e, -ENOENT, "pods \"%s\" not found on this node", name);
        return p;
}

void stream_images_changed(struct stream *s) {
        s->owner->events.on_images(s->owner->events.userdata);
}

static void stream_free(struct stream *s) {
        if (s->verb && s->verb->free)
                s->verb->free(s);
        client_cancel(s->dial);
        conn_unref(s->conn);
        json_decref(s->request);
        list_remove(&s->list);
        free(s);
}

/* Freed when the loop turns: its own callbacks may be below us on the stack. */
static void stream_over(struct stream *s) {
        if (s->is_over)
                return;
        s->is_over = true;
        list_remove(&s->list);
        list_append(&s->owner->over, &s->list);
        s->owner->n_open--;
        loop_timer_set(s->owner->reaper, 0);
}

static void on_reap(struct loop_timer *t, void *userdata) {
        struct streams *streams = userdata;
        (void) t;

        LIST_FOREACH(i, &streams->over)
                stream_free(CONTAINER_OF(i, struct stream, list));
}

static void stream_end(struct stream *s, json_t *take_status) {
        AUTO_FREE char *text = take_status ? json_dumps(take_status, JSON_COMPACT) : NULL;

        json_decref(take_status);
        if (s->conn && text)
                conn_finish(s->conn, text);
        else
                stream_over(s);
}

void stream_finish(struct stream *s) {
        stream_end(s, json_pack("{s:s, s:s, s:{}, s:s}", "kind", "Status", "apiVersion", "v1",
                                "metadata", "status", "Success"));
}

void stream_fail(struct stream *s, int r, const struct err *e) {
        const char *reason = r == -EINVAL   ? "BadRequest"
                             : r == -ENOENT ? "NotFound"
                             : r == -EBUSY  ? "Conflict"
                             : r == -EAGAIN ? "ServiceUnavailable"
                                            : "InternalError";
        int code = r == -EINVAL   ? 400
                   : r == -ENOENT ? 404
                   : r == -EBUSY  ? 409
                   : r == -EAGAIN ? 503
                                  : 500;

        stream_end(s, json_pack("{s:s, s:s, s:{}, s:s, s:s, s:s, s:i}", "kind", "Status",
                                "apiVersion", "v1", "metadata", "status", "Failure", "message",
                                err_text(e), "reason", reason, "code", code));
}

void stream_exit(struct stream *s, int exit_code) {
        AUTO_FREE char *number = str_format("%d", exit_code);
        AUTO_FREE char *message =
                str_format("command terminated with non-zero exit code: exit status %d", exit_code);

        if (exit_code == 0) {
                stream_finish(s);
                return;
        }
        stream_end(s, json_pack("{s:s, s:s, s:{}, s:s, s:s, s:s, s:{s:[{s:s, s:s}]}}", "kind",
                                "Status", "apiVersion", "v1", "metadata", "status", "Failure",
                                "message", str_or_empty(message), "reason", "NonZeroExitCode",
                                "details", "causes", "reason", "ExitCode", "message",
                                str_or_empty(number)));
}

static void on_frame(void *userdata, const struct stream_frame *frame) {
        struct stream *s = userdata;

        if (s->verb->frame)
                s->verb->frame(s, frame);
}

static void on_room(void *userdata) {
        struct stream *s = userdata;

        if (s->verb->room)
                s->verb->room(s);
}

static void on_closed(void *userdata) {
        stream_over(userdata);
}

static void on_dialled(void *data, const struct client_answer *a) {
        static const struct conn_handlers handlers = { .on_frame = on_frame,
                                                       .on_room = on_room,
                                                       .on_closed = on_closed };
        struct stream *s = data;
        struct err e = { 0 };
        int r;

        s->dial = NULL;
        if (a->status != 101 || a->fd < 0) {
                (void) client_answer_check(a, NULL, &e);
                if (a->fd >= 0)
                        (void) close(a->fd);
                LOG_DEBUG(stream_text(s, "id"), "a stream can't be opened (%s)", err_text(&e));
                stream_over(s);
                return;
        }
        r = conn_new(s->ctx->loop, a->fd, &handlers, s, &s->conn, &e);
        if (r < 0) {
                stream_over(s);
                return;
        }
        r = s->verb->start(s, &e);
        if (r < 0)
                stream_fail(s, r, &e);
}

static int stream_dial(struct stream *s, struct err *e) {
        const struct client_handlers h = { .on_done = on_dialled };
        AUTO_FREE char *path = str_format("/apis/orch.dev/v1/nodes/%s/streams/%s",
                                          s->ctx->config->name, stream_text(s, "id"));
        const struct client_request q = { .method = CLIENT_POST,
                                          .path = path,
                                          .upgrade = STREAM_PROTOCOL };

        return path ? client_start(s->ctx->client, &q, &h, s, &s->dial, e)
                    : err_set(e, -ENOMEM, "out of memory");
}

/* Letters, digits and '-': it becomes part of a path. */
static bool id_is_valid(const char *id) {
        return id && id[0] && strlen(id) <= 64 &&
               strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
                       strlen(id);
}

static void stream_open(struct streams *streams, json_t *request) {
        const char *verb = json_string_value(json_object_get(request, "verb"));
        struct stream *s;
        struct err e = { 0 };

        if (!id_is_valid(json_string_value(json_object_get(request, "id"))) ||
            streams->n_open >= STREAMS_MAX + REFUSALS_MAX) {
                LOG_WARN(NULL, streams->n_open >= STREAMS_MAX
                                       ? "too many streams are open; one is left aside"
                                       : "a stream without a valid id is left aside");
                return;
        }
        s = calloc(1, sizeof(*s));
        if (!s)
                return;
        *s = (struct stream){ .owner = streams,
                              .ctx = streams->ctx,
                              .pods = streams->pods,
                              .usage = streams->usage,
                              .request = json_incref(request) };
        list_append(&streams->open, &s->list);
        streams->n_open++;
        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (str_eq(verb, verbs[i]->name))
                        s->verb = streams->n_open <= STREAMS_MAX ? verbs[i] : &refuse_verb;
        if (!s->verb || stream_dial(s, &e) < 0) {
                LOG_WARN(stream_text(s, "id"), "a stream can't be opened (%s)",
                         s->verb ? err_text(&e) : "unknown verb");
                stream_over(s);
        }
}

static void on_line(void *data, const char *line, size_t len) {
        struct streams *streams = data;
        json_t *event = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
        const char *type = json_string_value(json_object_get(event, "type"));

        streams->n_failures = 0;
        if (str_eq(type, "OPEN"))
                stream_open(streams, json_object_get(event, "object"));
        else if (str_eq(type, "BOOKMARK"))
                streams->events.on_heard(streams->events.userdata);
        json_decref(event);
}

static void watch_retry(struct streams *streams) {
        uint64_t wait_usec =
                MIN(WATCH_RETRY_FIRST_USEC << MIN(streams->n_failures, 10U), WATCH_RETRY_MOST_USEC);

        streams->n_failures++;
        loop_timer_set(streams->timer, clock_now_usec() + wait_usec);
}

static void on_watch_done(void *data, const struct client_answer *a) {
        struct streams *streams = data;
        struct err e = { 0 };

        streams->watch = NULL;
        if (client_answer_check(a, NULL, &e) < 0 && streams->n_failures == 0)
                LOG_DEBUG(NULL, "no streams for now (%s)", err_text(&e));
        watch_retry(streams);
}

static void on_timer(struct loop_timer *t, void *userdata) {
        struct streams *streams = userdata;
        const struct client_handlers h = { .on_done = on_watch_done, .on_line = on_line };
        AUTO_FREE char *path = str_format("/apis/orch.dev/v1/nodes/%s/streams?watch=true",
                                          streams->ctx->config->name);
        const struct client_request q = { .path = path, .timeout_usec = USEC_NEVER };
        (void) t;

        if (streams->watch)
                return;
        if (!path || client_start(streams->ctx->client, &q, &h, streams, &streams->watch, NULL) < 0)
                watch_retry(streams);
}

int streams_new(const struct context *ctx, struct pods *pods, const struct streams_events *events,
                struct streams **ret, struct err *e) {
        AUTO(streams) struct streams *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return err_set(e, -ENOMEM, "out of memory");
        *s = (struct streams){ .ctx = ctx, .pods = pods, .events = *events };
        list_init(&s->open);
        list_init(&s->over);
        r = loop_timer_new(ctx->loop, 0, on_timer, s, &s->timer, e);
        if (r == 0)
                r = loop_timer_new(ctx->loop, 0, on_reap, s, &s->reaper, e);
        if (r == 0)
                r = usage_new(ctx, pods, &s->usage, e);
        if (r < 0)
                return r;
        loop_timer_set(s->timer, 0);
        *ret = STEAL(s);
        return 0;
}

void streams_unref(struct streams *s) {
        if (!s)
                return;
        client_cancel(s->watch);
        LIST_FOREACH(i, &s->open)
                stream_free(CONTAINER_OF(i, struct stream, list));
        LIST_FOREACH(i, &s->over)
                stream_free(CONTAINER_OF(i, struct stream, list));
        loop_timer_unref(s->timer);
        loop_timer_unref(s->reaper);
        usage_unref(s->usage);
        free(s);
}
