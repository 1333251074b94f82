/* From the JSON of an openAPIV3Schema to nodes. Limits and what isn't understood are findings. */
#include "api/kinds/custom_node.h"
#include "api/kinds/regex.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct compiler {
        struct compiled *out;
        struct diags *d;
        size_t n_nodes, n_patterns;
        unsigned depth;
        bool has_failed; /* memory is out */
};

static const struct custom_node *node_compile(struct compiler *c, const json_t *schema,
                                              const struct path *at);

static void say(struct compiler *c, const struct path *at, const char *key, enum diag_reason reason,
                const char *text) {
        struct path field = path_field(at, key);
        char buf[PATH_TEXT_MAX];

        (void) diag_add(c->d, DIAG_ERROR, reason, path_format(key ? &field : at, buf), "%s", text);
}

/* ---- scalars of a schema ---- */

static const char *text_at(struct compiler *c, const json_t *schema, const struct path *at,
                           const char *key) {
        const json_t *value = json_object_get(schema, key);

        if (!value || json_is_null(value))
                return NULL;
        if (!json_is_string(value))
                say(c, at, key, DIAG_TYPE, "must be a string");
        return json_string_value(value);
}

static bool bool_at(struct compiler *c, const json_t *schema, const struct path *at,
                    const char *key) {
        const json_t *value = json_object_get(schema, key);

        if (value && !json_is_boolean(value) && !json_is_null(value))
                say(c, at, key, DIAG_TYPE, "must be true or false");
        return json_is_true(value);
}

/* A count, or -1. */
static int64_t count_at(struct compiler *c, const json_t *schema, const struct path *at,
                        const char *key) {
        const json_t *value = json_object_get(schema, key);

        if (!value || json_is_null(value))
                return -1;
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
                say(c, at, key, DIAG_TYPE, "must be an integer from 0");
                return -1;
        }
        return json_integer_value(value);
}

static bool number_at(struct compiler *c, const json_t *schema, const struct path *at,
                      const char *key, double *ret) {
        const json_t *value = json_object_get(schema, key);

        if (!value || json_is_null(value))
                return false;
        if (!json_is_number(value)) {
                say(c, at, key, DIAG_TYPE, "must be a number");
                return false;
        }
        *ret = json_number_value(value);
        return true;
}

static enum custom_type type_read(struct compiler *c, const json_t *schema, const struct path *at) {
        static const char *const NAMES[] = {
                [CUSTOM_ANY] = "",
                [CUSTOM_OBJECT] = "object",
                [CUSTOM_ARRAY] = "array",
                [CUSTOM_STRING] = "string",
                [CUSTOM_INTEGER] = "integer",
                [CUSTOM_NUMBER] = "number",
                [CUSTOM_BOOLEAN] = "boolean",
        };
        const char *name = str_or_empty(text_at(c, schema, at, "type"));
        char text[160];

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
                if (str_eq(name, NAMES[i]))
                        return (enum custom_type) i;
        (void) snprintf(text, sizeof(text),
                        "Unsupported value: \"%.40s\": supported values: \"array\", \"boolean\", "
                        "\"integer\", \"number\", \"object\", \"string\"",
                        name);
        if (str_eq(name, "null"))
                say(c, at, "type", DIAG_FORBIDDEN,
                    "Forbidden: type cannot be set to null, use nullable as an alternative");
        else
                say(c, at, "type", DIAG_NOT_SUPPORTED, text);
        return CUSTOM_ANY;
}

static void list_type_read(struct compiler *c, const json_t *schema, const struct path *at,
                           struct custom_node *n) {
        const char *list = text_at(c, schema, at, "x-kubernetes-list-type");
        const char *map = text_at(c, schema, at, "x-kubernetes-map-type");

        n->is_map_atomic = str_eq(map, "atomic");
        if (map && !n->is_map_atomic && !str_eq(map, "granular"))
                say(c, at, "x-kubernetes-map-type", DIAG_NOT_SUPPORTED,
                    "Unsupported value: supported values: \"atomic\", \"granular\"");
        if (str_eq(list, "atomic"))
                n->list = CUSTOM_LIST_ATOMIC;
        else if (str_eq(list, "set"))
                n->list = CUSTOM_LIST_SET;
        else if (str_eq(list, "map"))
                n->list = CUSTOM_LIST_MAP;
        else if (list)
                say(c, at, "x-kubernetes-list-type", DIAG_NOT_SUPPORTED,
                    "Unsupported value: supported values: \"atomic\", \"map\", \"set\"");
}

