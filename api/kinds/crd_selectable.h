#pragma once

#include "base/diag.h"

#include <stdbool.h>

typedef struct json_t json_t;

/* Checks selectableFields of one version of a definition: at most eight simple paths to texts,
 * whole numbers and booleans that the version's schema has, none of metadata.
 *
 * version  borrowed: an item of spec.versions.
 * at       its path for findings: "spec.versions[0]".
 *
 * Findings go to d, in Kubernetes' words. Pure. */
void crd_selectable_check(const json_t *version, const char *at, struct diags *d);

/* Whether selectors may name a field ("spec.color"). Pure. */
bool crd_selectable_has(const json_t *version, const char *name);
