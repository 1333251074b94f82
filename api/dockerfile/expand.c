#include "api/dockerfile/expand.h"

#include "api/dockerfile/pattern.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

#define EXPAND_DEPTH_MAX 16
#define EXPAND_NAME_MAX 256

struct expansion {
        const char *p;
        const struct expand_source *source;
        unsigned depth;
        struct err *e;
};

static int expand_braced(struct expansion *x, struct strbuf *out);

static int expand_room(const struct strbuf *out, struct err *e) {
        if (out->has_failed)
                return err_set(e, -ENOMEM, "out of memory");
        if (out->len > EXPAND_BYTES_MAX)
                return err_set(e, -E2BIG,
                               "text is longer than %u bytes once variables are "
                               "substituted",
                               EXPAND_BYTES_MAX);
        return 0;
}

static const char *expand_get(const struct expansion *x, const char *name) {
        return x->source->get(x->source->userdata, name);
}

static bool is_name_char(char c, bool is_first) {
        return c == '_' || isalpha((unsigned char) c) || (!is_first && isdigit((unsigned char) c));
}

/* A name, a single digit, or one of the shell's special ones. Empty: none. */
static size_t name_length(const char *p) {
        size_t n = 0;

        if (is_name_char(*p, true))
                while (is_name_char(p[n], n == 0))
                        n++;
        else if (*p && (isdigit((unsigned char) *p) || strchr("@*#?-$!", *p)))
                n = 1;
        return n;
}

/* Behind '$'. */
static int expand_variable(struct expansion *x, struct strbuf *out) {
        char name[EXPAND_NAME_MAX];
        size_t n;

        if (*x->p == '{') {
                x->p++;
                return expand_braced(x, out);
        }
        n = name_length(x->p);
        if (n == 0) {
                strbuf_add_char(out, '$');
                return 0;
        }
        if (n >= sizeof(name))
                return err_set(x->e, -EINVAL, "a variable's name is longer than %d bytes",
                               EXPAND_NAME_MAX - 1);
        memcpy(name, x->p, n);
        name[n] = '\0';
        x->p += n;
        strbuf_add(out, str_or_empty(expand_get(x, name)));
        return expand_room(out, x->e);
}

static int expand_single_quoted(struct expansion *x, struct strbuf *out) {
        const char *end = strchr(x->p + 1, '\'');

        if (!end)
                return err_set(x->e, -EINVAL, "a single quote is not closed");
        if (x->source->keeps_quotes)
                strbuf_add_len(out, x->p, (size_t) (end - x->p) + 1);
        else
                strbuf_add_len(out, x->p + 1, (size_t) (end - x->p) - 1);
        x->p = end + 1;
        return expand_room(out, x->e);
}

static int expand_double_quoted(struct expansion *x, struct strbuf *out) {
        x->p++;
        while (*x->p != '"') {
                int r = 0;
                char c = *x->p;

                if (c == '\0')
                        return err_set(x->e, -EINVAL, "a double quote is not closed");
                x->p++;
                if (c == '$')
                        r = expand_variable(x, out);
                else if (c == x->source->escape && *x->p != '\0' &&
                         (*x->p == '"' || *x->p == '$' || *x->p == c))
                        strbuf_add_char(out, *x->p++);
                else
                        strbuf_add_char(out, c);
                if (r < 0)
                        return r;
        }
        x->p++;
        return expand_room(out, x->e);
}

/* Up to the character stop (consumed not), or to the end for NUL. */
static int expand_until(struct expansion *x, const char *stops, struct strbuf *out) {
        int r = 0;

        if (++x->depth > EXPAND_DEPTH_MAX)
                return err_set(x->e, -EINVAL, "variables are nested more than %d deep",
                               EXPAND_DEPTH_MAX);
        while (r == 0 && *x->p != '\0' && !strchr(stops, *x->p)) {
                char c = *x->p;

                if (c == '\'' && !x->source->keeps_quotes)
                        r = expand_single_quoted(x, out);
                else if (c == '"' && !x->source->keeps_quotes)
                        r = expand_double_quoted(x, out);
                else if (c == '$') {
                        x->p++;
                        r = expand_variable(x, out);
                } else if (c == x->source->escape) {
                        x->p++;
                        /* A text that keeps its quotes gives up escapes of '$' and of itself. */
                        if (x->source->keeps_quotes && *x->p != '$' && *x->p != c)
                                strbuf_add_char(out, c);
                        else if (*x->p != '\0')
                                strbuf_add_char(out, *x->p++);
                } else {
                        strbuf_add_char(out, c);
                        x->p++;
                }
                if (r == 0)
                        r = expand_room(out, x->e);
        }
        x->depth--;
        return r;
}

/* ---- ${name…} ---- */

/* Where the tail of value begins that the pattern matches; SIZE_MAX: none. */
static size_t matched_tail(const char *pattern, const char *value, bool is_longest) {
        size_t len = strlen(value), found = SIZE_MAX;

        for (size_t i = 0; i <= len; i++) {
                size_t at = is_longest ? i : len - i;

                if (!pattern_match_text(pattern, value + at))
                        continue;
                found = at;
                break;
        }
        return found;
}

