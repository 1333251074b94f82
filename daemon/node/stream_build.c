/* A build: orch-build reads the context from the stream and writes lines about it back. */
#include "base/fd.h"
#include "base/ip.h"
#include "base/str.h"
#include "daemon/loop/child.h"
#include "daemon/network/ipam.h"
#include "daemon/node/conn.h"
#include "daemon/node/events.h"
#include "daemon/node/pump.h"
#include "daemon/node/stream_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define BUILD_COMPLAINT_MAX 4096
/* So many steps of one build may use the network at once. */
#define BUILD_ADDRESSES 2
#define BUILD_ARGS_MAX 40

/* The program may need a moment to clean up after its stream is gone: it is waited for then. */
struct build_program {
        struct child *child;
        struct stream *stream; /* NULL: gone */
};

struct build_stream {
        struct build_program *program;
        struct pump_in *in;
        struct pump_out *out;
        int err; /* read end */
        struct ip_addr addresses[BUILD_ADDRESSES];
        size_t n_addresses;
};

static void on_exit_told(struct child *c, const siginfo_t *info, void *userdata) {
        struct build_program *program = userdata;
        struct stream *s = program->stream;
        struct build_stream *x = s ? s->state : NULL;
        char text[BUILD_COMPLAINT_MAX] = "";
        struct err e = { 0 };
        ssize_t n;

        child_unref(c);
        free(program);
        if (!x)
                return;
        x->program = NULL;
        pump_out_drain(x->out);
        if (info->si_code == CLD_EXITED && info->si_status == 0) {
                stream_images_changed(s);
                stream_finish(s);
                return;
        }
        n = read(x->err, text, sizeof(text) - 1);
        text[n > 0 ? (size_t) n : 0] = '\0';
        if (info->si_code != CLD_EXITED)
                (void) err_set(&e, -EIO, "orch-build was killed by signal %d", info->si_status);
        else if (text[0])
                (void) err_set(&e, -EINVAL, "%.*s", (int) strcspn(text, "\n"), text);
        else
                (void) err_set(&e, -EIO, "orch-build failed without a word");
        events_node(s->ctx->events, EVENT_WARNING, "BuildFailed", "Failed to build an image: %s",
                    err_text(&e));
        stream_fail(s, e.code, &e);
}

