/* [schema, value]: whatever a schema says, checking it and using it ends; what was pruned has no
 * unknown fields, and defaults come once. */
#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/object.h"
#include "api/text/text.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_unknown(const struct kind *k, const json_t *tree) {
        struct diags d = { 0 };
        size_t n = 0;

        (void) kind_validate(k, tree, 0, &d);
        for (size_t i = 0; i < d.n; i++)
                n += d.items[i].reason == DIAG_UNKNOWN;
        diags_done(&d);
        return n;
}

static void use(const struct kind *k, const json_t *value) {
        json_t *tree = json_deep_copy(value), *again, *cells = json_array();

        if (json_is_object(tree) && kind_default(k, tree, NULL) == 0) {
                again = json_deep_copy(tree);
                assert(kind_default(k, again, NULL) == 0);
                assert(json_equal(tree, again));
                json_decref(again);
                (void) count_unknown(k, tree);
                assert(kind_prune(k, tree) == 0);
                assert(count_unknown(k, tree) == 0);
                assert(custom_add_cells(k, tree, 0, cells) == 0);
        }
        json_decref(cells);
        json_decref(tree);
}

/* A definition around the schema. */
static const struct kind *kind_of(json_t *schema) {
        json_t *definition =
                json_pack("{s:{s:s},s:{s:s,s:s,s:{s:s,s:s,s:s,s:s},s:[{s:s,s:b,s:b,s:{s:O}}]}}",
                          "metadata", "name", "tabs.example.com", "spec", "group", "example.com",
                          "scope", "Cluster", "names", "plural", "tabs", "kind", "Tab", "singular",
                          "tab", "listKind", "TabList", "versions", "name", "v1", "served", 1,
                          "storage", 1, "schema", "openAPIV3Schema", schema);
        const struct custom_version v = { .definition = definition, .name = "v1" };
        const struct kind *k = NULL;

        assert(definition);
        (void) custom_kind_new(&v, &k, NULL);
        json_decref(definition);
        return k;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct diags d = { 0 };
        json_t *both = NULL, *schema;
        const struct kind *k;
        struct err e = { 0 };

        if (size > 16384 || text_read_json((const char *) data, size, 16384, &both, &e) < 0)
                return 0;
        schema = json_array_get(both, 0);
        if (schema && custom_schema_check(schema, "s", &d) == 0 && d.n_errors == 0) {
                k = kind_of(schema);
                assert(k); /* what passed its checks can be used */
                use(k, json_array_get(both, 1));
                kind_unref(k);
        }
        diags_done(&d);
        json_decref(both);
        return 0;
}