static void cut_pattern(const char *value, char op, bool is_longest, const char *pattern,
                        struct strbuf *out) {
        size_t at = op == '#' ? pattern_match_head(pattern, value, is_longest)
                              : matched_tail(pattern, value, is_longest);

        if (at == SIZE_MAX)
                strbuf_add(out, value);
        else if (op == '#')
                strbuf_add(out, value + at);
        else
                strbuf_add_len(out, value, at);
}

static void replace_pattern(const char *value, bool is_all, const char *pattern,
                            const char *replacement, struct strbuf *out) {
        bool is_done = false;

        while (*value) {
                size_t n = is_done ? SIZE_MAX : pattern_match_head(pattern, value, true);

                if (n == SIZE_MAX || n == 0) {
                        strbuf_add_char(out, *value++);
                        continue;
                }
                strbuf_add(out, replacement);
                value += n;
                is_done = !is_all;
        }
}

/* Patterns are matched against every part of a value: the product is bounded. */
#define EXPAND_PATTERN_VALUE_MAX 1024

static int expand_with_pattern(struct expansion *x, char op, const char *value,
                               struct strbuf *out) {
        AUTO_DONE(strbuf) struct strbuf pattern = { 0 };
        AUTO_DONE(strbuf) struct strbuf replacement = { 0 };
        bool is_double = *x->p == op;
        int r;

        if (is_double)
                x->p++;
        r = expand_until(x, op == '/' ? "/}" : "}", &pattern);
        if (r == 0 && op == '/') {
                if (*x->p != '/')
                        return err_set(x->e, -EINVAL,
                                       "a replacement is missing: write ${name/pattern/text}");
                x->p++;
                r = expand_until(x, "}", &replacement);
        }
        if (r < 0 || !value)
                return r;
        if (strlen(value) > EXPAND_PATTERN_VALUE_MAX || pattern.len > EXPAND_PATTERN_VALUE_MAX)
                return err_set(x->e, -E2BIG, "patterns are matched in up to %d bytes only",
                               EXPAND_PATTERN_VALUE_MAX);
        if (op == '/')
                replace_pattern(value, is_double, str_or_empty(pattern.s),
                                str_or_empty(replacement.s), out);
        else
                cut_pattern(value, op, is_double, str_or_empty(pattern.s), out);
        return 0;
}

/* "-", "+" and "?", with or without ':' before (empty counts as unset then). */
static int expand_with_word(struct expansion *x, const char *name, char op, const char *value,
                            struct strbuf *out) {
        AUTO_DONE(strbuf) struct strbuf word = { 0 };
        int r = expand_until(x, "}", &word);

        if (r < 0)
                return r;
        if (op == '?' && !value)
                return err_set(x->e, -EINVAL, "%s: %s", name,
                               word.len ? word.s : "the variable is not set");
        if (op == '+')
                strbuf_add(out, value ? str_or_empty(word.s) : "");
        else
                strbuf_add(out, value ? value : str_or_empty(word.s));
        return 0;
}

static int expand_operator(struct expansion *x, const char *name, struct strbuf *out) {
        const char *value = expand_get(x, name);
        char op = *x->p;

        if (op == ':') {
                op = *++x->p;
                if (str_is_empty(value))
                        value = NULL;
                if (op != '-' && op != '+' && op != '?')
                        return err_set(x->e, -EINVAL,
                                       "unsupported modifier (:%c) in ${%s…}: write :-, :+ or :?",
                                       op ? op : ' ', name);
        }
        if (op == '\0')
                return err_set(x->e, -EINVAL, "${%s is not closed: add }", name);
        x->p++;
        if (strchr("-+?", op))
                return expand_with_word(x, name, op, value, out);
        if (strchr("#%/", op))
                return expand_with_pattern(x, op, value, out);
        return err_set(x->e, -EINVAL,
                       "unsupported modifier (%c) in ${%s…}: write one of :- - :+ + :? ? # %% /",
                       op, name);
}

static int expand_braced(struct expansion *x, struct strbuf *out) {
        char name[EXPAND_NAME_MAX];
        size_t n = name_length(x->p);
        int r = 0;

        if (n == 0 || n >= sizeof(name))
                return err_set(x->e, -EINVAL,
                               n ? "a variable's name is too long"
                                 : "a variable's name is missing: write ${name}");
        memcpy(name, x->p, n);
        name[n] = '\0';
        x->p += n;
        if (*x->p == '}')
                strbuf_add(out, str_or_empty(expand_get(x, name)));
        else
                r = expand_operator(x, name, out);
        if (r < 0)
                return r;
        if (*x->p != '}')
                return err_set(x->e, -EINVAL, "${%s is not closed: add }", name);
        x->p++;
        return expand_room(out, x->e);
}

int expand_text(const char *text, const struct expand_source *source, struct strbuf *out,
                struct err *e) {
        struct expansion x = { .p = text, .source = source, .e = e };

        return expand_until(&x, "", out);
}

/* Set, so that ":?" is no finding, and long enough for nothing. */
static const char *check_get(void *userdata, const char *name) {
        (void) userdata;
        (void) name;
        return "x";
}

int expand_check(const char *text, char escape, struct err *e) {
        const struct expand_source source = { .get = check_get, .escape = escape };
        AUTO_DONE(strbuf) struct strbuf out = { 0 };

        return expand_text(text, &source, &out, e);
}
