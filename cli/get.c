#include "api/kinds/object.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/jsonpath.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/target.h"

#include <errno.h>
#include <stdio.h>

struct get_args {
        const char *output, *selector, *field_selector, *sort_by;
        bool is_all_namespaces, is_watch, is_watch_only, has_no_headers, shows_labels,
                ignores_not_found, shows_managers;
};

static const struct option get_options[] = {
        OPTION_OF_TEXT(struct get_args, output, 'o', "output", "FORMAT",
                       "wide, json, yaml, name or jsonpath=TEMPLATE"),
        OPTION_OF_TEXT(struct get_args, selector, 'l', "selector", "LABELS",
                       "only objects with these labels: app=web,tier!=db"),
        OPTION_OF_TEXT(struct get_args, field_selector, 0, "field-selector", "FIELDS",
                       "only objects with these fields: status.phase=Running"),
        OPTION_OF_FLAG(struct get_args, is_all_namespaces, 'A', "all-namespaces",
                       "of all namespaces"),
        OPTION_OF_FLAG(struct get_args, is_watch, 'w', "watch", "then show changes as they happen"),
        OPTION_OF_FLAG(struct get_args, is_watch_only, 0, "watch-only", "show changes only"),
        OPTION_OF_FLAG(struct get_args, has_no_headers, 0, "no-headers", "leave out the headings"),
        OPTION_OF_FLAG(struct get_args, shows_labels, 0, "show-labels", "add a column of labels"),
        OPTION_OF_FLAG(struct get_args, shows_managers, 0, "show-managed-fields",
                       "keep metadata.managedFields in JSON and YAML"),
        OPTION_OF_FLAG(struct get_args, ignores_not_found, 0, "ignore-not-found",
                       "succeed where the object is not there"),
        OPTION_OF_TEXT(struct get_args, sort_by, 0, "sort-by", "PATH",
                       "sort by a field: .metadata.creationTimestamp"),
};

struct getting {
        struct session *session;
        const struct get_args *args;
        struct output output;
        struct table table;
        const struct kind *kind; /* of the table */
        bool has_prefix;         /* names are "TYPE/NAME" */
        bool has_headers;        /* printed already */
};

/* ---- tables ---- */

static bool column_is_shown(const struct getting *g, const struct table_column *c) {
        return c->priority == 0 || g->output.format == OUTPUT_WIDE;
}

static bool has_namespace_column(const struct getting *g) {
        return g->args->is_all_namespaces && g->kind->is_namespaced;
}

static void table_begin(struct getting *g, const struct kind *k) {
        size_t n = 0;

        g->kind = k;
        g->has_headers = false;
        for (size_t i = 0; i < k->n_columns; i++)
                n += column_is_shown(g, &k->columns[i]);
        table_init(&g->table, n + has_namespace_column(g) + g->args->shows_labels);
}

static void add_headers(struct getting *g) {
        if (g->has_headers || g->args->has_no_headers)
                return;
        g->has_headers = true;
        if (has_namespace_column(g))
                table_add(&g->table, "NAMESPACE");
        for (size_t i = 0; i < g->kind->n_columns; i++) {
                AUTO_FREE char *name = strdup(g->kind->columns[i].name);

                for (char *c = name; c && *c; c++)
                        if (*c >= 'a' && *c <= 'z')
                                *c = (char) (*c - 'a' + 'A');
                if (column_is_shown(g, &g->kind->columns[i]))
                        table_add(&g->table, str_or_empty(name));
        }
        if (g->args->shows_labels)
                table_add(&g->table, "LABELS");
}

static void add_cell(struct getting *g, size_t column, const json_t *cell) {
        AUTO_FREE char *text = NULL;

        if (column == 0 && g->has_prefix) {
                AUTO_FREE char *kind_name = target_kind_name(g->kind);

                table_addf(&g->table, "%s/%s", str_or_empty(kind_name),
                           str_or_empty(json_string_value(cell)));
                return;
        }
        if (json_is_string(cell)) {
                table_add(&g->table, json_string_value(cell));
                return;
        }
        text = cell && !json_is_null(cell) ? json_dumps(cell, JSON_ENCODE_ANY) : NULL;
        table_add(&g->table, text);
}

