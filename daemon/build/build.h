#pragma once

#include "base/err.h"
#include "daemon/build/builder.h"

/* Carries a build out: the request comes as a tar on fd (api/dockerfile/build_wire.h), lines about
 * it go to standard output, layers and image into the store. For a program of its own, in mount and
 * process namespaces of its own: what it mounts and starts ends with it.
 *
 * Returns 0, or a negative errno with e in one line. Runs a loop; blocks. */
int build_run(const struct builder_config *config, int fd, struct err *e);
