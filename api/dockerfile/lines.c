#include "api/dockerfile/lines.h"

#include "base/arena.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Without the line break. */
struct raw_line {
        const char *at;
        size_t len;
        unsigned line;
};

void *list_room(struct arena *a, void *items, size_t n, size_t size) {
        void *fresh;

        if (n > 0 && (n & (n - 1)) != 0)
                return items;
        fresh = arena_alloc_n(a, n > 0 ? 2 * n : 1, size);
        if (fresh && n > 0)
                memcpy(fresh, items, n * size);
        return fresh;
}

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next physical line; false at the end. */
static bool lines_raw(struct lines *lines, struct raw_line *ret) {
        const char *start = lines->text + lines->at;
        const char *end;

        if (lines->at >= lines->len)
                return false;
        end = memchr(start, '\n', lines->len - lines->at);
        ret->at = start;
        ret->len = end ? (size_t) (end - start) : lines->len - lines->at;
        ret->line = lines->line++;
        lines->at += ret->len + (end ? 1 : 0);
        if (ret->len > 0 && ret->at[ret->len - 1] == '\r')
                ret->len--;
        return true;
}

static void lines_back(struct lines *lines, const struct raw_line *raw) {
        lines->at = (size_t) (raw->at - lines->text);
        lines->line = raw->line;
}

/* ---- directives ---- */

struct directive {
        char key[16];
        const char *value;
        size_t len;
        unsigned column;
};

/* "# key=value"; false: this line is something else. */
static bool directive_read(const struct raw_line *raw, struct directive *ret) {
        const char *p = raw->at, *end = raw->at + raw->len;
        size_t n = 0;

        if (p == end || *p++ != '#')
                return false;
        while (p < end && is_blank(*p))
                p++;
        while (p < end && isalnum((unsigned char) *p) && n + 1 < sizeof(ret->key))
                ret->key[n++] = (char) tolower((unsigned char) *p++);
        ret->key[n] = '\0';
        while (p < end && is_blank(*p))
                p++;
        if (n == 0 || p == end || *p++ != '=')
                return false;
        while (p < end && is_blank(*p))
                p++;
        while (end > p && is_blank(end[-1]))
                end--;
        ret->value = p;
        ret->len = (size_t) (end - p);
        ret->column = (unsigned) (p - raw->at) + 1;
        return ret->len > 0;
}

static void directive_apply(struct lines *lines, const struct directive *d, unsigned line) {
        if (strcmp(d->key, "syntax") == 0) {
                diag_set_place(diag_add(lines->d, DIAG_WARNING, DIAG_NOT_SUPPORTED, NULL,
                                        "the directive \"syntax\" is not followed: orch reads the "
                                        "file itself and loads no frontend"),
                               lines->file, line, d->column);
                return;
        }
        if (strcmp(d->key, "escape") != 0)
                return;
        if (d->len == 1 && (d->value[0] == '\\' || d->value[0] == '`')) {
                lines->escape = d->value[0];
                return;
        }
        lines->n_errors++;
        diag_set_place(diag_add(lines->d, DIAG_ERROR, DIAG_SYNTAX, NULL,
                                "invalid escape \"%.*s\": write \\ or `", (int) MIN(d->len, 32U),
                                d->value),
                       lines->file, line, d->column);
}

int lines_begin(struct lines *lines) {
        static const char *const known[] = { "syntax", "escape", "check" };
        bool is_seen[ARRAY_SIZE(known)] = { false };
        struct directive d;
        struct raw_line raw;

        lines->escape = '\\';
        lines->line = 1;
        if (lines->len >= 3 && memcmp(lines->text, "\xef\xbb\xbf", 3) == 0)
                lines->at = 3;
        while (lines_raw(lines, &raw)) {
                size_t i = 0;

                if (!directive_read(&raw, &d)) {
                        lines_back(lines, &raw);
                        return 0;
                }
                while (i < ARRAY_SIZE(known) && strcmp(known[i], d.key) != 0)
                        i++;
                /* An unknown one is a comment, and nothing after a comment is a directive. */
                if (i == ARRAY_SIZE(known))
                        return 0;
                lines->n_errors += is_seen[i];
                if (is_seen[i])
                        diag_set_place(diag_add(lines->d, DIAG_ERROR, DIAG_DUPLICATE, NULL,
                                                "only one directive \"%s\" can be used", d.key),
                                       lines->file, raw.line, 1);
                else
                        directive_apply(lines, &d, raw.line);
                is_seen[i] = true;
        }
        return 0;
}

