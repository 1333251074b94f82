#pragma once

#include "base/err.h"

/* From the store into memory, and the objects that every cluster has. */
struct registry;

/* Begins; registry_loaded() is called when it is over. Returns 0 or a negative errno. */
int load_begin(struct registry *r, struct err *e);

/* The objects are in memory: from here on they can be asked for. Returns 0 or -ENOMEM. */
int registry_begin(struct registry *r, struct err *e);

/* What load_begin() ends with. result: 0 or a negative errno with its words. */
void registry_loaded(struct registry *r, int result, const char *text);
