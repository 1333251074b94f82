#include "daemon/node/image_keeper.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/timer.h"
#include "daemon/node/context.h"
#include "daemon/node/image_child.h"
#include "daemon/node/image_use.h"
#include "daemon/node/pod.h"
#include "daemon/node/pods.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define KEEPER_PERIOD_USEC (300 * USEC_PER_SEC)
#define KEEPER_SLACK_USEC (30 * USEC_PER_SEC)
#define KEEPER_NEVER_PCT 100U /* kubelet's word for it */

struct image_keeper {
        const struct context *ctx;
        const struct pods *pods;
        struct image_keeper_events events;
        struct loop_timer *timer;
        struct image_child *child; /* NULL: nothing is at work */
        bool is_checking;
        char *store, *folder;
        char *used; /* folder of marks: image_use.h */
        char *mark; /* in /run: there once the images were looked at since the machine started */
};

static void keeper_on_line(void *userdata, const char *line) {
        struct image_keeper *k = userdata;
        json_t *root = json_loads(line, 0, NULL);
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(root, "loaded"), i, item)
                LOG_NOTICE(k->ctx->config->name, "images of %s are loaded and pinned",
                           str_or_empty(json_string_value(item)));
        json_array_foreach(json_object_get(root, "failed"), i, item)
                LOG_WARN(k->ctx->config->name,
                         "%s/%s isn't loaded: %s; it is tried again at the next start", k->folder,
                         str_or_empty(json_string_value(json_object_get(item, "file"))),
                         str_or_empty(json_string_value(json_object_get(item, "reason"))));
        json_array_foreach(json_object_get(root, "damaged"), i, item)
                LOG_WARN(k->ctx->config->name,
                         "a layer is damaged (%s) and was taken away; its "
                         "images are pulled or loaded again",
                         str_or_empty(json_string_value(json_object_get(item, "reason"))));
        json_array_foreach(json_object_get(root, "removed"), i, item)
                LOG_NOTICE(k->ctx->config->name, "image %s was removed: the disk is filling",
                           str_or_empty(json_string_value(item)));
        json_decref(root);
}

static void keeper_checked(struct image_keeper *k);

static void keeper_on_exit(void *userdata, int code, const char *text) {
        struct image_keeper *k = userdata;

        image_child_unref(STEAL(k->child));
        if (k->is_checking)
                keeper_checked(k);
        if (code < 0 && code != -EBUSY)
                LOG_WARN(k->ctx->config->name,
                         "cannot keep the images in order (%s); next try in 5 min", text);
        k->events.on_images(k->events.userdata);
}

static int keeper_start(struct image_keeper *k, const char *const *argv, struct err *e) {
        return image_child_start(k->ctx,
                                 &(struct image_child_spec){ .argv = argv,
                                                             .on_line = keeper_on_line,
                                                             .on_exit = keeper_on_exit,
                                                             .userdata = k },
                                 &k->child, e);
}

/* ---- room ---- */

struct keeper_words {
        const char **items;
        size_t n, cap;
        bool has_failed;
};

static void keeper_push(struct keeper_words *w, const char *word) {
        if (w->has_failed || array_reserve(&w->items, &w->cap, w->n, sizeof(*w->items)) < 0)
                w->has_failed = true;
        else
                w->items[w->n++] = word;
}

/* What runs, by its ID, and what is only wanted yet, by its name. */
static void keeper_add_pod(void *data, struct node_pod *pod) {
        const char *text;

        for (size_t i = 0; node_pod_image_id(pod, i, &text); i++)
                if (!str_is_empty(text)) {
                        keeper_push(data, "--in-use");
                        keeper_push(data, text);
                }
        for (size_t i = 0; node_pod_image_name(pod, i, &text); i++)
                if (!str_is_empty(text)) {
                        keeper_push(data, "--in-use");
                        keeper_push(data, text);
                }
}

static int keeper_collect(struct image_keeper *k, struct err *e) {
        static const char *const begin[] = { "orch-image", "--store" };
        const struct node_config *config = k->ctx->config;
        AUTO_FREE char *high = str_format("%u", config->image_gc_high_pct);
        AUTO_FREE char *low = str_format("%u", config->image_gc_low_pct);
        AUTO_FREE char *age = str_format("%" PRIu64, config->image_gc_min_age_sec);
        const char *const end[] = { "--high", high,     "--low", low,  "--min-age",
                                    age,      "--used", k->used, "gc", NULL };
        struct keeper_words w = { .has_failed = !high || !low || !age };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
                keeper_push(&w, begin[i]);
        keeper_push(&w, k->store);
        pods_each(k->pods, keeper_add_pod, &w);
        for (size_t i = 0; i < ARRAY_SIZE(end); i++)
                keeper_push(&w, end[i]);
        r = w.has_failed ? err_set(e, -ENOMEM, "out of memory") : keeper_start(k, w.items, e);
        free(w.items);
        return r;
}

