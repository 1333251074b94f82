#pragma once

#include "api/dockerfile/dockerfile.h"

/* A file as logical lines: comments gone, continuations joined. Private to this folder. */

/* From offset on, a logical line's text stands there in the file. */
struct line_segment {
        size_t at;
        struct dockerfile_place place;
};

struct line {
        const char *text; /* the arena's */
        size_t len;
        struct line_segment *segments;
        size_t n_segments;
};

struct lines {
        const char *text; /* borrowed */
        size_t len, at;
        unsigned line; /* of at, from 1 */
        char escape;
        const char *file;
        struct diags *d;
        struct arena *a;
        size_t n_errors;
};

/* Reads the directives at the top ("# escape=`"). Returns 0 or -ENOMEM; findings go to lines->d. */
int lines_begin(struct lines *lines);

/* The next logical line that isn't empty. Returns 1, 0 at the end, or -ENOMEM. */
int lines_next(struct lines *lines, struct line *ret);

/* Reads a here-document's text up to the line that is its name.
 *
 * strips_tabs  "<<-": leading tabs go, before the name too.
 * ret          the arena's.
 *
 * Returns 1, 0 when the file ends before it, or -ENOMEM. */
int lines_heredoc(struct lines *lines, const char *name, bool strips_tabs, const char **ret);

/* Where a line's offset stands in the file. */
struct dockerfile_place line_place(const struct line *line, size_t offset);

/* Makes room for one more element in a list that the arena holds: doubles at powers of two. Returns
 * the list (moved perhaps), NULL when memory is out. */
void *list_room(struct arena *a, void *items, size_t n, size_t size);
