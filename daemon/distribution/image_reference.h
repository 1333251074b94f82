#pragma once

#include "base/err.h"

#include <stdbool.h>

/* "host:5000/team/app:1.2@sha256:…", taken apart (OCI distribution-spec, "Pulling manifests";
 * grammar of Docker's reference package). Members are owned; empty parts are NULL. */
struct image_reference {
        char *host;   /* "host:5000", "localhost"; NULL: none given */
        char *path;   /* "team/app" */
        char *tag;    /* "1.2"; "latest" where neither tag nor digest was given */
        char *digest; /* "sha256:…" */
};

/* text: at most 512 bytes. Returns 0, -E2BIG, -EINVAL or -ENOMEM. Pure. ret:
 * image_reference_done(). */
int image_reference_parse(const char *text, struct image_reference *ret, struct err *e);
void image_reference_done(struct image_reference *ref);
DEFINE_AUTO_DONE(image_reference);

/* The text again, with the default tag filled in; the caller's, or NULL when memory is out. */
char *image_reference_format(const struct image_reference *ref);

/* Whether a stored name serves what was asked for: 3 the same, 2 the same on localhost, 1 the same
 * but for the host and a leading "library/" that the question left out, 0 no. */
int image_reference_match(const struct image_reference *asked,
                          const struct image_reference *stored);

/* Fills in what a name leaves out, as Docker does: the host, and for a path of one part at that
 * host the namespace ("nginx" becomes "HOST/library/nginx:latest").
 *
 * default_host       borrowed; NULL or "": names without a host stay refused, -EDESTADDRREQ.
 * default_namespace  borrowed; NULL or "": nothing is put in front.
 *
 * Returns 0, -EDESTADDRREQ or -ENOMEM. Pure. */
int image_reference_complete(struct image_reference *ref, const char *default_host,
                             const char *default_namespace, struct err *e);
