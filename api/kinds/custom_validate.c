/* Values against a compiled schema, in the words of Kubernetes (k8s.io/kube-openapi,
 * pkg/validation). */
#include "api/kinds/custom_format.h"
#include "api/kinds/custom_node.h"
#include "api/kinds/regex.h"
#include "base/map.h"
#include "base/str.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 160
#define STEPS_MAX 20000000ULL /* nodes visited for one object: some seconds at worst */
#define UNKNOWN_MAX 100

struct check {
        struct diags *d;
        unsigned flags;
        uint32_t budget; /* of patterns */
        uint64_t steps;
        bool is_counted; /* inside allOf and the like: unknown fields are told elsewhere */
        bool is_quiet;   /* inside anyOf and the like: findings are counted, not read */
        bool has_failed; /* memory is out */
        /* The value in the place of the one that is looked at, in the version before; NULL: there
         * is none, or it can't be said which it was. What stayed the same isn't looked at again. */
        const json_t *was;
};

static void node_check(struct check *c, const struct custom_node *n, const json_t *value,
                       const struct path *at);

/* ---- findings ---- */

/* As findings show it; "" where nobody reads them. */
static const char *shown(struct check *c, const json_t *value, char *buf) {
        size_t n = c->is_quiet
                           ? 0
                           : json_dumpb(value, buf, SHOWN_MAX - 1, JSON_ENCODE_ANY | JSON_COMPACT);

        c->has_failed |= n == 0 && !c->is_quiet;
        if (n >= SHOWN_MAX) {
                n = SHOWN_MAX - 1;
                (void) memcpy(buf + n - 3, "...", 3);
        }
        buf[n] = '\0';
        return buf;
}

