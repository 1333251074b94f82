#include "api/kinds/measures.h"
#include "api/kinds/object.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/session.h"
#include "cli/table.h"

#include <errno.h>
#include <stdio.h>

struct top_args {
        const char *selector;
        bool is_all_namespaces, has_containers, has_no_headers;
};

static const struct option node_options[] = {
        OPTION_OF_TEXT(struct top_args, selector, 'l', "selector", "LABELS",
                       "nodes with these labels"),
        OPTION_OF_FLAG(struct top_args, has_no_headers, 0, "no-headers", "without the first line"),
};

static const struct option pod_options[] = {
        OPTION_OF_FLAG(struct top_args, is_all_namespaces, 'A', "all-namespaces",
                       "of all namespaces"),
        OPTION_OF_FLAG(struct top_args, has_containers, 0, "containers", "each container"),
        OPTION_OF_TEXT(struct top_args, selector, 'l', "selector", "LABELS",
                       "pods with these labels"),
        OPTION_OF_FLAG(struct top_args, has_no_headers, 0, "no-headers", "without the first line"),
};

struct amounts {
        int64_t cpu_milli, memory_bytes;
};

static struct amounts amounts_of(const json_t *map) {
        struct quantity cpu = { 0 }, memory = { 0 };

        (void) quantity_parse(tree_text(map, "cpu", NULL), &cpu);
        (void) quantity_parse(tree_text(map, "memory", NULL), &memory);
        return (struct amounts){ cpu.milli, quantity_value(memory) };
}

static void amounts_add(struct table *t, struct amounts a) {
        table_addf(t, "%lldm", (long long) a.cpu_milli);
        table_addf(t, "%lldMi", (long long) (a.memory_bytes >> 20));
}

static void share_add(struct table *t, int64_t part, int64_t whole) {
        if (whole > 0)
                table_addf(t, "%lld%%", (long long) (part * 100 / whole));
        else
                table_add(t, "<unknown>");
}

static void head_add(struct table *t, const char *const *words, size_t n, bool is_shown) {
        table_init(t, n);
        for (size_t i = 0; i < n && is_shown; i++)
                table_add(t, words[i]);
}

static int table_finish(struct session *s, struct table *t, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf out = { 0 };

        if (table_print(t, 0, s->has_colour, &out) < 0)
                return err_errno(e, -ENOMEM, "cannot print");
        (void) fputs(str_or_empty(out.s), stdout);
        return EXIT_OK;
}

/* The list, or a list of the one that is named. */
static int measures_fetch(struct session *s, const struct kind *k, const struct top_args *a,
                          const struct words *words, json_t **ret_list, struct err *e) {
        const struct fetch f = {
                .kind = k,
                .label_selector = a->selector,
                .is_all_namespaces = a->is_all_namespaces,
        };
        json_t *one = NULL;
        int r;

        if (words->n > 1)
                return session_usage(s, e, "name one, or none for all");
        if (words->n == 0)
                return fetch_list(s, &f, ret_list, e);
        r = fetch_object(s, k, NULL, words->items[0], &one, e);
        if (r < 0)
                return r;
        *ret_list = json_pack("{s:[o]}", "items", one);
        return *ret_list ? 0 : err_errno(e, -ENOMEM, "cannot list");
}

static int nodes_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        static const char *const HEAD[] = { "NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)",
                                            "MEMORY(%)" };
        AUTO_DONE(table) struct table t = { 0 };
        const struct top_args *a = raw;
        json_t *list = NULL, *one;
        size_t i;
        int r = measures_fetch(s, &node_metrics_kind, a, words, &list, e);

        head_add(&t, HEAD, ARRAY_SIZE(HEAD), !a->has_no_headers);
        json_array_foreach(json_object_get(list, "items"), i, one) {
                const struct amounts used = amounts_of(json_object_get(one, "usage"));
                struct amounts have = { 0 };
                json_t *node = NULL;

                r = fetch_object(s, kind_by_word("node"), NULL,
                                 tree_text(one, "metadata", "name", NULL), &node, e);
                if (r < 0)
                        break;
                have = amounts_of(tree_get(node, "status", "allocatable", NULL));
                table_add(&t, tree_text(one, "metadata", "name", NULL));
                table_addf(&t, "%lldm", (long long) used.cpu_milli);
                share_add(&t, used.cpu_milli, have.cpu_milli);
                table_addf(&t, "%lldMi", (long long) (used.memory_bytes >> 20));
                share_add(&t, used.memory_bytes, have.memory_bytes);
                json_decref(node);
        }
        json_decref(list);
        return r < 0 ? r : table_finish(s, &t, e);
}

static void pod_add(struct table *t, const json_t *pod, const struct top_args *a) {
        const char *name = tree_text(pod, "metadata", "name", NULL);
        struct amounts sum = { 0 };
        const json_t *c;
        size_t i;

        json_array_foreach(json_object_get(pod, "containers"), i, c) {
                const struct amounts used = amounts_of(json_object_get(c, "usage"));

                sum.cpu_milli += used.cpu_milli;
                sum.memory_bytes += used.memory_bytes;
                if (!a->has_containers)
                        continue;
                if (a->is_all_namespaces)
                        table_add(t, tree_text(pod, "metadata", "namespace", NULL));
                table_add(t, name);
                table_add(t, tree_text(c, "name", NULL));
                amounts_add(t, used);
        }
        if (a->has_containers)
                return;
        if (a->is_all_namespaces)
                table_add(t, tree_text(pod, "metadata", "namespace", NULL));
        table_add(t, name);
        amounts_add(t, sum);
}

static int pods_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct top_args *a = raw;
        AUTO_DONE(table) struct table t = { 0 };
        const char *head[5];
        json_t *list = NULL, *one;
        size_t n = 0, i;
        int r = measures_fetch(s, &pod_metrics_kind, a, words, &list, e);

        if (a->is_all_namespaces)
                head[n++] = "NAMESPACE";
        head[n++] = a->has_containers ? "POD" : "NAME";
        if (a->has_containers)
                head[n++] = "NAME";
        head[n++] = "CPU(cores)";
        head[n++] = "MEMORY(bytes)";
        head_add(&t, head, n, !a->has_no_headers);
        json_array_foreach(json_object_get(list, "items"), i, one)
                pod_add(&t, one, a);
        json_decref(list);
        return r < 0 ? r : table_finish(s, &t, e);
}

static const struct command nodes_command = {
        .name = "nodes",
        .usage = "top nodes [-l LABELS] [NAME]",
        .summary = "What nodes use",
        .options = node_options,
        .n_options = ARRAY_SIZE(node_options),
        .args_size = sizeof(struct top_args),
        .run = nodes_run,
};

static const struct command pods_command = {
        .name = "pods",
        .usage = "top pods [-A] [-l LABELS] [--containers] [NAME]",
        .summary = "What pods use",
        .options = pod_options,
        .n_options = ARRAY_SIZE(pod_options),
        .args_size = sizeof(struct top_args),
        .run = pods_run,
};

static const struct command *const top_commands[] = { &nodes_command, &pods_command, NULL };

const struct command top_command = {
        .name = "top",
        .usage = "top nodes|pods ...",
        .summary = "Show what nodes and pods use",
        .details = "The first question takes some seconds: nodes measure only while somebody "
                   "asks.\n\n  orch top nodes\n  orch top pods -A --containers\n",
        .subcommands = top_commands,
};
