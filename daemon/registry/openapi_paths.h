#pragma once

#include "base/str.h"

/* The paths of one kind in an OpenAPI document: what can be asked, with which parameters, and what
 * comes back. */
struct definitions;
struct kind;

/* Adds members of "paths", each with a comma behind it. Failures stick in b. */
void openapi_add_paths(struct strbuf *b, struct definitions *d, const struct kind *k);
