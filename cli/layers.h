#pragma once

#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far the layers of an image are, as people are told: a bar for each in a terminal, a line for
 * each step in a pipe. Pure: what is printed comes as text. */

#define LAYERS_MAX 128

struct layer_news {
        char digest[20]; /* shortened */
        char state[16];  /* waiting, downloading, unpacking, done, exists, … ; "": nothing yet */
        int64_t bytes, size;
};

struct layers {
        struct layer_news items[LAYERS_MAX];
        size_t n;
        size_t n_drawn; /* lines on the terminal that the next picture replaces */
};

/* Takes one {"layer": N, "of": N, "digest", "state", "bytes", "size"}. Returns the layer when its
 * state has changed, else NULL. What is malformed changes nothing. */
const struct layer_news *layers_take(struct layers *l, const json_t *progress);

/* "3be8e17f62ad: downloading" and so on, for a pipe. */
void layers_say(const struct layer_news *news, struct strbuf *b);

/* A picture of all, which moves back over the one before. At most rows lines: those that are under
 * way come first then. */
void layers_draw(struct layers *l, size_t rows, struct strbuf *b);

/* Wipes what is drawn. */
void layers_wipe(struct layers *l, struct strbuf *b);
