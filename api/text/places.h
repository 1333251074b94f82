#pragma once

#include "api/text/text.h"

#include <stddef.h>

/* Kept places are bounded; what lies beyond is answered with an ancestor's place. */
#define PLACES_MAX 100000

/* An empty collection; NULL: memory is out. */
struct places *places_new(void);

/* Notes a place. Returns 0 or -ENOMEM. */
int places_add(struct places *p, const char *path, size_t line, size_t column);
