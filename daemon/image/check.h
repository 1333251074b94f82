#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

#include <jansson.h>
#include <stdbool.h>

struct image_check_options {
        bool is_deep;                     /* reads every byte; else sizes and kinds only */
        bool is_repair;                   /* takes damaged layers away, so that images come again */
        const struct image_words *in_use; /* IDs whose layers stay even so; may be NULL */
};

/* Compares every layer with its recipe, every kept document with its digest. is_deep: each layer's
 * tar is put together and must have its diff ID, so all contents, names, modes, owners and times
 * that the tar says are proven; one that was taken in without a recipe is only looked at.
 *
 * ret  the caller's JSON: {"layers": N, "images": N, "damaged": [{"layer"|"image": "sha256:…",
 *      "reason": "…"}], "unproven": N}.
 *
 * Returns 0 (damage is in the answer) or a negative errno. Among the writers; with is_repair alone.
 * Blocks: is_deep for as long as reading everything takes. */
int image_check(struct image_store *store, const struct image_check_options *options, json_t **ret,
                struct err *e);
