#include "daemon/build/build.h"

#include "api/dockerfile/build_wire.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/ip.h"
#include "base/str.h"
#include "daemon/build/build_images.h"
#include "daemon/build/webhook.h"
#include "daemon/distribution/digest.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/distribution/platform.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"
#include "daemon/image/unpack.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/network/network.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define BUILD_REQUEST_MAX (1U << 20)
#define BUILD_LOG_BYTES (64ULL << 20)

/* ---- the request ---- */

/* Secrets come in the same tar, but never touch the disk. */
static int build_keep_in_memory(const char *dir, struct err *e) {
        int r = dir_make_all(dir, 0700, e);

        if (r == 0 && mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") < 0)
                r = err_errno(e, -errno, "cannot keep secrets in memory");
        return r;
}

static int build_receive(struct builder *b, int fd, struct err *e) {
        AUTO_FREE char *dir = str_format("%s/request", b->work);
        struct unpack_result result;
        int r;

        b->context = str_format("%s/request/" BUILD_WIRE_CONTEXT, b->work);
        b->secrets = str_format("%s/request/" BUILD_WIRE_SECRETS, b->work);
        b->auth_dir = str_format("%s/request/" BUILD_WIRE_AUTH, b->work);
        b->auth = str_format("%s/request/" BUILD_WIRE_AUTH_FILE, b->work);
        if (!dir || !b->context || !b->secrets || !b->auth_dir || !b->auth)
                return err_set(e, -ENOMEM, "out of memory");
        r = build_keep_in_memory(b->secrets, e);
        if (r == 0)
                r = build_keep_in_memory(b->auth_dir, e);
        if (r == 0)
                r = unpack_tar(fd, UNPACK_PLAIN, dir, &result, e);
        if (r < 0)
                return err_wrap(e, r, "the context");
        return dir_make_all(b->context, 0755, e);
}

static int build_read_request(struct builder *b, const char *machine, struct err *e) {
        AUTO_FREE char *path = str_format("%s/request/" BUILD_WIRE_REQUEST, b->work), *text = NULL;
        size_t len = 0;
        int r = path ? file_read(path, BUILD_REQUEST_MAX, &text, &len, e)
                     : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                r = build_request_read(text, len, machine, &b->request, e);
        if (r < 0)
                return err_wrap(e, r, "the request");
        b->writer = (struct layer_write){ b->store, b->request.has_epoch, b->request.epoch };
        (void) clock_format(b->request.has_epoch ? (uint64_t) b->request.epoch * USEC_PER_SEC
                                                 : clock_wall_usec(),
                            b->created);
        if (b->request.has_epoch)
                (void) snprintf(b->epoch, sizeof(b->epoch), "%lld", (long long) b->request.epoch);
        return 0;
}

/* The first finding in one line: the client has shown all of them before it sent anything. */
static int build_findings(struct diags *d, int r, struct err *e) {
        for (size_t i = 0; r < 0 && i < d->n; i++) {
                AUTO_FREE char *line = NULL;

                if (d->items[i].severity != DIAG_ERROR)
                        continue;
                line = diag_format(&d->items[i]);
                (void) err_set(e, r, "%s", str_or_empty(line));
                break;
        }
        if (r < 0 && d->n_errors == 0)
                (void) err_errno(e, r, "cannot read the Dockerfile");
        diags_done(d);
        return r;
}

static int build_parse(struct builder *b, struct err *e) {
        AUTO_FREE char *path = str_format("%s/request/" BUILD_WIRE_FILE, b->work), *text = NULL;
        const char *name = b->request.file ? b->request.file : "Dockerfile";
        struct diags d = { 0 };
        size_t len = 0;
        int r = path ? file_read(path, DOCKERFILE_BYTES_MAX, &text, &len, e)
                     : err_set(e, -ENOMEM, "out of memory");

        if (r < 0)
                return r;
        r = dockerfile_parse(text, len, name, &b->file, &d);
        if (r == 0)
                r = build_plan_new(b->file, &b->request.options, &b->plan, &d);
        return build_findings(&d, r, e);
}

static bool stage_runs(const struct build_stage *stage) {
        for (size_t i = 0; i < stage->n_steps; i++)
                if (stage->steps[i].kind == BUILD_STEP_RUN)
                        return true;
        return false;
}

static int build_check_stages(struct builder *b, struct err *e) {
        const struct build_options *o = &b->request.options;
        struct platform machine;
        int r = platform_parse(o->machine, &machine, e);

        for (size_t i = 0; r == 0 && i < b->plan->n_stages; i++) {
                const struct build_stage *stage = &b->plan->stages[i];
                const char *text = stage->platform ? stage->platform : o->platform;
                struct platform have;

                if (!stage->is_needed || !text || !stage_runs(stage))
                        continue;
                r = platform_parse(text, &have, e);
                if (r == 0 && platform_fit(&machine, &have) == 0)
                        r = err_set(e, -EINVAL,
                                    "stage %zu runs programs for %s, and this machine is %s: build "
                                    "it there, or begin with FROM --platform=$BUILDPLATFORM",
                                    i, text, o->machine);
        }
        return r;
}

static int build_plan_all(struct builder *b, struct err *e) {
        struct diags d = { 0 };
        int r = build_parse(b, e);

        for (size_t i = 0; r == 0 && i < b->plan->n_images; i++)
                r = build_find_image(b, &b->plan->images[i], e);
        if (r < 0)
                return r;
        r = build_findings(&d, build_plan_steps(b->plan, &d), e);
        if (r == 0)
                r = build_check_stages(b, e);
        if (r < 0)
                return r;
        b->stages = calloc(b->plan->n_stages, sizeof(*b->stages));
        if (!b->stages)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < b->plan->n_stages; i++)
                b->stages[i] = (struct builder_stage){ .b = b, .index = i };
        return 0;
}

