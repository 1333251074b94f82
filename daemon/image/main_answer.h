#pragma once

#include "base/err.h"

#include <jansson.h>

/* Writes an answer of orch-image, one line of JSON, to standard output. take is consumed on failure
 * too; NULL: memory is out. key: the member that it becomes of an object; NULL: as it is. Returns 0
 * or a negative errno. */
int main_answer(json_t *take, const char *key, struct err *e);