/* ---- at start ---- */

static void keeper_add_running(void *data, struct node_pod *pod) {
        const char *id;

        for (size_t i = 0; node_pod_image_id(pod, i, &id); i++)
                if (!str_is_empty(id)) {
                        keeper_push(data, "--in-use");
                        keeper_push(data, id);
                }
}

/* Kinds and sizes of all files, no contents. What runs keeps its layers even so. */
static int keeper_check(struct image_keeper *k, struct err *e) {
        struct keeper_words w = { 0 };
        int r;

        keeper_push(&w, "orch-image");
        keeper_push(&w, "--store");
        keeper_push(&w, k->store);
        keeper_push(&w, "--repair");
        pods_each(k->pods, keeper_add_running, &w);
        keeper_push(&w, "check");
        keeper_push(&w, NULL);
        r = w.has_failed ? err_set(e, -ENOMEM, "out of memory") : keeper_start(k, w.items, e);
        k->is_checking = r == 0;
        free(w.items);
        return r;
}

static int keeper_sync(struct image_keeper *k, struct err *e) {
        const char *const argv[] = { "orch-image", "--store", k->store, "sync", k->folder, NULL };

        return access(k->folder, F_OK) < 0 ? 0 : keeper_start(k, argv, e);
}

static void keeper_checked(struct image_keeper *k) {
        struct err e = { 0 };
        int r;

        k->is_checking = false;
        r = file_write_atomic(k->mark, "", 0, 0644, false, &e);
        if (r == 0)
                r = keeper_sync(k, &e);
        if (r < 0)
                LOG_WARN(k->ctx->config->name, "%s", err_text(&e));
}

/* One call to the kernel while there is room. */
static bool keeper_is_full(const struct image_keeper *k) {
        struct statvfs fs;
        uint64_t used, room;

        if (k->ctx->config->image_gc_high_pct >= KEEPER_NEVER_PCT || statvfs(k->store, &fs) < 0)
                return false;
        used = fs.f_blocks - fs.f_bfree;
        room = used + fs.f_bavail;
        return room > 0 && used * 100 / room >= k->ctx->config->image_gc_high_pct;
}

static void keeper_note_pod(void *data, struct node_pod *pod) {
        const struct image_keeper *k = data;
        const char *id;

        for (size_t i = 0; node_pod_image_id(pod, i, &id); i++)
                image_use_note(k->ctx, id);
}

static void keeper_on_timer(struct loop_timer *t, void *userdata) {
        struct image_keeper *k = userdata;
        struct err e = { 0 };

        loop_timer_set(t, clock_now_usec() + KEEPER_PERIOD_USEC);
        pods_each(k->pods, keeper_note_pod, k);
        if (!k->child && keeper_is_full(k) && keeper_collect(k, &e) < 0)
                LOG_WARN(k->ctx->config->name, "cannot make room (%s); next try in 5 min",
                         err_text(&e));
}

/* ---- its life ---- */

int image_keeper_new(const struct context *ctx, const struct pods *pods,
                     const struct image_keeper_events *events, struct image_keeper **ret,
                     struct err *e) {
        AUTO(image_keeper) struct image_keeper *k = calloc(1, sizeof(*k));
        int r;

        if (!k)
                return err_set(e, -ENOMEM, "out of memory");
        *k = (struct image_keeper){ .ctx = ctx, .pods = pods, .events = *events };
        k->store = str_format("%s/images", ctx->config->state_dir);
        k->folder = str_format("%s/images.d", ctx->config->state_dir);
        k->mark = str_format("%s/node/images-checked", ctx->config->run_dir);
        k->used = image_use_dir(ctx);
        if (!k->store || !k->folder || !k->mark || !k->used)
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(k->used, 0755, e);
        if (r == 0)
                r = loop_timer_new(ctx->loop, KEEPER_SLACK_USEC, keeper_on_timer, k, &k->timer, e);
        if (r < 0)
                return r;
        loop_timer_set(k->timer, clock_now_usec() + KEEPER_PERIOD_USEC);
        /* The power may have failed: once after each start of the machine. */
        r = access(k->mark, F_OK) < 0 ? keeper_check(k, e) : keeper_sync(k, e);
        if (r < 0)
                return r;
        *ret = STEAL(k);
        return 0;
}

void image_keeper_unref(struct image_keeper *k) {
        if (!k)
                return;
        image_child_unref(k->child);
        loop_timer_unref(k->timer);
        free(k->store);
        free(k->folder);
        free(k->used);
        free(k->mark);
        free(k);
}
