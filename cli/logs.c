#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/pods.h"
#include "cli/session.h"
#include "cli/target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#define STREAMS_MAX 64

struct logs_args {
        struct option_number tail, since, limit;
        const char *since_time, *container, *selector;
        bool is_following, is_all_containers, is_previous, has_timestamps, has_prefix;
};

static const struct option logs_options[] = {
        OPTION_OF_FLAG(struct logs_args, is_following, 'f', "follow", "go on as lines are written"),
        OPTION_OF_NUMBER(struct logs_args, tail, 0, "tail", "LINES",
                         "only the last lines; -1: all"),
        OPTION_OF_DURATION(struct logs_args, since, 0, "since", "TIME", "only what is younger: 5m"),
        OPTION_OF_TEXT(struct logs_args, since_time, 0, "since-time", "TIME",
                       "only what is younger: 2026-01-02T03:04:05Z"),
        OPTION_OF_NUMBER(struct logs_args, limit, 0, "limit-bytes", "BYTES", "at most so much"),
        OPTION_OF_TEXT(struct logs_args, container, 'c', "container", "NAME", "of this container"),
        OPTION_OF_FLAG(struct logs_args, is_all_containers, 0, "all-containers",
                       "of all containers"),
        OPTION_OF_FLAG(struct logs_args, is_previous, 'p', "previous",
                       "of the container's run before"),
        OPTION_OF_FLAG(struct logs_args, has_timestamps, 0, "timestamps",
                       "each line with its time"),
        OPTION_OF_TEXT(struct logs_args, selector, 'l', "selector", "LABELS",
                       "of all pods with these labels"),
        OPTION_OF_FLAG(struct logs_args, has_prefix, 0, "prefix",
                       "each line with pod and container"),
};

/* One container's log. */
struct log_stream {
        char *path, *prefix; /* owned */
        bool is_mid_line;
        struct logs *logs;
        struct client_call *call;
};

struct logs {
        struct session *session;
        const struct logs_args *args;
        struct log_stream streams[STREAMS_MAX];
        size_t n, n_open;
        struct err err; /* the first failure */
        int result;
};

static void logs_done(struct logs *l) {
        for (size_t i = 0; i < l->n; i++) {
                client_cancel(l->streams[i].call);
                free(l->streams[i].path);
                free(l->streams[i].prefix);
        }
}

static void query_number(char **path, const char *key, int64_t value) {
        char text[24];

        (void) snprintf(text, sizeof(text), "%" PRId64, value);
        (void) client_path_query(path, key, text);
}

static int stream_add(struct logs *l, const json_t *pod, const char *container, struct err *e) {
        const struct logs_args *a = l->args;
        const char *name = tree_text(pod, "metadata", "name", NULL);
        struct log_stream *st = &l->streams[l->n];
        char *path;

        if (l->n == STREAMS_MAX)
                return err_set(e, -E2BIG, "more than %d logs at once; choose fewer pods",
                               STREAMS_MAX);
        path = session_path(l->session, &pod_kind, tree_text(pod, "metadata", "namespace", NULL),
                            name, "log");
        (void) client_path_query(&path, "container", container);
        if (a->is_following)
                (void) client_path_query(&path, "follow", "true");
        if (a->is_previous)
                (void) client_path_query(&path, "previous", "true");
        if (a->has_timestamps)
                (void) client_path_query(&path, "timestamps", "true");
        if (a->tail.is_set && a->tail.value >= 0)
                query_number(&path, "tailLines", a->tail.value);
        else if (!a->tail.is_set && a->selector)
                query_number(&path, "tailLines", 10); /* as kubectl does */
        if (a->since.is_set)
                query_number(&path, "sinceSeconds",
                             (int64_t) MAX((uint64_t) a->since.value / USEC_PER_SEC, 1U));
        (void) client_path_query(&path, "sinceTime", a->since_time);
        if (a->limit.is_set && a->limit.value > 0)
                query_number(&path, "limitBytes", a->limit.value);
        *st = (struct log_stream){ .path = path, .logs = l };
        if (a->has_prefix)
                st->prefix = str_format("[pod/%s/%s] ", name, container);
        if (!path || (a->has_prefix && !st->prefix)) {
                free(path);
                return err_errno(e, -ENOMEM, "cannot read logs");
        }
        l->n++;
        return 0;
}

static int pod_add(struct logs *l, const json_t *pod, struct err *e) {
        static const char *const members[] = { "initContainers", "containers" };
        const char *container = NULL;
        const json_t *c;
        size_t i;
        int r = 0;

        if (!l->args->is_all_containers) {
                r = pods_container(pod, l->args->container, &container, e);
                return r < 0 ? r : stream_add(l, pod, container, e);
        }
        for (size_t m = 0; m < ARRAY_SIZE(members); m++) {
                json_array_foreach(tree_get(pod, "spec", members[m], NULL), i, c) {
                        r = r < 0 ? r : stream_add(l, pod, tree_text(c, "name", NULL), e);
                }
        }
        return r;
}

/* ---- printing ---- */

