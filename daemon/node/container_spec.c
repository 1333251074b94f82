#include "daemon/node/container_spec.h"

#include "api/kinds/pod.h"
#include "api/schema/quantity.h"
#include "base/arena.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/node/context.h"
#include "daemon/node/volumes.h"
#include "daemon/runtime/runtime.h"

#include <signal.h>
#include <string.h>

/* One pod's fork bomb mustn't take every process id of a small board (32768 on 32 bits). ADR 0095.
 */
#define CONTAINER_SPEC_POD_PIDS 4096

struct spec_builder {
        struct arena *a;
        const struct context *ctx;
        const struct pod *pod;
        const struct container *c;
        const struct image *image;
        struct runtime_pod *rt;
        struct env env;
        struct runtime_container_spec *out;
};

int container_spec_stop_signal(const struct container *c, const char *image_signal) {
        static const struct {
                const char *name;
                int number;
        } names[] = { { "TERM", SIGTERM }, { "INT", SIGINT },     { "QUIT", SIGQUIT },
                      { "HUP", SIGHUP },   { "KILL", SIGKILL },   { "USR1", SIGUSR1 },
                      { "USR2", SIGUSR2 }, { "WINCH", SIGWINCH }, { "ABRT", SIGABRT },
                      { "ALRM", SIGALRM }, { "PWR", SIGPWR } };
        const char *text = c->lifecycle && !str_is_empty(c->lifecycle->stop_signal)
                                   ? c->lifecycle->stop_signal
                                   : str_or_empty(image_signal);
        int64_t number;

        if (str_to_int64(text, 1, SIGRTMAX, &number) == 0)
                return (int) number;
        if (str_starts_with(text, "SIG"))
                text += 3;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(text, names[i].name))
                        return names[i].number;
        if (str_starts_with(text, "RTMIN+") &&
            str_to_int64(text + 6, 0, SIGRTMAX - SIGRTMIN, &number) == 0)
                return SIGRTMIN + (int) number;
        return SIGTERM;
}

struct runtime_limits container_spec_limits(const struct container *c) {
        const struct resource_requirements *q = &c->resources;
        struct quantity cpu = quantity_map_get(&q->requests, "cpu"),
                        memory = quantity_map_get(&q->requests, "memory");
        struct runtime_limits l = {
                .cpu_limit_milli = quantity_map_get(&q->limits, "cpu").milli,
                .memory_limit_bytes = quantity_value(quantity_map_get(&q->limits, "memory")),
                /* The pod's, so that it has a group: on version 1 it would else not be in the pod's
                   either. */
                .pids_limit = CONTAINER_SPEC_POD_PIDS,
        };

        /* Who names only a limit requests as much. */
        l.cpu_request_milli = cpu.is_set ? cpu.milli : l.cpu_limit_milli;
        l.memory_request_bytes = memory.is_set ? quantity_value(memory) : l.memory_limit_bytes;
        return l;
}

