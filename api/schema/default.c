#include "api/schema/quantity.h"
#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* Of so many fields a walk remembers whether they are there; of others it asks again. */
#define FIELDS_SEEN_MAX 96

/* Not jansson's parser: that one drops letters in silence when memory is out. */
json_t *schema_default_value(const struct field *f) {
        const char *text = f->default_json;
        int64_t n = 0;

        if (text[0] == '"')
                return json_stringn(text + 1, strlen(text) - 2);
        if (text[0] == 't' || text[0] == 'f')
                return json_boolean(text[0] == 't');
        (void) str_to_int64(text, INT64_MIN, INT64_MAX, &n);
        return json_integer(n);
}

static bool schema_has_required(const struct schema *s) {
        for (size_t i = 0; i < s->n_fields; i++)
                if (s->fields[i].flags & FIELD_REQUIRED)
                        return true;
        return false;
}

/* NULL: left out, or memory is out (*ret_failed). */
static json_t *schema_empty_member(const struct field *f, bool *ret_failed) {
        json_t *value = NULL;

        if (f->shape != FIELD_ONE)
                return NULL;
        if (f->type == FIELD_OBJECT && f->schema && !schema_has_required(f->schema))
                value = schema_empty_value(f->schema);
        else if (f->type == FIELD_INT && f->flags & FIELD_ALWAYS)
                value = json_integer(0);
        else if (f->type == FIELD_BOOL && f->flags & FIELD_ALWAYS)
                value = json_false();
        else
                return NULL;
        *ret_failed |= !value;
        return value;
}

json_t *schema_empty_value(const struct schema *s) {
        json_t *tree = json_object();
        bool is_failed = !tree;

        for (size_t i = 0; i < s->n_fields && !is_failed; i++) {
                json_t *value = schema_empty_member(&s->fields[i], &is_failed);

                if (value && json_object_set_new(tree, s->fields[i].name, value) < 0)
                        is_failed = true;
        }
        if (!is_failed)
                return tree;
        json_decref(tree);
        return NULL;
}

/* Rewrites a scalar in its canonical form: *ret_new is a fresh value, or NULL when nothing is to be
 * changed (a malformed value is validation's business). */
static int default_canonical(const struct field *f, const json_t *value, json_t **ret_new) {
        char text[QUANTITY_TEXT_MAX], number[64];
        const char *s = json_string_value(value);
        uint64_t usec;

        *ret_new = NULL;
        if (f->type == FIELD_QUANTITY) {
                if (json_is_integer(value))
                        (void) snprintf(number, sizeof(number), "%lld",
                                        (long long) json_integer_value(value));
                else if (json_is_real(value))
                        (void) snprintf(number, sizeof(number), "%.15g", json_real_value(value));
                if (quantity_canonical(json_is_number(value) ? number : s, text) < 0)
                        return 0;
        } else if (f->type == FIELD_TIME || f->type == FIELD_MICRO_TIME) {
                if (!s || clock_parse(s, &usec) < 0)
                        return 0;
                (void) (f->type == FIELD_TIME ? clock_format(usec, text)
                                              : clock_format_micro(usec, text));
        } else {
                return 0;
        }
        if (s && strcmp(s, text) == 0)
                return 0;
        *ret_new = json_string(text);
        return *ret_new ? 0 : -ENOMEM;
}

/* Members that are was's own (the same node) are as they should be. was NULL: look at all. */
static int default_changed(const struct schema *s, json_t *tree, const json_t *was, bool is_filled);

static int default_object(const struct schema *s, json_t *tree, bool is_filled) {
        return default_changed(s, tree, NULL, is_filled);
}

/* Defaults inside a list's or map's elements. */
static int default_elements(const struct field *f, json_t *value, bool is_filled) {
        const char *key;
        json_t *item, *fresh;
        size_t i;
        int r;

        json_array_foreach(value, i, item) {
                if (f->type != FIELD_OBJECT)
                        break;
                r = json_is_object(item) ? default_object(f->schema, item, is_filled) : 0;
                if (r < 0)
                        return r;
        }
        if (f->shape != FIELD_MAP)
                return 0;
        json_object_foreach(value, key, item) {
                r = default_canonical(f, item, &fresh);
                if (r == 0 && fresh && json_object_set_new(value, key, fresh) < 0)
                        r = -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int default_value(const struct field *f, json_t *tree, json_t *value, bool is_filled) {
        json_t *fresh;
        int r;

        if (f->shape != FIELD_ONE)
                return default_elements(f, value, is_filled);
        if (f->type == FIELD_OBJECT || f->type == FIELD_OBJECT_PTR)
                return json_is_object(value) ? default_object(f->schema, value, is_filled) : 0;
        r = default_canonical(f, value, &fresh);
        if (r < 0 || !fresh)
                return r;
        return json_object_set_new(tree, f->name, fresh) < 0 ? -ENOMEM : 0;
}

/* What a member should look like. Returns 1 when there is one, 0 when null was dropped, or -ENOMEM.
 */
static int default_member(const struct field *f, json_t *tree, const json_t *was, json_t *value,
                          bool is_filled) {
        int r;

        if (json_is_null(value)) {
                (void) json_object_del(tree, f->name);
                return 0;
        }
        if (was && value == json_object_get(was, f->name))
                return 1;
        r = default_value(f, tree, value, is_filled);
        return r < 0 ? r : 1;
}

/* is_filled: what is absent gets its default; else values are only written as they should be. */
static int default_changed(const struct schema *s, json_t *tree, const json_t *was,
                           bool is_filled) {
        bool is_there[FIELDS_SEEN_MAX] = { 0 };
        const char *key;
        json_t *value;
        void *next;
        int r;

        if (!json_is_object(tree))
                return 0;
        /* By member: tables have many more fields than objects have members. */
        json_object_foreach_safe(tree, next, key, value) {
                const struct field *f = schema_field(s, key);
                size_t i = f ? (size_t) (f - s->fields) : 0;

                r = f ? default_member(f, tree, was, value, is_filled) : 0;
                if (r < 0)
                        return r;
                if (r > 0 && i < ARRAY_SIZE(is_there))
                        is_there[i] = true;
        }
        for (size_t i = 0; i < s->n_fields && is_filled; i++) {
                const struct field *f = &s->fields[i];

                if (!f->default_json ||
                    (i < ARRAY_SIZE(is_there) ? is_there[i] : !!json_object_get(tree, f->name)))
                        continue;
                value = schema_default_value(f);
                if (!value || json_object_set_new(tree, f->name, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int schema_default(const struct schema *s, json_t *tree) {
        return default_object(s, tree, true);
}

int schema_default_changed(const struct schema *s, json_t *tree, const json_t *was) {
        return default_changed(s, tree, was, true);
}

int schema_canonical(const struct schema *s, json_t *tree) {
        return default_object(s, tree, false);
}
