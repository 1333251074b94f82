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

struct exec_args {
        const char *container;
        bool has_stdin, has_tty, is_quiet;
};

static const struct option exec_options[] = {
        OPTION_OF_FLAG(struct exec_args, has_stdin, 'i', "stdin", "pass standard input on"),
        OPTION_OF_FLAG(struct exec_args, has_tty, 't', "tty", "run on a terminal"),
        OPTION_OF_TEXT(struct exec_args, container, 'c', "container", "NAME", "in this container"),
        OPTION_OF_FLAG(struct exec_args, is_quiet, 'q', "quiet", "print the command's output only"),
};

static int exec_in(struct session *s, const json_t *pod, const struct exec_args *a,
                   const char *const *command, size_t n, struct err *e) {
        const struct remote_streams streams = { .in = a->has_stdin ? STDIN_FILENO : -1,
                                                .out = STDOUT_FILENO,
                                                .err = STDERR_FILENO,
                                                .has_tty = a->has_tty };
        AUTO_FREE char *path = NULL;
        const char *container = NULL;
        int r = pods_container(pod, a->container, &container, e);

        if (r < 0)
                return r;
        path = remote_path(s, pod, container, "exec", &streams);
        for (size_t i = 0; i < n; i++)
                (void) client_path_query(&path, "command", command[i]);
        return path ? remote_run(s, path, &streams, e)
                    : err_errno(e, -ENOMEM, "cannot run the command");
}

static int exec_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        struct exec_args a = *(const struct exec_args *) raw;
        size_t n_target = words->has_dashes ? words->n_before_dashes : 1;
        json_t *pods = NULL;
        struct target t;
        int r;

        if (words->n <= n_target || n_target == 0)
                return session_usage(s, e, "name a pod and a command: orch exec POD -- COMMAND...");
        r = target_parse_one(s, words->items, n_target, &pod_kind, &t, e);
        if (r == 0)
                r = pods_of(s, &t, &pods, e);
        if (r == 0 && a.has_tty && !isatty(STDIN_FILENO)) {
                a.has_tty = false;
                if (!a.is_quiet)
                        (void) fprintf(stderr,
                                       "Standard input is no terminal: going on without -t.\n");
        }
        if (r == 0)
                r = exec_in(s, json_array_get(pods, 0), &a, words->items + n_target,
                            words->n - n_target, e);
        json_decref(pods);
        return r;
}

const struct command exec_command = {
        .name = "exec",
        .usage = "exec [-i] [-t] POD|TYPE/NAME [-c CONTAINER] -- COMMAND...",
        .summary = "Run a command in a container",
        .details = "Ends with the command's exit code.\n\n  orch exec -it web-1 -- sh\n",
        .options = exec_options,
        .n_options = ARRAY_SIZE(exec_options),
        .args_size = sizeof(struct exec_args),
        .run = exec_run,
};
