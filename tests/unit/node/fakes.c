#include "tests/unit/node/fakes.h"

#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/network/network.h"
#include "daemon/node/image_use.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_world fake_world;

struct owed {
        runtime_done done;
        void *userdata;
        int r;
};

static struct owed owed[32];
static size_t n_owed;

static void PRINTF_LIKE(1, 2) log_add(const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(fake_world.log[fake_world.n_log++ % 64], 96, fmt, ap);
        va_end(ap);
}

static void owe(runtime_done done, void *userdata, int r) {
        owed[n_owed++] = (struct owed){ done, userdata, r };
}

void fake_world_reset(void) {
        memset(&fake_world, 0, sizeof(fake_world));
        fake_world.has_image = true;
        n_owed = 0;
}

void fake_deliver(void) {
        while (n_owed > 0) {
                struct owed o = owed[0];
                const struct err e = { .code = o.r, .text = "no such program" };

                memmove(owed, owed + 1, --n_owed * sizeof(*owed));
                o.done(o.userdata, o.r, &e);
        }
}

void fake_forget(void) {
        n_owed = 0;
}

bool fake_did(const char *what) {
        for (size_t i = 0; i < fake_world.n_log; i++)
                if (str_eq(fake_world.log[i], what))
                        return true;
        return false;
}

bool fake_did_like(const char *beginning) {
        for (size_t i = 0; i < fake_world.n_log; i++)
                if (str_starts_with(fake_world.log[i], beginning))
                        return true;
        return false;
}

/* ---- runtime ---- */

static int a_pod;
#define THE_POD ((struct runtime_pod *) (void *) &a_pod)

int runtime_pod_create(struct runtime *r, const struct runtime_pod_spec *spec, runtime_done done,
                       void *userdata, struct runtime_pod **ret_pod, struct err *e) {
        (void) r;
        (void) e;
        log_add("create %s", spec->uid);
        *ret_pod = THE_POD;
        owe(done, userdata, 0);
        return 0;
}

int runtime_pod_remove(struct runtime_pod *pod, runtime_done done, void *userdata, struct err *e) {
        (void) pod;
        (void) e;
        log_add("remove");
        owe(done, userdata, 0);
        return 0;
}

pid_t runtime_pod_pid(const struct runtime_pod *pod) {
        (void) pod;
        return 0;
}

