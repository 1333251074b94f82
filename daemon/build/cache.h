#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

/* What steps came to, remembered in the image store: DIR/builds/steps/KEY.json names the layer that
 * a step made. Layers named there are in use until `orch image prune`. Folders of
 * --mount=type=cache lie in DIR/builds/caches/. */

/* The key of a step: what it begins with and all that it depends on. recipe: of the plan; content:
 * digest of the files it reads; epoch: "" or seconds. *ret: the caller's, 64 hex digits. */
int cache_key(const struct image_words *diff_ids, const char *recipe, const char *content,
              const char *epoch, char **ret, struct err *e);

/* Returns 1 with the layer (the caller's; NULL: the step changed nothing), or 0: it isn't known, or
 * its layer is gone. */
int cache_find(const struct image_store *store, const char *key, char **ret_diff_id);

/* Remembers. A cache that can't be written costs time only. */
void cache_store(const struct image_store *store, const char *key, const char *diff_id);

/* The folder of a cache mount, made where it is missing; *ret: the caller's.
 * n: 0, or which of several private ones. */
int cache_folder(const struct image_store *store, const char *id, unsigned n, char **ret,
                 struct err *e);
