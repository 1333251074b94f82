#include "api/schema/schema.h"

#include "api/schema/path.h"
#include "base/str.h"

#include <string.h>

const struct field *schema_field(const struct schema *s, const char *name) {
        /* Asked for each key of each object: most fields are told apart by their first letters. No
         * field's name is empty, so where the first agree there is a second. */
        for (size_t i = 0; i < s->n_fields; i++) {
                const char *field = s->fields[i].name;

                if (field[0] == name[0] && field[1] == name[1] && strcmp(field, name) == 0)
                        return &s->fields[i];
        }
        return NULL;
}

/* Kubernetes leaves most empty maps and lists out, so "none" and "an empty one" are the same. */
static bool is_left_out(const struct field *f, const json_t *value) {
        return f->flags & FIELD_OMIT_EMPTY &&
               (json_is_object(value) ? json_object_size(value) == 0
                                      : json_is_array(value) && json_array_size(value) == 0);
}

/* A moment that Kubernetes tells even where there is none. */
static bool is_told_null(const struct field *f) {
        return f->flags & FIELD_ALWAYS && (f->type == FIELD_TIME || f->type == FIELD_MICRO_TIME);
}

static int schema_prune_value(const struct field *f, json_t *value) {
        json_t *item;
        size_t i;
        int r;

        if (f->type != FIELD_OBJECT && f->type != FIELD_OBJECT_PTR)
                return 0;
        if (f->shape == FIELD_ONE)
                return json_is_object(value) ? schema_prune(f->schema, value) : 0;
        json_array_foreach(value, i, item) {
                r = json_is_object(item) ? schema_prune(f->schema, item) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int schema_prune(const struct schema *s, json_t *tree) {
        const char *key;
        json_t *value;
        void *next;
        int r;

        json_object_foreach_safe(tree, next, key, value) {
                const struct field *f = schema_field(s, key);

                if (!f || (json_is_null(value) && !is_told_null(f)) || is_left_out(f, value)) {
                        (void) json_object_del(tree, key);
                        continue;
                }
                r = schema_prune_value(f, value);
                if (r < 0)
                        return r;
        }
        return 0;
}
