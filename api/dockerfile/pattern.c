#include "api/dockerfile/pattern.h"

#include "base/array.h"
#include "base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones match nothing. */
#define PATTERN_LENGTH_MAX 4096

/* ---- a pattern as an automaton: its time is pattern times text, whatever stands in either ---- */

enum token_kind {
        TOKEN_CHAR,
        TOKEN_ANY,       /* '?' */
        TOKEN_SET,       /* '[…]' */
        TOKEN_STAR,      /* within a part */
        TOKEN_DEEP,      /* everything */
        TOKEN_DEEP_PART, /* any number of whole parts */
};

struct token {
        enum token_kind kind;
        char c;
        const char *set; /* behind '[' */
};

enum pattern_way {
        PATTERN_NAMES, /* '*' stops at '/' */
        PATTERN_TEXT,  /* '*' doesn't */
        PATTERN_DEEP,  /* "**" is known */
};

struct automaton {
        struct token *tokens;
        size_t n;
        enum pattern_way way;
        /* Which tokens may come next; for each step the other half. inside: of TOKEN_DEEP_PART. */
        bool *now, *next, *now_inside, *next_inside;
};

/* Behind "]" of a set that begins behind "[", NULL: it doesn't end. */
static const char *set_end(const char *p) {
        bool is_first = true;

        if (*p == '^' || *p == '!')
                p++;
        for (; *p && (*p != ']' || is_first); p++) {
                is_first = false;
                if (*p == '\\' && p[1])
                        p++;
        }
        return *p == ']' ? p + 1 : NULL;
}

static char set_char(const char **p) {
        if (**p == '\\' && (*p)[1])
                (*p)++;
        return *(*p)++;
}

static bool set_has(const char *p, char c) {
        bool is_negative = *p == '^' || *p == '!', is_in = false, is_first = true;

        if (is_negative)
                p++;
        while (*p && (*p != ']' || is_first)) {
                char from = set_char(&p), to = from;

                is_first = false;
                if (*p == '-' && p[1] && p[1] != ']') {
                        p++;
                        to = set_char(&p);
                }
                if ((unsigned char) c >= (unsigned char) from &&
                    (unsigned char) c <= (unsigned char) to)
                        is_in = true;
        }
        return is_in != is_negative;
}

/* Takes the next token off the pattern; false: it is broken. */
static bool token_read(const char **p, enum pattern_way way, struct token *ret) {
        *ret = (struct token){ .kind = TOKEN_CHAR, .c = **p };
        if (way == PATTERN_DEEP && str_starts_with(*p, "**")) {
                *p += 2;
                if (**p == '/')
                        (*p)++;
                while (str_starts_with(*p, "**"))
                        *p += (*p)[2] == '/' ? 3 : 2;
                ret->kind = **p ? TOKEN_DEEP_PART : TOKEN_DEEP;
                return true;
        }
        (*p)++;
        if (ret->c == '*')
                ret->kind = way == PATTERN_TEXT ? TOKEN_DEEP : TOKEN_STAR;
        else if (ret->c == '?')
                ret->kind = TOKEN_ANY;
        else if (ret->c == '[') {
                ret->kind = TOKEN_SET;
                ret->set = *p;
                *p = set_end(*p);
                return *p != NULL;
        } else if (ret->c == '\\') {
                if (**p == '\0')
                        return false;
                ret->c = *(*p)++;
        }
        return true;
}

static void automaton_done(struct automaton *a) {
        free(a->tokens);
        free(a->now);
}

static bool automaton_init(struct automaton *a, const char *pattern, enum pattern_way way) {
        size_t len = strnlen(pattern, PATTERN_LENGTH_MAX + 1), states;

        a->way = way;
        if (len > PATTERN_LENGTH_MAX)
                return false;
        states = len + 1;
        a->tokens = calloc(states, sizeof(*a->tokens));
        a->now = calloc(4 * states, sizeof(bool));
        if (!a->tokens || !a->now)
                return false;
        a->next = a->now + states;
        a->now_inside = a->next + states;
        a->next_inside = a->now_inside + states;
        while (*pattern)
                if (!token_read(&pattern, way, &a->tokens[a->n++]))
                        return false;
        return true;
}

