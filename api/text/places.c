#include "api/text/places.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

struct place {
        unsigned line, column;
};

struct places {
        struct map by_path; /* of struct place, in the arena */
        struct arena *arena;
};

struct places *places_new(void) {
        struct places *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        p->arena = arena_new(0);
        if (!p->arena) {
                free(p);
                return NULL;
        }
        return p;
}

void places_unref(struct places *p) {
        if (!p)
                return;
        map_done(&p->by_path, NULL);
        arena_unref(p->arena);
        free(p);
}

int places_add(struct places *p, const char *path, size_t line, size_t column) {
        struct place *place;

        if (p->by_path.n >= PLACES_MAX || map_has(&p->by_path, path))
                return 0;
        place = arena_alloc(p->arena, sizeof(*place));
        if (!place)
                return -ENOMEM;
        *place = (struct place){ .line = (unsigned) line, .column = (unsigned) column };
        return map_put(&p->by_path, path, place, NULL);
}

/* Findings write map keys as limits[cpu], the reader knows them as limits.cpu. In place. */
static void places_plain_keys(char *path) {
        char *out = path;

        for (const char *in = path; *in; in++) {
                if (*in == '[' && !isdigit((unsigned char) in[1])) {
                        *out++ = '.';
                        for (in++; *in && *in != ']'; in++)
                                *out++ = *in;
                        if (!*in)
                                break;
                } else {
                        *out++ = *in;
                }
        }
        *out = '\0';
}

bool places_find(const struct places *p, const char *path, unsigned *ret_line,
                 unsigned *ret_column) {
        AUTO_FREE char *at = p ? strdup(str_or_empty(path)) : NULL;

        if (!at)
                return false;
        places_plain_keys(at);
        for (;;) {
                const struct place *place = map_get(&p->by_path, at);
                char *dot = strrchr(at, '.'), *bracket = strrchr(at, '[');

                if (place) {
                        *ret_line = place->line;
                        *ret_column = place->column;
                        return true;
                }
                if (at[0] == '\0')
                        return false;
                if (!dot || bracket > dot)
                        dot = bracket;
                if (dot)
                        *dot = '\0';
                else
                        at[0] = '\0';
        }
}

void places_apply(const struct places *p, const char *file, struct diags *d, size_t first) {
        for (size_t i = first; i < d->n; i++) {
                unsigned line = 0, column = 0;

                if (d->items[i].line > 0)
                        continue;
                (void) places_find(p, d->items[i].field, &line, &column);
                diag_set_place(&d->items[i], file, line, column);
        }
}
