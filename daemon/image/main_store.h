#pragma once

#include "base/err.h"
#include "daemon/image/image.h"

#include <stdbool.h>

/* The verbs of orch-image that work on what the store has:
 *
 *   orch-image --store DIR check [--deep] [--repair] [--in-use ID]...
 *   orch-image --store DIR tag REFERENCE NAME
 *   orch-image --store DIR inspect REFERENCE
 *   orch-image --store DIR prune [--all] [--in-use ID]...
 *   orch-image --store DIR pin|unpin REFERENCE
 *   orch-image --store DIR save [--format docker-archive|oci-archive] REFERENCE...   to stdout
 *   orch-image --store DIR --mounts DIR mount REFERENCE
 *   orch-image --store DIR --mounts DIR unmount REFERENCE|PATH
 *   orch-image --store DIR gc --high PCT --low PCT [--min-age SECONDS] [--used DIR]
 *                               [--in-use ID|NAME]...
 *   orch-image --store DIR sync FOLDER
 *   orch-image --store DIR tar DIFF_ID                                              to stdout
 *   orch-image --store DIR serve SOCKET                                             to neighbours
 */
struct store_arguments {
        const char *const *operands;
        size_t n_operands;
        bool is_deep, is_repair, is_all;
        const char *format;
        const char *high, *low; /* percent */
        const char *min_age, *used_dir;
        const char *mounts_dir; /* where images are mounted */
        const struct image_words *in_use;
};

/* Whether verb is one of these. */
bool main_is_store_verb(const char *verb);
/* Carries it out; answers on standard output. */
int main_store(struct image_store *store, const char *verb, const struct store_arguments *args,
               struct err *e);
