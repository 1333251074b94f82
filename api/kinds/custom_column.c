/* The columns of a custom kind: a JSONPath each, as kubectl's, of which Kubernetes shows the first
 * match (k8s.io/apiextensions-apiserver, registry/customresource/tableconvertor). */
#include "api/kinds/custom_node.h"
#include "api/kinds/object.h"
#include "base/clock.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 64U

/* .name  [n]  [*]  [?(@.name=="text")] */
enum step_kind { STEP_NAME, STEP_INDEX, STEP_ALL, STEP_WHERE };

struct step {
        enum step_kind kind;
        const char *name;  /* STEP_NAME; STEP_WHERE: of the member that is compared */
        const char *value; /* STEP_WHERE */
        bool is_equal;     /* STEP_WHERE: "==" or "!=" */
        int64_t index;     /* from the end when negative */
};

struct column_path {
        size_t n;
        struct step steps[];
};

/* ---- reading ---- */

struct reader {
        struct arena *arena;
        bool has_failed; /* memory is out */
};

static const char *copy(struct reader *r, const char *text, size_t len) {
        const char *made = arena_strndup(r->arena, text, len);

        r->has_failed |= !made;
        return made;
}

/* A name up to . or [; a backslash takes the next letter as it is. NULL: there is none. */
static const char *name_read(struct reader *r, const char *at, struct step *s) {
        char *name = arena_alloc(r->arena, strlen(at) + 1);
        size_t n = 0;

        r->has_failed |= !name;
        for (; name && *at && *at != '.' && *at != '['; at++) {
                if (*at == '\\' && at[1] != '\0')
                        at++;
                name[n++] = *at;
        }
        if (!name || n == 0)
                return NULL;
        *s = (struct step){ .kind = str_eq(name, "*") ? STEP_ALL : STEP_NAME, .name = name };
        return at;
}

/* 'text' or "text". *at moves behind it. */
static const char *quoted_read(struct reader *r, const char **at) {
        char quote = **at;
        const char *end = quote == '\'' || quote == '"' ? strchr(*at + 1, quote) : NULL;
        const char *from = *at + 1;

        if (!end)
                return NULL;
        *at = end + 1;
        return copy(r, from, (size_t) (end - from));
}

static const char *blanks_skip(const char *at) {
        return at + strspn(at, " ");
}

/* ?(@.type=="Ready") with at behind "[". */
static const char *where_read(struct reader *r, const char *at, struct step *s) {
        size_t len;

        at = blanks_skip(at + 2);
        if (!str_starts_with(at, "@."))
                return NULL;
        len = strcspn(at + 2, " =!<>)[.");
        s->kind = STEP_WHERE;
        s->name = copy(r, at + 2, len);
        at = blanks_skip(at + 2 + len);
        if (!str_starts_with(at, "==") && !str_starts_with(at, "!="))
                return NULL;
        s->is_equal = *at == '=';
        at = blanks_skip(at + 2);
        if (*at == '"' || *at == '\'') {
                s->value = quoted_read(r, &at);
        } else {
                len = strcspn(at, " )");
                s->value = copy(r, at, len);
                at += len;
        }
        at = blanks_skip(at);
        return s->name && s->value && str_starts_with(at, ")") ? at + 1 : NULL;
}

/* at: behind "[". */
static const char *bracket_read(struct reader *r, const char *at, struct step *s) {
        char *end = NULL;

        *s = (struct step){ .kind = STEP_INDEX };
        if (str_starts_with(at, "?(")) {
                at = where_read(r, at, s);
        } else if (*at == '\'' || *at == '"') {
                s->kind = STEP_NAME;
                s->name = quoted_read(r, &at);
                at = s->name ? at : NULL;
        } else if (*at == '*') {
                s->kind = STEP_ALL;
                at++;
        } else {
                s->index = strtol(at, &end, 10);
                at = end != at ? end : NULL;
        }
        return at && *at == ']' ? at + 1 : NULL;
}

static const char *step_read(struct reader *r, const char *at, struct step *s) {
        if (*at == '.' && at[1] == '[')
                at++;
        if (*at == '.')
                return name_read(r, at + 1, s);
        return *at == '[' ? bracket_read(r, at + 1, s) : NULL;
}

