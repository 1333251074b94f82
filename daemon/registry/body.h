#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* The body of an answer: pieces that are sent one after another. Objects are not copied: a list of
 * 10,000 pods holds references to their versions. Immutable once given away. */
struct record;

struct body_piece {
        const char *data;
        size_t len;
};

struct body;

struct body *body_new(void); /* NULL when memory is out */
struct body *body_ref(struct body *b);
void body_unref(struct body *b);
DEFINE_AUTO(body);

/* text: lives as long as the process. Errors stick and show in body_has_failed(). */
void body_add_static(struct body *b, const char *text);
void body_add_record(struct body *b, struct record *r);
/* len bytes of the record's own text. */
void body_add_record_part(struct body *b, struct record *r, const char *at, size_t len);
/* take_text: freed with the body; NULL counts as failed. */
void body_add_text(struct body *b, char *take_text, size_t len);
/* Puts text in the place of an empty static piece that was added as the n-th. Likewise. */
void body_set_text(struct body *b, size_t n, char *take_text, size_t len);
bool body_has_failed(const struct body *b);

size_t body_len(const struct body *b);
const struct body_piece *body_pieces(const struct body *b, size_t *ret_n);

/* The object that the n-th piece is, or NULL. */
struct record *body_record(const struct body *b, size_t n);

/* All in one, NUL-terminated, the caller's; NULL when memory is out. */
char *body_flatten(const struct body *b);
