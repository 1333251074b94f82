#pragma once

#include "base/err.h"
#include "daemon/plan/changes.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* One row of a decision table, made into objects. */
struct object;

#define CASE_OBJECTS_MAX 256

struct plan_case {
        const json_t *tree; /* the row itself, for facts that are no objects */
        struct object *objects[CASE_OBJECTS_MAX]; /* owned; wanted first, then observed */
        size_t n;
        uint64_t now_usec;
};

/* Runs a plan on a case. Returns what the plan returns. */
typedef int (*plan_adapter)(const struct plan_case *pc, struct changes *c, struct err *e);

/* The adapter of a plan's name, or NULL. adapters.c */
plan_adapter plan_adapter_find(const char *name);
