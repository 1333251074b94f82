#include "api/schema/base64.h"
#include "api/schema/path.h"
#include "api/schema/quantity.h"
#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define VALIDATE_ANNOTATIONS_BYTES_MAX (256 * 1024)
#define VALIDATE_SHOWN_MAX 160
#define VALIDATE_UNIQUE_MAX 1000

struct validation {
        struct diags *d;
        unsigned flags;
        const json_t *good; /* the root's members that are this one's need no look; NULL: none */
};

static void validate_object(struct validation *v, const struct schema *s, const json_t *tree,
                            const struct path *at);

static struct diag *validate_say(struct validation *v, const struct path *at,
                                 enum diag_reason reason, const char *text) {
        char field[PATH_TEXT_MAX];

        return diag_add(v->d, DIAG_ERROR, reason, path_format(at, field), "%s", text);
}

/* The value as findings show it: text quoted, cut when long. */
static const char *validate_show(const json_t *value, char *buf, size_t size) {
        size_t n = json_dumpb(value, buf, size - 1, JSON_ENCODE_ANY | JSON_COMPACT);

        if (n >= size) {
                n = size - 1;
                (void) memcpy(buf + n - 3, "...", 3);
        }
        buf[n] = '\0';
        return buf;
}

static void validate_invalid(struct validation *v, const struct path *at, enum diag_reason reason,
                             const json_t *value, const char *text) {
        char shown[VALIDATE_SHOWN_MAX], field[PATH_TEXT_MAX];

        (void) diag_add(v->d, DIAG_ERROR, reason, path_format(at, field), "Invalid value: %s: %s",
                        validate_show(value, shown, sizeof(shown)), text);
}

static const char *validate_type_text(const struct field *f, const json_t *value) {
        if (f->shape == FIELD_LIST)
                return "must be a list";
        if (f->shape == FIELD_MAP)
                return "must be a map";
        switch ((enum field_type) f->type) {
        case FIELD_BOOL:
        case FIELD_OPT_BOOL:
                return "must be true or false";
        case FIELD_INT:
        case FIELD_OPT_INT:
                return "must be an integer";
        case FIELD_QUANTITY:
                return "must be a quantity, as \"500m\" or \"64Mi\"";
        case FIELD_INT_OR_STRING:
                return "must be an integer or a string";
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                return "must be an RFC 3339 time, as \"2026-01-02T03:04:05Z\"";
        case FIELD_OBJECT:
        case FIELD_OBJECT_PTR:
                return "must be a map of fields";
        case FIELD_STRING:
        case FIELD_BYTES:
        case FIELD_ANY:
                break;
        }
        /* YAML takes 1, yes and on for something else. */
        if (json_is_number(value) || json_is_boolean(value))
                return "must be a string; put it in quotes";
        return "must be a string";
}

static bool validate_has_type(const struct field *f, const json_t *value) {
        switch ((enum field_type) f->type) {
        case FIELD_BOOL:
        case FIELD_OPT_BOOL:
                return json_is_boolean(value);
        case FIELD_INT:
        case FIELD_OPT_INT:
                return json_is_integer(value);
        case FIELD_QUANTITY:
                return json_is_string(value) || json_is_number(value);
        case FIELD_INT_OR_STRING:
                return json_is_string(value) || json_is_integer(value);
        case FIELD_OBJECT:
        case FIELD_OBJECT_PTR:
                return json_is_object(value);
        case FIELD_ANY:
                return true;
        case FIELD_STRING:
        case FIELD_BYTES:
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                break;
        }
        return json_is_string(value);
}

static void validate_enum(struct validation *v, const struct field *f, const struct path *at,
                          const json_t *value) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        char shown[VALIDATE_SHOWN_MAX];
        const char *s = json_string_value(value), *near;
        struct diag *d;
        size_t n = 0;

        for (; f->values[n]; n++)
                if (strcmp(f->values[n], s) == 0)
                        return;
        strbuf_addf(&b, "Unsupported value: %s: supported values: ",
                    validate_show(value, shown, sizeof(shown)));
        for (size_t i = 0; i < n; i++)
                strbuf_addf(&b, "%s\"%s\"", i > 0 ? ", " : "", f->values[i]);
        if (b.has_failed) {
                v->d->has_failed = true;
                return;
        }
        d = validate_say(v, at, DIAG_NOT_SUPPORTED, b.s);
        near = str_nearest(s, f->values, n);
        if (near)
                diag_set_hint(d, "did you mean \"%s\"?", near);
}

