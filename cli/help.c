#include "cli/help.h"

#include "cli/session.h"

#include <errno.h>

const struct option help_global_options[] = {
        OPTION_OF_TEXT(struct global_args, namespace_, 'n', "namespace", "NAME",
                       "namespace to work in (default)"),
        OPTION_OF_TEXT(struct global_args, socket, 0, "socket", "PATH",
                       "the server's unix socket (/run/orch/orch.sock)"),
        OPTION_OF_TEXT(struct global_args, server, 0, "server", "URL",
                       "a server elsewhere: https://NAME:6443"),
        OPTION_OF_TEXT(struct global_args, kubeconfig, 0, "kubeconfig", "FILE",
                       "kubectl's configuration ($KUBECONFIG)"),
        OPTION_OF_TEXT(struct global_args, context, 0, "context", "NAME",
                       "context of the kubeconfig (its current one)"),
        OPTION_OF_TEXT(struct global_args, token, 0, "token", "TOKEN", "bearer token"),
        OPTION_OF_TEXT(struct global_args, authority, 0, "certificate-authority", "FILE",
                       "who signs the server's certificate"),
        OPTION_OF_TEXT(struct global_args, client_certificate, 0, "client-certificate", "FILE",
                       "who you are, and"),
        OPTION_OF_TEXT(struct global_args, client_key, 0, "client-key", "FILE", "its key"),
        OPTION_OF_TEXT(struct global_args, tls_server_name, 0, "tls-server-name", "NAME",
                       "whom the server's certificate is of (its address)"),
        OPTION_OF_FLAG(struct global_args, is_insecure, 0, "insecure-skip-tls-verify",
                       "take any server for the right one"),
        OPTION_OF_DURATION(struct global_args, request_timeout, 0, "request-timeout", "TIME",
                           "how long one request may take; 0: no limit (30s)"),
        OPTION_OF_FLAG(struct global_args, is_verbose, 'v', "verbose", "show each request"),
        OPTION_OF_FLAG(struct global_args, wants_help, 'h', "help", "show help"),
};
const size_t help_n_global_options = ARRAY_SIZE(help_global_options);

static const char exit_codes_text[] =
        "Exit codes of orch:\n"
        "  0  success\n"
        "  1  the server refused the request, or it failed on the way\n"
        "  2  the command line is wrong; nothing was sent\n"
        "  3  a manifest is wrong or cannot be read; nothing was sent\n"
        "  4  the server cannot be reached\n"
        "  5  what was waited for did not come in time\n"
        "\n"
        "\"orch exec\" ends with the exit code of its command.\n";

const struct command *command_find(const struct command *const *commands, const char *name) {
        for (size_t i = 0; commands[i]; i++)
                if (str_eq(commands[i]->name, name))
                        return commands[i];
        return NULL;
}

const char *help_nearest(const struct command *const *commands, const char *name) {
        const char *names[64];
        size_t n = 0;

        while (commands[n] && n < ARRAY_SIZE(names)) {
                names[n] = commands[n]->name;
                n++;
        }
        return str_nearest(name, names, n);
}

void help_overview(FILE *out) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "orch runs Kubernetes manifests on small machines.\n\n"
                       "Usage: orch [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n");
        for (size_t i = 0; command_all[i]; i++)
                strbuf_addf(&b, "  %-14s %s\n", command_all[i]->name, command_all[i]->summary);
        strbuf_add(&b, "\nOptions of every command:\n");
        option_help(help_global_options, help_n_global_options, &b);
        strbuf_add(&b, "\n\"orch COMMAND --help\" says more; \"orch help exit-codes\" lists exit "
                       "codes.\n");
        (void) fputs(str_or_empty(b.s), out);
}

void help_command(const struct command *c, FILE *out) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_addf(&b, "%s\n\nUsage: orch %s\n", c->summary, c->usage);
        if (c->details)
                strbuf_addf(&b, "\n%s", c->details);
        if (c->subcommands) {
                strbuf_add(&b, "\nCommands:\n");
                for (size_t i = 0; c->subcommands[i]; i++)
                        strbuf_addf(&b, "  %-14s %s\n", c->subcommands[i]->name,
                                    c->subcommands[i]->summary);
        }
        if (c->n_options > 0) {
                strbuf_add(&b, "\nOptions:\n");
                option_help(c->options, c->n_options, &b);
        }
        strbuf_add(&b, "\nOptions of every command:\n");
        option_help(help_global_options, help_n_global_options, &b);
        (void) fputs(str_or_empty(b.s), out);
}

static int help_run(struct session *s, const void *args, const struct words *words, struct err *e) {
        const struct command *const *commands = command_all;
        const struct command *c = NULL;

        (void) args;
        if (words->n == 0) {
                help_overview(stdout);
                return EXIT_OK;
        }
        if (str_eq(words->items[0], "exit-codes")) {
                (void) fputs(exit_codes_text, stdout);
                return EXIT_OK;
        }
        for (size_t i = 0; i < words->n; i++) {
                c = commands ? command_find(commands, words->items[i]) : NULL;
                if (!c) {
                        const char *near =
                                commands ? help_nearest(commands, words->items[i]) : NULL;

                        return session_usage(s, e, "no help about \"%s\"%s%s%s", words->items[i],
                                             near ? "; did you mean \"" : "", str_or_empty(near),
                                             near ? "\"?" : "");
                }
                commands = c->subcommands;
        }
        help_command(c, stdout);
        return EXIT_OK;
}

const struct command help_command_help = {
        .name = "help",
        .usage = "help [COMMAND... | exit-codes]",
        .summary = "Show help about a command",
        .run = help_run,
};

/* ---- completion ---- */

static void completion_words(const struct command *c, struct strbuf *b) {
        for (size_t i = 0; c->subcommands && c->subcommands[i]; i++)
                strbuf_addf(b, "%s ", c->subcommands[i]->name);
        for (size_t i = 0; i < c->n_options; i++)
                strbuf_addf(b, "--%s ", c->options[i].name);
        for (size_t i = 0; i < help_n_global_options; i++)
                strbuf_addf(b, "--%s ", help_global_options[i].name);
}

static int completion_run(struct session *s, const void *args, const struct words *words,
                          struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        (void) args;
        if (words->n != 1 || !str_eq(words->items[0], "bash"))
                return session_usage(s, e, "say which shell: orch completion bash");
        strbuf_add(&b, "# bash completion for orch: source <(orch completion bash)\n"
                       "_orch() {\n"
                       "        local cur=${COMP_WORDS[COMP_CWORD]} list\n"
                       "        case ${COMP_WORDS[1]} in\n");
        for (size_t i = 0; command_all[i]; i++) {
                strbuf_addf(&b, "        %s) list='", command_all[i]->name);
                completion_words(command_all[i], &b);
                strbuf_add(&b, "';;\n");
        }
        strbuf_add(&b, "        esac\n        [ \"$COMP_CWORD\" = 1 ] && list='");
        for (size_t i = 0; command_all[i]; i++)
                strbuf_addf(&b, "%s ", command_all[i]->name);
        strbuf_add(&b, "'\n        COMPREPLY=($(compgen -W \"$list\" -- \"$cur\"))\n}\n"
                       "complete -o default -F _orch orch\n");
        if (b.has_failed)
                return err_errno(e, -ENOMEM, "cannot print the completion");
        (void) fputs(b.s, stdout);
        return EXIT_OK;
}

const struct command help_command_completion = {
        .name = "completion",
        .usage = "completion bash",
        .summary = "Print shell completion: source <(orch completion bash)",
        .run = completion_run,
};
