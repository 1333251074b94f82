#include "cli/output.h"

#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/str.h"
#include "cli/jsonpath.h"
#include "cli/session.h"
#include "cli/target.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

int output_parse(struct session *s, const char *text, struct output *ret, struct err *e) {
        static const char *const names[] = {
                [OUTPUT_WIDE] = "wide",
                [OUTPUT_JSON] = "json",
                [OUTPUT_YAML] = "yaml",
                [OUTPUT_NAME] = "name",
        };

        *ret = (struct output){ .format = OUTPUT_TABLE };
        if (str_is_empty(text))
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (str_eq(names[i], text)) {
                        ret->format = (enum output_format) i;
                        return 0;
                }
        }
        if (str_starts_with(text, "jsonpath=")) {
                ret->format = OUTPUT_JSONPATH;
                ret->template = text + strlen("jsonpath=");
                return 0;
        }
        return session_usage(
                s, e, "-o takes wide, json, yaml, name or jsonpath=TEMPLATE, not \"%s\"", text);
}

int output_stamp(json_t *tree, const struct kind *k) {
        if (!json_object_get(tree, "apiVersion") &&
            json_object_set_new(tree, "apiVersion", json_string(k->api_version)) < 0)
                return -ENOMEM;
        if (!json_object_get(tree, "kind") &&
            json_object_set_new(tree, "kind", json_string(k->name)) < 0)
                return -ENOMEM;
        return 0;
}

static int print_text(char *take_text, const char *end, struct err *e) {
        AUTO_FREE char *text = take_text;

        if (!text)
                return err_errno(e, -ENOMEM, "cannot print the object");
        (void) fputs(text, stdout);
        (void) fputs(end, stdout);
        return 0;
}

/* "crontab.example.com" of a kind that has no table here. */
static char *foreign_name(const char *api_version, const char *kind) {
        const char *slash = strchr(api_version, '/');
        AUTO_FREE char *lower = strdup(kind);

        if (!lower)
                return NULL;
        for (char *c = lower; *c; c++)
                *c = (char) tolower((unsigned char) *c);
        return str_format("%s%s%.*s", lower, slash ? "." : "",
                          slash ? (int) (slash - api_version) : 0, api_version);
}

static int print_name(const json_t *tree, struct err *e) {
        const char *name =
                json_string_value(json_object_get(json_object_get(tree, "metadata"), "name"));
        const char *version = str_or_empty(json_string_value(json_object_get(tree, "apiVersion")));
        const char *kind = str_or_empty(json_string_value(json_object_get(tree, "kind")));
        const struct kind *k = kind_find(version, kind);
        AUTO_FREE char *kind_name = k ? target_kind_name(k) : foreign_name(version, kind);

        if (!kind_name)
                return err_errno(e, -ENOMEM, "cannot print the object");
        (void) printf("%s/%s\n", kind_name, str_or_empty(name));
        return 0;
}

static int print_names(const json_t *tree, struct err *e) {
        const json_t *items = json_object_get(tree, "items"), *item;
        size_t i;
        int r = 0;

        if (!items)
                return print_name(tree, e);
        json_array_foreach(items, i, item) {
                r = r < 0 ? r : print_name(item, e);
        }
        return r;
}

/* A copy without managedFields, which is as deep as it must be. NULL: memory is out. */
static json_t *without_managers(const json_t *tree) {
        json_t *copy = json_copy((json_t *) tree), *meta, *items, *one;
        size_t i;

        meta = json_copy(json_object_get(tree, "metadata"));
        if (meta) {
                (void) json_object_del(meta, "managedFields");
                (void) json_object_set_new(copy, "metadata", meta);
        }
        items = json_object_get(tree, "items");
        if (!json_is_array(items))
                return copy;
        meta = json_array();
        json_array_foreach(items, i, one)
                (void) json_array_append_new(meta, without_managers(one));
        (void) json_object_set_new(copy, "items", meta);
        return copy;
}

static int print_whole(const struct output *o, const json_t *tree, struct err *e) {
        json_t *shown = o->shows_managers ? json_incref((json_t *) tree) : without_managers(tree);
        int r;

        if (o->format == OUTPUT_JSON)
                r = print_text(json_dumps(shown, JSON_INDENT(4) | JSON_SORT_KEYS), "\n", e);
        else
                r = print_text(text_yaml_dump(shown), "", e);
        json_decref(shown);
        return r;
}

int output_print(const struct output *o, const json_t *tree, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        int r;

        switch (o->format) {
        case OUTPUT_JSON:
        case OUTPUT_YAML:
                return print_whole(o, tree, e);
        case OUTPUT_NAME:
                return print_names(tree, e);
        case OUTPUT_JSONPATH:
                r = jsonpath_print(o->template, tree, &b, e);
                if (r == 0)
                        (void) fputs(str_or_empty(b.s), stdout);
                return r;
        case OUTPUT_TABLE:
        case OUTPUT_WIDE:
                break;
        }
        return -EINVAL;
}

int output_verdict(const struct kind *k, const char *name, const char *verdict, struct err *e) {
        AUTO_FREE char *kind_name = target_kind_name(k);

        if (!kind_name)
                return err_errno(e, -ENOMEM, "cannot print the outcome");
        (void) printf("%s/%s %s\n", kind_name, name, verdict);
        (void) fflush(stdout);
        return 0;
}
