#include "api/kinds/labels.h"

#include "api/kinds/tables.h"
#include "base/arena.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define SELECTOR_TEXT_MAX 65536

void selector_unref(struct selector *s) {
        if (s)
                arena_unref(s->arena); /* s itself lives there */
}

/* Reads a selector: what is left of the text, and where terms go. */
struct selector_reader {
        const char *at;
        struct selector *out;
        struct err *e;
};

static void selector_skip_blanks(struct selector_reader *r) {
        r->at += strspn(r->at, " \t");
}

/* Takes a word up to a character that means something. */
static int selector_read_word(struct selector_reader *r, const char **ret) {
        size_t n;

        selector_skip_blanks(r);
        n = strcspn(r->at, "=!<>,() \t");
        *ret = arena_strndup(r->out->arena, r->at, n);
        r->at += n;
        selector_skip_blanks(r);
        return *ret ? 0 : -ENOMEM;
}

static size_t selector_count(const char *text, char c) {
        size_t n = 1;

        for (; *text; text++)
                n += *text == c;
        return n;
}

static int selector_check_key(struct selector_reader *r, const char *key) {
        const char *wrong;

        if (key[0] == '\0')
                return err_set(r->e, -EINVAL,
                               "found '%.*s', expected: !, identifier, or 'end of string'",
                               *r->at ? 1 : 0, r->at);
        wrong = schema_format_check(FORMAT_QUALIFIED_NAME, key);
        return wrong ? err_set(r->e, -EINVAL, "key: Invalid value: \"%s\": %s", key, wrong) : 0;
}

/* The newest value of a term. */
static int selector_check_value(struct selector_reader *r, const struct selector_term *t,
                                size_t i) {
        const char *wrong = schema_format_check(FORMAT_LABELS, t->values[i]);

        return wrong ? err_set(r->e, -EINVAL, "values[%zu][%s]: Invalid value: \"%s\": %s", i,
                               t->key, t->values[i], wrong)
                     : 0;
}

/* "(a, b)" after in and notin. */
static int selector_read_set(struct selector_reader *r, struct selector_term *t) {
        size_t max;
        int err;

        selector_skip_blanks(r);
        if (*r->at != '(')
                return err_set(r->e, -EINVAL, "found '%.64s', expected: '('", r->at);
        r->at++;
        max = selector_count(r->at, ',');
        t->values = arena_alloc_n(r->out->arena, max, sizeof(*t->values));
        if (!t->values)
                return -ENOMEM;
        while (t->n_values < max) {
                err = selector_read_word(r, &t->values[t->n_values]);
                if (err == 0)
                        err = selector_check_value(r, t, t->n_values);
                if (err < 0)
                        return err;
                t->n_values++;
                if (*r->at != ',')
                        break;
                r->at++;
        }
        if (*r->at != ')')
                return err_set(r->e, -EINVAL, "found '%.64s', expected: ',' or ')'", r->at);
        r->at++;
        selector_skip_blanks(r);
        return 0;
}

/* ">5", "<5" */
static int selector_read_bound(struct selector_reader *r, struct selector_term *t) {
        int64_t number;
        int err;

        t->op = *r->at == '>' ? SELECTOR_GREATER : SELECTOR_LESS;
        r->at++;
        t->values = arena_alloc_n(r->out->arena, 1, sizeof(*t->values));
        if (!t->values)
                return -ENOMEM;
        t->n_values = 1;
        err = selector_read_word(r, &t->values[0]);
        if (err < 0)
                return err;
        if (str_to_int64(t->values[0], INT64_MIN, INT64_MAX, &number) < 0)
                return err_set(r->e, -EINVAL,
                               "values[0][%s]: Invalid value: \"%s\": for 'Gt', 'Lt' operators, "
                               "the value must be an integer",
                               t->key, t->values[0]);
        return 0;
}

