#pragma once

#include "base/err.h"

struct tls_module;

/* Loads what speaks TLS: a module beside the program, or where it was installed. It stays loaded.
 * Returns 0 or -ENOENT. */
int tls_module_load(const struct tls_module **ret, struct err *e);