/* ---- what RUN needs ---- */

static void on_exit_told(void *userdata, const struct runtime_container_status *status) {
        builder_run_exited(userdata, status);
}

static void on_pod_lost(void *userdata, const char *uid) {
        (void) userdata;
        (void) uid; /* its container's exit is told, too */
}

static int build_open_network(struct builder *b, struct err *e) {
        const struct builder_config *c = b->config;
        struct network_config config = network_config_default();

        b->address_is_used = calloc(c->n_addresses + 1, sizeof(bool));
        if (!b->address_is_used)
                return err_set(e, -ENOMEM, "out of memory");
        if (c->n_addresses == 0)
                return 0;
        if (c->bridge)
                config.bridge = c->bridge;
        if ((c->pod_cidr && ip_prefix_parse(c->pod_cidr, &config.pod_cidr) < 0) ||
            (c->cluster_cidr && ip_prefix_parse(c->cluster_cidr, &config.cluster_cidr) < 0) ||
            (c->service_cidr && ip_prefix_parse(c->service_cidr, &config.service_cidr) < 0))
                return err_set(e, -EINVAL, "an address range is malformed");
        return network_new(b->loop, &config, &b->network, e);
}

static int build_open_runtime(struct builder *b, struct err *e) {
        AUTO_FREE char *state = str_format("%s/state", b->work);
        AUTO_FREE char *logs = str_format("%s/logs", b->work);
        const struct runtime_config config = {
                .event = loop_event(b->loop),
                .run_dir = b->config->run_dir,
                .log_dir = logs,
                .state_dir = state,
                .pod_binary = b->config->pod_program,
                .cgroup_name = b->config->cgroup_name,
                .log_max_bytes = BUILD_LOG_BYTES,
                .log_max_files = 2,
                .events = { .on_exit = on_exit_told, .on_pod_lost = on_pod_lost },
                .userdata = b,
        };
        bool is_needed = false;
        int r;

        if (!state || !logs)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < b->plan->n_stages; i++)
                is_needed |= b->plan->stages[i].is_needed && stage_runs(&b->plan->stages[i]);
        if (!is_needed)
                return 0;
        r = dir_make_all(b->config->run_dir, 0711, e);
        if (r == 0)
                r = dir_make_all(state, 0711, e);
        if (r == 0)
                r = dir_make_all(logs, 0711, e);
        if (r == 0)
                r = runtime_new(&config, &b->runtime, e);
        return r < 0 ? r : build_open_network(b, e);
}

/* ---- the image ---- */

