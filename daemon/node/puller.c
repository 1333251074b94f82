#include "daemon/node/puller.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "daemon/loop/timer.h"
#include "daemon/node/context.h"
#include "daemon/node/image_child.h"

#include <jansson.h>
#include <string.h>

struct puller {
        const struct context *ctx;
        struct list pulls; /* in the order they were wanted */
        unsigned n_running;
        struct loop_timer *timer; /* starts what waits */
};

struct puller_pull {
        struct list link;
        struct puller *puller;
        char *image, *auth;
        struct list wishes;
        struct image_child *child; /* NULL: waits */
        char *answer;
        uint64_t started_usec;
};

struct pull_wish {
        struct list link;
        struct puller_pull *pull;
        uint64_t since_usec;
        pull_wish_fn fn;
        void *userdata;
};

static void pull_free(struct puller_pull *pull) {
        if (pull->child) {
                image_child_unref(pull->child);
                pull->puller->n_running--;
                loop_timer_set(pull->puller->timer, 0);
        }
        list_remove(&pull->link);
        free(pull->image);
        free(pull->auth);
        free(pull->answer);
        free(pull);
}

static int answer_read(const char *answer, json_t **ret_root, struct pull_result *ret) {
        json_t *root = answer ? json_loads(answer, 0, NULL) : NULL;
        const json_t *image = json_array_get(json_object_get(root, "images"), 0);

        ret->id = json_string_value(json_object_get(image, "id"));
        ret->size_bytes = (uint64_t) json_integer_value(json_object_get(image, "sizeBytes"));
        *ret_root = root;
        return ret->id ? 0 : -EIO;
}

static void pull_tell(struct puller_pull *pull, int code, const char *text) {
        uint64_t now_usec = clock_now_usec();
        struct pull_result result = { .pull_usec = now_usec - pull->started_usec };
        struct list wishes;
        json_t *root = NULL;

        if (code == 0 && answer_read(pull->answer, &root, &result) < 0) {
                code = -EIO;
                text = "orch-image's answer is malformed";
        }
        list_init(&wishes);
        LIST_FOREACH(node, &pull->wishes) {
                list_remove(node);
                list_append(&wishes, node);
        }
        /* Gone before anybody is told: the next wish begins anew. */
        pull_free(pull);
        while (!list_is_empty(&wishes)) {
                struct pull_wish *w = CONTAINER_OF(wishes.next, struct pull_wish, link);
                pull_wish_fn fn = w->fn;
                void *userdata = w->userdata;

                result.total_usec = now_usec - w->since_usec;
                list_remove(&w->link);
                free(w);
                fn(userdata, code, &result, text);
        }
        json_decref(root);
}

static void on_line(void *userdata, const char *line) {
        struct puller_pull *pull = userdata;

        free(pull->answer);
        pull->answer = strdup(line);
}

static void on_exit_told(void *userdata, int code, const char *text) {
        AUTO_FREE char *copy = strdup(text);

        pull_tell(userdata, code, copy ? copy : "out of memory");
}

static int pull_start(struct puller_pull *pull, struct err *e) {
        const struct context *ctx = pull->puller->ctx;
        AUTO_FREE char *dir = str_format("%s/images", ctx->config->state_dir);
        const char *argv[12] = { "orch-image", "pull", "--store", dir };
        size_t n = 4;

        if (!dir)
                return err_set(e, -ENOMEM, "out of memory");
        if (ctx->config->registries_file) {
                argv[n++] = "--registries";
                argv[n++] = ctx->config->registries_file;
        }
        if (pull->auth) {
                argv[n++] = "--auth-fd";
                argv[n++] = "3";
        }
        argv[n++] = "--";
        argv[n++] = pull->image;
        pull->started_usec = clock_now_usec();
        return image_child_start(ctx,
                                 &(struct image_child_spec){ .argv = argv,
                                                             .auth = pull->auth,
                                                             .on_line = on_line,
                                                             .on_exit = on_exit_told,
                                                             .userdata = pull },
                                 &pull->child, e);
}

/* Starts what waits, in order. A failure is told, which may change the list: from the beginning
 * then. */
static void on_timer(struct loop_timer *timer, void *userdata) {
        struct puller *p = userdata;
        (void) timer;

        LIST_FOREACH(node, &p->pulls) {
                struct puller_pull *pull = CONTAINER_OF(node, struct puller_pull, link);
                struct err e = { 0 };
                int r;

                if (p->n_running >= PULLER_AT_ONCE)
                        return;
                if (pull->child)
                        continue;
                r = pull_start(pull, &e);
                if (r < 0) {
                        loop_timer_set(p->timer, 0);
                        pull_tell(pull, r, err_text(&e));
                        return;
                }
                p->n_running++;
        }
}

int puller_new(const struct context *ctx, struct puller **ret, struct err *e) {
        struct puller *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return err_set(e, -ENOMEM, "out of memory");
        p->ctx = ctx;
        list_init(&p->pulls);
        r = loop_timer_new(ctx->loop, 0, on_timer, p, &p->timer, e);
        if (r < 0) {
                free(p);
                return r;
        }
        *ret = p;
        return 0;
}

void puller_unref(struct puller *p) {
        if (!p)
                return;
        LIST_FOREACH(node, &p->pulls)
                pull_free(CONTAINER_OF(node, struct puller_pull, link));
        loop_timer_unref(p->timer);
        free(p);
}

static struct puller_pull *puller_find(struct puller *p, const char *image, const char *auth) {
        LIST_FOREACH(node, &p->pulls) {
                struct puller_pull *pull = CONTAINER_OF(node, struct puller_pull, link);

                if (str_eq(pull->image, image) && str_eq(pull->auth, auth))
                        return pull;
        }
        return NULL;
}

static struct puller_pull *puller_add(struct puller *p, const char *image, const char *auth) {
        struct puller_pull *pull = calloc(1, sizeof(*pull));

        if (!pull)
                return NULL;
        pull->puller = p;
        list_init(&pull->wishes);
        list_append(&p->pulls, &pull->link);
        pull->image = strdup(image);
        pull->auth = auth ? strdup(auth) : NULL;
        if (pull->image && (pull->auth || !auth))
                return pull;
        pull_free(pull);
        return NULL;
}

int puller_want(struct puller *p, const char *image, const char *auth, pull_wish_fn fn,
                void *userdata, struct pull_wish **ret, struct err *e) {
        struct pull_wish *w = calloc(1, sizeof(*w));
        struct puller_pull *pull = w ? puller_find(p, image, auth) : NULL;

        if (w && !pull)
                pull = puller_add(p, image, auth);
        if (!pull) {
                free(w);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *w = (struct pull_wish){
                .pull = pull, .since_usec = clock_now_usec(), .fn = fn, .userdata = userdata
        };
        list_append(&pull->wishes, &w->link);
        loop_timer_set(p->timer, 0);
        *ret = w;
        return 0;
}

void pull_wish_cancel(struct pull_wish *take_w) {
        struct puller_pull *pull;

        if (!take_w)
                return;
        pull = take_w->pull;
        list_remove(&take_w->link);
        free(take_w);
        if (list_is_empty(&pull->wishes))
                pull_free(pull);
}
