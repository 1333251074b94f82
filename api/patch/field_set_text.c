/* Field sets as text: FieldsV1, and the paths that people read. */
#include "api/patch/field_set.h"
#include "api/patch/tree.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

/* ---- reading ---- */

struct reader {
        const char *at, *end;
        struct field_maker *maker;
        unsigned depth;
        struct err *e;
};

static int reader_fail(struct reader *r, const char *why) {
        return err_set(r->e, -EINVAL, "fieldsV1: %s", why);
}

static void skip_blanks(struct reader *r) {
        while (r->at < r->end &&
               (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
                r->at++;
}

static bool accept(struct reader *r, char c) {
        skip_blanks(r);
        if (r->at == r->end || *r->at != c)
                return false;
        r->at++;
        return true;
}

/* Escapes that are rare: jansson knows them all. from..end without the quotes. */
static int unescape(struct reader *r, const char *from, const char *end, char **ret) {
        json_t *value = json_loadb(from - 1, (size_t) (end - from) + 2, JSON_DECODE_ANY, NULL);

        if (!json_is_string(value)) {
                json_decref(value);
                return reader_fail(r, "a key is no text");
        }
        *ret = arena_strdup(r->maker->arena, json_string_value(value));
        json_decref(value);
        return *ret ? 0 : tree_no_memory(r->e);
}

/* A string behind its opening quote. */
static int read_string(struct reader *r, char **ret) {
        const char *from = r->at, *end;
        bool has_rare = false;
        char *to;

        for (; r->at < r->end && *r->at != '"'; r->at++) {
                has_rare |= (unsigned char) *r->at < 0x20;
                if (*r->at != '\\')
                        continue;
                if (++r->at == r->end)
                        break;
                has_rare |= *r->at != '"' && *r->at != '\\';
        }
        if (r->at >= r->end)
                return reader_fail(r, "a key has no end");
        end = r->at++;
        if (has_rare)
                return unescape(r, from, end, ret);
        to = *ret = arena_alloc(r->maker->arena, (size_t) (end - from) + 1);
        if (!to)
                return tree_no_memory(r->e);
        for (; from < end; from++) {
                if (*from == '\\')
                        from++;
                *to++ = *from;
        }
        *to = '\0';
        return 0;
}

static bool is_plain_text(const char *s, const char **ret_end) {
        if (*s++ != '"')
                return false;
        while (*s && *s != '"' && *s != '\\' && (unsigned char) *s >= 0x20)
                s++;
        *ret_end = s + 1;
        return *s == '"';
}

static bool is_plain_number(const char *s, const char **ret_end) {
        if (*s == '-')
                s++;
        if (!isdigit((unsigned char) *s) || (*s == '0' && isdigit((unsigned char) s[1])))
                return false;
        while (isdigit((unsigned char) *s))
                s++;
        *ret_end = s;
        return *s != '.' && *s != 'e' && *s != 'E';
}

/* {"a":"x","b":1}: members in order, nothing escaped. What the server writes is almost always so,
 * and needs no second look. */
static bool is_plain_object(const char *s) {
        const char *last = "", *name, *end;

        if (*s++ != '{')
                return false;
        for (;; s++) {
                name = s;
                if (!is_plain_text(s, &end) || *end != ':' || strncmp(last, name, 64) >= 0)
                        return false;
                last = name;
                s = end + 1;
                if (!is_plain_text(s, &end) && !is_plain_number(s, &end))
                        return false;
                s = end;
                if (*s == '}')
                        return s[1] == '\0';
                if (*s != ',')
                        return false;
        }
}

/* The JSON behind "k:" or "v:" in its one right form. */
static int canonical(struct reader *r, char **key) {
        const char *payload = *key + 2;
        json_t *value;
        char *text = NULL;
        int n;

        value = json_loads(payload, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        if (!value || (**key == 'k' ? json_object_size(value) == 0 : json_is_object(value))) {
                json_decref(value);
                return reader_fail(r, "a list element's key is no JSON");
        }
        text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        json_decref(value);
        if (!text)
                return tree_no_memory(r->e);
        *key = arena_printf(r->maker->arena, "%c:%s", **key, text);
        n = *key ? 0 : tree_no_memory(r->e);
        free(text);
        return n;
}

static int check_key(struct reader *r, char **key) {
        const char *k = *key, *end;

        if (k[0] == '\0' || k[1] != ':' || !strchr("fkvi", k[0]))
                return reader_fail(r, "keys begin with f:, k:, v: or i:");
        if (k[0] == 'i' && (!is_plain_number(k + 2, &end) || *end))
                return reader_fail(r, "i: needs a number");
        if (k[0] == 'k' && !is_plain_object(k + 2))
                return canonical(r, key);
        if (k[0] == 'v' && !(is_plain_text(k + 2, &end) && !*end) &&
            !(is_plain_number(k + 2, &end) && !*end))
                return canonical(r, key);
        return 0;
}

static int read_node(struct reader *r, struct field_set *into);

static int read_child(struct reader *r, struct field_set *parent, struct field_set ***tail) {
        struct field_set *child;
        char *key = NULL;
        int n;

        n = read_string(r, &key);
        if (n < 0)
                return n;
        if (!accept(r, ':'))
                return reader_fail(r, "a colon is missing");
        child = arena_alloc(r->maker->arena, sizeof(*child));
        if (!child)
                return tree_no_memory(r->e);
        n = read_node(r, child);
        if (n < 0)
                return n;
        if (str_eq(key, ".")) {
                parent->is_member = true;
                return 0;
        }
        n = check_key(r, &key);
        if (n < 0)
                return n;
        child->key = key;
        if (!child->first)
                child->is_member = true;
        **tail = child;
        *tail = (struct field_set **) &child->next;
        return 0;
}

/* An object; into has no key yet. */
static int read_node(struct reader *r, struct field_set *into) {
        struct field_set *list = NULL, **tail = &list;
        int n;

        if (++r->depth > FIELD_SET_DEPTH_MAX)
                return reader_fail(r, "nested too deeply");
        if (!accept(r, '{'))
                return reader_fail(r, "an object is missing");
        if (!accept(r, '}')) {
                do {
                        if (!accept(r, '"'))
                                return reader_fail(r, "a key is missing");
                        n = read_child(r, into, &tail);
                        if (n < 0)
                                return n;
                } while (accept(r, ','));
                if (!accept(r, '}'))
                        return reader_fail(r, "an object has no end");
        }
        r->depth--;
        into->first = field_set_sort(r->maker, list);
        return 0;
}

int field_set_parse(struct field_maker *m, const char *text, size_t len,
                    const struct field_set **ret, struct err *e) {
        struct reader r = { .at = text, .end = text + len, .maker = m, .e = e };
        struct field_set *root;
        int n;

        if (len > FIELD_SET_BYTES_MAX)
                return err_set(e, -E2BIG, "fieldsV1 may have at most %u bytes",
                               FIELD_SET_BYTES_MAX);
        root = arena_alloc(m->arena, sizeof(*root));
        if (!root)
                return tree_no_memory(e);
        n = read_node(&r, root);
        if (n < 0)
                return n;
        skip_blanks(&r);
        if (r.at != r.end)
                return reader_fail(&r, "text follows behind its end");
        root->key = "";
        root->is_member = false; /* the whole object has no owner */
        *ret = root;
        return m->has_failed ? tree_no_memory(e) : 0;
}

/* ---- writing ---- */

/* What needs an escape or is the end. */
static size_t plain_len(const char *s) {
        size_t n = 0;

        while ((unsigned char) s[n] >= 0x20 && s[n] != '"' && s[n] != '\\')
                n++;
        return n;
}

static void format_escaped(struct strbuf *b, const char *s) {
        for (;;) {
                size_t n = plain_len(s);

                strbuf_add_len(b, s, n);
                s += n;
                if (!*s)
                        return;
                strbuf_add_char(b, '\\');
                if ((unsigned char) *s < 0x20)
                        strbuf_addf(b, "u%04x", (unsigned char) *s++);
                else
                        strbuf_add_char(b, *s++);
        }
}

void field_set_format_key(struct strbuf *b, const char *prefix, const char *key) {
        size_t n = plain_len(key), n_prefix = strlen(prefix);

        if (key[n] || !strbuf_reserve(b, n_prefix + n + 2)) {
                strbuf_add_char(b, '"');
                strbuf_add(b, prefix);
                format_escaped(b, key);
                strbuf_add_char(b, '"');
                return;
        }
        b->s[b->len++] = '"';
        memcpy(b->s + b->len, prefix, n_prefix);
        memcpy(b->s + b->len + n_prefix, key, n);
        b->len += n_prefix + n;
        b->s[b->len++] = '"';
        b->s[b->len] = '\0';
}

static void format_children(const struct field_set *parent, struct strbuf *b) {
        bool needs_comma = parent->is_member && parent->first;

        strbuf_add(b, needs_comma ? "{\".\":{}" : "{");
        for (const struct field_set *s = parent->first; s; s = s->next) {
                if (needs_comma)
                        strbuf_add_char(b, ',');
                field_set_format_key(b, "", s->key);
                if (s->first) {
                        strbuf_add_char(b, ':');
                        format_children(s, b);
                } else {
                        strbuf_add_len(b, ":{}", 3);
                }
                needs_comma = true;
        }
        strbuf_add_char(b, '}');
}

void field_set_format(const struct field_set *s, struct strbuf *b) {
        format_children(s, b);
}

/* ---- paths ---- */

static void path_keys(struct strbuf *b, const char *json) {
        json_t *keys = json_loads(json, JSON_DECODE_ANY, NULL), *value;
        const char *name;
        char sign = '[';

        if (json_object_size(keys) == 0)
                strbuf_addf(b, "[%s", json);
        json_object_foreach(keys, name, value) {
                char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

                strbuf_addf(b, "%c%s=%s", sign, name, str_or_empty(text));
                free(text);
                sign = ',';
        }
        strbuf_add_char(b, ']');
        json_decref(keys);
}

static void path_part(struct strbuf *b, const char *key) {
        const char *payload = key + 2;

        if (key[0] == 'f')
                strbuf_addf(b, ".%s", payload);
        else if (key[0] == 'k')
                path_keys(b, payload);
        else if (key[0] == 'v')
                strbuf_addf(b, "[=%s]", payload);
        else
                strbuf_addf(b, "[%s]", payload);
}

static int each_below(const struct field_set *list, struct strbuf *path,
                      void (*fn)(void *data, const char *text), void *data) {
        size_t len = path->len;
        int r;

        for (; list; list = list->next) {
                path_part(path, list->key);
                if (path->has_failed)
                        return -ENOMEM;
                if (list->is_member)
                        fn(data, path->s);
                r = each_below(list->first, path, fn, data);
                if (r < 0)
                        return r;
                path->len = len;
                path->s[len] = '\0';
        }
        return 0;
}

int field_set_each(const struct field_set *s, void (*fn)(void *data, const char *text),
                   void *data) {
        AUTO_DONE(strbuf) struct strbuf path = { 0 };

        return each_below(s->first, &path, fn, data);
}
