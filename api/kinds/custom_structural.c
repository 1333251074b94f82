/* What makes a schema a structural one (k8s.io/apiextensions-apiserver, pkg/apiserver/schema): each
 * value's type is told once, outside allOf and the like, so that pruning and defaults have one
 * answer. */
#include "api/kinds/custom_node.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

struct structural {
        struct diags *d;
        bool has_failed;
};

enum place { PLACE_ROOT, PLACE_FIELD, PLACE_ITEMS };

static void schema_check(struct structural *s, const json_t *schema, const struct custom_node *n,
                         const struct path *at, enum place place);

static void say(struct structural *s, const struct path *at, const char *key,
                enum diag_reason reason, const char *text) {
        struct path field = path_field(at, key);
        char buf[PATH_TEXT_MAX];

        (void) diag_add(s->d, DIAG_ERROR, reason, path_format(key ? &field : at, buf), "%s", text);
}

static bool has(const json_t *schema, const char *key) {
        const json_t *value = json_object_get(schema, key);

        return value && !json_is_null(value);
}

/* ---- words ---- */

static const char *const KNOWN[] = {
        "id",
        "$schema",
        "$ref",
        "description",
        "type",
        "format",
        "title",
        "default",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "multipleOf",
        "enum",
        "maxProperties",
        "minProperties",
        "required",
        "items",
        "allOf",
        "oneOf",
        "anyOf",
        "not",
        "properties",
        "additionalProperties",
        "patternProperties",
        "dependencies",
        "additionalItems",
        "definitions",
        "externalDocs",
        "example",
        "nullable",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-validations",
};

static void words_check(struct structural *s, const json_t *schema, const struct path *at) {
        static const char *const FORBIDDEN[] = {
                "$ref", "id", "definitions", "dependencies", "patternProperties", "additionalItems"
        };
        const char *key, *near;
        char text[96], buf[PATH_TEXT_MAX];
        struct diag *one;
        json_t *value;

        json_object_foreach((json_t *) schema, key, value) {
                struct path field = path_field(at, key);
                bool is_known = false;

                for (size_t i = 0; i < ARRAY_SIZE(KNOWN) && !is_known; i++)
                        is_known = str_eq(KNOWN[i], key);
                if (is_known)
                        continue;
                one = diag_add(s->d, DIAG_WARNING, DIAG_UNKNOWN, path_format(&field, buf),
                               "unknown field");
                near = str_nearest(key, KNOWN, ARRAY_SIZE(KNOWN));
                if (near)
                        diag_set_hint(one, "did you mean \"%s\"?", near);
        }
        for (size_t i = 0; i < ARRAY_SIZE(FORBIDDEN); i++) {
                if (!has(schema, FORBIDDEN[i]))
                        continue;
                (void) snprintf(text, sizeof(text), "Forbidden: %s is not supported", FORBIDDEN[i]);
                say(s, at, FORBIDDEN[i], DIAG_FORBIDDEN, text);
        }
        if (json_is_true(json_object_get(schema, "uniqueItems")))
                say(s, at, "uniqueItems", DIAG_FORBIDDEN,
                    "Forbidden: uniqueItems cannot be set to true since the runtime complexity "
                    "becomes quadratic");
}

/* ---- types ---- */

static void type_check(struct structural *s, const json_t *schema, const struct custom_node *n,
                       const struct path *at, enum place place) {
        static const char *const WHY[] = {
                [PLACE_ROOT] = "Required value: must not be empty at the root",
                [PLACE_FIELD] = "Required value: must not be empty for specified object fields",
                [PLACE_ITEMS] = "Required value: must not be empty for specified array items",
        };

        if (n->type == CUSTOM_ANY && !n->is_int_or_string &&
            (place == PLACE_ROOT || !n->keeps_unknown))
                say(s, at, "type", DIAG_REQUIRED, WHY[place]);
        else if (place == PLACE_ROOT && n->type != CUSTOM_OBJECT)
                say(s, at, "type", DIAG_INVALID, "Invalid value: must be object at the root");
        if (place == PLACE_ROOT && n->is_nullable)
                say(s, at, "nullable", DIAG_FORBIDDEN,
                    "Forbidden: nullable cannot be true at the root");
        if (n->is_int_or_string && n->type != CUSTOM_ANY)
                say(s, at, "type", DIAG_INVALID,
                    "Invalid value: must be empty if x-kubernetes-int-or-string is true");
        if (n->type == CUSTOM_ARRAY && !n->items)
                say(s, at, "items", DIAG_REQUIRED, "Required value: must be specified");
        if (n->n_properties > 0 && (n->additional || n->has_any_additional))
                say(s, at, "additionalProperties", DIAG_FORBIDDEN,
                    "Forbidden: additionalProperties and properties are mutual exclusive");
        if (json_is_false(json_object_get(schema, "x-kubernetes-preserve-unknown-fields")))
                say(s, at, "x-kubernetes-preserve-unknown-fields", DIAG_INVALID,
                    "Invalid value: false: must be true or undefined");
        if (n->is_embedded && n->type != CUSTOM_OBJECT)
                say(s, at, "type", DIAG_INVALID,
                    "Invalid value: must be object if x-kubernetes-embedded-resource is true");
        if (n->is_embedded && n->n_properties == 0 && !n->keeps_unknown)
                say(s, at, "properties", DIAG_REQUIRED,
                    "Required value: must not be empty if x-kubernetes-embedded-resource is true "
                    "without x-kubernetes-preserve-unknown-fields");
}