static void add_labels(struct getting *g, const json_t *tree) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) tree_get(tree, "metadata", "labels", NULL), key, value)
                strbuf_addf(&b, "%s%s=%s", b.len ? "," : "", key,
                            str_or_empty(json_string_value(value)));
        table_add(&g->table, b.s);
}

static int add_row(struct getting *g, const json_t *tree, struct err *e) {
        AUTO(object) struct object *o = NULL;
        json_t *cells = json_array();
        int r = cells ? object_new_from_json(g->kind, tree, g->kind->custom, &o, e) : -ENOMEM;

        if (r == 0)
                r = kind_add_cells(g->kind, o, clock_wall_usec(), cells);
        if (r == 0 && has_namespace_column(g))
                table_add(&g->table, o->meta->namespace);
        for (size_t i = 0; i < g->kind->n_columns && r == 0; i++)
                if (column_is_shown(g, &g->kind->columns[i]))
                        add_cell(g, i, json_array_get(cells, i));
        if (r == 0 && g->args->shows_labels)
                add_labels(g, tree);
        json_decref(cells);
        return r;
}

static int table_flush(struct getting *g, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (table_print(&g->table, 0, g->session->has_colour, &b) < 0)
                return err_errno(e, -ENOMEM, "cannot print the table");
        (void) fputs(str_or_empty(b.s), stdout);
        (void) fflush(stdout);
        return 0;
}

/* ---- sorting ---- */

static void take_first(void *data, const json_t *value) {
        const json_t **first = data;

        if (!*first)
                *first = value;
}

struct sort_item {
        json_t *tree;
        const json_t *by;
};

static int compare_items(const void *a, const void *b) {
        const json_t *x = ((const struct sort_item *) a)->by,
                     *y = ((const struct sort_item *) b)->by;

        if (json_is_number(x) && json_is_number(y))
                return (json_number_value(x) > json_number_value(y)) -
                       (json_number_value(x) < json_number_value(y));
        return strcmp(str_or_empty(json_string_value(x)), str_or_empty(json_string_value(y)));
}

static int sort_list(json_t *list, const char *path, struct err *e) {
        json_t *items = json_object_get(list, "items"), *item, *sorted = json_array();
        size_t n = json_array_size(items), i;
        AUTO_FREE struct sort_item *order = calloc(n + 1, sizeof(*order));
        int r = sorted && order ? 0 : err_errno(e, -ENOMEM, "cannot sort");

        if (r == 0) {
                json_array_foreach(items, i, item) {
                        order[i].tree = item;
                        r = r < 0 ? r : jsonpath_each(path, item, take_first, &order[i].by, e);
                }
        }
        if (r == 0) {
                qsort(order, n, sizeof(*order), compare_items);
                for (i = 0; i < n && r == 0; i++)
                        r = json_array_append(sorted, order[i].tree);
        }
        if (r == 0)
                r = json_object_set(list, "items", sorted);
        json_decref(sorted);
        return r;
}

/* ---- getting ---- */

static struct fetch fetch_of(const struct getting *g, const struct kind *k) {
        return (struct fetch){
                .kind = k,
                .label_selector = g->args->selector,
                .field_selector = g->args->field_selector,
                .is_all_namespaces = g->args->is_all_namespaces,
        };
}

/* One target as a list of objects. found_none: nothing there, and that is no failure. */
static int get_list(struct getting *g, const struct target *t, json_t **ret_list, struct err *e) {
        struct fetch f = fetch_of(g, t->kind);
        json_t *object = NULL, *list;
        int r;

        if (!t->name) {
                r = fetch_list(g->session, &f, ret_list, e);
                if (r == 0 && g->args->sort_by)
                        r = sort_list(*ret_list, g->args->sort_by, e);
                return r;
        }
        r = fetch_object(g->session, t->kind, NULL, t->name, &object, e);
        if (r < 0 && !(r == -ENOENT && g->args->ignores_not_found &&
                       g->session->reason == CLIENT_REASON_NOT_FOUND))
                return r;
        list = json_pack("{s:[]}", "items");
        if (!list ||
            (object && json_array_append_new(json_object_get(list, "items"), object) < 0)) {
                json_decref(list);
                return err_errno(e, -ENOMEM, "cannot read the object");
        }
        *ret_list = list;
        return 0;
}

