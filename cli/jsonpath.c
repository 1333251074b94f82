#include "cli/jsonpath.h"

#include <errno.h>

#define DEPTH_MAX 32
#define NAME_MAX_BYTES 256

typedef void (*each_fn)(void *data, const json_t *value);

static int path_walk(const char *at, const char *end, const json_t *tree, each_fn each, void *data,
                     struct err *e);

static int bad(const char *at, const char *end, struct err *e) {
        return err_set(e, -EINVAL, "jsonpath is not understood at \"%.*s\"",
                       (int) MIN(end - at, 40), at);
}

static int walk_all(const char *at, const char *end, const json_t *tree, each_fn each, void *data,
                    struct err *e) {
        const char *key;
        json_t *value;
        size_t i;
        int r = 0;

        if (json_is_array(tree)) {
                json_array_foreach(tree, i, value) {
                        r = r < 0 ? r : path_walk(at, end, value, each, data, e);
                }
        } else if (json_is_object(tree)) {
                json_object_foreach((json_t *) tree, key, value) {
                        r = r < 0 ? r : path_walk(at, end, value, each, data, e);
                }
        }
        return r;
}

/* The member of tree that len bytes at name mean; *ret is NULL where there is none. */
static int find_member(const char *name, size_t len, const char *end, const json_t *tree,
                       const json_t **ret, struct err *e) {
        char key[NAME_MAX_BYTES];
        size_t n = 0;

        if (len == 0 || len >= sizeof(key))
                return bad(name, end, e);
        for (size_t i = 0; i < len; i++) {
                if (name[i] == '\\' && i + 1 < len) /* kubectl's way to write a dot inside a key */
                        i++;
                key[n++] = name[i];
        }
        key[n] = '\0';
        *ret = json_object_get(tree, key);
        return 0;
}

struct filter {
        const char *text; /* wanted */
        size_t len;
        bool is_met;
};

static void filter_take(void *data, const json_t *value) {
        struct filter *f = data;
        AUTO_FREE char *text = json_is_string(value)
                                       ? strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

        f->is_met = f->is_met ||
                    (text && strlen(text) == f->len && strncmp(text, f->text, f->len) == 0);
}

/* "?(@.type=="Ready")]": elements whose part equals a text or number. at is at the question mark.
 */
static int walk_filter(const char *at, const char *end, const json_t *tree, each_fn each,
                       void *data, struct err *e) {
        const char *path = at + strlen("?(@"), *close = memmem(at, (size_t) (end - at), ")]", 2);
        const char *equals = close ? memmem(at, (size_t) (close - at), "==", 2) : NULL, *value;
        const json_t *item;
        size_t i;
        int r = 0;

        if (!equals || !str_starts_with(at, "?(@") || equals < path)
                return bad(at, end, e);
        value = equals + 2;
        json_array_foreach(tree, i, item) {
                struct filter f = { .text = value, .len = (size_t) (close - value) };

                if (f.len >= 2 && (*value == '"' || *value == '\'') && close[-1] == *value) {
                        f.text++;
                        f.len -= 2;
                }
                if (r == 0)
                        r = path_walk(path, equals, item, filter_take, &f, e);
                if (r == 0 && f.is_met)
                        r = path_walk(close + 2, end, item, each, data, e);
        }
        return r;
}

/* "[0]", "[-1]", "[*]", "['key']" with at behind the bracket. */
static int walk_bracket(const char *at, const char *end, const json_t *tree, each_fn each,
                        void *data, struct err *e) {
        const char *close = memchr(at, ']', (size_t) (end - at));
        char text[24];
        int64_t i;

        if (at < end && (*at == '\'' || *at == '"')) {
                const char *quote = memchr(at + 1, *at, (size_t) (end - at - 1));
                const json_t *value;
                int r;

                if (!quote || quote + 1 >= end || quote[1] != ']')
                        return bad(at, end, e);
                r = find_member(at + 1, (size_t) (quote - at - 1), end, tree, &value, e);
                return r < 0 ? r : path_walk(quote + 2, end, value, each, data, e);
        }
        if (at < end && *at == '?')
                return walk_filter(at, end, tree, each, data, e);
        if (!close || (size_t) (close - at) >= sizeof(text))
                return bad(at, end, e);
        if (close == at + 1 && *at == '*')
                return walk_all(close + 1, end, tree, each, data, e);
        memcpy(text, at, (size_t) (close - at));
        text[close - at] = '\0';
        if (str_to_int64(text, INT32_MIN, INT32_MAX, &i) < 0)
                return bad(at, end, e);
        if (i < 0)
                i += (int64_t) json_array_size(tree);
        return path_walk(close + 1, end, i < 0 ? NULL : json_array_get(tree, (size_t) i), each,
                         data, e);
}

static int path_walk(const char *at, const char *end, const json_t *tree, each_fn each, void *data,
                     struct err *e) {
        const json_t *value;
        size_t len = 0;
        int r;

        if (at == end) {
                if (tree)
                        each(data, tree);
                return 0;
        }
        if (*at == '[')
                return walk_bracket(at + 1, end, tree, each, data, e);
        if (*at != '.')
                return bad(at, end, e);
        at++;
        if (at == end)
                return path_walk(at, end, tree, each, data, e);
        if (*at == '*')
                return walk_all(at + 1, end, tree, each, data, e);
        while (at + len < end && at[len] != '.' && at[len] != '[')
                len += at[len] == '\\' && at + len + 1 < end ? 2 : 1;
        r = find_member(at, len, end, tree, &value, e);
        /* The rest is walked even where nothing is found, so that its mistakes are told. */
        return r < 0 ? r : path_walk(at + len, end, value, each, data, e);
}

