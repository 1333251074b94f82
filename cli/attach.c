#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/pods.h"
#include "cli/remote.h"
#include "cli/session.h"
#include "cli/target.h"

#include <errno.h>
#include <stdio.h>

struct attach_args {
        const char *container;
        bool has_stdin, has_tty, is_quiet;
};

static const struct option attach_options[] = {
        OPTION_OF_FLAG(struct attach_args, has_stdin, 'i', "stdin", "pass standard input on"),
        OPTION_OF_FLAG(struct attach_args, has_tty, 't', "tty", "standard input is a terminal"),
        OPTION_OF_TEXT(struct attach_args, container, 'c', "container", "NAME", "this container"),
        OPTION_OF_FLAG(struct attach_args, is_quiet, 'q', "quiet", "print its output only"),
};

/* What the container itself was given: nobody else can have more. */
static bool container_has(const json_t *pod, const char *name, const char *field) {
        const json_t *one;
        size_t i;

        json_array_foreach(tree_get(pod, "spec", "containers", NULL), i, one) {
                if (str_eq(tree_text(one, "name", NULL), name))
                        return json_is_true(tree_get(one, field, NULL));
        }
        return false;
}

static int attach_to(struct session *s, const json_t *pod, const struct attach_args *a,
                     struct err *e) {
        struct remote_streams streams = { .in = -1, .out = STDOUT_FILENO, .err = STDERR_FILENO };
        AUTO_FREE char *path = NULL;
        const char *name = NULL;
        int r = pods_container(pod, a->container, &name, e);

        if (r < 0)
                return r;
        if (a->has_tty && !container_has(pod, name, "tty"))
                return err_set(e, -ENOTTY,
                               "container %s has no terminal: leave -t out, or set tty: true in "
                               "its manifest",
                               name);
        if (a->has_stdin && container_has(pod, name, "stdin"))
                streams.in = STDIN_FILENO;
        else if (a->has_stdin && !a->is_quiet)
                (void) fprintf(stderr, "Container %s has no standard input: going on without -i.\n",
                               name);
        streams.has_tty = a->has_tty && streams.in >= 0 && isatty(STDIN_FILENO);
        if (streams.in >= 0 && !a->is_quiet && streams.has_tty)
                (void) fprintf(stderr, "If you don't see a prompt, press Enter.\n");
        path = remote_path(s, pod, name, "attach", &streams);
        return path ? remote_run(s, path, &streams, e) : err_errno(e, -ENOMEM, "cannot attach");
}

static int attach_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        const struct attach_args *a = raw;
        json_t *pods = NULL;
        struct target t;
        int r;

        if (words->n == 0)
                return session_usage(s, e, "name a pod: orch attach POD");
        r = target_parse_one(s, words->items, words->n, &pod_kind, &t, e);
        if (r == 0)
                r = pods_of(s, &t, &pods, e);
        if (r == 0)
                r = attach_to(s, json_array_get(pods, 0), a, e);
        json_decref(pods);
        return r;
}

const struct command attach_command = {
        .name = "attach",
        .usage = "attach [-i] [-t] POD|TYPE/NAME [-c CONTAINER]",
        .summary = "Join a running container's input and output",
        .details = "Shows what the container prints from now on; with -i, what you type reaches "
                   "it.\n\n  orch attach -it shell\n",
        .options = attach_options,
        .n_options = ARRAY_SIZE(attach_options),
        .args_size = sizeof(struct attach_args),
        .run = attach_run,
};
