#pragma once

#include "base/macros.h"
#include "daemon/registry/hub.h"

#include <stdbool.h>

/* What a request selects. */
struct call;

DEFINE_AUTO_DONE(filter);

/* Reads namespace, name and both selectors. False: the call has been answered (400). */
bool filter_read(struct call *c, struct filter *ret_filter);