static void validate_string(struct validation *v, const struct field *f, const struct path *at,
                            const json_t *value) {
        const char *s = json_string_value(value), *wrong = NULL;

        if (s[0] == '\0') {
                if (f->flags & FIELD_REQUIRED || f->format == FORMAT_NON_EMPTY)
                        (void) validate_say(v, at, DIAG_REQUIRED, "Required value");
                return;
        }
        if (f->values && f->shape != FIELD_MAP) {
                validate_enum(v, f, at, value);
                return;
        }
        /* These formats speak of a map's keys. */
        if (f->shape == FIELD_MAP && f->format != FORMAT_LABELS)
                return;
        wrong = schema_format_check(f->format, s);
        if (wrong)
                validate_invalid(v, at, DIAG_INVALID, value, wrong);
}

static void validate_int(struct validation *v, const struct field *f, const struct path *at,
                         const json_t *value) {
        json_int_t n = json_integer_value(value);
        char text[96];

        if (f->format == FORMAT_PORT) {
                if (n < 1 || n > 65535)
                        validate_invalid(v, at, DIAG_INVALID, value,
                                         "must be between 1 and 65535, inclusive");
        } else if (f->min != 0 || f->max != 0) {
                if (n >= f->min && n <= f->max)
                        return;
                if (f->max >= INT32_MAX)
                        (void) snprintf(text, sizeof(text), "must be greater than or equal to %lld",
                                        (long long) f->min);
                else
                        (void) snprintf(text, sizeof(text),
                                        "must be between %lld and %lld, inclusive",
                                        (long long) f->min, (long long) f->max);
                validate_invalid(v, at, DIAG_INVALID, value, text);
        } else if (n < 0 && (f->flags & FIELD_NON_NEGATIVE || f->format == FORMAT_PERCENT)) {
                validate_invalid(v, at, DIAG_INVALID, value, "must be greater than or equal to 0");
        }
}