static void print_piece(struct log_stream *st, const char *piece, size_t len) {
        if (!st->prefix) {
                (void) fwrite(piece, 1, len, stdout);
                return;
        }
        while (len > 0) {
                const char *newline = memchr(piece, '\n', len);
                size_t n = newline ? (size_t) (newline - piece) + 1 : len;

                if (!st->is_mid_line)
                        (void) fputs(st->prefix, stdout);
                (void) fwrite(piece, 1, n, stdout);
                st->is_mid_line = !newline;
                piece += n;
                len -= n;
        }
}

static enum stream_verdict on_piece(void *data, const void *piece, size_t len) {
        print_piece(data, piece, len);
        (void) fflush(stdout);
        return ferror(stdout) ? STREAM_STOP : STREAM_GO_ON;
}

static int run_in_turn(struct logs *l, struct err *e) {
        static const struct stream_handlers handlers = { .on_data = on_piece };
        int r = 0;

        for (size_t i = 0; i < l->n && r >= 0; i++)
                r = session_stream(l->session, l->streams[i].path, &handlers, &l->streams[i],
                                   USEC_NEVER, e);
        return r < 0 ? r : 0;
}

static void on_follow_data(void *data, const void *piece, size_t len) {
        print_piece(data, piece, len);
        (void) fflush(stdout);
}

static void on_follow_done(void *data, const struct client_answer *a) {
        struct log_stream *st = data;
        struct logs *l = st->logs;
        struct err e = { 0 };
        int r = client_answer_check(a, &l->session->reason, &e);

        st->call = NULL;
        l->n_open--;
        if (r < 0 && l->result == 0) {
                l->result = r;
                (void) err_set(&l->err, r, "%s", e.text);
        }
}

/* Several logs at once, lines as they come. */
static int run_together(struct logs *l, struct err *e) {
        static const struct client_handlers handlers = { .on_done = on_follow_done,
                                                         .on_data = on_follow_data };
        int r = session_connect(l->session, e);

        for (size_t i = 0; i < l->n && r == 0; i++) {
                r = client_start(l->session->client,
                                 &(struct client_request){ .path = l->streams[i].path }, &handlers,
                                 &l->streams[i], &l->streams[i].call, e);
                l->n_open += r == 0;
        }
        while (r >= 0 && l->n_open > 0)
                r = sd_event_run(l->session->loop, UINT64_MAX);
        return r < 0 ? r : l->result < 0 ? err_set(e, l->result, "%s", l->err.text) : 0;
}

static int logs_choose(struct logs *l, const struct words *words, struct err *e) {
        struct session *s = l->session;
        struct target t;
        json_t *pods = NULL, *pod;
        size_t i, n;
        int r;

        if (l->args->selector) {
                if (words->n > 0)
                        return session_usage(s, e, "give either --selector or a pod");
                r = pods_with(s, l->args->selector, &pods, e);
        } else {
                if (words->n == 0 || words->n > 2)
                        return session_usage(s, e, "name a pod: orch logs NAME, or deploy/NAME");
                r = words->n == 2 && !strchr(words->items[0], '/') && !l->args->container &&
                                    !kind_by_word(words->items[0])
                            ? 0
                            : -1;
                if (r == 0) /* kubectl's "logs POD CONTAINER" */
                        return session_usage(s, e, "write the container as -c %s", words->items[1]);
                r = target_parse_one(s, words->items, words->n, &pod_kind, &t, e);
                if (r == 0)
                        r = pods_of(s, &t, &pods, e);
        }
        if (r < 0)
                return r;
        n = json_array_size(pods);
        if (!l->args->selector && n > 1)
                (void) fprintf(stderr, "Found %zu pods, using pod/%s\n", n,
                               tree_text(json_array_get(pods, 0), "metadata", "name", NULL));
        json_array_foreach(pods, i, pod) {
                if (r == 0 && (i == 0 || l->args->selector))
                        r = pod_add(l, pod, e);
        }
        json_decref(pods);
        return r;
}

static int logs_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_FREE struct logs *l = calloc(1, sizeof(*l));
        uint64_t ignored;
        int r;

        if (!l)
                return err_errno(e, -ENOMEM, "cannot read logs");
        l->session = s;
        l->args = raw;
        if (l->args->since_time && clock_parse(l->args->since_time, &ignored) < 0)
                return session_usage(s, e,
                                     "--since-time takes a time such as 2026-01-02T03:04:05Z");
        if (l->args->since_time && l->args->since.is_set)
                return session_usage(s, e, "give either --since or --since-time");
        r = logs_choose(l, words, e);
        if (r == 0)
                r = l->args->is_following && l->n > 1 ? run_together(l, e) : run_in_turn(l, e);
        logs_done(l);
        return r;
}

const struct command logs_command = {
        .name = "logs",
        .usage = "logs POD | TYPE/NAME | -l LABELS",
        .summary = "Show what containers print",
        .details = "  orch logs -f deploy/web\n  orch logs web-1 -c sidecar --tail=20\n  orch logs "
                   "web-1 --previous\n",
        .options = logs_options,
        .n_options = ARRAY_SIZE(logs_options),
        .args_size = sizeof(struct logs_args),
        .run = logs_run,
};
