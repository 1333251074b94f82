#include "cli/table.h"

#include "base/array.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define GAP 3U

static const char *const trouble_words[] = {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImagePull",
        "ErrImageNeverPull",
        "Error",
        "Evicted",
        "Failed",
        "ImagePullBackOff",
        "InvalidImageName",
        "NotReady",
        "OOMKilled",
        "RunContainerError",
        "StartError",
        "Unknown",
        "Warning",
};

void table_done(struct table *t) {
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i]);
        free(t->cells);
        free(t->widths);
        *t = (struct table){ 0 };
}

void table_init(struct table *t, size_t n_columns) {
        t->n_columns = n_columns;
        t->widths = calloc(n_columns, sizeof(*t->widths));
        t->has_failed = t->has_failed || !t->widths;
}

/* Columns on a terminal: code points, good enough for what names may hold. */
static size_t text_width(const char *s) {
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;
        return n;
}

static void take_cell(struct table *t, char *cell) {
        size_t column = t->n_columns ? t->n_cells % t->n_columns : 0;

        if (!cell || t->has_failed ||
            array_reserve(&t->cells, &t->cap, t->n_cells, sizeof(*t->cells)) < 0) {
                t->has_failed = true;
                free(cell);
                return;
        }
        for (char *c = cell; *c; c++)
                if ((unsigned char) *c < 0x20 || *c == 0x7f)
                        *c = ' ';
        t->cells[t->n_cells++] = cell;
        t->widths[column] = MAX(t->widths[column], text_width(cell));
}

void table_add(struct table *t, const char *cell) {
        take_cell(t, strdup(cell ? cell : "<none>"));
}

void table_addf(struct table *t, const char *fmt, ...) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        strbuf_add(&b, text);
        take_cell(t, strbuf_steal(&b));
}

static bool is_trouble(const char *cell) {
        if (str_starts_with(cell, "Init:"))
                cell += strlen("Init:");
        for (size_t i = 0; i < ARRAY_SIZE(trouble_words); i++)
                if (str_eq(cell, trouble_words[i]))
                        return true;
        return false;
}

static void print_row(const struct table *t, size_t first, size_t indent, bool has_colour,
                      struct strbuf *out) {
        for (size_t i = 0; i < indent; i++)
                strbuf_add_char(out, ' ');
        for (size_t c = 0; c < t->n_columns; c++) {
                const char *cell = t->cells[first + c];
                bool is_red = has_colour && is_trouble(cell);

                strbuf_addf(out, "%s%s%s", is_red ? "\033[31m" : "", cell, is_red ? "\033[0m" : "");
                if (c + 1 == t->n_columns)
                        break;
                for (size_t n = text_width(cell); n < t->widths[c] + GAP; n++)
                        strbuf_add_char(out, ' ');
        }
        while (out->len > 0 && out->s[out->len - 1] == ' ')
                out->s[--out->len] = '\0';
        strbuf_add_char(out, '\n');
}

int table_print(struct table *t, size_t indent, bool has_colour, struct strbuf *out) {
        if (t->has_failed)
                return -ENOMEM;
        for (; t->n_printed + t->n_columns <= t->n_cells; t->n_printed += t->n_columns)
                print_row(t, t->n_printed, indent, has_colour, out);
        return out->has_failed ? -ENOMEM : 0;
}