/* "spec.x: Invalid value: 11: spec.x in body should be less than or equal to 10" */
static void say(struct check *c, const struct path *at, const json_t *value, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
static void say(struct check *c, const struct path *at, const json_t *value, const char *fmt, ...) {
        char field[PATH_TEXT_MAX], text[512], buf[SHOWN_MAX];
        va_list args;

        va_start(args, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        (void) path_format(at, field);
        (void) diag_add(c->d, DIAG_ERROR, DIAG_INVALID, field, "Invalid value: %s: %s in body %s",
                        shown(c, value, buf), field, text);
}

static const char *type_of(const json_t *value) {
        switch (json_typeof(value)) {
        case JSON_OBJECT:
                return "object";
        case JSON_ARRAY:
                return "array";
        case JSON_STRING:
                return "string";
        case JSON_INTEGER:
                return "integer";
        case JSON_REAL:
                return "number";
        case JSON_TRUE:
        case JSON_FALSE:
                return "boolean";
        case JSON_NULL:
                break;
        }
        return "null";
}

static void say_type(struct check *c, const struct path *at, const json_t *value,
                     const char *wanted) {
        char field[PATH_TEXT_MAX];
        const char *type = type_of(value);

        /* Not DIAG_TYPE: that one is answered as a body that can't be decoded. */
        (void) path_format(at, field);
        (void) diag_add(c->d, DIAG_ERROR, DIAG_INVALID, field,
                        "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"", type, field,
                        wanted, type);
}

/* ---- scalars ---- */

static bool number_is_whole(const json_t *value) {
        return json_is_integer(value) ||
               (json_is_real(value) && floor(json_real_value(value)) == json_real_value(value));
}

static const char *type_name(const struct custom_node *n) {
        static const char *const NAMES[] = { "",        "object", "array",  "string",
                                             "integer", "number", "boolean" };

        return n->is_int_or_string ? "integer,string" : NAMES[n->type];
}

static bool type_fits(const struct custom_node *n, const json_t *value) {
        if (n->is_int_or_string)
                return json_is_string(value) || number_is_whole(value);
        switch (n->type) {
        case CUSTOM_ANY:
                return true;
        case CUSTOM_OBJECT:
                return json_is_object(value);
        case CUSTOM_ARRAY:
                return json_is_array(value);
        case CUSTOM_STRING:
                return json_is_string(value);
        case CUSTOM_INTEGER:
                return number_is_whole(value);
        case CUSTOM_NUMBER:
                return json_is_number(value);
        case CUSTOM_BOOLEAN:
                return json_is_boolean(value);
        }
        return false;
}

/* "10" and "0.5", not "10.000000". */
static const char *number_text(double number, char buf[32]) {
        (void) snprintf(buf, 32, "%.17g", number);
        if (fabs(number) < 1e15 && floor(number) == number)
                (void) snprintf(buf, 32, "%.0f", number);
        else
                for (int digits = 1; digits < 17; digits++) {
                        (void) snprintf(buf, 32, "%.*g", digits, number);
                        if (strtod(buf, NULL) == number)
                                break;
                }
        return buf;
}

static void number_check(struct check *c, const struct custom_node *n, const json_t *value,
                         const struct path *at) {
        const struct custom_range *range = &n->range;
        double x = json_number_value(value), quotient;
        char text[32];

        if (range->has_max && (range->is_max_open ? x >= range->max : x > range->max))
                say(c, at, value, "should be less than %s%s",
                    range->is_max_open ? "" : "or equal to ", number_text(range->max, text));
        if (range->has_min && (range->is_min_open ? x <= range->min : x < range->min))
                say(c, at, value, "should be greater than %s%s",
                    range->is_min_open ? "" : "or equal to ", number_text(range->min, text));
        quotient = n->multiple_of > 0 ? x / n->multiple_of : 0;
        if (floor(quotient) != quotient)
                say(c, at, value, "should be a multiple of %s", number_text(n->multiple_of, text));
        if (n->type == CUSTOM_INTEGER && str_eq(n->format, "int32") &&
            (x > INT32_MAX || x < INT32_MIN))
                say(c, at, value, "must be of type int32");
}

/* Characters, not bytes: jansson's strings are valid UTF-8. */
static int64_t text_length(const json_t *value) {
        const char *text = json_string_value(value);
        int64_t n = 0;

        for (size_t i = 0; i < json_string_length(value); i++)
                n += ((unsigned char) text[i] & 0xc0) != 0x80;
        return n;
}

static void pattern_check(struct check *c, const struct custom_node *n, const json_t *value,
                          const struct path *at) {
        int r = regex_matches(n->regex, json_string_value(value), json_string_length(value),
                              &c->budget);

        if (r == 0)
                say(c, at, value, "should match '%.200s'", n->pattern);
        else if (r == -ENOMEM)
                c->has_failed = true;
        else if (r < 0)
                say(c, at, value, "is too expensive to match against '%.200s'", n->pattern);
}

static void string_check(struct check *c, const struct custom_node *n, const json_t *value,
                         const struct path *at) {
        int64_t length = n->min_length >= 0 || n->max_length >= 0 ? text_length(value) : 0;
        char field[PATH_TEXT_MAX];

        if (n->max_length >= 0 && length > n->max_length)
                (void) diag_add(c->d, DIAG_ERROR, DIAG_INVALID, path_format(at, field),
                                "Too long: may not be more than %" PRId64 " bytes", n->max_length);
        if (n->min_length >= 0 && length < n->min_length)
                say(c, at, value, "should be at least %" PRId64 " chars long", n->min_length);
        if (n->regex)
                pattern_check(c, n, value, at);
        if (n->format && !custom_format_is_valid(n->format, json_string_value(value),
                                                 json_string_length(value))) {
                char buf[SHOWN_MAX];

                say(c, at, value, "must be of type %.40s: %s", n->format, shown(c, value, buf));
        }
}

static void enum_check(struct check *c, const struct custom_node *n, const json_t *value,
                       const struct path *at) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        char field[PATH_TEXT_MAX], buf[SHOWN_MAX];
        const json_t *one;
        size_t i;

        json_array_foreach((json_t *) n->values, i, one) {
                if (json_equal(one, value))
                        return;
                strbuf_addf(&b, "%s%s%s%s", i > 0 ? ", " : "", json_is_string(one) ? "" : "\"",
                            shown(c, one, buf), json_is_string(one) ? "" : "\"");
        }
        c->has_failed |= b.has_failed;
        (void) diag_add(c->d, DIAG_ERROR, DIAG_NOT_SUPPORTED, path_format(at, field),
                        "Unsupported value: %s: supported values: %.400s", shown(c, value, buf),
                        str_or_empty(b.s));
}

/* ---- lists ---- */

/* What tells two elements apart, as text. */
static char *element_key(const struct custom_node *n, const json_t *one) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (n->list == CUSTOM_LIST_SET)
                return json_dumps(one, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
        strbuf_add(&b, "{");
        for (size_t i = 0; i < n->n_map_keys; i++) {
                const json_t *member = json_object_get(one, n->map_keys[i]);
                AUTO_FREE char *text =
                        member ? json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

                if (text)
                        strbuf_addf(&b, "%s\"%s\":%s", b.len > 1 ? "," : "", n->map_keys[i], text);
        }
        strbuf_add(&b, "}");
        return strbuf_steal(&b);
}

static void elements_check_unique(struct check *c, const struct custom_node *n, const json_t *value,
                                  const struct path *at) {
        struct map seen = { 0 };
        char field[PATH_TEXT_MAX];
        const json_t *one;
        size_t i;

        json_array_foreach((json_t *) value, i, one) {
                struct path below = path_index(at, i);
                AUTO_FREE char *key = element_key(n, one);
                void *earlier = NULL;

                if (!key || map_put(&seen, key, c, &earlier) < 0)
                        c->has_failed = true;
                if (earlier)
                        (void) diag_add(c->d, DIAG_ERROR, DIAG_DUPLICATE,
                                        path_format(&below, field), "Duplicate value: %.160s", key);
        }
        map_done(&seen, NULL);
}

static bool keys_are_equal(const struct custom_node *n, const json_t *a, const json_t *b) {
        for (size_t i = 0; i < n->n_map_keys; i++) {
                const json_t *x = json_object_get(a, n->map_keys[i]);

                if (!x || !json_equal(x, json_object_get(b, n->map_keys[i])))
                        return false;
        }
        return n->n_map_keys > 0;
}

/* Only elements of a list that is a map can be told apart. */
static const json_t *element_before(const struct custom_node *n, const json_t *was,
                                    const json_t *element) {
        const json_t *one;
        size_t i;

        if (n->list != CUSTOM_LIST_MAP)
                return NULL;
        json_array_foreach((json_t *) was, i, one) {
                if (keys_are_equal(n, element, one))
                        return one;
        }
        return NULL;
}

static void array_check(struct check *c, const struct custom_node *n, const json_t *value,
                        const struct path *at) {
        const json_t *was = c->was;
        int64_t size = (int64_t) json_array_size(value);
        char field[PATH_TEXT_MAX];
        const json_t *one;
        size_t i;

        if (n->max_items >= 0 && size > n->max_items)
                (void) diag_add(c->d, DIAG_ERROR, DIAG_INVALID, path_format(at, field),
                                "Too many: %" PRId64 ": must have at most %" PRId64 " items", size,
                                n->max_items);
        if (n->min_items >= 0 && size < n->min_items)
                say(c, at, value, "should have at least %" PRId64 " items", n->min_items);
        if (!c->is_counted && (n->list == CUSTOM_LIST_SET || n->list == CUSTOM_LIST_MAP))
                elements_check_unique(c, n, value, at);
        if (!n->items)
                return;
        json_array_foreach((json_t *) value, i, one) {
                struct path below = path_index(at, i);

                c->was = element_before(n, was, one);
                node_check(c, n->items, one, &below);
        }
}

/* ---- objects ---- */

static bool key_is_meta(const char *key) {
        return str_eq(key, "apiVersion") || str_eq(key, "kind") || str_eq(key, "metadata");
}

static void say_unknown(struct check *c, const struct custom_node *n, const char *key,
                        const struct path *at) {
        bool is_allowed = c->flags & SCHEMA_ALLOW_UNKNOWN;
        const char *names[UNKNOWN_MAX], *near;
        char field[PATH_TEXT_MAX];
        struct diag *one;
        size_t i;

        for (i = 0; i < n->n_properties && i < UNKNOWN_MAX; i++)
                names[i] = n->properties[i].name;
        near = str_nearest(key, names, i);
        one = diag_add(c->d, is_allowed ? DIAG_WARNING : DIAG_ERROR, DIAG_UNKNOWN,
                       path_format(at, field), "unknown field");
        if (near)
                diag_set_hint(one, "did you mean \"%s\"?", near);
}

static void required_check(struct check *c, const struct custom_node *n, const json_t *value,
                           const struct path *at) {
        for (size_t i = 0; i < n->n_required; i++) {
                struct path below = path_field(at, n->required[i]);
                char field[PATH_TEXT_MAX];

                if (!json_object_get(value, n->required[i]))
                        (void) diag_add(c->d, DIAG_ERROR, DIAG_REQUIRED, path_format(&below, field),
                                        "Required value");
        }
}

static void object_check(struct check *c, const struct custom_node *n, const json_t *value,
                         const struct path *at, bool is_root) {
        const json_t *was = c->was;
        int64_t size = (int64_t) json_object_size(value);
        bool is_open = n->keeps_unknown || n->has_any_additional || n->additional;
        char field[PATH_TEXT_MAX];
        const char *key;
        json_t *member;

        if (n->max_properties >= 0 && size > n->max_properties)
                (void) diag_add(c->d, DIAG_ERROR, DIAG_INVALID, path_format(at, field),
                                "Too many: %" PRId64 ": must have at most %" PRId64 " items", size,
                                n->max_properties);
        if (n->min_properties >= 0 && size < n->min_properties)
                say(c, at, value, "should have at least %" PRId64 " properties", n->min_properties);
        required_check(c, n, value, at);
        json_object_foreach((json_t *) value, key, member) {
                const struct custom_node *below = custom_property(n, key);
                struct path to = path_field(at, key);

                if (is_root && key_is_meta(key))
                        continue;
                if (!below)
                        below = n->additional;
                c->was = json_object_get(was, key);
                if (below)
                        node_check(c, below, member, &to);
                else if (!is_open && !c->is_counted && !(n->is_embedded && key_is_meta(key)))
                        say_unknown(c, n, key, &to);
        }
}

/* apiVersion, kind and metadata of an object inside an object. */
static void embedded_check(struct check *c, const json_t *value, const struct path *at) {
        static const char *const KEYS[] = { "apiVersion", "kind" };

        for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
                const json_t *member = json_object_get(value, KEYS[i]);
                struct path below = path_field(at, KEYS[i]);
                char field[PATH_TEXT_MAX];

                if (!member || json_string_length(member) == 0)
                        (void) diag_add(c->d, DIAG_ERROR, DIAG_REQUIRED, path_format(&below, field),
                                        "Required value: must not be empty");
                else if (!json_is_string(member))
                        say_type(c, &below, member, "string");
        }
}

