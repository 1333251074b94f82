#include "daemon/node/usage.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/context.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"
#include "daemon/plan/usage.h"
#include "daemon/runtime/kv.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading {
        char *uid, *container; /* owned */
        uint64_t cpu_nsec, memory_bytes;
};

/* All counters at one moment. */
struct sample {
        uint64_t at_usec; /* 0: none */
        uint64_t cpu_nsec, memory_bytes;
        struct reading *items; /* in the order of pods_each() */
        size_t n, cap;
        bool has_failed;
};

struct usage_asker {
        struct list list;
        void (*fn)(void *data, const char *json);
        void *data;
};

struct usage {
        const struct context *ctx;
        struct pods *pods;
        struct sample last;
        struct list askers;
        struct loop_timer *timer;
};

/* ---- reading ---- */

static void sample_done(struct sample *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->items[i].uid);
                free(s->items[i].container);
        }
        free(s->items);
        *s = (struct sample){ 0 };
}

static void sample_add(struct sample *s, const char *uid, const char *container,
                       const struct runtime_stats *stats) {
        struct reading r = {
                .uid = strdup(uid),
                .container = strdup(container),
                .cpu_nsec = stats->cpu_usec * 1000,
                .memory_bytes = stats->memory_working_set_bytes,
        };

        if (!r.uid || !r.container || array_reserve(&s->items, &s->cap, s->n, sizeof(r)) < 0) {
                free(r.uid);
                free(r.container);
                s->has_failed = true;
                return;
        }
        s->items[s->n++] = r;
}

static void sample_pod(void *data, struct node_pod *p) {
        const struct runtime_pod *rt = node_pod_runtime(p);
        struct runtime_stats stats;
        const char *name;
        bool is_running;

        for (size_t i = 0; rt && node_pod_container(p, i, &name, &is_running); i++)
                if (is_running && runtime_container_stats(rt, name, &stats, NULL) == 0)
                        sample_add(data, node_pod_uid(p), name, &stats);
}

static void sample_take(struct usage *u, struct sample *ret) {
        static const size_t TEXT_MAX = 8192;
        AUTO_FREE char *text = calloc(1, TEXT_MAX + 1);
        const long hertz = sysconf(_SC_CLK_TCK);

        *ret = (struct sample){ .at_usec = clock_now_usec(), .has_failed = !text };
        if (!text)
                return;
        /* The first line is all that counts: of many processors the file is longer. */
        (void) kv_read_file(AT_FDCWD, "/proc/stat", text, TEXT_MAX);
        ret->cpu_nsec = usage_ticks(text) * (uint64_t) (1000000000 / MAX(hertz, 1));
        text[0] = '\0';
        (void) kv_read_file(AT_FDCWD, "/proc/meminfo", text, TEXT_MAX);
        ret->memory_bytes = usage_memory(text);
        pods_each(u->pods, sample_pod, ret);
}

/* ---- telling ---- */

/* The counter of the same container in an older sample, 0: it is new. at: where it was last time,
 * most likely. */
static uint64_t counter_before(const struct sample *s, const struct reading *r, size_t at) {
        for (size_t i = 0; i < s->n; i++) {
                const struct reading *old = &s->items[(at + i) % s->n];

                if (str_eq(old->uid, r->uid) && str_eq(old->container, r->container))
                        return old->cpu_nsec;
        }
        return 0;
}

static json_t *pods_json(const struct sample *before, const struct sample *now, uint64_t window) {
        json_t *pods = json_object();

        for (size_t i = 0; i < now->n && pods; i++) {
                const struct reading *r = &now->items[i];
                json_t *pod = json_object_get(pods, r->uid);
                json_t *one = json_pack(
                        "{s:I,s:I}", "cpu",
                        (json_int_t) usage_rate(counter_before(before, r, i), r->cpu_nsec, window),
                        "memory", (json_int_t) r->memory_bytes);

                if (!pod) {
                        pod = json_object();
                        (void) json_object_set_new(pods, r->uid, pod);
                }
                if (!one || !pod || json_object_set_new(pod, r->container, one) < 0)
                        json_decref(STEAL(pods));
        }
        return pods;
}

static char *usage_json(const struct sample *before, const struct sample *now) {
        const uint64_t window = now->at_usec - before->at_usec;
        char stamp[CLOCK_TEXT_MAX];
        char *text = NULL;
        json_t *all;

        if (before->has_failed || now->has_failed)
                return NULL;
        all = json_pack("{s:s,s:I,s:I,s:I,s:o}", "timestamp",
                        clock_format(clock_wall_usec(), stamp), "window", (json_int_t) window,
                        "cpu", (json_int_t) usage_rate(before->cpu_nsec, now->cpu_nsec, window),
                        "memory", (json_int_t) now->memory_bytes, "pods",
                        pods_json(before, now, window));
        if (all)
                text = json_dumps(all, JSON_COMPACT);
        json_decref(all);
        return text;
}

/* Reads again and tells everybody. */
static void usage_answer(struct usage *u) {
        AUTO_FREE char *text = NULL;
        struct sample now;

        sample_take(u, &now);
        text = usage_json(&u->last, &now);
        sample_done(&u->last);
        u->last = now;
        LIST_FOREACH(i, &u->askers) {
                struct usage_asker *a = CONTAINER_OF(i, struct usage_asker, list);

                list_remove(&a->list);
                a->fn(a->data, text);
                free(a);
        }
}

static void on_timer(struct loop_timer *t, void *userdata) {
        struct usage *u = userdata;
        (void) t;

        if (!list_is_empty(&u->askers))
                usage_answer(u);
}

/* ---- asking ---- */

int usage_new(const struct context *ctx, struct pods *pods, struct usage **ret, struct err *e) {
        AUTO(usage) struct usage *u = calloc(1, sizeof(*u));
        int r;

        if (!u)
                return err_set(e, -ENOMEM, "out of memory");
        *u = (struct usage){ .ctx = ctx, .pods = pods };
        list_init(&u->askers);
        r = loop_timer_new(ctx->loop, 0, on_timer, u, &u->timer, e);
        if (r < 0)
                return r;
        *ret = STEAL(u);
        return 0;
}

void usage_unref(struct usage *u) {
        if (!u)
                return;
        LIST_FOREACH(i, &u->askers) {
                list_remove(i);
                free(CONTAINER_OF(i, struct usage_asker, list));
        }
        loop_timer_unref(u->timer);
        sample_done(&u->last);
        free(u);
}

int usage_ask(struct usage *u, void (*fn)(void *data, const char *json), void *data,
              struct usage_asker **ret_asker, struct err *e) {
        const struct usage_step step = usage_step(u->last.at_usec, clock_now_usec());
        const bool is_first = list_is_empty(&u->askers);
        struct usage_asker *a = calloc(1, sizeof(*a));

        if (!a)
                return err_set(e, -ENOMEM, "out of memory");
        *a = (struct usage_asker){ .fn = fn, .data = data };
        list_append(&u->askers, &a->list);
        *ret_asker = a;
        if (step.kind == USAGE_ANSWER && is_first) {
                *ret_asker = NULL;
                usage_answer(u);
        } else if (is_first) {
                if (step.kind == USAGE_BEGIN) {
                        sample_done(&u->last);
                        sample_take(u, &u->last);
                }
                loop_timer_set(u->timer, step.due_usec);
        }
        return 0;
}

void usage_leave(struct usage_asker *a) {
        if (!a)
                return;
        list_remove(&a->list);
        free(a);
}
