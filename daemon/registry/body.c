#include "daemon/registry/body.h"

#include "base/array.h"
#include "base/str.h"
#include "daemon/registry/record.h"

#include <stdlib.h>
#include <string.h>

/* What keeps a piece alive, in step with the pieces. Both NULL: static text. */
struct body_owner {
        struct record *record;
        char *text;
};

struct body {
        unsigned n_refs;
        bool has_failed;
        size_t len;
        struct body_piece *pieces;
        size_t n_pieces, cap_pieces;
        struct body_owner *owners;
        size_t n_owners, cap_owners;
        const struct body_source *source; /* NULL: that is all */
        void *source_data;
};

struct body *body_new(void) {
        struct body *b = calloc(1, sizeof(*b));

        if (b)
                b->n_refs = 1;
        return b;
}

struct body *body_ref(struct body *b) {
        b->n_refs++;
        return b;
}

static void pieces_forget(struct body *b) {
        for (size_t i = 0; i < b->n_owners; i++) {
                record_unref(b->owners[i].record);
                free(b->owners[i].text);
        }
        b->n_owners = b->n_pieces = 0;
}

static void source_end(struct body *b) {
        if (b->source)
                b->source->free(b->source_data);
        b->source = NULL;
}

void body_unref(struct body *b) {
        if (!b || --b->n_refs > 0)
                return;
        source_end(b);
        pieces_forget(b);
        free(b->owners);
        free(b->pieces);
        free(b);
}

static bool piece_add(struct body *b, const char *data, size_t len, struct body_owner owner) {
        if (!b || b->has_failed)
                return false;
        if (array_reserve(&b->pieces, &b->cap_pieces, b->n_pieces, sizeof(*b->pieces)) < 0 ||
            array_reserve(&b->owners, &b->cap_owners, b->n_owners, sizeof(*b->owners)) < 0) {
                b->has_failed = true;
                return false;
        }
        b->pieces[b->n_pieces++] = (struct body_piece){ .data = data, .len = len };
        b->owners[b->n_owners++] = owner;
        if (!b->source)
                b->len += len; /* of a source it was told before */
        return true;
}

void body_add_static(struct body *b, const char *text) {
        (void) piece_add(b, text, strlen(text), (struct body_owner){ 0 });
}

void body_add_record(struct body *b, struct record *r) {
        body_add_record_part(b, r, r->json, r->json_len);
}

void body_add_record_part(struct body *b, struct record *r, const char *at, size_t len) {
        if (piece_add(b, at, len, (struct body_owner){ .record = r }))
                (void) record_ref(r);
}

void body_add_text(struct body *b, char *take_text, size_t len) {
        if (!take_text && b)
                b->has_failed = true;
        if (!take_text || !piece_add(b, take_text, len, (struct body_owner){ .text = take_text }))
                free(take_text);
}

bool body_has_failed(const struct body *b) {
        return b->has_failed;
}

size_t body_len(const struct body *b) {
        return b->len;
}

const struct body_piece *body_pieces(const struct body *b, size_t *ret_n) {
        *ret_n = b->n_pieces;
        return b->pieces;
}

struct record *body_record(const struct body *b, size_t n) {
        return b->owners[n].record;
}

bool body_is_whole(const struct body *b) {
        return !b->source;
}

void body_set_source(struct body *b, const struct body_source *source, void *take_data,
                     size_t len) {
        if (len == BODY_LEN_UNKNOWN || b->len > SIZE_MAX - len)
                b->len = BODY_LEN_UNKNOWN;
        else
                b->len += len;
        b->source = source;
        b->source_data = take_data;
}

int body_advance(struct body *b) {
        bool has_more;

        if (!b->source)
                return 0;
        pieces_forget(b);
        has_more = b->source->next(b->source_data, b);
        if (!has_more || b->has_failed)
                source_end(b);
        return b->has_failed ? -ENOMEM : has_more;
}

static void flatten_pieces(const struct body *b, struct strbuf *to) {
        for (size_t i = 0; i < b->n_pieces; i++)
                strbuf_add_len(to, b->pieces[i].data, b->pieces[i].len);
}

char *body_flatten(struct body *b, size_t *ret_len) {
        AUTO_DONE(strbuf) struct strbuf all = { 0 };
        int r;

        if (b->len != BODY_LEN_UNKNOWN) {
                all.s = malloc(b->len + 1);
                if (!all.s)
                        return NULL;
                all.cap = b->len + 1;
        }
        do
                flatten_pieces(b, &all);
        while ((r = body_advance(b)) > 0 && !all.has_failed);
        if (r < 0)
                return NULL;
        if (ret_len)
                *ret_len = all.len;
        return strbuf_steal(&all);
}
