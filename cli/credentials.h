#pragma once

#include "base/err.h"

/* What is to be shown to registries: --creds and --auth-file of several commands.
 *
 * creds      "USER:PASSWORD"; NULL: none.
 * auth_file  in Docker's format; NULL: none.
 * ret        {"user", "password", "sources": [FILE]} as text; the caller's.
 *
 * Returns 0 or a negative errno. Reads the file. */
int credentials_read(const char *creds, const char *auth_file, char **ret, struct err *e);