static int print_rows(struct getting *g, const json_t *list, struct err *e) {
        const json_t *items = json_object_get(list, "items"), *item;
        size_t i;
        int r = 0;

        if (json_array_size(items) > 0)
                add_headers(g);
        json_array_foreach(items, i, item) {
                r = r < 0 ? r : add_row(g, item, e);
        }
        return r < 0 ? r : table_flush(g, e);
}

static void say_nothing_found(const struct getting *g, bool is_namespaced) {
        if (g->args->ignores_not_found)
                return;
        if (g->args->is_all_namespaces || !is_namespaced)
                (void) fprintf(stderr, "No resources found\n");
        else
                (void) fprintf(stderr, "No resources found in %s namespace.\n",
                               g->session->namespace_);
}

/* Names of one kind share a table; an error of one is told after the others. */
static int get_tables(struct getting *g, const struct targets *targets, struct err *e) {
        size_t n_found = 0;
        bool is_namespaced = false;
        int r = 0, failed = 0;

        for (size_t i = 0; i < targets->n && r == 0; i++) {
                const struct target *t = &targets->items[i];
                json_t *list = NULL;

                is_namespaced = is_namespaced || t->kind->is_namespaced;
                r = get_list(g, t, &list, e);
                if (r < 0 && g->session->reason == CLIENT_REASON_NOT_FOUND) {
                        (void) fprintf(stderr, "%s\n", e->text);
                        failed = 1;
                        r = 0;
                        continue;
                }
                if (r == 0 && (g->kind != t->kind)) {
                        if (n_found > 0 && json_array_size(json_object_get(list, "items")) > 0)
                                (void) putchar('\n');
                        table_done(&g->table);
                        table_begin(g, t->kind);
                }
                if (r == 0)
                        r = print_rows(g, list, e);
                n_found += json_array_size(json_object_get(list, "items"));
                json_decref(list);
        }
        if (r == 0 && n_found == 0 && !failed && !g->args->is_watch)
                say_nothing_found(g, is_namespaced);
        return r < 0 ? r : failed;
}

/* Everything as one object or one List. */
static int get_trees(struct getting *g, const struct targets *targets, struct err *e) {
        json_t *all = json_pack("{s:s,s:[],s:s,s:{s:s}}", "apiVersion", "v1", "items", "kind",
                                "List", "metadata", "resourceVersion", "");
        json_t *items = json_object_get(all, "items");
        bool is_single = targets->n == 1 && targets->items[0].name;
        int r = all ? 0 : err_errno(e, -ENOMEM, "cannot read the objects");

        for (size_t i = 0; i < targets->n && r == 0; i++) {
                json_t *list = NULL;

                r = get_list(g, &targets->items[i], &list, e);
                if (r == 0)
                        r = json_array_extend(items, json_object_get(list, "items"));
                json_decref(list);
        }
        if (r == 0 && !(is_single && json_array_size(items) == 0))
                r = output_print(&g->output, is_single ? json_array_get(items, 0) : all, e);
        json_decref(all);
        return r;
}

/* ---- watching ---- */

struct watching {
        struct getting *getting;
        struct err err;
        int result;
};

static enum stream_verdict on_event(void *data, const char *line, size_t len) {
        struct watching *w = data;
        struct getting *g = w->getting;
        json_t *event = json_loadb(line, len, 0, NULL);
        json_t *tree = json_object_get(event, "object");
        const char *type = tree_text(event, "type", NULL);

