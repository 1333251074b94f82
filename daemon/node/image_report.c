#include "daemon/node/image_report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/loop/work.h"
#include "daemon/node/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <systemd/sd-event.h>

/* A pull changes the store a dozen times within a moment. */
#define REPORT_DELAY_USEC (1 * USEC_PER_SEC)
#define REPORT_SLACK_USEC (250 * USEC_PER_MSEC)
/* Where the kernel has no inotify watch left, or a folder was taken away. */
#define REPORT_PERIOD_USEC (300 * USEC_PER_SEC)

static const char *const report_folders[] = { "references", "images", "layers" };

struct image_report {
        const struct context *ctx;
        struct image_report_events events;
        struct loop_timer *timer;
        sd_event_source *watches[ARRAY_SIZE(report_folders)]; /* NULL: not watched */
        struct work_owner *work;
        bool is_reading, has_changed; /* while it was read */
};

/* ---- what is told ---- */

static int report_compare(const void *a, const void *b) {
        const struct image *x = *(struct image *const *) a, *y = *(struct image *const *) b;

        if (x->size_bytes != y->size_bytes)
                return x->size_bytes > y->size_bytes ? -1 : 1;
        return strcmp(x->id, y->id);
}

static bool report_add_names(json_t *names, const struct image_words *words) {
        for (size_t i = 0; i < words->n && json_array_size(names) < IMAGE_REPORT_NAMES_MAX; i++)
                if (json_array_append_new(names, json_string(words->items[i])) < 0)
                        return false;
        return true;
}

static bool report_add(json_t *tree, const struct image *image) {
        json_t *names = json_array();

        if (!names || !report_add_names(names, &image->digests) ||
            !report_add_names(names, &image->names)) {
                json_decref(names);
                return false;
        }
        return json_array_append_new(tree, json_pack("{s:o, s:I}", "names", names, "sizeBytes",
                                                     (json_int_t) image->size_bytes)) == 0;
}

json_t *image_report_tree(struct image **images, size_t n) {
        json_t *tree = json_array();

        if (n > 0)
                qsort(images, n, sizeof(struct image *), report_compare);
        for (size_t i = 0; tree && i < n && json_array_size(tree) < IMAGE_REPORT_MAX; i++) {
                if (images[i]->names.n + images[i]->digests.n == 0 || report_add(tree, images[i]))
                        continue;
                json_decref(tree);
                return NULL;
        }
        return tree;
}

/* ---- reading the store, on a thread ---- */

struct report_job {
        struct image_report *report; /* weak: for done alone */
        char *dir;
        json_t *tree;
        struct err e;
};

static void report_job_free(struct report_job *job) {
        if (!job)
                return;
        free(job->dir);
        json_decref(job->tree);
        free(job);
}

static int report_run(void *data) {
        AUTO(image_store) struct image_store *store = NULL;
        AUTO_DONE(image_list) struct image_list list = { 0 };
        AUTO_FREE struct image **whole = NULL;
        struct report_job *job = data;
        size_t n = 0;
        int r = image_store_open(job->dir, &store, &job->e);

        if (r == 0)
                r = image_list_read(store, &list, &job->e);
        if (r < 0)
                return r;
        whole = calloc(list.n + 1, sizeof(*whole));
        for (size_t i = 0; whole && i < list.n; i++)
                if (image_is_whole(list.items[i]))
                        whole[n++] = list.items[i];
        job->tree = whole ? image_report_tree(whole, n) : NULL;
        return job->tree ? 0 : err_set(&job->e, -ENOMEM, "out of memory");
}

static void report_done(void *data, int code) {
        struct report_job *job = data;
        struct image_report *r = job->report;
        uint64_t now_usec = clock_now_usec();

        if (code == -ECANCELED) {
                report_job_free(job);
                return;
        }
        r->is_reading = false;
        if (code < 0) {
                LOG_WARN(r->ctx->config->name,
                         "cannot tell which images are here (%s); next try in 5 min",
                         err_text(&job->e));
                loop_timer_set(r->timer, now_usec + REPORT_PERIOD_USEC);
        } else
                r->events.on_images(r->events.userdata, job->tree);
        if (r->has_changed)
                loop_timer_set(r->timer, now_usec + REPORT_DELAY_USEC);
        r->has_changed = false;
        report_job_free(job);
}

static int report_read(struct image_report *r) {
        struct report_job *job = calloc(1, sizeof(*job));
        int code;

        if (!job)
                return -ENOMEM;
        job->report = r;
        job->dir = strdup(image_store_dir(r->ctx->images));
        code = job->dir ? work_submit_for(r->work, report_run, report_done, job) : -ENOMEM;
        if (code < 0)
                report_job_free(job);
        else
                r->is_reading = true;
        return code;
}

/* ---- when ---- */

static int report_on_change(sd_event_source *source, const struct inotify_event *event,
                            void *userdata) {
        struct image_report *r = userdata;

        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
                for (size_t i = 0; i < ARRAY_SIZE(r->watches); i++)
                        if (r->watches[i] == source)
                                r->watches[i] = sd_event_source_disable_unref(source);
        if (r->is_reading)
                r->has_changed = true;
        else if (loop_timer_due(r->timer) > clock_now_usec() + REPORT_DELAY_USEC)
                loop_timer_set(r->timer, clock_now_usec() + REPORT_DELAY_USEC);
        return 0;
}

/* Before it is read, so that no change falls between. False: some folder isn't watched. */
static bool report_watch(struct image_report *r) {
        bool is_all = true;

        for (size_t i = 0; i < ARRAY_SIZE(r->watches); i++) {
                AUTO_FREE char *dir =
                        str_format("%s/%s", image_store_dir(r->ctx->images), report_folders[i]);

                if (!r->watches[i] && dir)
                        (void) sd_event_add_inotify(loop_event(r->ctx->loop), &r->watches[i], dir,
                                                    IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                                            IN_DELETE | IN_DELETE_SELF |
                                                            IN_MOVE_SELF | IN_ONLYDIR,
                                                    report_on_change, r);
                is_all = is_all && r->watches[i];
        }
        return is_all;
}

static void report_on_timer(struct loop_timer *t, void *userdata) {
        struct image_report *r = userdata;
        bool is_watched = report_watch(r);

        if (!r->is_reading && (report_read(r) < 0 || !is_watched))
                loop_timer_set(t, clock_now_usec() + REPORT_PERIOD_USEC);
}

/* ---- its life ---- */

int image_report_new(const struct context *ctx, const struct image_report_events *events,
                     struct image_report **ret, struct err *e) {
        AUTO(image_report) struct image_report *r = calloc(1, sizeof(*r));
        int code;

        if (!r)
                return err_set(e, -ENOMEM, "out of memory");
        *r = (struct image_report){ .ctx = ctx, .events = *events };
        r->work = work_owner_new(ctx->loop);
        if (!r->work)
                return err_set(e, -ENOMEM, "out of memory");
        code = loop_timer_new(ctx->loop, REPORT_SLACK_USEC, report_on_timer, r, &r->timer, e);
        if (code < 0)
                return code;
        loop_timer_set(r->timer, 0);
        *ret = STEAL(r);
        return 0;
}

void image_report_unref(struct image_report *r) {
        if (!r)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(r->watches); i++)
                (void) sd_event_source_disable_unref(r->watches[i]);
        work_owner_cancel(r->work);
        loop_timer_unref(r->timer);
        free(r);
}