int runtime_pod_netns(const struct runtime_pod *pod) {
        (void) pod;
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool runtime_pod_is_alive(const struct runtime_pod *pod) {
        (void) pod;
        return true;
}

bool runtime_pod_container(const struct runtime_pod *pod, const char *container,
                           struct runtime_container_status *ret) {
        (void) pod;
        (void) container;
        (void) ret;
        return false;
}

int runtime_pod_volume(struct runtime_pod *pod, const char *name, mode_t mode, char **ret_path,
                       struct err *e) {
        (void) pod;
        (void) mode;
        (void) e;
        *ret_path = str_format("/volumes/%s", name);
        return 0;
}

char *runtime_pod_tmpfs_path(const struct runtime_pod *pod, const char *name) {
        (void) pod;
        return str_format("/tmpfs/%s", name);
}

int runtime_pod_remove_logs(const char *log_dir, const char *ns, const char *name, const char *uid,
                            struct err *e) {
        (void) log_dir;
        (void) ns;
        (void) name;
        (void) uid;
        (void) e;
        return 0;
}

int runtime_container_start(struct runtime_pod *pod, const struct runtime_container_spec *spec,
                            runtime_done done, void *userdata, struct err *e) {
        size_t used = 0;
        (void) pod;
        (void) e;

        log_add("start %s %llu", spec->name, (unsigned long long) spec->instance);
        for (size_t i = 0; i < spec->n_args && used < sizeof(fake_world.args_text); i++)
                used += (size_t) snprintf(fake_world.args_text + used,
                                          sizeof(fake_world.args_text) - used, "%s%s",
                                          i > 0 ? " " : "", spec->args[i]);
        owe(done, userdata, fake_world.start_result);
        return 0;
}

int runtime_container_signal(struct runtime_pod *pod, const char *container, int signal,
                             struct err *e) {
        (void) pod;
        (void) e;
        log_add("signal %s %d", container, signal);
        return 0;
}

int runtime_container_kill(struct runtime_pod *pod, const char *container, struct err *e) {
        (void) pod;
        (void) e;
        log_add("kill %s", container);
        return 0;
}

/* "limit web 100 200 64 128": requests and limits of cpu (milli) and memory (MiB) */
static void log_limits(const char *who, const struct runtime_limits *l) {
        log_add("limit %s %lld %lld %lld %lld", who, (long long) l->cpu_request_milli,
                (long long) l->cpu_limit_milli, (long long) l->memory_request_bytes >> 20,
                (long long) l->memory_limit_bytes >> 20);
}

int runtime_pod_update(struct runtime_pod *pod, const struct runtime_limits *limits,
                       struct err *e) {
        (void) pod;
        log_limits("pod", limits);
        return fake_world.update_result < 0 ? err_set(e, fake_world.update_result, "no such group")
                                            : 0;
}

int runtime_container_update(struct runtime_pod *pod, const char *container,
                             const struct runtime_limits *limits, struct err *e) {
        (void) pod;
        (void) e;
        log_limits(container, limits);
        return 0;
}

int runtime_container_stats(const struct runtime_pod *pod, const char *container,
                            struct runtime_stats *ret_stats, struct err *e) {
        (void) pod;
        (void) container;
        (void) e;
        *ret_stats = (struct runtime_stats){ .memory_working_set_bytes = fake_world.used_bytes };
        return 0;
}

int runtime_exec(struct runtime_pod *pod, const struct runtime_exec_spec *spec,
                 const struct runtime_exec_callbacks *cb, struct runtime_session **ret,
                 struct err *e) {
        (void) pod;
        (void) cb;
        (void) ret;
        log_add("exec %s %s", spec->container, spec->args[0]);
        return err_set(e, -EHOSTDOWN, "no programs in this test");
}

void runtime_exec_cancel(struct runtime_session *session) {
        (void) session;
}

/* ---- network, images ---- */

int network_attach(struct network *n, const struct network_pod *pod, network_done_fn done,
                   void *userdata, struct err *e) {
        char text[IP_TEXT_MAX];
        (void) n;
        (void) e;

        log_add("attach %s %s", pod->uid, ip_format(&pod->addr, text));
        owe(done, userdata, 0);
        return 0;
}

static char *entrypoint[] = { (char *) "/bin/web", (char *) "--serve" };
static char *layers[] = { (char *) "/layers/1" };
static char *health[] = { (char *) "/bin/check" };
static struct image the_image = { .id = (char *) "sha256:abc",
                                  .entrypoint = { entrypoint, 2 },
                                  .layers = { layers, 1 } };

int image_find(struct image_store *store, const char *reference, struct image **ret,
               struct err *e) {
        (void) store;
        if (!fake_world.has_image)
                return err_set(e, -ENOENT, "image %s is not here", reference);
        the_image.health.test =
                (struct image_words){ health, fake_world.has_health ? ARRAY_SIZE(health) : 0 };
        *ret = &the_image;
        return 0;
}

struct image *image_ref(struct image *image) {
        return image;
}

void image_unref(struct image *image) {
        (void) image;
}

void image_use_note(const struct context *ctx, const char *id) {
        (void) ctx;
        if (id[0])
                log_add("used %s", id);
}

/* ---- client ---- */

static int fake_start(struct client *base, const struct client_request *r,
                      const struct client_handlers *h, void *data, struct client_call **ret_call,
                      struct err *e) {
        struct fake_client *c = (struct fake_client *) base;
        struct fake_call *call;
        (void) e;

        if (c->n == 64)
                return -ENOMEM;
        call = calloc(1, sizeof(*call));
        *call = (struct fake_call){ .base = { base },
                                    .handlers = *h,
                                    .data = data,
                                    .method = r->method,
                                    .path = strdup(r->path),
                                    .body = strndup(str_or_empty(r->body), r->body_len) };
        c->calls[c->n++] = call;
        if (ret_call)
                *ret_call = &call->base;
        return 0;
}

static void fake_cancel(struct client_call *call) {
        ((struct fake_call *) call)->is_over = true;
}

static void fake_free(struct client *c) {
        (void) c;
}

static const struct client_vtable fake_vtable = { fake_start, fake_cancel, fake_free };

void fake_client_init(struct fake_client *c) {
        memset(c, 0, sizeof(*c));
        client_init(&c->base, &fake_vtable);
}

void fake_client_done(struct fake_client *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->calls[i]->path);
                free(c->calls[i]->body);
                free(c->calls[i]);
        }
}

struct fake_call *fake_client_open(struct fake_client *c, enum client_method method,
                                   const char *path_part) {
        for (size_t i = c->n; i-- > 0;)
                if (!c->calls[i]->is_over && c->calls[i]->method == method &&
                    strstr(c->calls[i]->path, path_part))
                        return c->calls[i];
        return NULL;
}

void fake_answer(struct fake_call *call, unsigned status, const char *body) {
        const struct client_answer a = {
                .status = status, .body = body, .body_len = strlen(body), .fd = -1
        };

        call->is_over = true;
        call->handlers.on_done(call->data, &a);
}