int column_path_parse(const char *text, struct arena *a, const struct column_path **ret,
                      struct err *e) {
        struct column_path *p = arena_alloc(a, sizeof(*p) + STEPS_MAX * sizeof(struct step));
        struct reader r = { .arena = a, .has_failed = !p };
        size_t len = strlen(text);
        const char *at = text;

        if (*at == '{' && len > 1 && text[len - 1] == '}') /* kubectl's braces are forgiven */
                at = copy(&r, text + 1, len - 2);
        if (!r.has_failed && *at != '.')
                at = NULL;
        while (!r.has_failed && at && *at && p->n < STEPS_MAX) {
                at = step_read(&r, at, &p->steps[p->n]);
                p->n++;
        }
        if (r.has_failed)
                return err_set(e, -ENOMEM, "memory is out");
        if (!at || *at)
                return err_set(e, -EINVAL, "must be a simple json path starting with .");
        *ret = p;
        return 0;
}

/* ---- finding ---- */

static bool where_matches(const struct step *s, const json_t *value) {
        const json_t *member = json_object_get(value, s->name);
        char number[32];
        const char *text = json_string_value(member);

        if (json_is_integer(member)) {
                (void) snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
                                json_integer_value(member));
                text = number;
        } else if (json_is_boolean(member)) {
                text = json_is_true(member) ? "true" : "false";
        }
        return text && str_eq(text, s->value) == s->is_equal;
}

static const json_t *find_from(const struct column_path *p, size_t i, const json_t *value);

static const json_t *find_in_all(const struct column_path *p, size_t i, const json_t *value) {
        const struct step *s = &p->steps[i];
        const json_t *found = NULL;
        const char *key;
        json_t *one;
        size_t n;

        json_array_foreach((json_t *) value, n, one) {
                if (!found && (s->kind == STEP_ALL || where_matches(s, one)))
                        found = find_from(p, i + 1, one);
        }
        if (s->kind != STEP_ALL)
                return found;
        json_object_foreach((json_t *) value, key, one) {
                if (!found)
                        found = find_from(p, i + 1, one);
        }
        return found;
}

static const json_t *find_from(const struct column_path *p, size_t i, const json_t *value) {
        int64_t index;

        for (; value && i < p->n; i++) {
                const struct step *s = &p->steps[i];

                if (s->kind == STEP_ALL || s->kind == STEP_WHERE)
                        return find_in_all(p, i, value);
                index = s->index < 0 ? s->index + (int64_t) json_array_size(value) : s->index;
                value = s->kind == STEP_NAME ? json_object_get(value, s->name)
                        : index < 0          ? NULL
                                             : json_array_get(value, (size_t) index);
        }
        return value;
}

const json_t *column_path_find(const struct column_path *p, const json_t *tree) {
        return find_from(p, 0, tree);
}

/* ---- cells ---- */

static json_t *text_cell(const json_t *value) {
        AUTO_FREE char *text = NULL;

        if (json_is_string(value))
                return json_copy((json_t *) value);
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        return text ? json_string(text) : NULL;
}

static json_t *date_cell(const json_t *value, uint64_t now_usec) {
        uint64_t since_usec = 0;
        char age[AGE_TEXT_MAX];

        if (!json_is_string(value) || clock_parse(json_string_value(value), &since_usec) < 0)
                return json_string("<unknown>");
        return json_string(age_format(since_usec, now_usec, age));
}

static json_t *cell_of(const char *type, const json_t *value, uint64_t now_usec) {
        if (!value || json_is_null(value))
                return json_null();
        if (str_eq(type, "string"))
                return text_cell(value);
        if (str_eq(type, "date"))
                return date_cell(value, now_usec);
        if (str_eq(type, "integer") && json_is_real(value) &&
            fabs(json_real_value(value)) < 9007199254740992.0)
                return json_integer((json_int_t) json_real_value(value));
        if (str_eq(type, "integer") && json_is_integer(value))
                return json_copy((json_t *) value);
        if ((str_eq(type, "number") && json_is_number(value)) ||
            (str_eq(type, "boolean") && json_is_boolean(value)))
                return json_copy((json_t *) value);
        return json_null();
}

int column_add_cell(const char *type, const json_t *value, uint64_t now_usec, json_t *cells) {
        json_t *cell = cell_of(type, value, now_usec);

        return cell && json_array_append_new(cells, cell) == 0 ? 0 : -ENOMEM;
}
