/* What a config must be before anybody can own its fields. */
#include "api/patch/apply_list.h"
#include "api/patch/apply_walk.h"
#include "api/patch/tree.h"

#include <string.h>

#define CHECK_ERRORS_MAX 10

struct checker {
        struct field_maker *m;
        struct strbuf errors, path;
        size_t n_errors;
};

static void check_fail(struct checker *c, const char *what, const char *name) {
        if (c->n_errors++ >= CHECK_ERRORS_MAX)
                return;
        if (c->errors.len > 0)
                strbuf_add(&c->errors, "\n");
        strbuf_addf(&c->errors, "%s: %s%s", c->path.len > 0 ? c->path.s : "", what, name);
}

static void check_below(struct checker *c, const struct apply_type *t, const json_t *value);

/* A part, whose place is added to the path meanwhile. */
static void check_part(struct checker *c, const struct apply_type *t, const char *sign,
                       const char *name, const json_t *value) {
        size_t len = c->path.len;

        strbuf_addf(&c->path, "%s%s%s", sign, name, *sign == '[' ? "]" : "");
        if (c->path.has_failed)
                return;
        if (t->is_unknown)
                check_fail(c, "field not declared in schema", "");
        else
                check_below(c, t, value);
        c->path.len = len;
        c->path.s[len] = '\0';
}

static void add_key(void *data, const char *text) {
        strbuf_add(data, text);
}

/* [name="c"] of k:{"name":"c"}. */
static void key_text(struct checker *c, const char *key, struct strbuf *b) {
        struct field_set *node = field_set_node(c->m, "", key, NULL, true);

        if (node && field_set_each(field_set_root(c->m, node), add_key, b) < 0)
                b->has_failed = true;
}

static void check_duplicates(struct checker *c, const struct apply_elements *e) {
        for (size_t i = 1; i < e->n; i++) {
                AUTO_DONE(strbuf) struct strbuf b = { 0 };

                if (strcmp(e->items[i - 1].key, e->items[i].key) != 0 ||
                    (i > 1 && strcmp(e->items[i - 2].key, e->items[i].key) == 0))
                        continue;
                key_text(c, e->items[i].key, &b);
                check_fail(c, "duplicate entries for key ", str_or_empty(b.s));
        }
}

static void check_nameless(struct checker *c, const struct apply_type *t, const json_t *list) {
        size_t i;
        json_t *one;

        json_array_foreach((json_t *) list, i, one) {
                const char *missing = json_is_object(one) ? apply_missing_key(t, one) : NULL;
                AUTO_FREE char *text = NULL;

                if (!missing)
                        continue;
                text = str_format(
                        "element %zu: associative list with keys has an element that omits "
                        "key field \"%s\" (and doesn't have default value)",
                        i, missing);
                check_fail(c, str_or_empty(text), "");
        }
}

static void check_list(struct checker *c, const struct apply_type *t, const json_t *list) {
        struct apply_elements e = apply_elements_of(c->m, t, list);
        struct apply_type part = apply_type_element(t);

        if (e.n_nameless > 0)
                check_nameless(c, t, list);
        check_duplicates(c, &e);
        for (size_t i = 0; t->shape == APPLY_KEYED && i < e.n; i++) {
                AUTO_DONE(strbuf) struct strbuf b = { 0 };

                key_text(c, e.items[i].key, &b);
                check_part(c, &part, "", str_or_empty(b.s), e.items[i].value);
        }
}

static void check_below(struct checker *c, const struct apply_type *t, const json_t *value) {
        enum apply_shape shape = apply_shape_of(t, value);
        struct apply_type part;
        const char *name;
        json_t *one;

        if (t->shape == APPLY_DEDUCED)
                return;
        if (shape == APPLY_KEYED || shape == APPLY_SET)
                check_list(c, t, value);
        if (shape != APPLY_OBJECT)
                return;
        json_object_foreach((json_t *) value, name, one) {
                part = apply_type_member(t, name);
                check_part(c, &part, ".", name, one);
        }
}

int apply_check(struct field_maker *m, const struct apply_type *t, const json_t *config,
                struct err *e) {
        struct checker c = { .m = m };
        int r = 0;

        check_below(&c, t, config);
        if (m->has_failed || c.path.has_failed || c.errors.has_failed)
                r = tree_no_memory(e);
        else if (c.n_errors == 1)
                r = err_set(e, -EINVAL, "%s", c.errors.s);
        else if (c.n_errors > 1)
                r = err_set(e, -EINVAL, "errors:\n%s", c.errors.s);
        strbuf_done(&c.path);
        strbuf_done(&c.errors);
        return r;
}
