#pragma once

#include "daemon/distribution/remote.h"

#include <jansson.h>

#define TAGS_MAX 100000
#define TAGS_PAGES_MAX 1000

/* The tags of a repository (distribution-spec, "Listing tags"), all pages of them.
 *
 * ret  the caller's array of strings, as the registry orders them.
 *
 * Returns 0, -E2BIG past TAGS_MAX, -EBADMSG, or what remote_ask() fails with. Runs the loop. */
int remote_tags_list(struct remote *remote, json_t **ret, struct err *e);
