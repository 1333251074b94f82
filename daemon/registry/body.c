#include "daemon/registry/body.h"

#include "base/array.h"
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

void body_unref(struct body *b) {
        if (!b || --b->n_refs > 0)
                return;
        for (size_t i = 0; i < b->n_owners; i++) {
                record_unref(b->owners[i].record);
                free(b->owners[i].text);
        }
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
        b->len += len;
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

void body_set_text(struct body *b, size_t n, char *take_text, size_t len) {
        if (b->has_failed || n >= b->n_pieces || !take_text) {
                b->has_failed = true;
                free(take_text);
                return;
        }
        b->pieces[n] = (struct body_piece){ .data = take_text, .len = len };
        b->owners[n] = (struct body_owner){ .text = take_text };
        b->len += len;
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

char *body_flatten(const struct body *b) {
        char *text = malloc(b->len + 1);
        size_t at = 0;

        if (!text)
                return NULL;
        for (size_t i = 0; i < b->n_pieces; i++) {
                memcpy(text + at, b->pieces[i].data, b->pieces[i].len);
                at += b->pieces[i].len;
        }
        text[at] = '\0';
        return text;
}