/* The read end of standard error isn't waited for: a line fits into any pipe. */
static int build_pipes(struct stream *s, struct build_stream *x, int fds[3], struct err *e) {
        int out[2] = { -1, -1 }, err[2];
        int r = pump_in_new_pipe(s->ctx->loop, s->conn, &x->in, &fds[0], e);

        if (r < 0)
                return r;
        if (pipe2(out, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        fds[1] = out[1];
        r = pump_out_new(s->ctx->loop, out[0], s->conn, STREAM_STDOUT, &x->out, e);
        if (r < 0)
                return r;
        if (pipe2(err, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        x->err = err[0];
        fds[2] = err[1];
        return fd_set_nonblock(x->err, true);
}

/* Words of orch-build's command line, each the list's. */
struct build_words {
        char *items[BUILD_ARGS_MAX + 1];
        size_t n;
        bool has_failed;
};

static void build_words_done(struct build_words *w) {
        for (size_t i = 0; i < w->n; i++)
                free(w->items[i]);
}
DEFINE_AUTO_DONE(build_words);

static void build_add(struct build_words *w, const char *option, char *take_value) {
        char *copy = strdup(option);

        if (!copy || !take_value || w->n + 2 > BUILD_ARGS_MAX) {
                w->has_failed = true;
                free(copy);
                free(take_value);
                return;
        }
        w->items[w->n++] = copy;
        w->items[w->n++] = take_value;
}

static void build_add_prefix(struct build_words *w, const char *option,
                             const struct ip_prefix *prefix) {
        char text[IP_TEXT_MAX];

        build_add(w, option, strdup(ip_prefix_format(prefix, text)));
}

static void build_argv(struct stream *s, struct build_stream *x, struct build_words *w) {
        const struct node_config *c = s->ctx->config;
        const char *id = stream_text(s, "id");
        char text[IP_TEXT_MAX];

        w->items[w->n++] = strdup("orch-build");
        build_add(w, "--store", str_format("%s/images", c->state_dir));
        build_add(w, "--run-dir", str_format("%s/builds/%s", c->run_dir, str_or_empty(id)));
        build_add(w, "--pod-program", str_format("%s/orch-pod", c->libexec_dir));
        build_add(w, "--image-program", str_format("%s/orch-image", c->libexec_dir));
        if (c->registries_file)
                build_add(w, "--registries", strdup(c->registries_file));
        if (c->build_webhook)
                build_add(w, "--webhook", strdup(c->build_webhook));
        build_add(w, "--node-name", strdup(str_or_empty(c->name)));
        build_add(w, "--cgroup", str_format("orch-build-%s", str_or_empty(id)));
        build_add(w, "--resolv-conf",
                  strdup(c->host_resolv_conf ? c->host_resolv_conf : "/etc/resolv.conf"));
        build_add(w, "--bridge", strdup(str_or_empty(c->network.bridge)));
        build_add_prefix(w, "--pod-cidr", &c->network.pod_cidr);
        build_add_prefix(w, "--cluster-cidr", &c->network.cluster_cidr);
        build_add_prefix(w, "--service-cidr", &c->network.service_cidr);
        for (size_t i = 0; i < x->n_addresses; i++)
                build_add(w, "--address", strdup(ip_format(&x->addresses[i], text)));
        w->has_failed |= !w->items[0];
}

static int build_start(struct stream *s, struct err *e) {
        AUTO_FREE char *program = str_format("%s/orch-build", s->ctx->config->libexec_dir);
        AUTO_DONE(build_words) struct build_words w = { 0 };
        struct build_stream *x = calloc(1, sizeof(*x));
        int fds[3] = { -1, -1, -1 }, r;
        struct child_fd child_fds[3];

        s->state = x;
        if (x)
                x->err = -1;
        if (!x || !program || !(x->program = calloc(1, sizeof(*x->program))))
                return err_set(e, -ENOMEM, "out of memory");
        x->program->stream = s;
        /* Without a free address steps have no network. */
        while (x->n_addresses < BUILD_ADDRESSES &&
               ipam_allocate(s->ctx->ipam, &x->addresses[x->n_addresses], NULL) == 0)
                x->n_addresses++;
        build_argv(s, x, &w);
        r = w.has_failed ? err_set(e, -ENOMEM, "out of memory") : build_pipes(s, x, fds, e);
        for (int i = 0; i < 3; i++)
                child_fds[i] = (struct child_fd){ fds[i], i };
        if (r == 0)
                r = child_spawn(s->ctx->loop,
                                &(struct child_spec){ .argv = (const char *const *) w.items,
                                                      .path = program,
                                                      .fds = child_fds,
                                                      .n_fds = 3 },
                                on_exit_told, x->program, &x->program->child, e);
        for (int i = 0; i < 3; i++)
                if (fds[i] >= 0)
                        (void) close(fds[i]);
        return r;
}

static void build_frame(struct stream *s, const struct stream_frame *frame) {
        struct build_stream *x = s->state;

        if (x && x->in)
                pump_in_frame(x->in, frame);
}

static void build_room(struct stream *s) {
        struct build_stream *x = s->state;

        if (x && x->out)
                pump_out_resume(x->out);
}

/* Whoever leaves ends the build: what was done so far is in the cache. */
static void build_free(struct stream *s) {
        struct build_stream *x = s->state;

        if (!x)
                return;
        /* It ends what it started, and cleans up. */
        if (x->program && x->program->child) {
                x->program->stream = NULL;
                (void) child_kill(x->program->child, SIGTERM);
        } else
                free(x->program);
        pump_in_unref(x->in);
        pump_out_unref(x->out);
        if (x->err >= 0)
                (void) close(x->err);
        for (size_t i = 0; i < x->n_addresses; i++)
                ipam_release(s->ctx->ipam, &x->addresses[i]);
        free(x);
}

const struct stream_verb stream_image_build_verb = { .name = "image-build",
                                                     .start = build_start,
                                                     .frame = build_frame,
                                                     .room = build_room,
                                                     .free = build_free };
