#include "api/dockerfile/pattern.h"
#include "base/array.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

void ignore_done(struct ignore *ignore) {
        for (size_t i = 0; i < ignore->n; i++)
                free(ignore->items[i].pattern);
        free(ignore->items);
        *ignore = (struct ignore){ 0 };
}

/* Without "." and empty parts, ".." taken back where there is something, no '/' at the ends. */
static char *ignore_clean(const char *text, size_t len) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "");
        for (size_t i = 0; i < len;) {
                size_t n = 0;

                while (i + n < len && text[i + n] != '/')
                        n++;
                if (n == 2 && memcmp(text + i, "..", 2) == 0) {
                        const char *slash = b.len ? strrchr(b.s, '/') : NULL;

                        b.len = slash ? (size_t) (slash - b.s) : 0;
                        if (b.s)
                                b.s[b.len] = '\0';
                } else if (n > 0 && !(n == 1 && text[i] == '.')) {
                        if (b.len > 0)
                                strbuf_add_char(&b, '/');
                        strbuf_add_len(&b, text + i, n);
                }
                i += n + 1;
        }
        return b.len == 0 && !b.has_failed ? strdup("") : strbuf_steal(&b);
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static int ignore_add(struct ignore *ignore, const char *line, size_t len, const char **why) {
        struct ignore_rule rule = { 0 };

        while (len > 0 && is_blank(line[len - 1]))
                len--;
        while (len > 0 && is_blank(*line)) {
                line++;
                len--;
        }
        if (len == 0)
                return 0;
        if (*line == '!') {
                rule.is_exception = true;
                for (line++, len--; len > 0 && is_blank(*line); line++)
                        len--;
                *why = "an exception names nothing: write !PATTERN";
                if (len == 0)
                        return -EINVAL;
        }
        rule.pattern = ignore_clean(line, len);
        if (!rule.pattern)
                return -ENOMEM;
        *why = "the pattern is broken: a bracket isn't closed, or a backslash ends it";
        if (!pattern_is_valid(rule.pattern) || rule.pattern[0] == '\0' ||
            array_reserve(&ignore->items, &ignore->cap, ignore->n, sizeof(rule)) < 0) {
                /* "/" and "." leave nothing to match; Docker passes over them, too. */
                int r = rule.pattern[0] == '\0'          ? 0
                        : pattern_is_valid(rule.pattern) ? -ENOMEM
                                                         : -EINVAL;
                free(rule.pattern);
                return r;
        }
        ignore->items[ignore->n++] = rule;
        ignore->has_exceptions |= rule.is_exception;
        return 0;
}

int ignore_parse(const char *text, size_t len, const char *file, struct ignore *ret,
                 struct diags *d) {
        AUTO_DONE(ignore) struct ignore ignore = { 0 };
        unsigned line = 0;
        int result = 0;

        if (len > IGNORE_BYTES_MAX)
                return -EFBIG;
        if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
                text += 3;
                len -= 3;
        }
        for (const char *p = text, *end = text + len; p < end;) {
                const char *stop = memchr(p, '\n', (size_t) (end - p));
                size_t n = (size_t) ((stop ? stop : end) - p);
                const char *why = "there are too many patterns";
                int r = 0;

                line++;
                if (*p != '#' && memchr(p, '\0', n) == NULL)
                        r = ignore.n < IGNORE_PATTERNS_MAX ? ignore_add(&ignore, p, n, &why)
                                                           : -EINVAL;
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        diag_set_place(diag_add(d, DIAG_ERROR, DIAG_SYNTAX, NULL, "%s", why), file,
                                       line, 1);
                        result = r;
                }
                p += n + 1;
        }
        if (result == 0) {
                *ret = ignore;
                ignore = (struct ignore){ 0 };
        }
        return result;
}

/* By itself, or by a folder that it is in. */
static bool rule_matches(const struct ignore_rule *rule, char *path) {
        size_t len = strlen(path);

        if (pattern_match_deep(rule->pattern, path))
                return true;
        for (size_t i = len; i-- > 1;) {
                bool is_match;

                if (path[i] != '/')
                        continue;
                path[i] = '\0';
                is_match = pattern_match_deep(rule->pattern, path);
                path[i] = '/';
                if (is_match)
                        return true;
        }
        return false;
}

bool ignore_matches(const struct ignore *ignore, const char *path) {
        AUTO_FREE char *copy = ignore->n > 0 ? strdup(path) : NULL;
        bool is_ignored = false;

        for (size_t i = 0; copy && i < ignore->n; i++) {
                const struct ignore_rule *rule = &ignore->items[i];

                if (rule->is_exception == is_ignored && rule_matches(rule, copy))
                        is_ignored = !rule->is_exception;
        }
        return is_ignored;
}

bool ignore_may_hold(const struct ignore *ignore, const char *path) {
        size_t len = strlen(path);

        for (size_t i = 0; i < ignore->n; i++) {
                const char *pattern = ignore->items[i].pattern;
                size_t plain = strcspn(pattern, "*?[\\");

                if (!ignore->items[i].is_exception)
                        continue;
                /* What stands before the first wildcard leads into the folder, or to it. */
                if (strncmp(pattern, path, MIN(plain, len)) == 0 &&
                    (plain <= len || pattern[len] == '/'))
                        return true;
        }
        return false;
}
