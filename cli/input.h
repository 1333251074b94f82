#pragma once

#include "api/kinds/manifest.h"
#include "base/err.h"
#include "cli/option.h"

struct session;

/* Files larger than this are refused. */
#define INPUT_FILE_MAX_BYTES (16U << 20)

/* Reads manifests from files, directories (their .yaml, .yml and .json files, by name; with
 * is_recursive below too) and "-" (standard input). All findings of all files are printed, each
 * with file, line and column.
 *
 * Returns 0, -EINVAL (session->exit_code is EXIT_MANIFEST then and everything was said), -ENOENT
 * and other errors of reading, or -ENOMEM. */
int input_read(struct session *s, const struct option_texts *files, bool is_recursive,
               struct manifests *ret, struct err *e);