static void pattern_read(struct compiler *c, const json_t *schema, const struct path *at,
                         struct custom_node *n) {
        struct regex *r = NULL;
        struct err e = { 0 };
        char text[ERR_TEXT_MAX + 32];
        int result;

        n->pattern = text_at(c, schema, at, "pattern");
        if (str_is_empty(n->pattern)) {
                n->pattern = NULL;
                return;
        }
        if (++c->n_patterns > CUSTOM_PATTERNS_MAX) {
                say(c, at, "pattern", DIAG_FORBIDDEN,
                    "Forbidden: a schema may have at most 1000 patterns");
                return;
        }
        result = regex_new(n->pattern, &r, &e);
        if (result == -ENOMEM)
                c->has_failed = true;
        (void) snprintf(text, sizeof(text),
                        "Invalid value: must be a valid regular expression, "
                        "but isn't: %s",
                        err_text(&e));
        if (result < 0) {
                say(c, at, "pattern", DIAG_INVALID, text);
                return;
        }
        n->regex = c->out->regexes = regex_chain(r, c->out->regexes);
}

/* An array of strings. */
static void names_read(struct compiler *c, const json_t *schema, const struct path *at,
                       const char *key, const char ***ret, size_t *ret_n) {
        const json_t *list = json_object_get(schema, key), *one;
        size_t i;

        if (!list || json_is_null(list))
                return;
        *ret = arena_alloc_n(c->out->arena, json_array_size(list), sizeof(char *));
        c->has_failed |= !*ret;
        json_array_foreach((json_t *) list, i, one) {
                if (!*ret || !json_is_string(one))
                        break;
                (*ret)[(*ret_n)++] = json_string_value(one);
        }
        if (!json_is_array(list) || *ret_n < json_array_size(list))
                say(c, at, key, DIAG_TYPE, "must be a list of strings");
}

static void limits_read(struct compiler *c, const json_t *schema, const struct path *at,
                        struct custom_node *n) {
        n->range.has_min = number_at(c, schema, at, "minimum", &n->range.min);
        n->range.has_max = number_at(c, schema, at, "maximum", &n->range.max);
        n->range.is_min_open = bool_at(c, schema, at, "exclusiveMinimum");
        n->range.is_max_open = bool_at(c, schema, at, "exclusiveMaximum");
        (void) number_at(c, schema, at, "multipleOf", &n->multiple_of);
        if (n->multiple_of < 0 || !isfinite(n->multiple_of))
                say(c, at, "multipleOf", DIAG_INVALID, "Invalid value: must be greater than 0");
        n->min_length = count_at(c, schema, at, "minLength");
        n->max_length = count_at(c, schema, at, "maxLength");
        n->min_items = count_at(c, schema, at, "minItems");
        n->max_items = count_at(c, schema, at, "maxItems");
        n->min_properties = count_at(c, schema, at, "minProperties");
        n->max_properties = count_at(c, schema, at, "maxProperties");
        n->is_unique = bool_at(c, schema, at, "uniqueItems");
        n->values = json_object_get(schema, "enum");
        if (n->values && !json_is_array(n->values)) {
                say(c, at, "enum", DIAG_TYPE, "must be a list");
                n->values = NULL;
        }
}

static void flags_read(struct compiler *c, const json_t *schema, const struct path *at,
                       struct custom_node *n) {
        const json_t *rules = json_object_get(schema, "x-kubernetes-validations");

        n->type = type_read(c, schema, at);
        n->is_nullable = bool_at(c, schema, at, "nullable");
        n->is_int_or_string = bool_at(c, schema, at, "x-kubernetes-int-or-string");
        n->keeps_unknown = bool_at(c, schema, at, "x-kubernetes-preserve-unknown-fields");
        n->is_embedded = bool_at(c, schema, at, "x-kubernetes-embedded-resource");
        n->format = text_at(c, schema, at, "format");
        n->doc = str_or_empty(text_at(c, schema, at, "description"));
        n->initial = json_object_get(schema, "default");
        if (rules && !json_is_array(rules))
                say(c, at, "x-kubernetes-validations", DIAG_TYPE, "must be a list");
        c->out->has_rules |= json_array_size(rules) > 0;
}

/* ---- schemas in a schema ---- */

static int by_name(const void *a, const void *b) {
        return strcmp(((const struct custom_property *) a)->name,
                      ((const struct custom_property *) b)->name);
}

static void properties_read(struct compiler *c, const json_t *schema, const struct path *at,
                            struct custom_node *n) {
        json_t *list = json_object_get(schema, "properties"), *one;
        struct path field = path_field(at, "properties");
        const char *key;

        if (!list || json_is_null(list))
                return;
        if (!json_is_object(list)) {
                say(c, at, "properties", DIAG_TYPE, "must be a map of schemas");
                return;
        }
        n->properties =
                arena_alloc_n(c->out->arena, json_object_size(list), sizeof(*n->properties));
        if (!n->properties) {
                c->has_failed = true;
                return;
        }
        json_object_foreach(list, key, one) {
                struct path below = path_key(&field, key);
                struct custom_property *p = &n->properties[n->n_properties];

                *p = (struct custom_property){ key, node_compile(c, one, &below) };
                if (!p->node)
                        return;
                n->n_properties++;
        }
        qsort(n->properties, n->n_properties, sizeof(*n->properties), by_name);
}

