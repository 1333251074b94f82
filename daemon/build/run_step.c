#include "daemon/build/run_step.h"

#include "base/fd.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/distribution/digest.h"
#include "daemon/image/record.h"
#include "daemon/loop/loop.h"
#include "daemon/network/network.h"
#include "daemon/runtime/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_CONTAINER "run"
#define RUN_PIDS_MAX 4096
#define RUN_RESOLV_CONF_MAX 65536
#define RUN_HOSTS "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

void builder_run_free(struct run_step *run) {
        if (!run)
                return;
        run_log_free(run->log);
        run_mounts_close(run);
        if (run->address != SIZE_MAX)
                run->stage->b->address_is_used[run->address] = false;
        image_words_done(&run->env);
        image_words_done(&run->layers);
        image_words_done(&run->texts);
        if (run->dir)
                (void) dir_remove_all(AT_FDCWD, run->dir, NULL);
        free(run->dir);
        free(run->diff_id);
        free(run);
}

/* ---- the end ---- */

void builder_run_kill(const struct run_step *run) {
        if (run->pod)
                (void) runtime_container_kill(run->pod, RUN_CONTAINER, NULL);
}

static void on_removed(void *userdata, int r, const struct err *e) {
        struct run_step *run = userdata;
        struct builder_stage *s = run->stage;
        const struct err why = run->why;
        int result = run->r;
        char *diff_id = STEAL(run->diff_id);

        if (r < 0 && result == 0)
                result = r;
        s->run = NULL;
        builder_run_free(run);
        builder_run_done(s, result, diff_id, result == r && r < 0 ? e : &why);
}

static void run_end(struct run_step *run, int r, const struct err *e) {
        struct err ignored = { 0 };

        run->r = r;
        if (r < 0 && e != &run->why)
                run->why = *e;
        run_log_drain(run->log);
        if (!run->pod || runtime_pod_remove(run->pod, on_removed, run, &ignored) < 0)
                on_removed(run, 0, &ignored);
}

static char *run_upper(const struct run_step *run) {
        return str_format("%s/state/pods/%s/" RUN_CONTAINER "/1/upper", run->stage->b->work,
                          run->uid);
}

static int run_take_layer(struct run_step *run, struct err *e) {
        AUTO_FREE char *upper = run_upper(run);
        int r = upper ? run_clean(run, upper, e) : err_set(e, -ENOMEM, "out of memory");

        return r < 0 ? r : layer_write_upper(&run->stage->b->writer, upper, &run->diff_id, e);
}

void builder_run_exited(struct builder *b, const struct runtime_container_status *status) {
        struct run_step *run = NULL;
        struct err e = { 0 };
        int r;

        for (size_t i = 0; i < b->plan->n_stages; i++)
                if (b->stages[i].run && strcmp(b->stages[i].run->uid, status->pod_uid) == 0)
                        run = b->stages[i].run;
        if (!run || run->r != 0)
                return;
        run_log_drain(run->log);
        if (status->is_oom_killed)
                r = err_set(&e, -ENOMEM,
                            "ran out of memory (exit code %d): give it more with "
                            "--memory",
                            status->exit_code);
        else if (status->signal > 0)
                r = err_set(&e, -ECHILD, "was killed by signal %d", status->signal);
        else if (status->exit_code != 0)
                r = err_set(&e, -ECHILD, "exit code %d", status->exit_code);
        else
                r = run_take_layer(run, &e);
        run_end(run, r, &e);
}

/* ---- the start ---- */

static void on_started(void *userdata, int r, const struct err *e) {
        struct run_step *run = userdata;

        if (r < 0)
                run_end(run, r, e);
        else
                run_log_watch(run->log);
}

static int run_start_log(struct run_step *run, struct err *e) {
        AUTO_FREE char *dir = str_format("%s/logs", run->stage->b->work);
        AUTO_FREE char *path =
                dir ? log_path(dir, "build", "run", run->uid, RUN_CONTAINER, 1) : NULL;

        return path ? run_log_new(run, path, &run->log, e) : err_set(e, -ENOMEM, "out of memory");
}

static int run_start_container(struct run_step *run, struct err *e) {
        const struct builder *b = run->stage->b;
        const struct build_step *step = run->step;
        struct runtime_container_spec spec = {
                .name = RUN_CONTAINER,
                .instance = 1,
                .layers = (const char *const *) run->layers.items,
                .n_layers = run->layers.n,
                .args = step->argv.items,
                .n_args = step->argv.n,
                .env = (const char *const *) run->env.items,
                .n_env = run->env.n,
                .cwd = step->cwd,
                .user = str_is_empty(step->user) ? NULL : step->user,
                .may_gain_privileges = true,
                .mounts = run->mounts,
                .n_mounts = run->n_mounts,
                .limits = { .memory_limit_bytes = b->request.memory_bytes,
                            .cpu_limit_milli = b->request.cpu_milli,
                            .pids_limit = RUN_PIDS_MAX },
                .termination_message_path = "",
        };
        int r = runtime_container_start(run->pod, &spec, on_started, run, e);

        return r < 0 ? r : run_start_log(run, e);
}