/* ---- schemas of schemas ---- */

static bool is_valid(struct check *c, const struct custom_node *n, const json_t *value,
                     const struct path *at) {
        struct diags found = { 0 };
        struct check inner = *c;
        bool is_good;

        inner.d = &found;
        inner.is_counted = inner.is_quiet = true;
        node_check(&inner, n, value, at);
        is_good = found.n_errors == 0 && !found.has_failed;
        c->steps = inner.steps;
        c->budget = inner.budget;
        c->has_failed |= inner.has_failed || found.has_failed;
        diags_done(&found);
        return is_good;
}

static size_t count_valid(struct check *c, const struct custom_nodes *nodes, const json_t *value,
                          const struct path *at) {
        size_t n = 0;

        for (size_t i = 0; i < nodes->n; i++)
                n += is_valid(c, nodes->items[i], value, at);
        return n;
}

static void say_composite(struct check *c, const struct path *at, const char *text) {
        char field[PATH_TEXT_MAX];

        (void) path_format(at, field);
        (void) diag_add(c->d, DIAG_ERROR, DIAG_INVALID, field, "Invalid value: \"\": \"%s\" %s",
                        field, text);
}

static void composites_check(struct check *c, const struct custom_node *n, const json_t *value,
                             const struct path *at) {
        bool was_counted = c->is_counted;
        size_t n_one;

        c->is_counted = true;
        for (size_t i = 0; i < n->all_of.n; i++)
                node_check(c, n->all_of.items[i], value, at);
        c->is_counted = was_counted;
        if (n->any_of.n > 0 && count_valid(c, &n->any_of, value, at) == 0)
                say_composite(c, at, "must validate at least one schema (anyOf)");
        n_one = n->one_of.n > 0 ? count_valid(c, &n->one_of, value, at) : 1;
        if (n_one == 0)
                say_composite(c, at,
                              "must validate one and only one schema (oneOf). Found none valid");
        else if (n_one > 1)
                say_composite(c, at,
                              "must validate one and only one schema (oneOf). Found more than one "
                              "valid alternative");
        if (n->not_ && is_valid(c, n->not_, value, at))
                say_composite(c, at, "must not validate the schema (not)");
}