/* ---- logical lines ---- */

struct joining {
        struct strbuf text;
        struct line_segment *segments;
        size_t n_segments;
};

static int joining_add(struct lines *lines, struct joining *j, const struct raw_line *raw,
                       const char *from, size_t len) {
        struct line_segment *room = list_room(lines->a, j->segments, j->n_segments, sizeof(*room));

        if (!room)
                return -ENOMEM;
        j->segments = room;
        room[j->n_segments++] = (struct line_segment){
                .at = j->text.len,
                .place = { raw->line, (unsigned) (from - raw->at) + 1 },
        };
        strbuf_add_len(&j->text, from, len);
        return j->text.has_failed ? -ENOMEM : 0;
}

/* Length without the escape character that joins the next line, or SIZE_MAX where none does. */
static size_t continued_length(const struct lines *lines, const struct raw_line *raw) {
        size_t n = raw->len;

        while (n > 0 && is_blank(raw->at[n - 1]))
                n--;
        return n > 0 && raw->at[n - 1] == lines->escape ? n - 1 : SIZE_MAX;
}

static size_t leading_blanks(const struct raw_line *raw) {
        size_t n = 0;

        while (n < raw->len && is_blank(raw->at[n]))
                n++;
        return n;
}

static int lines_join(struct lines *lines, struct joining *j) {
        struct raw_line raw;
        bool is_first = true;

        while (lines_raw(lines, &raw)) {
                size_t blanks = leading_blanks(&raw);
                size_t continued, skip;
                int r;

                /* Comments and empty lines are left out, within a continuation too. */
                if (blanks == raw.len || raw.at[blanks] == '#')
                        continue;
                continued = continued_length(lines, &raw);
                skip = is_first ? blanks : 0;
                r = joining_add(lines, j, &raw, raw.at + skip,
                                (continued == SIZE_MAX ? raw.len : MAX(continued, skip)) - skip);
                if (r < 0)
                        return r;
                if (continued == SIZE_MAX)
                        return 1;
                is_first = false;
        }
        return is_first ? 0 : 1;
}

int lines_next(struct lines *lines, struct line *ret) {
        struct joining j = { 0 };
        int r = lines_join(lines, &j);

        while (r == 1 && j.text.len > 0 && is_blank(j.text.s[j.text.len - 1]))
                j.text.s[--j.text.len] = '\0';
        if (r == 1) {
                ret->text = arena_strndup(lines->a, str_or_empty(j.text.s), j.text.len);
                ret->len = j.text.len;
                ret->segments = j.segments;
                ret->n_segments = j.n_segments;
                r = ret->text ? 1 : -ENOMEM;
        }
        strbuf_done(&j.text);
        return r;
}

int lines_heredoc(struct lines *lines, const char *name, bool strips_tabs, const char **ret) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct raw_line raw;

        while (lines_raw(lines, &raw)) {
                size_t skip = 0;

                while (strips_tabs && skip < raw.len && raw.at[skip] == '\t')
                        skip++;
                if (raw.len - skip == strlen(name) &&
                    memcmp(raw.at + skip, name, raw.len - skip) == 0) {
                        *ret = b.has_failed ? NULL
                                            : arena_strndup(lines->a, str_or_empty(b.s), b.len);
                        return *ret ? 1 : -ENOMEM;
                }
                strbuf_add_len(&b, raw.at + skip, raw.len - skip);
                strbuf_add_char(&b, '\n');
        }
        return 0;
}

struct dockerfile_place line_place(const struct line *line, size_t offset) {
        struct dockerfile_place place = { 0 };

        for (size_t i = 0; i < line->n_segments && line->segments[i].at <= offset; i++) {
                place = line->segments[i].place;
                place.column += (unsigned) (offset - line->segments[i].at);
        }
        return place;
}