static bool is_required(const struct custom_node *n, const char *name) {
        for (size_t i = 0; i < n->n_required; i++)
                if (str_eq(n->required[i], name))
                        return true;
        return false;
}

static void map_keys_check(struct structural *s, const struct custom_node *n,
                           const struct path *at) {
        char text[200];

        if (n->n_map_keys == 0)
                say(s, at, "x-kubernetes-list-map-keys", DIAG_REQUIRED,
                    "Required value: must not be empty if x-kubernetes-list-type is map");
        if (!n->items || n->items->type != CUSTOM_OBJECT) {
                say(s, at, "items.type", DIAG_INVALID,
                    "Invalid value: must be object if parent array's x-kubernetes-list-type is "
                    "map");
                return;
        }
        for (size_t i = 0; i < n->n_map_keys; i++) {
                const struct custom_node *key = custom_property(n->items, n->map_keys[i]);

                if (!key) {
                        (void) snprintf(text, sizeof(text),
                                        "Invalid value: \"%.60s\": entries must all be names of "
                                        "item properties",
                                        n->map_keys[i]);
                        say(s, at, "x-kubernetes-list-map-keys", DIAG_INVALID, text);
                } else if (key->type == CUSTOM_OBJECT || key->type == CUSTOM_ARRAY) {
                        say(s, at, "x-kubernetes-list-map-keys", DIAG_INVALID,
                            "Invalid value: must be a scalar type if parent array's "
                            "x-kubernetes-list-type is map");
                } else if (!is_required(n->items, n->map_keys[i]) && !key->initial) {
                        (void) snprintf(text, sizeof(text),
                                        "Required value: this property is in "
                                        "x-kubernetes-list-map-keys, so it must have a default or "
                                        "be a required property");
                        struct path items = path_field(at, "items");
                        struct path below = path_field(&items, "properties");
                        struct path name = path_key(&below, n->map_keys[i]);

                        say(s, &name, "default", DIAG_REQUIRED, text);
                }
        }
}

static void lists_check(struct structural *s, const json_t *schema, const struct custom_node *n,
                        const struct path *at) {
        if (has(schema, "x-kubernetes-list-type") && n->type != CUSTOM_ARRAY)
                say(s, at, "type", DIAG_INVALID,
                    "Invalid value: must be array if x-kubernetes-list-type is set");
        if (has(schema, "x-kubernetes-map-type") && n->type != CUSTOM_OBJECT)
                say(s, at, "type", DIAG_INVALID,
                    "Invalid value: must be object if x-kubernetes-map-type is set");
        if (n->list == CUSTOM_LIST_MAP)
                map_keys_check(s, n, at);
        else if (n->n_map_keys > 0)
                say(s, at, "x-kubernetes-list-type", DIAG_INVALID,
                    "Invalid value: must be map if x-kubernetes-list-map-keys is non-empty");
}

/* ---- defaults ---- */

static void default_check(struct structural *s, const struct custom_node *n,
                          const struct path *at) {
        struct path field = path_field(at, "default");
        json_t *pruned;

        if (!n->initial)
                return;
        if (custom_validate_node(n, n->initial, &field, SCHEMA_ALLOW_UNKNOWN, s->d) < 0)
                s->has_failed = true;
        pruned = json_deep_copy(n->initial);
        if (!pruned || custom_prune_node(n, pruned, false) < 0)
                s->has_failed = true;
        else if (!json_equal(pruned, n->initial))
                say(s, at, "default", DIAG_INVALID, "Invalid value: must not have unknown fields");
        json_decref(pruned);
}

/* ---- inside allOf, anyOf, oneOf, not ---- */

/* Every field that a condition speaks of must be described outside, too. */
static void covered_check(struct structural *s, const struct custom_node *condition,
                          const struct custom_node *n, const struct path *at) {
        char text[160];

        for (size_t i = 0; i < condition->n_properties; i++) {
                const struct custom_property *p = &condition->properties[i];
                const struct custom_node *below = custom_property(n, p->name);
                struct path list = path_field(at, "properties");
                struct path field = path_key(&list, p->name);

                if (!below)
                        below = n->additional;
                if (below) {
                        covered_check(s, p->node, below, &field);
                } else if (!n->keeps_unknown || n->type != CUSTOM_ANY) {
                        (void) snprintf(text, sizeof(text),
                                        "Required value: because it is defined in allOf, anyOf, "
                                        "oneOf or not");
                        say(s, &field, NULL, DIAG_REQUIRED, text);
                }
        }
        if (condition->items && n->items) {
                struct path items = path_field(at, "items");

                covered_check(s, condition->items, n->items, &items);
        }
}