static void value_check(struct check *c, const struct custom_node *n, const json_t *value,
                        const struct path *at, bool is_root) {
        /* An error that was there before is no reason to refuse another change (CRD validation
         * ratcheting of Kubernetes 1.30). */
        if (c->has_failed || (c->was && json_equal(c->was, value)))
                return;
        if (++c->steps > STEPS_MAX) {
                if (c->steps == STEPS_MAX + 1)
                        say_composite(c, at, "is too expensive to validate");
                return;
        }
        if (json_is_null(value) && n->is_nullable)
                return;
        if (!type_fits(n, value)) {
                say_type(c, at, value, type_name(n));
                return;
        }
        if (n->values)
                enum_check(c, n, value, at);
        if (json_is_number(value))
                number_check(c, n, value, at);
        else if (json_is_string(value))
                string_check(c, n, value, at);
        else if (json_is_array(value))
                array_check(c, n, value, at);
        else if (json_is_object(value))
                object_check(c, n, value, at, is_root);
        if (n->is_embedded && json_is_object(value))
                embedded_check(c, value, at);
        c->was = NULL; /* as in Kubernetes, what comes is looked at anew */
        composites_check(c, n, value, at);
}

static void node_check(struct check *c, const struct custom_node *n, const json_t *value,
                       const struct path *at) {
        value_check(c, n, value, at, false);
}

int custom_validate_node(const struct custom_node *n, const json_t *value, const struct path *at,
                         unsigned flags, struct diags *d) {
        return custom_validate_node_changed(n, value, NULL, at, flags, d);
}

int custom_validate_node_changed(const struct custom_node *n, const json_t *value,
                                 const json_t *was, const struct path *at, unsigned flags,
                                 struct diags *d) {
        bool is_root = !at->up && at->name[0] == '\0';
        struct check c = { .d = d, .flags = flags, .budget = REGEX_BUDGET, .was = was };

        value_check(&c, n, value, at, is_root);
        return c.has_failed || d->has_failed ? -ENOMEM : 0;
}
