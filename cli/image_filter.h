#pragma once

#include "base/err.h"
#include "cli/option.h"

#include <jansson.h>

/* Leaves of a list of images those that all filters let through, with docker's and podman's words:
 *
 *   reference=PATTERN     names with '*', '?' and '[…]'; with or without host, path and tag; of an
 *                         image's names those that fit stay; given twice, either is enough
 *   dangling=true|false   without a name, or with one
 *   before=IMAGE, since=IMAGE   created before or after it; a name or the begin of an ID
 *   label=KEY[=VALUE]
 *
 * images  the array of a node's answer; changed in place.
 *
 * Returns 0, -EINVAL when a filter is none, or -ENOENT when no image is called so. */
int image_filter_apply(const struct option_texts *filters, json_t *images, struct err *e);
