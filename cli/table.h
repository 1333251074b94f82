#pragma once

#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Text in aligned columns, three blanks apart, as kubectl prints it. */
struct table {
        char **cells; /* owned, row after row */
        size_t n_cells, cap;
        size_t n_columns;
        size_t *widths;   /* of n_columns; kept from page to page of a watch */
        size_t n_printed; /* cells printed already */
        bool has_failed;
};

void table_done(struct table *t);
DEFINE_AUTO_DONE(table);

/* Sets the number of columns, once, before the first cell. */
void table_init(struct table *t, size_t n_columns);

/* Adds the next cell of the current row. NULL: "<none>". Line breaks become blanks. Memory running
 * out makes table_print() fail. */
void table_add(struct table *t, const char *cell);
void table_addf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends all rows that were not printed yet; columns are as wide as their widest cell so far.
 * indent: blanks before each row. has_colour: words of trouble stand out. Returns 0 or -ENOMEM. */
int table_print(struct table *t, size_t indent, bool has_colour, struct strbuf *out);
