#include "api/kinds/meta.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/node/conn.h"
#include "daemon/node/follow.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/node/stream_internal.h"
#include "daemon/runtime/log_reader.h"

#include <errno.h>
#include <string.h>

struct log_stream {
        struct follow *follow;
        char *uid, *container;
        uint64_t instance;
        bool is_following;
};

static bool is_over(void *userdata) {
        const struct stream *s = userdata;
        const struct log_stream *l = s->state;
        const struct node_pod *p;

        if (!l->is_following)
                return true;
        p = pods_find(s->pods, NULL, NULL, l->uid);
        return !p || !node_pod_is_running(p, l->container, l->instance);
}

static void on_end(void *userdata, int r, const struct err *e) {
        if (r < 0)
                stream_fail(userdata, r, e);
        else
                stream_finish(userdata);
}

static uint64_t since_usec(const struct stream *s) {
        int64_t seconds = stream_query_int(s, "sinceSeconds", 0);
        const char *time = stream_query_text(s, "sinceTime");
        uint64_t at_usec = 0, now_usec = clock_wall_usec();

        if (time && clock_parse(time, &at_usec) == 0)
                return at_usec;
        if (seconds <= 0 || (uint64_t) seconds > now_usec / USEC_PER_SEC)
                return 0;
        return now_usec - (uint64_t) seconds * USEC_PER_SEC;
}

static int log_open(struct stream *s, struct log_stream *l, struct log_reader **ret,
                    struct err *e) {
        struct node_pod *p = stream_pod(s, e);
        const struct log_reader_options options = {
                .tail_lines = stream_query_int(s, "tailLines", -1),
                .since_usec = since_usec(s),
                .has_timestamps = stream_query_bool(s, "timestamps"),
                .limit_bytes = (uint64_t) MAX(stream_query_int(s, "limitBytes", 0), 0),
        };
        AUTO_FREE char *path = NULL, *dir = str_format("%s/logs", s->ctx->config->state_dir);
        const char *container = NULL;
        int r;

        if (!p)
                return -ENOENT;
        r = node_pod_log_life(p, stream_text(s, "container"), stream_query_bool(s, "previous"),
                              &container, &l->instance, e);
        if (r < 0)
                return r;
        l->uid = strdup(node_pod_uid(p));
        l->container = strdup(container);
        path = log_path(dir, node_pod_meta(p)->namespace, node_pod_meta(p)->name,
                        l->uid ? l->uid : "", container, l->instance);
        if (!dir || !path || !l->uid || !l->container)
                return err_set(e, -ENOMEM, "out of memory");
        l->is_following = stream_query_bool(s, "follow");
        return log_reader_new(path, &options, ret, e);
}

static int log_start(struct stream *s, struct err *e) {
        const struct follow_handlers handlers = { .is_over = is_over,
                                                  .on_end = on_end,
                                                  .userdata = s };
        struct log_stream *l = calloc(1, sizeof(*l));
        struct follow_options options = { 0 };
        struct log_reader *reader = NULL;
        int r;

        if (!l)
                return err_set(e, -ENOMEM, "out of memory");
        s->state = l;
        r = log_open(s, l, &reader, e);
        if (r < 0)
                return r;
        options.is_following = l->is_following;
        r = follow_new(s->ctx->loop, s->conn, reader, &options, &handlers, &l->follow);
        if (r < 0)
                return err_errno(e, r, "cannot follow the log");
        conn_send(s->conn, STREAM_STDOUT, "", 0); /* the answer may begin */
        return 0;
}

static void log_room(struct stream *s) {
        const struct log_stream *l = s->state;

        if (l && l->follow)
                follow_look(l->follow);
}

static void log_free(struct stream *s) {
        struct log_stream *l = s->state;

        if (!l)
                return;
        follow_unref(l->follow);
        free(l->uid);
        free(l->container);
        free(l);
}

const struct stream_verb stream_log_verb = {
        .name = "log", .start = log_start, .room = log_room, .free = log_free
};