/* What follows the key. */
static int selector_read_operator(struct selector_reader *r, struct selector_term *t) {
        const char *word;
        int err;

        if (*r->at == '=' || (r->at[0] == '!' && r->at[1] == '=')) {
                t->op = *r->at == '=' ? SELECTOR_IN : SELECTOR_NOT_IN;
                r->at += *r->at == '!' || r->at[1] == '=' ? 2 : 1;
                t->values = arena_alloc_n(r->out->arena, 1, sizeof(*t->values));
                if (!t->values)
                        return -ENOMEM;
                t->n_values = 1;
                err = selector_read_word(r, &t->values[0]);
                return err < 0 ? err : selector_check_value(r, t, 0);
        }
        if (*r->at == '>' || *r->at == '<')
                return selector_read_bound(r, t);
        if (*r->at == ',' || *r->at == '\0') {
                t->op = SELECTOR_EXISTS;
                return 0;
        }
        err = selector_read_word(r, &word);
        if (err < 0)
                return err;
        if (!str_eq(word, "in") && !str_eq(word, "notin"))
                return err_set(r->e, -EINVAL, "found '%s', expected: in, notin, =, ==, !=, gt, lt",
                               word);
        t->op = word[0] == 'i' ? SELECTOR_IN : SELECTOR_NOT_IN;
        return selector_read_set(r, t);
}

static int selector_read_term(struct selector_reader *r) {
        struct selector_term *t = &r->out->terms[r->out->n];
        bool is_negated;
        int err;

        selector_skip_blanks(r);
        is_negated = *r->at == '!' && r->at[1] != '=';
        r->at += is_negated;
        err = selector_read_word(r, &t->key);
        if (err == 0)
                err = selector_check_key(r, t->key);
        if (err < 0)
                return err;
        if (is_negated)
                t->op = SELECTOR_NOT_EXISTS;
        else
                err = selector_read_operator(r, t);
        if (err < 0)
                return err;
        r->out->n++;
        if (*r->at != ',' && *r->at != '\0')
                return err_set(r->e, -EINVAL, "found '%.64s', expected: ',' or 'end of string'",
                               r->at);
        return 0;
}

static int selector_read_all(struct selector_reader *r) {
        int err;

        selector_skip_blanks(r);
        while (*r->at) {
                err = selector_read_term(r);
                if (err < 0)
                        return err;
                if (*r->at == ',') {
                        r->at++;
                        if (r->at[strspn(r->at, " \t")] == '\0')
                                return err_set(r->e, -EINVAL,
                                               "found '', expected: identifier after ','");
                }
        }
        return 0;
}

int selector_parse(const char *text, struct selector **ret, struct err *e) {
        AUTO(arena) struct arena *a = NULL;
        struct selector_reader r = { .at = str_or_empty(text), .e = e };
        int err;

        if (strnlen(r.at, SELECTOR_TEXT_MAX + 1) > SELECTOR_TEXT_MAX)
                return err_set(e, -EINVAL, "a selector is longer than %d bytes", SELECTOR_TEXT_MAX);
        a = arena_new(256);
        r.out = a ? arena_alloc(a, sizeof(*r.out)) : NULL;
        if (!r.out)
                return err_set(e, -ENOMEM, "out of memory");
        r.out->arena = a;
        r.out->terms = arena_alloc_n(a, selector_count(r.at, ','), sizeof(*r.out->terms));
        err = r.out->terms ? selector_read_all(&r) : -ENOMEM;
        if (err < 0)
                return err == -ENOMEM ? err_set(e, err, "out of memory") : err;
        *ret = r.out;
        (void) STEAL(a);
        return 0;
}

/* Whether a label is a number on the right side of the selector's. */
static bool selector_compares(const struct selector_term *t, const char *value) {
        int64_t is, bound;

        if (str_to_int64(value, INT64_MIN, INT64_MAX, &is) < 0 ||
            str_to_int64(t->values[0], INT64_MIN, INT64_MAX, &bound) < 0)
                return false;
        return t->op == SELECTOR_GREATER ? is > bound : is < bound;
}

static bool selector_term_matches(const struct selector_term *t, const char *value) {
        bool is_among = false;

        for (size_t i = 0; value && i < t->n_values && !is_among; i++)
                is_among = strcmp(t->values[i], value) == 0;
        switch (t->op) {
        case SELECTOR_IN:
                return is_among;
        case SELECTOR_NOT_IN:
                return !is_among;
        case SELECTOR_EXISTS:
                return value != NULL;
        case SELECTOR_NOT_EXISTS:
                return value == NULL;
        case SELECTOR_GREATER:
        case SELECTOR_LESS:
                return value && selector_compares(t, value);
        }
        return false;
}

bool selector_matches_with(const struct selector *s, const char *(*get)(void *ctx, const char *key),
                           void *ctx) {
        for (size_t i = 0; s && i < s->n; i++)
                if (!selector_term_matches(&s->terms[i], get(ctx, s->terms[i].key)))
                        return false;
        return true;
}