static void validate_quantity(struct validation *v, const struct field *f, const struct path *at,
                              const json_t *value) {
        const char *s = json_string_value(value);
        struct quantity q = { 0 };
        bool is_negative = json_number_value(value) < 0;

        if (s && quantity_parse(s, &q) < 0) {
                validate_invalid(v, at, DIAG_TYPE, value,
                                 "quantities must match the regular expression "
                                 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
                return;
        }
        if (f->format == FORMAT_RESOURCES && (is_negative || q.milli < 0))
                validate_invalid(v, at, DIAG_INVALID, value, "must be greater than or equal to 0");
}

static void validate_bytes(struct validation *v, const struct path *at, const json_t *value) {
        size_t len = json_string_length(value);
        uint8_t *out = malloc(base64_decoded_max(len));

        if (!out) {
                v->d->has_failed = true;
                return;
        }
        if (base64_decode(json_string_value(value), len, out, &len) < 0)
                (void) validate_say(v, at, DIAG_TYPE, "illegal base64 data");
        free(out);
}

static void validate_scalar(struct validation *v, const struct field *f, const struct path *at,
                            const json_t *value) {
        uint64_t usec;

        if (!validate_has_type(f, value)) {
                struct field one = *f;

                one.shape = FIELD_ONE;
                validate_invalid(v, at, DIAG_TYPE, value, validate_type_text(&one, value));
                return;
        }
        switch ((enum field_type) f->type) {
        case FIELD_STRING:
                validate_string(v, f, at, value);
                break;
        case FIELD_INT:
        case FIELD_OPT_INT:
                validate_int(v, f, at, value);
                break;
        case FIELD_INT_OR_STRING:
                if (json_is_string(value))
                        validate_string(v, f, at, value);
                else
                        validate_int(v, f, at, value);
                break;
        case FIELD_QUANTITY:
                validate_quantity(v, f, at, value);
                break;
        case FIELD_TIME:
        case FIELD_MICRO_TIME:
                if (clock_parse(json_string_value(value), &usec) < 0)
                        validate_invalid(v, at, DIAG_TYPE, value, validate_type_text(f, value));
                break;
        case FIELD_BYTES:
                validate_bytes(v, at, value);
                break;
        case FIELD_OBJECT:
        case FIELD_OBJECT_PTR:
                validate_object(v, f->schema, value, at);
                break;
        case FIELD_BOOL:
        case FIELD_OPT_BOOL:
        case FIELD_ANY:
                break;
        }
}

/* What tells elements of a keyed list apart: the merge key's value, with the second key's behind
 * it. */
static bool validate_same_key(const struct field *f, const json_t *a, const json_t *b) {
        const json_t *x = json_object_get(a, f->merge_key), *y = json_object_get(b, f->merge_key);

        if (!x || !y || !json_equal(x, y))
                return false;
        if (!f->merge_key2)
                return true;
        x = json_object_get(a, f->merge_key2);
        y = json_object_get(b, f->merge_key2);
        return x == y || json_equal(x, y);
}

/* Whether element i repeats one before it. Quadratic, so only the beginning of lists that outgrow
 * any manifest is looked at. */
static bool validate_is_repeated(const struct field *f, const json_t *list, size_t i) {
        const json_t *item = json_array_get(list, i);

        for (size_t j = 0; j < i && i < VALIDATE_UNIQUE_MAX; j++) {
                const json_t *other = json_array_get(list, j);

                if (f->merge_key ? validate_same_key(f, item, other) : json_equal(item, other))
                        return true;
        }
        return false;
}

static void validate_list(struct validation *v, const struct field *f, const struct path *at,
                          const json_t *list) {
        char shown[VALIDATE_SHOWN_MAX], field[PATH_TEXT_MAX], text[VALIDATE_SHOWN_MAX + 32];
        const json_t *item;
        size_t i;

        if (json_array_size(list) == 0 && f->flags & FIELD_REQUIRED)
                (void) validate_say(v, at, DIAG_REQUIRED, "Required value");
        for (i = 0; i < json_array_size(list); i++) {
                struct path here = path_index(at, i), key = path_field(&here, f->merge_key);
                const json_t *shown_value;

                item = json_array_get(list, i);
                validate_scalar(v, f, &here, item);
                if (!(f->flags & FIELD_UNIQUE) || !validate_is_repeated(f, list, i))
                        continue;
                shown_value = f->merge_key ? json_object_get(item, f->merge_key) : item;
                (void) snprintf(text, sizeof(text), "Duplicate value: %s",
                                validate_show(shown_value, shown, sizeof(shown)));
                (void) diag_add(v->d, DIAG_ERROR, DIAG_DUPLICATE,
                                path_format(f->merge_key ? &key : &here, field), "%s", text);
        }
}

static void validate_map_key(struct validation *v, const struct field *f, const struct path *at,
                             const char *key) {
        bool is_labels = f->format == FORMAT_LABELS;
        const char *wrong = schema_format_check(is_labels ? FORMAT_QUALIFIED_NAME : f->format, key);
        json_t *shown;

        if (!wrong)
                return;
        shown = json_string(key);
        if (shown)
                validate_invalid(v, at, DIAG_INVALID, shown, wrong);
        else
                v->d->has_failed = true;
        json_decref(shown);
}

static void validate_map(struct validation *v, const struct field *f, const struct path *at,
                         const json_t *map) {
        size_t bytes = 0;
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) map, key, value) {
                struct path here = path_key(at, key);

                if (json_is_null(value))
                        continue;
                validate_map_key(v, f, at, key);
                validate_scalar(v, f, &here, value);
                bytes += strlen(key) + json_string_length(value);
        }
        if (f->format == FORMAT_ANNOTATIONS && bytes > VALIDATE_ANNOTATIONS_BYTES_MAX)
                (void) validate_say(v, at, DIAG_INVALID,
                                    "Too long: may not be more than 262144 bytes");
}

