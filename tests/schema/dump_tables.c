/* Prints the field tables of all kinds as JSON, for check_numbers.py. */
#include "api/kinds/object.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMAS_MAX 1024

static const struct schema *seen[SCHEMAS_MAX];
static size_t n_seen;

static size_t schema_index(const struct schema *s) {
        for (size_t i = 0; i < n_seen; i++)
                if (seen[i] == s)
                        return i;
        if (n_seen == SCHEMAS_MAX)
                abort();
        seen[n_seen] = s;
        return n_seen++;
}

static const char *type_name(unsigned type) {
        static const char *const names[] = {
                [FIELD_STRING] = "string",
                [FIELD_BOOL] = "bool",
                [FIELD_OPT_BOOL] = "opt_bool",
                [FIELD_INT] = "int",
                [FIELD_OPT_INT] = "opt_int",
                [FIELD_QUANTITY] = "quantity",
                [FIELD_INT_OR_STRING] = "int_or_string",
                [FIELD_TIME] = "time",
                [FIELD_MICRO_TIME] = "micro_time",
                [FIELD_BYTES] = "bytes",
                [FIELD_OBJECT] = "object",
                [FIELD_OBJECT_PTR] = "object_ptr",
                [FIELD_ANY] = "any",
        };

        return names[type];
}

static json_t *dump_field(const struct field *f) {
        static const char *const shapes[] = { "one", "list", "map" };

        return json_pack("{s:s,s:i,s:i,s:s,s:s,s:b,s:b,s:b,s:i}", "name", f->name, "number",
                         f->number, "inside", f->inside, "type", type_name(f->type), "shape",
                         shapes[f->shape], "pointer", f->flags & FIELD_POINTER, "required",
                         f->flags & FIELD_REQUIRED, "always", f->flags & FIELD_ALWAYS, "schema",
                         f->schema ? (int) schema_index(f->schema) : -1);
}

static json_t *dump_schemas(void) {
        json_t *all = json_array();

        for (size_t i = 0; i < n_seen; i++) { /* grows meanwhile */
                json_t *fields = json_array();

                for (size_t k = 0; k < seen[i]->n_fields; k++)
                        if (json_array_append_new(fields, dump_field(&seen[i]->fields[k])) < 0)
                                abort();
                if (json_array_append_new(all, json_pack("{s:s,s:o}", "name", seen[i]->name,
                                                         "fields", fields)) < 0)
                        abort();
        }
        return all;
}

static void dump_kinds(json_t *all, const struct kind *const *kinds) {
        for (; *kinds; kinds++)
                if (json_array_append_new(
                            all, json_pack("{s:s,s:s,s:s,s:i}", "group", (*kinds)->group, "version",
                                           (*kinds)->version, "name", (*kinds)->name, "schema",
                                           (int) schema_index((*kinds)->schema))) < 0)
                        abort();
}

int main(void) {
        json_t *kinds = json_array(), *root;

        dump_kinds(kinds, kind_all());
        dump_kinds(kinds, kind_reviews());
        dump_kinds(kinds, kind_all_bodies());
        root = json_pack("{s:o,s:o}", "kinds", kinds, "schemas", dump_schemas());
        if (!root || json_dumpf(root, stdout, JSON_INDENT(1)) < 0)
                abort();
        json_decref(root);
        return 0;
}