static void on_attached(void *userdata, int r, const struct err *e) {
        struct run_step *run = userdata;
        struct err why = { 0 };

        if (r == 0) {
                r = run_start_container(run, &why);
                e = &why;
        }
        if (r < 0)
                run_end(run, r, e);
}

static void on_created(void *userdata, int r, const struct err *e) {
        struct run_step *run = userdata;
        struct builder *b = run->stage->b;
        AUTO_CLOSE int netns = -1;
        struct network_pod pod = { .uid = run->uid };
        struct err why = { 0 };

        if (r < 0 || run->address == SIZE_MAX) {
                on_attached(run, r, e);
                return;
        }
        netns = pod.netns_fd = runtime_pod_netns(run->pod);
        r = netns < 0 ? err_errno(&why, netns, "cannot open the step's network namespace")
                      : ip_parse(b->config->addresses[run->address], &pod.addr);
        if (r == 0)
                r = network_attach(b->network, &pod, on_attached, run, &why);
        if (r < 0)
                run_end(run, r, &why);
}

/* One of the addresses, or -EAGAIN while others have them all. */
static int run_take_address(struct run_step *run, struct err *e) {
        struct builder *b = run->stage->b;
        const size_t n = b->config->n_addresses;

        run->address = SIZE_MAX;
        if (n == 0 || b->request.has_no_network || run->step->network != DOCKERFILE_NETWORK_DEFAULT)
                return 0;
        for (size_t i = 0; i < n; i++)
                if (!b->address_is_used[i]) {
                        b->address_is_used[i] = true;
                        run->address = i;
                        return 0;
                }
        return err_set(e, -EAGAIN, "all addresses are in use");
}

static int run_layers(struct run_step *run, struct err *e) {
        const struct builder *b = run->stage->b;
        const struct image_words *diff_ids = &run->stage->diff_ids;
        AUTO_FREE char *empty = str_format("%s/empty", run->dir);
        int r = empty ? dir_make_all(empty, 0755, e) : -ENOMEM;

        for (size_t i = diff_ids->n; r == 0 && i-- > 0;) {
                AUTO_FREE char *path = str_format("%s/layers/%s", b->config->store_dir,
                                                  diff_ids->items[i] + strlen("sha256:"));

                if (path && build_view_is_repeated(diff_ids, i))
                        continue;
                r = path ? image_words_add(&run->layers, path) : -ENOMEM;
        }
        if (r == 0 && run->layers.n == 0)
                r = image_words_add(&run->layers, empty);
        for (size_t i = 0; r == 0 && i < run->step->env.n; i++)
                r = image_words_add(&run->env, run->step->env.items[i]);
        return r == -ENOMEM ? err_set(e, r, "out of memory") : r;
}

static int run_create_pod(struct run_step *run, struct err *e) {
        const struct builder *b = run->stage->b;
        AUTO_FREE char *resolv_conf = NULL;
        struct runtime_pod_spec spec = {
                .uid = run->uid,
                .namespace_ = "build",
                .name = "run",
                .hostname = "build",
                .hosts = RUN_HOSTS,
        };

        if (run->address != SIZE_MAX && b->config->resolv_conf &&
            file_read(b->config->resolv_conf, RUN_RESOLV_CONF_MAX, &resolv_conf, NULL, NULL) == 0)
                spec.resolv_conf = resolv_conf;
        return runtime_pod_create(b->runtime, &spec, on_created, run, &run->pod, e);
}

static int run_prepare(struct run_step *run, struct err *e) {
        int r = run_take_address(run, e);

        (void) uid_new(run->uid);
        if (r == 0)
                r = builder_folder(run->stage->b, "run", &run->dir, e);
        if (r == 0)
                r = run_layers(run, e);
        if (r == 0)
                r = run_mounts_open(run, e);
        return r < 0 ? r : run_create_pod(run, e);
}

static int run_key(struct builder_stage *s, const struct build_step *step, struct err *e) {
        char content[DIGEST_TEXT_MAX];
        struct digest *d = NULL;
        int r = digest_new(&d, e);

        if (r == 0)
                r = run_mounts_digest(s, step, d, e);
        if (r < 0) {
                digest_free(d);
                return r;
        }
        digest_end(d, content);
        free(STEAL(s->key));
        return cache_key(&s->diff_ids, step->recipe, content, s->b->epoch, &s->key, e);
}

int builder_run_start(struct builder_stage *s, const struct build_step *step, char **ret_diff_id,
                      struct err *e) {
        struct run_step *run;
        int r = run_key(s, step, e);

        if (r < 0)
                return r;
        if (!s->b->request.has_no_cache && cache_find(s->b->store, s->key, ret_diff_id))
                return 1;
        run = calloc(1, sizeof(*run));
        if (!run)
                return err_set(e, -ENOMEM, "out of memory");
        *run = (struct run_step){ .stage = s, .step = step, .address = SIZE_MAX };
        r = run_prepare(run, e);
        if (r < 0) {
                builder_run_free(run);
                return r;
        }
        s->run = run;
        builder_tell(s, "started");
        return 0;
}