        if (str_eq(type, "ERROR")) {
                w->result = err_set(&w->err, -EREMOTEIO, "the watch ended: %s",
                                    tree_text(tree, "message", NULL));
        } else if (tree && !str_eq(type, "BOOKMARK")) {
                if (output_stamp(tree, g->kind) < 0)
                        w->result = err_errno(&w->err, -ENOMEM, "cannot watch");
                else if (g->output.format == OUTPUT_TABLE || g->output.format == OUTPUT_WIDE) {
                        add_headers(g);
                        w->result = add_row(g, tree, &w->err);
                        if (w->result == 0)
                                w->result = table_flush(g, &w->err);
                } else {
                        w->result = output_print(&g->output, tree, &w->err);
                        (void) fflush(stdout);
                }
        }
        json_decref(event);
        return w->result < 0 ? STREAM_STOP : STREAM_GO_ON;
}

static int watch(struct getting *g, const struct target *t, struct err *e) {
        static const struct stream_handlers handlers = { .on_line = on_event };
        struct watching w = { .getting = g };
        struct fetch f = fetch_of(g, t->kind);
        AUTO_FREE char *by_name = t->name ? str_format("metadata.name=%s", t->name) : NULL;
        AUTO_FREE char *path = NULL;
        json_t *list = NULL;
        int r;

        if (by_name)
                f.field_selector = by_name;
        table_begin(g, t->kind);
        r = fetch_list(g->session, &f, &list, e);
        if (r == 0 && !g->args->is_watch_only) {
                if (g->output.format == OUTPUT_TABLE || g->output.format == OUTPUT_WIDE)
                        r = print_rows(g, list, e);
                else
                        r = output_print(&g->output, list, e);
        }
        (void) fflush(stdout); /* a pipe's reader sees it now, not with the next event */
        path = fetch_path(g->session, &f);
        (void) client_path_query(&path, "watch", "1");
        (void) client_path_query(&path, "resourceVersion",
                                 tree_text(list, "metadata", "resourceVersion", NULL));
        json_decref(list);
        if (r == 0 && !path)
                r = err_errno(e, -ENOMEM, "cannot watch");
        if (r == 0)
                r = session_stream(g->session, path, &handlers, &w, USEC_NEVER, e);
        if (w.result < 0)
                return err_set(e, w.result, "%s", w.err.text);
        return r < 0 ? r : EXIT_OK;
}

static bool has_several_kinds(const struct targets *t) {
        for (size_t i = 1; i < t->n; i++)
                if (t->items[i].kind != t->items[0].kind)
                        return true;
        return false;
}

static int get_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct get_args *args = raw;
        AUTO_DONE(targets) struct targets targets = { 0 };
        struct getting g = { .session = s, .args = args };
        int r;

        r = output_parse(s, args->output, &g.output, e);
        g.output.shows_managers = args->shows_managers;
        if (r == 0)
                r = target_parse(s, words->items, words->n, &targets, e);
        if (r < 0)
                return r;
        if (targets.items[0].name && (args->selector || args->is_all_namespaces))
                return session_usage(
                        s, e, "a name can't be combined with --selector or --all-namespaces");
        g.has_prefix = has_several_kinds(&targets);
        if (args->is_watch || args->is_watch_only) {
                if (targets.n != 1)
                        return session_usage(s, e, "--watch takes one resource type or one object");
                r = watch(&g, &targets.items[0], e);
        } else if (g.output.format == OUTPUT_TABLE || g.output.format == OUTPUT_WIDE) {
                r = get_tables(&g, &targets, e);
        } else {
                r = get_trees(&g, &targets, e);
        }
        table_done(&g.table);
        return r;
}

const struct command get_command = {
        .name = "get",
        .usage = "get TYPE[,TYPE...] [NAME...] | TYPE/NAME...",
        .summary = "Show objects",
        .details = "Types may be written short: po, deploy, rs, svc, no, ns, ev, cm; \"all\" is "
                   "the workloads\n"
                   "and services.\n\n"
                   "  orch get pods -o wide\n"
                   "  orch get deploy,svc -l app=web\n"
                   "  orch get pod web-1 -o yaml\n"
                   "  orch get pods -w\n",
        .options = get_options,
        .n_options = ARRAY_SIZE(get_options),
        .args_size = sizeof(struct get_args),
        .run = get_run,
};
