/* orch image ls: what images the nodes have. */
#include "cli/fetch.h"
#include "cli/image.h"
#include "cli/image_filter.h"
#include "cli/session.h"
#include "cli/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHORT_ID 12
#define LIST_COLUMNS_MAX 5

struct list_args {
        const char *node, *output;
        struct option_texts filters;
        bool is_quiet, is_long, has_digests;
};

static const struct option list_options[] = {
        OPTION_OF_TEXT(struct list_args, node, 0, "node", "NAME",
                       "on this node only; else on every node"),
        OPTION_OF_TEXTS(struct list_args, filters, 'f', "filter", "FILTER",
                        "reference=PATTERN, dangling=true, before=IMAGE, since=IMAGE or "
                        "label=KEY[=VALUE]; several: all of them"),
        OPTION_OF_TEXT(struct list_args, output, 'o', "output", "FORMAT", "json"),
        OPTION_OF_FLAG(struct list_args, is_long, 0, "no-trunc", "whole IDs"),
        OPTION_OF_FLAG(struct list_args, has_digests, 0, "digests", "digests of manifests, too"),
        OPTION_OF_FLAG(struct list_args, is_quiet, 'q', "quiet", "print IDs only"),
};

static void list_add(struct table *t, const json_t *answer, const struct list_args *a,
                     bool has_many) {
        const json_t *image;
        char size[IMAGE_SIZE_MAX];
        size_t i, n;

        json_array_foreach(json_object_get(answer, "images"), i, image) {
                const json_t *names = json_object_get(image, "names");
                const char *id = tree_text(image, "id", NULL);

                if (!a->is_long && str_starts_with(id, "sha256:"))
                        id += strlen("sha256:");
                (void) image_format_size(tree_number(image, "sizeBytes", NULL), size);
                for (n = 0; n < MAX(json_array_size(names), (size_t) 1); n++) {
                        table_add(t, json_string_value(json_array_get(names, n)));
                        if (a->has_digests)
                                table_add(t, json_string_value(json_object_get(image, "digest")));
                        table_addf(t, "%.*s", a->is_long ? INT16_MAX : SHORT_ID, id);
                        table_add(t, size);
                        if (has_many)
                                table_add(t, tree_text(answer, "node", NULL));
                }
        }
}

static int list_print_table(const struct list_args *a, const json_t *by_node, struct err *e) {
        const char *headers[LIST_COLUMNS_MAX] = { "NAME" };
        bool has_many = json_array_size(by_node) > 1;
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const json_t *answer;
        size_t n = 1, i;

        if (a->has_digests)
                headers[n++] = "DIGEST";
        headers[n++] = "ID";
        headers[n++] = "SIZE";
        if (has_many)
                headers[n++] = "NODE";
        table_init(&t, n);
        for (i = 0; i < n; i++)
                table_add(&t, headers[i]);
        json_array_foreach(by_node, i, answer)
                list_add(&t, answer, a, has_many);
        if (table_print(&t, 0, false, &b) < 0)
                return err_errno(e, -ENOMEM, "cannot print the table");
        (void) fputs(b.s, stdout);
        return 0;
}

static void list_print_ids(const json_t *by_node) {
        const json_t *answer, *image;
        size_t i, k;

        json_array_foreach(by_node, i, answer)
                json_array_foreach(json_object_get(answer, "images"), k, image)
                        (void) printf("%s\n", tree_text(image, "id", NULL));
}

static int list_print(const struct list_args *a, const json_t *by_node, struct err *e) {
        AUTO_FREE char *text = NULL;

        if (!str_eq(a->output, "json")) {
                if (!a->is_quiet)
                        return list_print_table(a, by_node, e);
                list_print_ids(by_node);
                return 0;
        }
        text = json_dumps(by_node, JSON_INDENT(4));
        if (!text)
                return err_set(e, -ENOMEM, "out of memory");
        (void) printf("%s\n", text);
        return 0;
}

static int list_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct list_args *a = raw;
        json_t *nodes = NULL, *node, *by_node = json_array();
        size_t i;
        int r = a->output && !str_eq(a->output, "json")
                        ? session_usage(s, e, "-o %s is unknown; json is known", a->output)
                        : image_nodes(s, a->node, &nodes, e);

        (void) words;
        json_array_foreach(nodes, i, node) {
                json_t *answer = NULL;

                if (r == 0)
                        r = session_get(s, image_path(json_string_value(node), NULL), &answer, e);
                if (r == 0)
                        r = image_filter_apply(&a->filters, json_object_get(answer, "images"), e);
                if (r == 0) {
                        (void) json_object_set(answer, "node", node);
                        (void) json_array_append(by_node, answer);
                }
                json_decref(answer);
        }
        if (r == 0)
                r = list_print(a, by_node, e);
        json_decref(by_node);
        json_decref(nodes);
        return r;
}

const struct command image_list_command = {
        .name = "ls",
        .usage = "image ls [--filter FILTER]... [-o json] [-q]",
        .summary = "List the images of the nodes",
        .options = list_options,
        .n_options = ARRAY_SIZE(list_options),
        .args_size = sizeof(struct list_args),
        .run = list_run,
};
