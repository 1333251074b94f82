/* Field selectors (k8s.io/apimachinery, pkg/fields: ParseSelector()). */
#include "api/kinds/labels.h"
#include "base/arena.h"
#include "base/str.h"

#include <string.h>

#define FIELD_SELECTOR_TEXT_MAX 65536U
#define SHOWN_MAX 200

/* Bytes up to a comma that no backslash takes away, or the end. */
static size_t term_len(const char *text) {
        size_t n = 0;

        while (text[n] && text[n] != ',')
                n += text[n] == '\\' && text[n + 1] ? 2 : 1;
        return n;
}

static size_t term_count(const char *text) {
        size_t n = 1;

        for (; *text; text++)
                n += *text == ',';
        return n;
}

/* Takes backslashes away, in place. A comma, an equals sign and a backslash need one. */
static bool value_unescape(char *value) {
        char *to = value;

        for (const char *at = value; *at; at++) {
                if (*at == '=')
                        return false;
                if (*at == '\\' && (*++at == '\0' || !strchr("\\,=", *at)))
                        return false;
                *to++ = *at;
        }
        *to = '\0';
        return true;
}

static int term_read(struct arena *a, const char *text, size_t len, struct selector_term *t,
                     struct err *e) {
        char *all = arena_strndup(a, text, len), *at, *value;

        t->values = arena_alloc_n(a, 1, sizeof(*t->values));
        if (!all || !t->values)
                return err_set(e, -ENOMEM, "out of memory");
        at = all + strcspn(all, "=!");
        while (*at == '!' && at[1] != '=')
                at += 1 + strcspn(at + 1, "=!");
        if (*at == '\0')
                return err_set(e, -EINVAL, "can't understand '%.*s'", SHOWN_MAX, all);
        value = at + (*at == '!' || at[1] == '=' ? 2 : 1);
        t->op = *at == '!' ? SELECTOR_NOT_IN : SELECTOR_IN;
        *at = '\0';
        if (all[0] == '\0')
                return err_set(e, -EINVAL, "a field selector lacks a field name");
        if (!value_unescape(value))
                return err_set(e, -EINVAL,
                               "'%.*s': a comma, an equals sign and a backslash in a value need a "
                               "backslash before them",
                               SHOWN_MAX, value);
        t->key = all;
        t->values[0] = value;
        t->n_values = 1;
        return 0;
}

int selector_parse_fields(const char *text, struct selector **ret, struct err *e) {
        AUTO(arena) struct arena *a = NULL;
        struct selector *s;
        size_t len;
        int r;

        text = str_or_empty(text);
        if (strnlen(text, FIELD_SELECTOR_TEXT_MAX + 1) > FIELD_SELECTOR_TEXT_MAX)
                return err_set(e, -EINVAL, "a selector is longer than %u bytes",
                               FIELD_SELECTOR_TEXT_MAX);
        a = arena_new(256);
        s = a ? arena_alloc(a, sizeof(*s)) : NULL;
        if (s)
                *s = (struct selector){ .arena = a };
        if (s)
                s->terms = arena_alloc_n(a, term_count(text), sizeof(*s->terms));
        if (!s || !s->terms)
                return err_set(e, -ENOMEM, "out of memory");
        for (; *text; text += len + (text[len] == ',')) {
                len = term_len(text);
                r = len > 0 ? term_read(a, text, len, &s->terms[s->n++], e) : 0;
                if (r < 0)
                        return r;
        }
        *ret = s;
        (void) STEAL(a);
        return 0;
}