/* What may match nothing lets the one behind it come next. */
static void automaton_skip(const struct automaton *a, bool *states) {
        for (size_t i = 0; i < a->n; i++)
                if (states[i] &&
                    (a->tokens[i].kind == TOKEN_STAR || a->tokens[i].kind == TOKEN_DEEP ||
                     a->tokens[i].kind == TOKEN_DEEP_PART))
                        states[i + 1] = true;
}

static bool token_takes(const struct automaton *a, const struct token *t, char c) {
        bool is_inner = c != '/' || a->way == PATTERN_TEXT;

        if (t->kind == TOKEN_CHAR)
                return t->c == c;
        if (t->kind == TOKEN_SET)
                return is_inner && set_has(t->set, c);
        return is_inner;
}

static void automaton_token_step(struct automaton *a, size_t i, char c) {
        const struct token *t = &a->tokens[i];

        if (t->kind == TOKEN_DEEP)
                a->next[i] = true;
        else if (t->kind == TOKEN_STAR)
                a->next[i] |= token_takes(a, t, c);
        else if (t->kind == TOKEN_DEEP_PART) {
                a->next_inside[i] = true;
                a->next[i + 1] |= c == '/';
        } else if (token_takes(a, t, c))
                a->next[i + 1] = true;
}

static bool automaton_step(struct automaton *a, char c) {
        bool *swap, is_alive = false;

        memset(a->next, 0, a->n + 1);
        memset(a->next_inside, 0, a->n + 1);
        for (size_t i = 0; i < a->n; i++)
                if (a->now[i] || a->now_inside[i])
                        automaton_token_step(a, i, c);
        automaton_skip(a, a->next);
        swap = a->now;
        a->now = a->next;
        a->next = swap;
        swap = a->now_inside;
        a->now_inside = a->next_inside;
        a->next_inside = swap;
        for (size_t i = 0; i <= a->n && !is_alive; i++)
                is_alive = a->now[i] || a->now_inside[i];
        return is_alive;
}

/* Runs over text. ret_shortest, ret_longest: the heads that match, SIZE_MAX: none. Returns whether
 * all of it does. */
static bool automaton_run(const char *pattern, enum pattern_way way, const char *text,
                          size_t *ret_shortest, size_t *ret_longest) {
        struct automaton a = { 0 };
        bool *block, is_match = false;
        size_t shortest = SIZE_MAX, longest = SIZE_MAX;

        if (automaton_init(&a, pattern, way)) {
                size_t i = 0;

                block = a.now;
                a.now[0] = true;
                automaton_skip(&a, a.now);
                for (;; i++) {
                        if (a.now[a.n]) {
                                longest = i;
                                shortest = MIN(shortest, i);
                        }
                        if (!text[i] || !automaton_step(&a, text[i]))
                                break;
                }
                is_match = text[i] == '\0' && longest == i;
                a.now = block;
        }
        automaton_done(&a);
        if (ret_shortest)
                *ret_shortest = shortest;
        if (ret_longest)
                *ret_longest = longest;
        return is_match;
}

bool pattern_match(const char *pattern, const char *path) {
        return automaton_run(pattern, PATTERN_NAMES, path, NULL, NULL);
}

bool pattern_match_deep(const char *pattern, const char *path) {
        return automaton_run(pattern, PATTERN_DEEP, path, NULL, NULL);
}

bool pattern_match_text(const char *pattern, const char *text) {
        return automaton_run(pattern, PATTERN_TEXT, text, NULL, NULL);
}

size_t pattern_match_head(const char *pattern, const char *text, bool is_longest) {
        size_t shortest, longest;

        (void) automaton_run(pattern, PATTERN_TEXT, text, &shortest, &longest);
        return is_longest ? longest : shortest;
}

bool pattern_has_wildcard(const char *pattern) {
        return strpbrk(pattern, "*?[\\") != NULL;
}

bool pattern_is_valid(const char *pattern) {
        struct token t;

        if (strnlen(pattern, PATTERN_LENGTH_MAX + 1) > PATTERN_LENGTH_MAX)
                return false;
        while (*pattern)
                if (!token_read(&pattern, PATTERN_DEEP, &t))
                        return false;
        return true;
}