static void condition_check(struct structural *s, const json_t *schema, const struct path *at,
                            bool may_have_type);

static void conditions_check(struct structural *s, const json_t *schema, const struct path *at,
                             bool may_have_type) {
        static const char *const KEYS[] = { "allOf", "anyOf", "oneOf" };
        const json_t *one;
        size_t i;

        for (size_t k = 0; k < ARRAY_SIZE(KEYS); k++) {
                struct path field = path_field(at, KEYS[k]);

                json_array_foreach(json_object_get(schema, KEYS[k]), i, one) {
                        struct path below = path_index(&field, i);

                        condition_check(s, one, &below, may_have_type);
                }
        }
        if (has(schema, "not")) {
                struct path field = path_field(at, "not");

                condition_check(s, json_object_get(schema, "not"), &field, false);
        }
}

static void condition_check(struct structural *s, const json_t *schema, const struct path *at,
                            bool may_have_type) {
        static const char *const FORBIDDEN[] = {
                "type",
                "title",
                "description",
                "default",
                "nullable",
                "additionalProperties",
                "x-kubernetes-preserve-unknown-fields",
                "x-kubernetes-embedded-resource",
                "x-kubernetes-int-or-string",
                "x-kubernetes-list-type",
                "x-kubernetes-list-map-keys",
                "x-kubernetes-map-type",
        };
        struct path list = path_field(at, "properties"), items = path_field(at, "items");
        const char *key;
        json_t *one;

        words_check(s, schema, at);
        for (size_t i = may_have_type ? 1 : 0; i < ARRAY_SIZE(FORBIDDEN); i++)
                if (has(schema, FORBIDDEN[i]))
                        say(s, at, FORBIDDEN[i], DIAG_FORBIDDEN,
                            "Forbidden: must be empty to be structural");
        json_object_foreach(json_object_get(schema, "properties"), key, one) {
                struct path field = path_key(&list, key);

                condition_check(s, one, &field, false);
        }
        if (has(schema, "items"))
                condition_check(s, json_object_get(schema, "items"), &items, false);
        conditions_check(s, schema, at, may_have_type);
}

/* ---- the walk ---- */

/* Only names may be restricted: the rest of metadata is Kubernetes' own. */
static void metadata_check(struct structural *s, const struct custom_node *meta,
                           const struct path *at) {
        for (size_t i = 0; i < meta->n_properties; i++)
                if (!str_eq(meta->properties[i].name, "name") &&
                    !str_eq(meta->properties[i].name, "generateName")) {
                        say(s, at, NULL, DIAG_FORBIDDEN,
                            "Forbidden: must not specify anything other than name and "
                            "generateName, but metadata is implicitly specified");
                        return;
                }
}

static void children_check(struct structural *s, const json_t *schema, const struct custom_node *n,
                           const struct path *at, enum place place) {
        const json_t *properties = json_object_get(schema, "properties");
        struct path list = path_field(at, "properties"), items = path_field(at, "items");
        struct path additional = path_field(at, "additionalProperties");

        for (size_t i = 0; i < n->n_properties; i++) {
                const struct custom_property *p = &n->properties[i];
                struct path field = path_key(&list, p->name);

                if (str_eq(p->name, "metadata") && (place == PLACE_ROOT || n->is_embedded))
                        metadata_check(s, p->node, &field);
                schema_check(s, json_object_get(properties, p->name), p->node, &field, PLACE_FIELD);
        }
        if (n->items)
                schema_check(s, json_object_get(schema, "items"), n->items, &items, PLACE_ITEMS);
        if (n->additional)
                schema_check(s, json_object_get(schema, "additionalProperties"), n->additional,
                             &additional, PLACE_FIELD);
}

static void schema_check(struct structural *s, const json_t *schema, const struct custom_node *n,
                         const struct path *at, enum place place) {
        const struct custom_nodes *const lists[] = { &n->all_of, &n->any_of, &n->one_of };

        words_check(s, schema, at);
        type_check(s, schema, n, at, place);
        lists_check(s, schema, n, at);
        default_check(s, n, at);
        conditions_check(s, schema, at, n->is_int_or_string);
        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++)
                        covered_check(s, lists[l]->items[i], n, at);
        if (n->not_)
                covered_check(s, n->not_, n, at);
        children_check(s, schema, n, at, place);
}

int custom_schema_check(const json_t *schema, const char *at, struct diags *d) {
        struct path root = path_field(NULL, at);
        struct structural s = { .d = d };
        struct compiled compiled;
        size_t n_before = d->n_errors;
        int r;

        r = custom_compile(schema, &root, d, &compiled);
        if (r < 0)
                return r;
        if (d->n_errors == n_before && compiled.root)
                schema_check(&s, schema, compiled.root, &root, PLACE_ROOT);
        compiled_done(&compiled);
        return s.has_failed || d->has_failed ? -ENOMEM : 0;
}