static int64_t add_saturating(int64_t a, int64_t b) {
        int64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

struct runtime_limits container_spec_pod_limits(const struct pod *pod) {
        struct runtime_limits sum = { .pids_limit = CONTAINER_SPEC_POD_PIDS };
        bool has_cpu = true, has_memory = true;
        int64_t cpu = 0, memory = 0;

        for (size_t i = 0; i < pod->spec.containers.n; i++) {
                struct runtime_limits l = container_spec_limits(&pod->spec.containers.items[i]);

                sum.cpu_request_milli = add_saturating(sum.cpu_request_milli, l.cpu_request_milli);
                sum.memory_request_bytes =
                        add_saturating(sum.memory_request_bytes, l.memory_request_bytes);
                cpu = add_saturating(cpu, l.cpu_limit_milli);
                memory = add_saturating(memory, l.memory_limit_bytes);
                has_cpu &= l.cpu_limit_milli > 0;
                has_memory &= l.memory_limit_bytes > 0;
        }
        /* Init containers run alone: the largest of them may exceed the sum. */
        for (size_t i = 0; i < pod->spec.init_containers.n; i++) {
                const struct container *c = &pod->spec.init_containers.items[i];
                struct runtime_limits l = container_spec_limits(c);
                bool is_sidecar = str_eq(c->restart_policy, "Always");

                cpu = is_sidecar ? add_saturating(cpu, l.cpu_limit_milli)
                                 : MAX(cpu, l.cpu_limit_milli);
                memory = is_sidecar ? add_saturating(memory, l.memory_limit_bytes)
                                    : MAX(memory, l.memory_limit_bytes);
                has_cpu &= l.cpu_limit_milli > 0;
                has_memory &= l.memory_limit_bytes > 0;
        }
        sum.cpu_limit_milli = has_cpu ? cpu : 0;
        sum.memory_limit_bytes = has_memory ? memory : 0;
        return sum;
}

static int build_env(struct spec_builder *b, const struct pod_facts *facts, struct err *e) {
        const struct env_request q = {
                .pod = b->pod,
                .container = b->c,
                .image_env = (const char *const *) b->image->env.items,
                .n_image_env = b->image->env.n,
                .sources = &b->ctx->pod_sources,
                .facts = facts,
        };
        const char **items;
        int r = env_build(b->a, &q, &b->env, e);

        if (r < 0)
                return r;
        items = arena_alloc_n(b->a, b->env.n, sizeof(*items));
        if (!items)
                return -ENOMEM;
        if (b->env.n > 0)
                memcpy(items, b->env.items, b->env.n * sizeof(*items));
        b->out->env = items;
        b->out->n_env = b->env.n;
        return 0;
}

/* command replaces Entrypoint and Cmd, args replaces Cmd. */
static int build_args(struct spec_builder *b, struct err *e) {
        const struct container *c = b->c;
        const char *const *head = c->command.n > 0
                                          ? c->command.items
                                          : (const char *const *) b->image->entrypoint.items;
        size_t n_head = c->command.n > 0 ? c->command.n : b->image->entrypoint.n;
        bool is_image_cmd = c->args.n == 0 && c->command.n == 0;
        const char *const *tail =
                is_image_cmd ? (const char *const *) b->image->cmd.items : c->args.items;
        size_t n_tail = is_image_cmd ? b->image->cmd.n : c->args.n;
        const char **args = arena_alloc_n(b->a, n_head + n_tail, sizeof(*args));

        if (!args)
                return -ENOMEM;
        if (n_head + n_tail == 0)
                return err_set(e, -EINVAL, "no command specified: image %s names none; set command",
                               c->image);
        for (size_t i = 0; i < n_head + n_tail; i++) {
                const char *word = i < n_head ? head[i] : tail[i - n_head];
                bool is_ours = i < n_head ? c->command.n > 0 : !is_image_cmd;

                args[i] = is_ours ? env_expand(b->a, &b->env, word) : word;
                if (!args[i])
                        return err_set(e, -E2BIG,
                                       "command and args are too long once $(NAME) is replaced");
        }
        b->out->args = args;
        b->out->n_args = n_head + n_tail;
        return 0;
}

static int build_mounts(struct spec_builder *b, struct err *e) {
        const struct container *c = b->c;
        struct runtime_mount *mounts = arena_alloc_n(b->a, c->volume_mounts.n, sizeof(*mounts));

        if (!mounts)
                return -ENOMEM;
        for (size_t i = 0; i < c->volume_mounts.n; i++) {
                const struct volume_mount *m = &c->volume_mounts.items[i];
                const char *sub = m->sub_path;
                AUTO_FREE char *source = NULL;
                int r;

                if (!str_is_empty(m->sub_path_expr))
                        sub = env_expand(b->a, &b->env, m->sub_path_expr);
                r = volumes_source(b->ctx, b->pod, b->rt, &(struct volume_use){ m, sub }, &source,
                                   e);
                if (r < 0)
                        return r;
                mounts[i] = (struct runtime_mount){
                        .kind = RUNTIME_MOUNT_BIND,
                        .source = arena_strdup(b->a, source),
                        .target = m->mount_path,
                        .sub_path = str_is_empty(sub) ? NULL : arena_strdup(b->a, sub),
                        .is_read_only = volumes_is_read_only(b->pod, m),
                        .has_host_propagation = str_eq(m->mount_propagation, "HostToContainer"),
                        .is_bidirectional = str_eq(m->mount_propagation, "Bidirectional"),
                };
                if (!mounts[i].source || (!str_is_empty(sub) && !mounts[i].sub_path))
                        return -ENOMEM;
        }
        b->out->mounts = mounts;
        b->out->n_mounts = c->volume_mounts.n;
        return 0;
}

static struct runtime_opt_id opt_id(const struct opt_int *first, const struct opt_int *second) {
        const struct opt_int *v = first && first->is_set ? first : second;

        if (!v || !v->is_set)
                return (struct runtime_opt_id){ 0 };
        return (struct runtime_opt_id){ .is_set = true, .value = (uint32_t) v->value };
}

static int build_groups(struct spec_builder *b, const struct pod_security_context *p) {
        uint32_t *groups;
        size_t n = 0;

        if (!p)
                return 0;
        groups = arena_alloc_n(b->a, p->supplemental_groups.n + 1, sizeof(*groups));
        if (!groups)
                return -ENOMEM;
        for (size_t i = 0; i < p->supplemental_groups.n; i++)
                groups[n++] = (uint32_t) p->supplemental_groups.items[i];
        if (p->fs_group.is_set)
                groups[n++] = (uint32_t) p->fs_group.value;
        b->out->groups = groups;
        b->out->n_groups = n;
        return 0;
}

/* What can be said before the container is made, in the kubelet's words. */
static int check_non_root(struct spec_builder *b, struct err *e) {
        const struct runtime_container_spec *out = b->out;
        const char *user = str_or_empty(b->image->user), *words;
        int64_t number = 0;
        size_t len = strcspn(user, ":");
        AUTO_FREE char *name = strndup(user, len);

        if (!name)
                return -ENOMEM;
        if (!out->is_non_root_required || (out->run_as_user.is_set && out->run_as_user.value != 0))
                return 0;
        if (out->run_as_user.is_set)
                words = "container's runAsUser breaks non-root policy";
        else if (len > 0 && str_to_int64(name, 0, UINT32_MAX, &number) < 0)
                return err_set(e, -EINVAL,
                               "container has runAsNonRoot and image has non-numeric user (%.64s), "
                               "cannot verify user is non-root: set runAsUser",
                               name);
        else if (number == 0)
                words = "container has runAsNonRoot and image will run as root: set runAsUser";
        else
                return 0;
        return err_set(e, -EINVAL, "%s (pod: \"%s_%s(%s)\", container: %s)", words,
                       b->pod->metadata.name, b->pod->metadata.namespace, b->pod->metadata.uid,
                       b->c->name);
}

static int build_security(struct spec_builder *b, struct err *e) {
        static const struct security_context none;
        const struct security_context *s = b->c->security_context ? b->c->security_context : &none;
        const struct pod_security_context *p = b->pod->spec.security_context;
        const struct seccomp_profile *seccomp = s->seccomp_profile ? s->seccomp_profile
                                                : p                ? p->seccomp_profile
                                                                   : NULL;
        struct runtime_container_spec *out = b->out;

        out->user = b->image->user;
        out->run_as_user = opt_id(&s->run_as_user, p ? &p->run_as_user : NULL);
        out->run_as_group = opt_id(&s->run_as_group, p ? &p->run_as_group : NULL);
        out->is_non_root_required = s->run_as_non_root.is_set ? s->run_as_non_root.value
                                                              : p && p->run_as_non_root.is_set &&
                                                                        p->run_as_non_root.value;
        if (check_non_root(b, e) < 0)
                return -EINVAL;
        out->is_privileged = s->privileged.is_set && s->privileged.value;
        out->is_root_read_only =
                s->read_only_root_filesystem.is_set && s->read_only_root_filesystem.value;
        out->may_gain_privileges =
                !s->allow_privilege_escalation.is_set || s->allow_privilege_escalation.value;
        if (s->capabilities) {
                out->cap_add = s->capabilities->add.items;
                out->n_cap_add = s->capabilities->add.n;
                out->cap_drop = s->capabilities->drop.items;
                out->n_cap_drop = s->capabilities->drop.n;
        }
        if (seccomp && str_eq(seccomp->type, "Localhost"))
                return err_set(
                        e, -EOPNOTSUPP,
                        "seccomp profiles of type Localhost are not built yet: use RuntimeDefault");
        out->seccomp = seccomp && str_eq(seccomp->type, "Unconfined") ? RUNTIME_SECCOMP_NONE
                                                                      : RUNTIME_SECCOMP_DEFAULT;
        out->is_proc_unmasked = str_eq(s->proc_mount, "Unmasked");
        return build_groups(b, p);
}

static int build_layers(struct spec_builder *b) {
        size_t n = b->image->layers.n, n_layers = 0;
        const char **layers = arena_alloc_n(b->a, n, sizeof(*layers));

        if (!layers)
                return -ENOMEM;
        /* The image lists the lowest first, overlayfs the topmost. An overlay takes each folder
         * once; of a layer that comes again the upper one alone shows the same. */
        for (size_t i = n; i-- > 0;) {
                bool is_repeated = false;

                for (size_t k = 0; k < n_layers; k++)
                        is_repeated |= str_eq(layers[k], b->image->layers.items[i]);
                if (!is_repeated)
                        layers[n_layers++] = b->image->layers.items[i];
        }
        b->out->layers = layers;
        b->out->n_layers = n_layers;
        return 0;
}

/* As the kubelet scores: guaranteed pods are the last to be killed, best-effort ones the first. */
static int oom_score(const struct context *ctx, const struct container *c) {
        struct runtime_limits l = container_spec_limits(c);
        int64_t share;

        if (l.memory_limit_bytes > 0 && l.memory_limit_bytes == l.memory_request_bytes &&
            l.cpu_limit_milli > 0 && l.cpu_limit_milli == l.cpu_request_milli)
                return -997;
        if (l.memory_request_bytes == 0 && l.cpu_request_milli == 0)
                return 1000;
        if (ctx->memory_bytes <= 0)
                return 999;
        share = 1000 -
                (int64_t) ((double) l.memory_request_bytes * 1000 / (double) ctx->memory_bytes);
        return (int) MAX(2, MIN(share, 999));
}

int container_spec_build(struct arena *a, const struct container_spec_input *in,
                         struct runtime_container_spec *ret, struct err *e) {
        const struct container *c = in->container;
        struct spec_builder b = { .a = a,
                                  .ctx = in->ctx,
                                  .pod = in->pod,
                                  .c = c,
                                  .image = in->image,
                                  .rt = in->rt,
                                  .out = ret };
        int r;

        *ret = (struct runtime_container_spec){
                .name = c->name,
                .cwd = str_is_empty(c->working_dir) ? in->image->working_dir : c->working_dir,
                .limits = container_spec_limits(c),
                .oom_score_adj = oom_score(in->ctx, c),
                .target = str_is_empty(c->target_container_name) ? NULL : c->target_container_name,
                .has_tty = c->tty,
                .has_stdin = c->stdin,
                .is_stdin_once = c->stdin_once,
                .termination_message_path = c->termination_message_path,
                .is_log_fallback = str_eq(c->termination_message_policy, "FallbackToLogsOnError"),
        };
        r = build_env(&b, in->facts, e);
        if (r == 0)
                r = build_args(&b, e);
        if (r == 0)
                r = build_mounts(&b, e);
        if (r == 0)
                r = build_security(&b, e);
        if (r == 0)
                r = build_layers(&b);
        env_done(&b.env);
        return r == -ENOMEM ? err_set(e, r, "out of memory") : r;
}