/* allOf and the like. */
static void nodes_read(struct compiler *c, const json_t *schema, const struct path *at,
                       const char *key, struct custom_nodes *ret) {
        json_t *list = json_object_get(schema, key), *one;
        struct path field = path_field(at, key);
        size_t i;

        if (!list || json_is_null(list))
                return;
        if (!json_is_array(list)) {
                say(c, at, key, DIAG_TYPE, "must be a list of schemas");
                return;
        }
        ret->items = arena_alloc_n(c->out->arena, json_array_size(list), sizeof(*ret->items));
        c->has_failed |= !ret->items;
        json_array_foreach(list, i, one) {
                struct path below = path_index(&field, i);

                if (!ret->items || !(ret->items[ret->n] = node_compile(c, one, &below)))
                        return;
                ret->n++;
        }
}

static const struct custom_node *child_read(struct compiler *c, const json_t *schema,
                                            const struct path *at, const char *key) {
        const json_t *one = json_object_get(schema, key);
        struct path field = path_field(at, key);

        return one && !json_is_null(one) ? node_compile(c, one, &field) : NULL;
}

static void children_read(struct compiler *c, const json_t *schema, const struct path *at,
                          struct custom_node *n) {
        const json_t *additional = json_object_get(schema, "additionalProperties");

        properties_read(c, schema, at, n);
        if (json_is_array(json_object_get(schema, "items")))
                say(c, at, "items", DIAG_FORBIDDEN,
                    "Forbidden: items must be a schema object and not an array");
        else
                n->items = child_read(c, schema, at, "items");
        if (json_is_false(additional))
                say(c, at, "additionalProperties", DIAG_FORBIDDEN,
                    "Forbidden: additionalProperties cannot be set to false");
        n->has_any_additional = json_is_true(additional);
        if (!json_is_boolean(additional))
                n->additional = child_read(c, schema, at, "additionalProperties");
        nodes_read(c, schema, at, "allOf", &n->all_of);
        nodes_read(c, schema, at, "anyOf", &n->any_of);
        nodes_read(c, schema, at, "oneOf", &n->one_of);
        n->not_ = child_read(c, schema, at, "not");
}

static bool node_fits(struct compiler *c, const json_t *schema, const struct path *at) {
        if (!json_is_object(schema))
                say(c, at, NULL, DIAG_TYPE, "must be a schema");
        else if (c->depth >= CUSTOM_DEPTH_MAX)
                say(c, at, NULL, DIAG_FORBIDDEN, "Forbidden: the schema is nested too deeply");
        else if (++c->n_nodes > CUSTOM_NODES_MAX)
                say(c, at, NULL, DIAG_FORBIDDEN, "Forbidden: the schema is too large");
        else
                return true;
        return false;
}

/* NULL: a finding says why, or memory is out. */
static const struct custom_node *node_compile(struct compiler *c, const json_t *schema,
                                              const struct path *at) {
        struct custom_node *n;

        if (c->has_failed || !node_fits(c, schema, at))
                return NULL;
        n = arena_alloc(c->out->arena, sizeof(*n));
        if (!n) {
                c->has_failed = true;
                return NULL;
        }
        c->depth++;
        flags_read(c, schema, at, n);
        list_type_read(c, schema, at, n);
        limits_read(c, schema, at, n);
        pattern_read(c, schema, at, n);
        names_read(c, schema, at, "required", &n->required, &n->n_required);
        names_read(c, schema, at, "x-kubernetes-list-map-keys", &n->map_keys, &n->n_map_keys);
        children_read(c, schema, at, n);
        c->depth--;
        return n;
}

int custom_compile(const json_t *schema, const struct path *at, struct diags *d,
                   struct compiled *ret) {
        struct compiler c = { .out = ret, .d = d };

        *ret = (struct compiled){ .arena = arena_new(0) };
        if (!ret->arena)
                return -ENOMEM;
        ret->root = node_compile(&c, schema, at);
        if (!c.has_failed)
                return 0;
        compiled_done(ret);
        return -ENOMEM;
}

void compiled_done(struct compiled *c) {
        while (c->regexes) {
                struct regex *next = regex_next(c->regexes);

                regex_free(c->regexes);
                c->regexes = next;
        }
        arena_unref(c->arena);
        *c = (struct compiled){ 0 };
}

const struct custom_node *custom_property(const struct custom_node *n, const char *name) {
        const struct custom_property key = { .name = name };
        const struct custom_property *p = n->n_properties > 0
                                                  ? bsearch(&key, n->properties, n->n_properties,
                                                            sizeof(*n->properties), by_name)
                                                  : NULL;

        return p ? p->node : NULL;
}