int jsonpath_each(const char *path, const json_t *tree, each_fn each, void *data, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        size_t len = strlen(path);

        if (len >= 2 && path[0] == '{' && path[len - 1] == '}') {
                path++;
                len -= 2;
        }
        if (path[0] == '$') {
                path++;
                len--;
        }
        if (len > 0 && path[0] != '.' && path[0] != '[')
                strbuf_add_char(&b, '.');
        strbuf_add_len(&b, path, len);
        if (b.has_failed || !b.s)
                return err_errno(e, -ENOMEM, "cannot read the path");
        return path_walk(b.s, b.s + b.len, tree, each, data, e);
}

/* ---- templates ---- */

struct printing {
        struct strbuf *out;
        size_t n;
};

static void print_value(void *data, const json_t *value) {
        struct printing *p = data;
        char *text;

        if (p->n++ > 0)
                strbuf_add_char(p->out, ' ');
        if (json_is_string(value)) {
                strbuf_add(p->out, json_string_value(value));
                return;
        }
        if (json_is_null(value))
                return;
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (text)
                strbuf_add(p->out, text);
        else
                p->out->has_failed = true;
        free(text);
}

static void print_quoted(const char *at, const char *end, struct strbuf *out) {
        for (; at < end; at++) {
                if (*at != '\\' || at + 1 == end) {
                        strbuf_add_char(out, *at);
                        continue;
                }
                at++;
                strbuf_add_char(out, *at == 'n' ? '\n' : *at == 't' ? '\t' : *at);
        }
}

struct rendering {
        const char *template, *end;
        const char *rest; /* behind the {end} of the range */
        struct strbuf *out;
        struct err *e;
        int result;
        unsigned depth;
};

static int render(const char *at, const char *end, const json_t *tree, struct rendering *r,
                  const char **ret_stop);

static void render_item(void *data, const json_t *value) {
        struct rendering *r = data;
        struct rendering inner = *r;
        const char *stop = NULL;

        if (r->result < 0)
                return;
        inner.depth++;
        r->result = render(r->template, r->end, value, &inner, &stop);
}

/* The text behind a range's matching {end}. */
static const char *range_skip(const char *at, const char *end) {
        unsigned depth = 1;

        for (; at < end; at++) {
                if (str_starts_with(at, "{range"))
                        depth++;
                else if (str_starts_with(at, "{end}") && --depth == 0)
                        return at + strlen("{end}");
        }
        return NULL;
}

static int render_range(const char *path, const char *close, const char *end, const json_t *tree,
                        struct rendering *r, const char **ret_at) {
        AUTO_FREE char *text = strndup(path, (size_t) (close - path));
        struct rendering inner = {
                .template = close + 1, .end = end, .out = r->out, .e = r->e, .depth = r->depth
        };
        int result;

        if (!text)
                return err_errno(r->e, -ENOMEM, "cannot print");
        if (r->depth >= DEPTH_MAX)
                return err_set(r->e, -EINVAL, "jsonpath ranges are nested too deeply");
        *ret_at = range_skip(close + 1, end);
        if (!*ret_at)
                return err_set(r->e, -EINVAL, "jsonpath has a {range} without {end}");
        result = jsonpath_each(text, tree, render_item, &inner, r->e);
        return result < 0 ? result : inner.result;
}

/* One {...}; *at is behind it afterwards. */
static int render_braces(const char **at, const char *end, const json_t *tree,
                         struct rendering *r) {
        const char *open = *at + 1, *close = open;
        char quote = '\0';

        for (; close < end && (quote || *close != '}'); close++) {
                if (quote ? *close == quote : (*close == '"' || *close == '\''))
                        quote = quote ? '\0' : *close;
        }
        if (close == end)
                return err_set(r->e, -EINVAL, "jsonpath has a brace that is not closed");
        *at = close + 1;
        if (str_starts_with(open, "range "))
                return render_range(open + strlen("range "), close, end, tree, r, at);
        if (*open == '"' || *open == '\'') {
                print_quoted(open + 1, close - 1, r->out);
                return 0;
        }
        {
                AUTO_FREE char *path = strndup(open, (size_t) (close - open));
                struct printing p = { .out = r->out };

                if (!path)
                        return err_errno(r->e, -ENOMEM, "cannot print");
                return jsonpath_each(path, tree, print_value, &p, r->e);
        }
}

/* Renders until the end, or until the {end} of the range it is in. */
static int render(const char *at, const char *end, const json_t *tree, struct rendering *r,
                  const char **ret_stop) {
        int result = 0;

        while (at < end && result == 0) {
                if (r->depth > 0 && str_starts_with(at, "{end}"))
                        break;
                if (*at == '{')
                        result = render_braces(&at, end, tree, r);
                else
                        strbuf_add_char(r->out, *at++);
        }
        *ret_stop = at;
        return result;
}

int jsonpath_print(const char *template, const json_t *tree, struct strbuf *out, struct err *e) {
        struct rendering r = { .out = out, .e = e };
        const char *stop = NULL;
        int result = render(template, template + strlen(template), tree, &r, &stop);

        if (result < 0)
                return result;
        return out->has_failed ? err_errno(e, -ENOMEM, "cannot print") : 0;
}