static int build_names(const struct builder *b, struct image_words *ret, struct err *e) {
        for (size_t i = 0; i < b->request.n_tags; i++) {
                AUTO_DONE(image_reference) struct image_reference ref = { 0 };
                AUTO_FREE char *text = NULL;
                int r = image_reference_parse(b->request.tags[i], &ref, e);

                if (r < 0)
                        return r;
                if (ref.digest)
                        return err_set(e, -EINVAL, "%s: a name has a tag, not a digest",
                                       b->request.tags[i]);
                text = image_reference_format(&ref);
                if (!text || image_words_add(ret, text) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return 0;
}

static void build_tell_image(const char *id, const struct image_words *names, uint64_t size) {
        json_t *list = json_array();
        json_t *line;
        char *text;

        for (size_t i = 0; i < names->n; i++)
                (void) json_array_append_new(list, json_string(names->items[i]));
        line = json_pack("{s:{s:s, s:o, s:I}}", "image", "id", id, "names", list, "sizeBytes",
                         (json_int_t) size);
        text = json_dumps(line, JSON_COMPACT);
        (void) printf("%s\n", str_or_empty(text));
        (void) fflush(stdout);
        free(text);
        json_decref(line);
}

/* Without a name only the steps are remembered. */
static int build_publish(struct builder *b, const struct image_words *names, struct err *e) {
        const struct builder_stage *s = &b->stages[b->plan->target];
        AUTO_FREE char *text = json_dumps(s->config, JSON_COMPACT | JSON_SORT_KEYS);
        struct image_intake intake = { .diff_ids = &s->diff_ids, .names = names };
        uint64_t size_bytes = 0;
        char id[DIGEST_TEXT_MAX];
        int r = text ? digest_of(text, strlen(text), id, e) : err_set(e, -ENOMEM, "out of memory");

        if (r < 0)
                return r;
        intake.id = id;
        intake.config_text = text;
        intake.config_len = strlen(text);
        if (names->n > 0)
                r = image_store_take(b->store, &intake, &size_bytes, e);
        if (r == 0)
                build_tell_image(id, names, size_bytes);
        return r;
}

/* ---- all of it ---- */

static void build_done(struct builder *b) {
        for (size_t i = 0; b->stages && i < b->plan->n_stages; i++) {
                builder_run_free(b->stages[i].run);
                image_words_done(&b->stages[i].diff_ids);
                free(b->stages[i].layers);
                free(b->stages[i].key);
                json_decref(b->stages[i].config);
        }
        free(b->stages);
        loop_timer_unref(b->retry);
        network_unref(b->network);
        runtime_unref(b->runtime);
        free(b->address_is_used);
        build_plan_unref(b->plan);
        dockerfile_unref(b->file);
        build_request_done(&b->request);
        if (b->secrets)
                (void) umount2(b->secrets, MNT_DETACH);
        if (b->auth_dir)
                (void) umount2(b->auth_dir, MNT_DETACH);
        if (b->work)
                (void) dir_remove_all(AT_FDCWD, b->work, NULL);
        free(b->work);
        free(b->context);
        free(b->secrets);
        free(b->auth_dir);
        free(b->auth);
        image_store_unref(b->store);
        loop_unref(b->loop);
}

static int build_carry_out(struct builder *b, int fd, struct err *e) {
        AUTO_DONE(image_words) struct image_words names = { 0 };
        char machine[PLATFORM_TEXT_MAX];
        struct platform own;
        int r;

        platform_own(&own);
        (void) platform_format(&own, machine);
        r = build_receive(b, fd, e);
        if (r == 0)
                r = build_read_request(b, machine, e);
        if (r == 0)
                r = build_names(b, &names, e);
        if (r == 0)
                r = build_plan_all(b, e);
        if (r == 0)
                r = build_open_runtime(b, e);
        if (r < 0)
                return r;
        builder_go_on(b);
        r = loop_run(b->loop);
        if (b->has_failed)
                return err_set(e, b->why.code, "%s", err_text(&b->why));
        if (r < 0 || b->stages[b->plan->target].state != STAGE_DONE)
                return err_set(e, -ECANCELED, "the build was cut off");
        return build_publish(b, &names, e);
}

int build_run(const struct builder_config *config, int fd, struct err *e) {
        struct builder b = { .config = config };
        AUTO_CLOSE int place = -1, work_fd = -1;
        int r = loop_new(&b.loop, e);

        if (r == 0)
                r = image_store_open(config->store_dir, &b.store, e);
        if (r == 0)
                r = image_store_enter(b.store, &place, e);
        if (r == 0)
                r = image_store_make_tmp(b.store, "build", &b.work, &work_fd, e);
        if (r == 0)
                r = build_carry_out(&b, fd, e);
        if (r < 0)
                build_webhook_tell(&b, e);
        build_done(&b);
        return r;
}
