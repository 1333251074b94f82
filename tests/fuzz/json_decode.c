/* Bodies of every kind: parse, prune, default, validate, decode, encode, print, and who owns them.
 */
#include "api/kinds/object.h"
#include "api/patch/apply.h"
#include "api/text/text.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decoded object and the one decoded from its own encoding say the same. */
static void check_round_trip(const struct kind *k, const struct object *o) {
        json_t *back = schema_encode(k->schema, o->meta);
        struct object *again = NULL;
        struct err e = { 0 };

        assert(back);
        assert(object_new_from_json(k, back, false, &again, &e) == 0);
        assert(schema_equal(k->schema, o->meta, again->meta));
        object_unref(again);
        json_decref(back);
}

/* The short way to managedFields says what the long one does. */
static void check_managers(const struct kind *k, const json_t *tree) {
        const struct apply_type type = apply_type_of(k->schema);
        const struct apply_author by = {
                .manager = "fuzz",
                .api_version = "v1",
                .subresource = "",
                .time = "2026-01-02T03:04:05Z",
        };
        char *brief = NULL, *full;
        struct managers m;

        if (managers_created(&type, tree, &by, &brief) == -ENOTSUP)
                return;
        assert(brief && managers_init(&m) == 0);
        assert(managers_update(&m, &type, NULL, tree, &by) >= 0);
        full = managers_format(&m);
        assert(full && strcmp(full, brief) == 0);
        managers_done(&m);
        free(full);
        free(brief);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct object *o = NULL;
        struct diags d = { 0 };
        struct err e = { 0 };
        const struct kind *k;
        json_t *tree = NULL;

        if (text_read_json((const char *) data, size, 0, &tree, &e) < 0)
                return 0;
        k = kind_find(json_string_value(json_object_get(tree, "apiVersion")),
                      json_string_value(json_object_get(tree, "kind")));
        if (k)
                check_managers(k, tree);
        if (k && kind_default(k, tree, &e) == 0 && kind_validate(k, tree, 0, &d) == 0) {
                int r = object_new_from_json(k, tree, true, &o, &e);

                check_managers(k, tree);
                assert(r == 0 || d.n_errors > 0);
                if (r == 0 && d.n_errors == 0) {
                        json_t *cells = json_array();

                        check_round_trip(k, o);
                        assert(kind_add_cells(k, o, 1, cells) == 0);
                        assert(json_array_size(cells) == k->n_columns || !k->add_cells);
                        json_decref(cells);
                }
        }
        object_unref(o);
        diags_done(&d);
        json_decref(tree);
        return 0;
}
