/* The managers of a new object, written down while it is walked. apply_compare() says what is
 * owned; this says the same of an object that wasn't there, without making sets of it. */
#include "api/patch/apply_list.h"
#include "api/patch/managers.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

#define PARTS_MAX 128
#define DEPTH_MAX 64

struct walk {
        struct strbuf text;
        struct strbuf keys; /* of the lists that are being walked, a NUL behind each */
        unsigned depth;
        bool is_odd; /* not for us */
};

/* A member of an object, or a named element of a list. */
struct part {
        const char *name; /* of a member */
        size_t key_at;    /* of an element, in keys: a buffer that moves */
        json_t *value;
};

static bool walk_part(struct walk *w, const struct apply_type *t, const char *prefix,
                      const char *key, const json_t *value, bool needs_comma);

static const char *part_key(const struct walk *w, const struct part *p) {
        return p->name ? p->name : w->keys.s + p->key_at;
}

/* Where a part belongs among those before it, which are sorted. They come nearly sorted. */
static void parts_insert(struct walk *w, struct part *parts, size_t n, struct part p) {
        int order;

        for (; n > 0; n--) {
                order = strcmp(part_key(w, &parts[n - 1]), part_key(w, &p));
                w->is_odd |= order == 0;
                if (order <= 0)
                        break;
                parts[n] = parts[n - 1];
        }
        parts[n] = p;
}

/* What a level of the walk hides: what the server alone decides. */
static bool is_hidden(const struct walk *w, const char *name, bool is_meta) {
        if (w->depth == 1)
                return str_eq(name, "apiVersion") || str_eq(name, "kind");
        return is_meta && managers_meta_is_unowned(name);
}

/* Returns whether anything was written. */
static bool walk_object(struct walk *w, const struct apply_type *t, const json_t *object,
                        bool needs_comma, bool is_meta) {
        struct part parts[PARTS_MAX];
        size_t n = 0, from = w->text.len;
        const char *name;
        json_t *one;

        if (json_object_size(object) > PARTS_MAX) {
                w->is_odd = true;
                return false;
        }
        json_object_foreach((json_t *) object, name, one) {
                if (!json_is_null(one) && !is_hidden(w, name, is_meta))
                        parts_insert(w, parts, n++, (struct part){ .name = name, .value = one });
        }
        for (size_t i = 0; i < n; i++) {
                struct apply_type part = apply_type_member(t, parts[i].name);

                needs_comma |=
                        walk_part(w, &part, "f:", parts[i].name, parts[i].value, needs_comma);
        }
        return w->text.len > from;
}

static bool walk_list(struct walk *w, const struct apply_type *t, const json_t *list,
                      bool needs_comma) {
        struct apply_type type = apply_type_element(t);
        struct part parts[PARTS_MAX];
        size_t n = 0, from = w->text.len, keys_from = w->keys.len;

        if (json_array_size(list) > PARTS_MAX) {
                w->is_odd = true;
                return false;
        }
        type.is_named = type.is_embedded = false;
        for (size_t i = 0; i < json_array_size(list); i++) {
                struct part p = { .key_at = w->keys.len, .value = json_array_get(list, i) };

                if (!apply_element_key(t, p.value, &w->keys)) {
                        w->keys.len = p.key_at;
                        continue;
                }
                strbuf_add_len(&w->keys, "", 1);
                if (w->keys.has_failed)
                        return false;
                parts_insert(w, parts, n++, p);
        }
        for (size_t i = 0; i < n; i++)
                needs_comma |= walk_part(w, &type, "", part_key(w, &parts[i]), parts[i].value,
                                         needs_comma);
        w->keys.len = keys_from;
        return w->text.len > from;
}

static void walk_back(struct walk *w, size_t len) {
        if (!w->text.has_failed)
                w->text.len = len;
}

/* A part with everything below it. Returns whether it is owned, and so written. */
static bool walk_part(struct walk *w, const struct apply_type *t, const char *prefix,
                      const char *key, const json_t *value, bool needs_comma) {
        enum apply_shape shape = apply_shape_of(t, value);
        bool has_parts =
                shape != APPLY_ATOMIC && json_object_size(value) + json_array_size(value) > 0;
        bool is_meta = w->depth == 1 && str_eq(key, "metadata");
        bool is_member = !is_meta && (!has_parts || !t->is_embedded), has_inside = false;
        size_t from = w->text.len, inside;

        if (w->is_odd || ++w->depth > DEPTH_MAX) {
                w->is_odd = true;
                return false;
        }
        if (needs_comma)
                strbuf_add_char(&w->text, ',');
        field_set_format_key(&w->text, prefix, key);
        strbuf_add_len(&w->text, ":{", 2);
        inside = w->text.len;
        if (has_parts && is_member)
                strbuf_add_len(&w->text, "\".\":{}", 6);
        if (has_parts && shape == APPLY_OBJECT)
                has_inside = walk_object(w, t, value, is_member, is_meta);
        else if (has_parts)
                has_inside = walk_list(w, t, value, is_member);
        w->depth--;
        if (!has_inside)
                walk_back(w, is_member ? inside : from);
        if (!has_inside && !is_member)
                return false;
        strbuf_add_char(&w->text, '}');
        return true;
}

int managers_created(const struct apply_type *type, const json_t *tree,
                     const struct apply_author *by, char **ret_text) {
        const struct manager author = {
                .name = by->manager,
                .api_version = by->api_version,
                .time = by->time,
                .subresource = by->subresource,
        };
        AUTO_DONE(strbuf) struct strbuf keys = { 0 };
        AUTO_DONE(strbuf) struct strbuf text = { 0 };
        struct walk w = { .depth = 1 };
        bool is_owned;

        if (apply_shape_of(type, tree) != APPLY_OBJECT)
                return -ENOTSUP;
        (void) strbuf_reserve(&w.text, 2047);
        strbuf_add_char(&w.text, '[');
        manager_format_head(&author, &w.text);
        strbuf_add_char(&w.text, '{');
        is_owned = walk_object(&w, type, tree, false, false);
        if (!is_owned)
                walk_back(&w, 0);
        else
                strbuf_add_len(&w.text, "}}]", 3);
        text = w.text;
        keys = w.keys;
        if (text.has_failed || keys.has_failed)
                return -ENOMEM;
        if (w.is_odd)
                return -ENOTSUP;
        if (!is_owned)
                strbuf_reset(&text);
        *ret_text = strbuf_steal(&text);
        return *ret_text ? 0 : -ENOMEM;
}
