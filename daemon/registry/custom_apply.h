#pragma once

#include "api/patch/apply_type.h"

/* The type of a kind's objects for field sets and server-side apply: of its table, or of the
 * structural schema of its definition. What it points to lives as long as the kind. */
struct kind;
struct apply_type kind_apply_type(const struct kind *k);
