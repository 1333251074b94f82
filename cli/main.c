#include "api/client/http.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/help.h"
#include "cli/session.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

static int usage_fail(const struct err *e, const char *command) {
        (void) fprintf(stderr, "error: %s\nSee \"orch %s%s--help\".\n", err_text(e), command,
                       command[0] ? " " : "");
        return EXIT_USAGE;
}

/* A server that isn't there is the commonest trouble of all: the remedy belongs to the message. */
static void no_server_explain(const struct session *s) {
        if (s->is_url) {
                (void) fprintf(stderr, "Is orchd running there? Give another address with --server "
                                       "or ORCH_SERVER.\n");
                return;
        }
        (void) fprintf(stderr, "Start one with \"orchd\" as root (a complete one-node cluster), or "
                               "with \"systemctl start orchd\";\n"
                               "or name another socket with --socket or ORCH_SOCKET.\n");
}

static int fail(const struct session *s, const struct err *e, const char *command) {
        enum exit_code code = s->exit_code != EXIT_OK ? s->exit_code : EXIT_ERROR;

        (void) fflush(stdout);
        if (code == EXIT_USAGE)
                return usage_fail(e, command);
        if (e->text[0]) /* else it was told already */
                (void) fprintf(stderr, "%s%s\n",
                               str_starts_with(e->text, "Error from server") ? "" : "error: ",
                               err_text(e));
        if (code == EXIT_NO_SERVER)
                no_server_explain(s);
        return code;
}

/* Parses what is behind the command's name and runs it. prefix: "rollout " and the like, or "". */
static int command_run(struct session *s, const struct command *c, char *const *argv, int argc,
                       const char *prefix) {
        AUTO_FREE char *full = str_format("%s%s", prefix, c->name);
        AUTO_FREE void *args = calloc(1, c->args_size ? c->args_size : 1);
        AUTO_DONE(words) struct words words = { 0 };
        struct option_group groups[] = {
                { help_global_options, help_n_global_options, &s->global },
                { c->options, c->n_options, args },
        };
        struct err e = { 0 };
        int r;

        if (!args)
                return EXIT_ERROR;
        option_set_defaults(&groups[1]);
        r = option_parse(&(struct option_line){ .argv = argv, .argc = argc }, groups,
                         ARRAY_SIZE(groups), &words, &e);
        if (r < 0)
                return usage_fail(&e, full ? full : c->name);
        if (s->global.wants_help) {
                help_command(c, stdout);
                return EXIT_OK;
        }
        if (s->global.namespace_) {
                s->namespace_ = s->global.namespace_;
                s->has_namespace = true;
        }
        s->connection = connect_new(s);
        r = c->run(s, args, &words, &e);
        if (r < 0)
                return fail(s, &e, full ? full : c->name);
        return r;
}

static int command_unknown(const struct command *const *commands, const char *name,
                           const char *prefix) {
        const char *near = help_nearest(commands, name);

        (void) fprintf(stderr, "error: unknown command \"%s%s\"", prefix, name);
        if (near)
                (void) fprintf(stderr, "; did you mean \"%s\"?", near);
        (void) fprintf(stderr, "\nSee \"orch help\".\n");
        return EXIT_USAGE;
}

/* argv[0] is the command's name; nested for "rollout status". */
static int dispatch(struct session *s, const struct command *const *commands, char *const *argv,
                    int argc, const char *prefix) {
        const struct command *c = command_find(commands, argv[0]);

        if (!c)
                return command_unknown(commands, argv[0], prefix);
        if (!c->subcommands)
                return command_run(s, c, argv + 1, argc - 1, prefix);
        if (argc < 2 || argv[1][0] == '-') {
                help_command(c, argc < 2 ? stderr : stdout);
                return argc < 2 ? EXIT_USAGE : EXIT_OK;
        }
        return dispatch(s, c->subcommands, argv + 1, argc - 1,
                        str_eq(c->name, "rollout") ? "rollout " : "image ");
}

static int run(struct session *s, int argc, char *const *argv) {
        AUTO_DONE(words) struct words words = { 0 };
        struct option_group group = { help_global_options, help_n_global_options, &s->global };
        struct err e = { 0 };
        int r, first;

        r = option_parse(
                &(struct option_line){ .argv = argv + 1, .argc = argc - 1, .stops_at_word = true },
                &group, 1, &words, &e);
        if (r < 0)
                return usage_fail(&e, "");
        if (words.n == 0) {
                help_overview(s->global.wants_help ? stdout : stderr);
                return s->global.wants_help ? EXIT_OK : EXIT_USAGE;
        }
        for (first = 1; argv[first] != words.items[0];)
                first++;
        return dispatch(s, command_all, argv + first, argc - first, "");
}

int main(int argc, char **argv) {
        struct session s;
        int code;

        (void) setlocale(LC_CTYPE, "");
        (void) signal(SIGPIPE, SIG_DFL);
        session_init(&s);
        code = run(&s, argc, argv);
        session_done(&s);
        if (fflush(stdout) != 0 || ferror(stdout)) {
                (void) fprintf(stderr, "error: cannot write the output\n");
                code = code == EXIT_OK ? EXIT_ERROR : code;
        }
        return code;
}