static bool validate_is_blank(const struct field *f, const json_t *value) {
        json_t *usual;
        bool is_usual;

        if (json_is_false(value) || (json_is_string(value) && json_string_length(value) == 0) ||
            (json_is_object(value) && json_object_size(value) == 0) ||
            (json_is_array(value) && json_array_size(value) == 0))
                return true;
        if (!f->default_json)
                return false;
        usual = schema_default_value(f);
        is_usual = usual && json_equal(usual, value);
        json_decref(usual);
        return is_usual;
}

static void validate_field(struct validation *v, const struct field *f, const struct path *at,
                           const json_t *value) {
        char field[PATH_TEXT_MAX];

        if ((f->shape == FIELD_LIST && !json_is_array(value)) ||
            (f->shape == FIELD_MAP && !json_is_object(value))) {
                validate_invalid(v, at, DIAG_TYPE, value, validate_type_text(f, value));
                return;
        }
        if (f->flags & FIELD_UNACTED && !(v->flags & SCHEMA_NO_WARNINGS) &&
            !validate_is_blank(f, value))
                (void) diag_add(v->d, DIAG_WARNING, DIAG_INVALID, path_format(at, field),
                                "kept but not acted on");
        if (f->shape == FIELD_LIST)
                validate_list(v, f, at, value);
        else if (f->shape == FIELD_MAP)
                validate_map(v, f, at, value);
        else
                validate_scalar(v, f, at, value);
}

static void validate_unknown(struct validation *v, const struct schema *s, const struct path *at,
                             const char *key) {
        struct path here = path_field(at, key);
        char field[PATH_TEXT_MAX];
        const char *names[128], *near;
        size_t n = MIN(s->n_fields, ARRAY_SIZE(names));
        struct diag *d;

        d = diag_add(v->d, v->flags & SCHEMA_ALLOW_UNKNOWN ? DIAG_WARNING : DIAG_ERROR,
                     DIAG_UNKNOWN, path_format(&here, field), "unknown field");
        for (size_t i = 0; i < n; i++)
                names[i] = s->fields[i].name;
        near = str_nearest(key, names, n);
        if (near)
                diag_set_hint(d, "did you mean \"%s\"?", near);
}

static void validate_object(struct validation *v, const struct schema *s, const json_t *tree,
                            const struct path *at) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) tree, key, value) {
                const struct field *f = schema_field(s, key);
                struct path here = path_field(at, key);

                if (!at->up && v->good && value == json_object_get(v->good, key))
                        continue;
                if (!f)
                        validate_unknown(v, s, at, key);
                else if (!json_is_null(value))
                        validate_field(v, f, &here, value);
        }
        for (size_t i = 0; i < s->n_fields; i++) {
                const struct field *f = &s->fields[i];
                struct path here = path_field(at, f->name);
                const json_t *found;

                if (!(f->flags & FIELD_REQUIRED))
                        continue;
                found = json_object_get(tree, f->name);
                if (!found || json_is_null(found))
                        (void) validate_say(v, &here, DIAG_REQUIRED, "Required value");
        }
}

int schema_validate(const struct schema *s, const json_t *tree, const char *prefix, unsigned flags,
                    struct diags *d) {
        struct validation v = { .d = d, .flags = flags };
        struct path root = path_field(NULL, prefix);

        if (!json_is_object(tree))
                validate_invalid(&v, &root, DIAG_TYPE, tree, "must be a map of fields");
        else
                validate_object(&v, s, tree, &root);
        return d->has_failed ? -ENOMEM : 0;
}

int schema_validate_changed(const struct schema *s, const json_t *tree, const json_t *was,
                            unsigned flags, struct diags *d) {
        struct validation v = { .d = d, .flags = flags, .good = was };
        struct path root = path_field(NULL, "");

        if (!was || !json_is_object(tree))
                return schema_validate(s, tree, "", flags, d);
        validate_object(&v, s, tree, &root);
        return d->has_failed ? -ENOMEM : 0;
}
