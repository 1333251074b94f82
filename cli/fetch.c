#include "cli/fetch.h"

#include "api/kinds/object.h"
#include "base/str.h"
#include "cli/output.h"
#include "cli/session.h"

#include <errno.h>
#include <stdarg.h>

#define PAGE "500"

char *fetch_path(const struct session *s, const struct fetch *f) {
        char *path;

        if (f->is_all_namespaces)
                path = client_path(&(struct client_target){ .group = f->kind->group,
                                                            .version = f->kind->version,
                                                            .resource = f->kind->plural });
        else
                path = session_path(s, f->kind, f->namespace_, NULL, NULL);
        (void) client_path_query(&path, "labelSelector", f->label_selector);
        (void) client_path_query(&path, "fieldSelector", f->field_selector);
        return path;
}

/* Appends a page's items to list. */
static int page_append(const struct kind *k, json_t *list, const json_t *page, struct err *e) {
        json_t *items = json_object_get(list, "items");
        json_t *item;
        size_t i;

        json_array_foreach(json_object_get(page, "items"), i, item) {
                if (output_stamp(item, k) < 0 || json_array_append(items, item) < 0)
                        return err_errno(e, -ENOMEM, "cannot read the list");
        }
        return 0;
}

int fetch_list(struct session *s, const struct fetch *f, json_t **ret_list, struct err *e) {
        json_t *list =
                json_pack("{s:s,s:[],s:s,s:{s:s}}", "apiVersion", f->kind->api_version, "items",
                          "kind", f->kind->list_name, "metadata", "resourceVersion", "");
        AUTO_FREE char *more = NULL;
        int r = list ? 0 : err_errno(e, -ENOMEM, "cannot read the list");

        do {
                json_t *page = NULL;
                char *path = fetch_path(s, f);

                (void) client_path_query(&path, "limit", PAGE);
                (void) client_path_query(&path, "continue", more);
                if (r == 0)
                        r = session_get(s, STEAL(path), &page, e);
                free(path);
                if (r == 0)
                        r = page_append(f->kind, list, page, e);
                if (r == 0 && !more)
                        (void) json_object_set(json_object_get(list, "metadata"), "resourceVersion",
                                               json_object_get(json_object_get(page, "metadata"),
                                                               "resourceVersion"));
                free(more);
                more = str_is_empty(tree_text(page, "metadata", "continue", NULL))
                               ? NULL
                               : strdup(tree_text(page, "metadata", "continue", NULL));
                json_decref(page);
        } while (r == 0 && more);
        if (r < 0) {
                json_decref(list);
                return r;
        }
        *ret_list = list;
        return 0;
}

int fetch_object(struct session *s, const struct kind *k, const char *namespace_, const char *name,
                 json_t **ret_object, struct err *e) {
        json_t *tree = NULL;
        int r = session_get(s, session_path(s, k, namespace_, name, NULL), &tree, e);

        if (r < 0)
                return r;
        if (output_stamp(tree, k) < 0) {
                json_decref(tree);
                return err_errno(e, -ENOMEM, "cannot read the object");
        }
        *ret_object = tree;
        return 0;
}

static const json_t *tree_vget(const json_t *tree, va_list ap) {
        const char *key;

        while ((key = va_arg(ap, const char *)))
                tree = json_object_get(tree, key);
        return tree;
}

const json_t *tree_get(const json_t *tree, ...) {
        va_list ap;

        va_start(ap, tree);
        tree = tree_vget(tree, ap);
        va_end(ap);
        return tree;
}

const char *tree_text(const json_t *tree, ...) {
        va_list ap;

        va_start(ap, tree);
        tree = tree_vget(tree, ap);
        va_end(ap);
        return str_or_empty(json_string_value(tree));
}

json_int_t tree_number(const json_t *tree, ...) {
        va_list ap;

        va_start(ap, tree);
        tree = tree_vget(tree, ap);
        va_end(ap);
        return json_integer_value(tree);
}
