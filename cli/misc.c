#include "api/kinds/object.h"
#include "cli/commands.h"
#include "cli/discover.h"
#include "cli/fetch.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/target.h"

#include <errno.h>
#include <stdio.h>

/* Small commands: version, explain, api-resources. */

struct version_args {
        bool is_client_only;
        const char *output;
};

static const struct option version_options[] = {
        OPTION_OF_FLAG(struct version_args, is_client_only, 0, "client", "don't ask the server"),
        OPTION_OF_TEXT(struct version_args, output, 'o', "output", "FORMAT", "json"),
};

static int version_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        const struct version_args *a = raw;
        json_t *server = NULL, *all;
        int r = 0;

        (void) words;
        if (a->output && !str_eq(a->output, "json"))
                return session_usage(s, e, "-o takes json, not \"%s\"", a->output);
        if (!a->output)
                (void) printf("Client Version: %s\n", ORCH_VERSION);
        if (!a->is_client_only)
                r = session_get(s, strdup("/version"), &server, e);
        if (!a->output && server)
                (void) printf("Server Version: %s\n", tree_text(server, "gitVersion", NULL));
        if (a->output) {
                all = json_pack("{s:{s:s}}", "clientVersion", "gitVersion", "v" ORCH_VERSION);
                if (server)
                        (void) json_object_set(all, "serverVersion", server);
                (void) json_dumpf(all, stdout, JSON_INDENT(2));
                (void) putchar('\n');
                json_decref(all);
        }
        json_decref(server);
        return r;
}

const struct command version_command = {
        .name = "version",
        .usage = "version [--client]",
        .summary = "Show the versions of orch and of the server",
        .options = version_options,
        .n_options = ARRAY_SIZE(version_options),
        .args_size = sizeof(struct version_args),
        .run = version_run,
};

/* ---- explain ---- */

struct explain_args {
        bool is_recursive;
        const char *api_version;
};

static const struct option explain_options[] = {
        OPTION_OF_FLAG(struct explain_args, is_recursive, 0, "recursive",
                       "show the fields below too"),
        OPTION_OF_TEXT(struct explain_args, api_version, 0, "api-version", "GROUP/VERSION",
                       "of this version only"),
};

static int explain_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        const struct explain_args *a = raw;
        const struct kind *k = NULL;
        AUTO_FREE char *word = NULL;
        AUTO_FREE char *text = NULL;
        const char *path;
        int r;

        if (words->n != 1)
                return session_usage(s, e,
                                     "say what to explain: KIND or KIND.field.path, such as "
                                     "pod.spec.containers");
        word = strndup(words->items[0], strcspn(words->items[0], "."));
        if (!word)
                return err_errno(e, -ENOMEM, "cannot explain");
        path = words->items[0] + strlen(word);
        path += *path == '.';
        r = target_kind(s, word, &k, e);
        if (r < 0)
                return r;
        if (a->api_version && !str_eq(a->api_version, k->api_version))
                return err_set(e, -ENOENT, "%s is in %s, not in %s", k->name, k->api_version,
                               a->api_version);
        r = schema_explain(k, path, a->is_recursive, &text, e);
        if (r < 0) {
                s->exit_code = r == -ENOENT ? EXIT_USAGE : EXIT_ERROR;
                return r;
        }
        (void) fputs(text, stdout);
        return EXIT_OK;
}

const struct command explain_command = {
        .name = "explain",
        .usage = "explain KIND[.field...]",
        .summary = "Show what the fields of a kind mean",
        .details = "Needs no server.\n\n  orch explain deployment.spec.strategy\n  orch explain "
                   "pod --recursive\n",
        .options = explain_options,
        .n_options = ARRAY_SIZE(explain_options),
        .args_size = sizeof(struct explain_args),
        .run = explain_run,
};

/* ---- api-resources ---- */

static int add_resource(void *data, const struct kind *k) {
        AUTO_DONE(strbuf) struct strbuf names = { 0 };
        struct table *t = data;

        for (size_t n = 0; k->short_names && k->short_names[n]; n++)
                strbuf_addf(&names, "%s%s", n ? "," : "", k->short_names[n]);
        table_add(t, k->plural);
        table_add(t, str_or_empty(names.s));
        table_add(t, k->api_version);
        table_add(t, k->is_namespaced ? "true" : "false");
        table_add(t, k->name);
        return 0;
}

static int api_resources_run(struct session *s, const void *raw, const struct words *words,
                             struct err *e) {
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        static const char *const headers[] = { "NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED",
                                               "KIND" };

        (void) raw;
        (void) words;
        table_init(&t, ARRAY_SIZE(headers));
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
                table_add(&t, headers[i]);
        for (size_t i = 0; kind_all()[i]; i++)
                (void) add_resource(&t, kind_all()[i]);
        (void) discover_each(s, NULL, add_resource, &t);
        if (table_print(&t, 0, false, &b) < 0)
                return err_errno(e, -ENOMEM, "cannot print the table");
        (void) fputs(b.s, stdout);
        return EXIT_OK;
}

const struct command api_resources_command = {
        .name = "api-resources",
        .usage = "api-resources",
        .summary = "List the types of objects",
        .run = api_resources_run,
};