bool selector_matches(const struct selector *s, const struct string_map *labels) {
        for (size_t i = 0; s && i < s->n; i++) {
                const char *value = labels ? string_map_get(labels, s->terms[i].key) : NULL;

                if (!selector_term_matches(&s->terms[i], value))
                        return false;
        }
        return true;
}

bool selector_matches_json(const struct selector *s, const json_t *labels) {
        for (size_t i = 0; s && i < s->n; i++) {
                const char *value = json_string_value(json_object_get(labels, s->terms[i].key));

                if (!selector_term_matches(&s->terms[i], value))
                        return false;
        }
        return true;
}

static bool label_requirement_matches(const struct label_selector_requirement *q,
                                      const struct string_map *labels) {
        const char *value = string_map_get(labels, str_or_empty(q->key));
        bool is_among = value && strings_has(&q->values, value);

        if (str_eq(q->operator, "In"))
                return is_among;
        if (str_eq(q->operator, "NotIn"))
                return !is_among;
        return str_eq(q->operator, "Exists") ? value != NULL : value == NULL;
}

bool label_selector_matches(const struct label_selector *s, const struct string_map *labels) {
        if (!string_map_is_subset(&s->match_labels, labels))
                return false;
        for (size_t i = 0; i < s->match_expressions.n; i++)
                if (!label_requirement_matches(&s->match_expressions.items[i], labels))
                        return false;
        return true;
}

bool string_map_is_subset(const struct string_map *pairs, const struct string_map *labels) {
        for (size_t i = 0; i < pairs->n; i++)
                if (!str_eq(string_map_get(labels, pairs->items[i].key), pairs->items[i].value))
                        return false;
        return true;
}

static void label_requirement_format(struct strbuf *b, const struct label_selector_requirement *q) {
        if (str_eq(q->operator, "DoesNotExist"))
                strbuf_add_char(b, '!');
        strbuf_add(b, str_or_empty(q->key));
        if (!str_eq(q->operator, "In") && !str_eq(q->operator, "NotIn"))
                return;
        strbuf_add(b, str_eq(q->operator, "In") ? " in (" : " notin (");
        for (size_t i = 0; i < q->values.n; i++)
                strbuf_addf(b, "%s%s", i > 0 ? "," : "", q->values.items[i]);
        strbuf_add_char(b, ')');
}

char *label_selector_format(const struct label_selector *s) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < s->match_labels.n; i++)
                strbuf_addf(&b, "%s%s=%s", b.len > 0 ? "," : "", s->match_labels.items[i].key,
                            s->match_labels.items[i].value);
        for (size_t i = 0; i < s->match_expressions.n; i++) {
                if (b.len > 0)
                        strbuf_add_char(&b, ',');
                label_requirement_format(&b, &s->match_expressions.items[i]);
        }
        return strbuf_steal(&b);
}

void label_selector_check(const struct label_selector *s, const char *prefix, struct diags *d) {
        for (size_t i = 0; i < s->match_expressions.n; i++) {
                const struct label_selector_requirement *q = &s->match_expressions.items[i];
                bool wants_values = str_eq(q->operator, "In") || str_eq(q->operator, "NotIn");
                char field[256];

                (void) snprintf(field, sizeof(field), "%s.matchExpressions[%zu].values", prefix, i);
                if (wants_values && q->values.n == 0)
                        (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, field,
                                        "Required value: must be specified when `operator` is 'In' "
                                        "or 'NotIn'");
                else if (!wants_values && q->values.n > 0)
                        (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, field,
                                        "Forbidden: may not be specified when `operator` is "
                                        "'Exists' or 'DoesNotExist'");
        }
}

const char *field_value(const json_t *tree, const char *path, char *buf, size_t len) {
        char name[128];

        while (*path && tree) {
                size_t n = strcspn(path, ".");

                if (n >= sizeof(name))
                        return "";
                memcpy(name, path, n);
                name[n] = '\0';
                tree = json_object_get(tree, name);
                path += n + (path[n] == '.');
        }
        if (json_is_string(tree))
                return json_string_value(tree);
        if (json_is_boolean(tree))
                return json_is_true(tree) ? "true" : "false";
        if (!json_is_integer(tree))
                return "";
        (void) snprintf(buf, len, "%lld", (long long) json_integer_value(tree));
        return buf;
}
