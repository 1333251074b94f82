#include "daemon/server/spdy_table.h"

#include <stdlib.h>

#define FIRST_STREAMS 8

void spdy_table_done(struct spdy_table *t) {
        free(t->streams);
        *t = (struct spdy_table){ 0 };
}

static bool has_room(struct spdy_table *t) {
        size_t cap = t->cap > 0 ? 2 * t->cap : FIRST_STREAMS;
        struct spdy_stream *more;

        if (t->n < t->cap)
                return true;
        if (t->n >= SPDY_STREAMS_MAX)
                return false;
        more = reallocarray(t->streams, cap, sizeof(*more));
        if (!more)
                return false;
        t->streams = more;
        t->cap = cap;
        return true;
}

enum spdy_verdict spdy_table_open(struct spdy_table *t, uint32_t id, bool is_fin) {
        if (id % 2 == 0 || id <= t->last_id)
                return SPDY_BREAK;
        t->last_id = id;
        if (!has_room(t))
                return SPDY_REFUSE;
        t->streams[t->n++] = (struct spdy_stream){ .id = id, .has_in_ended = is_fin };
        return SPDY_ACCEPT;
}

struct spdy_stream *spdy_table_find(const struct spdy_table *t, uint32_t id) {
        for (size_t i = 0; i < t->n; i++)
                if (t->streams[i].id == id)
                        return &t->streams[i];
        return NULL;
}

void spdy_table_forget(struct spdy_table *t, uint32_t id) {
        struct spdy_stream *s = spdy_table_find(t, id);

        if (s)
                *s = t->streams[--t->n];
}

static void forget_when_over(struct spdy_table *t, const struct spdy_stream *s) {
        if (s->has_in_ended && s->has_out_ended)
                spdy_table_forget(t, s->id);
}

void spdy_table_end_in(struct spdy_table *t, uint32_t id) {
        struct spdy_stream *s = spdy_table_find(t, id);

        if (!s)
                return;
        s->has_in_ended = true;
        forget_when_over(t, s);
}

void spdy_table_end_out(struct spdy_table *t, uint32_t id) {
        struct spdy_stream *s = spdy_table_find(t, id);

        if (!s)
                return;
        s->has_out_ended = true;
        forget_when_over(t, s);
}
