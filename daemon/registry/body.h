#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The body of an answer: pieces that are sent one after another. Objects are not copied: pieces
 * point into their versions. What is large is made while it is sent (docs/adr/0174): such a body
 * has a source of further pieces, and one reader, who goes through it once. Others are immutable
 * once given away. */
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
bool body_has_failed(const struct body *b);

#define BODY_LEN_UNKNOWN SIZE_MAX

struct body_source {
        /* Adds the next pieces. False: there are no more, nothing was added. */
        bool (*next)(void *data, struct body *b);
        void (*free)(void *data);
};

/* What comes behind the pieces that b has. len: of all that, or BODY_LEN_UNKNOWN. source: static.
 * take_data: freed with the body, or when there is nothing more. */
void body_set_source(struct body *b, const struct body_source *source, void *take_data, size_t len);

/* Forgets the present pieces, and has the source make the next. Returns 1, 0 at the end, or
 * -ENOMEM: the rest can't be made. */
int body_advance(struct body *b);

/* Of all of it; BODY_LEN_UNKNOWN. */
size_t body_len(const struct body *b);
/* The present ones. */
const struct body_piece *body_pieces(const struct body *b, size_t *ret_n);
/* Whether the present pieces are all. */
bool body_is_whole(const struct body *b);

/* The object that the n-th piece is, or NULL. */
struct record *body_record(const struct body *b, size_t n);

/* All in one, NUL-terminated, the caller's; NULL when memory is out. Whoever calls it is the
 * reader. ret_len: may be NULL. */
char *body_flatten(struct body *b, size_t *ret_len);
