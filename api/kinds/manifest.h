#pragma once

#include "api/schema/schema.h"
#include "api/text/text.h"

/* One object of a manifest file. */
struct manifest {
        const struct kind *kind;
        json_t *tree;          /* owned; as written, without defaults */
        struct places *places; /* owned; NULL inside a List */
        char *file;            /* owned */
        unsigned line;         /* of the document */
};

struct manifests {
        struct manifest *items;
        size_t n, cap;
        /* Asked for kinds that have no table; their lives are the caller's business. NULL: nobody
         * knows more. */
        const struct kind *(*find)(void *data, const struct manifests *m, const char *api_version,
                                   const char *name);
        void *data;
};

void manifests_done(struct manifests *m);
DEFINE_AUTO_DONE(manifests);

/* Reads a manifest file's text: YAML or JSON, many documents, "kind: List" taken apart. Each object
 * is checked against its kind (on a defaulted copy); findings carry file, line and column.
 * Definitions come before what they may define, otherwise the order is the file's.
 * namespace: default for namespaced objects without one; NULL: leave them alone.
 *
 * m  grows by the objects whose kind is known, also when there are findings.
 * Returns 0 (look at d->n_errors), -EFBIG or -ENOMEM. Pure. */
int manifest_read(const char *text, size_t len, const char *file, const char *namespace,
                  struct manifests *m, struct diags *d);
