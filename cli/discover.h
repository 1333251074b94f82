#pragma once

#include "base/err.h"

#include <stddef.h>

/* Kinds that this program has no table of: what the server says of them, or a definition among the
 * manifests that are being read. Asked for only when a word or a manifest isn't understood
 * otherwise; kept for the session's life. */
struct kind;
struct manifests;
struct session;

/* The kind of a word ("ct", "crontabs", "CronTab", "crontabs.example.com"), or NULL. No server:
 * NULL. */
const struct kind *discover_word(struct session *s, const char *word);

/* The kind of "example.com/v1" and "CronTab": of a definition in m (may be NULL), or the server's.
 */
const struct kind *discover_kind(struct session *s, const struct manifests *m,
                                 const char *api_version, const char *name);

/* All kinds of that category, one call for each; category NULL: all kinds. fn returns 0 or a
 * negative errno, which ends it. */
int discover_each(struct session *s, const char *category,
                  int (*fn)(void *data, const struct kind *k), void *data);
