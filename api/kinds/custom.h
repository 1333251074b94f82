#pragma once

#include "api/schema/schema.h"
#include "base/diag.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds that a CustomResourceDefinition describes, as Kubernetes'
 * apiextensions-apiserver understands "structural schemas". Pure: no clock, no I/O. */
struct custom;
struct object;

/* What one served version of a definition says, all borrowed while the kind is being made. */
struct custom_version {
        const json_t *definition; /* the whole CustomResourceDefinition, checked and defaulted */
        const char *name;         /* "v1" */
        const struct kind *stored_as; /* NULL: this is the stored version; else counted */
};

/* Makes a kind of one version. The definition must have passed crd_kind's checks.
 * ret: with one count, the caller's (kind_unref()).
 * Returns 0, -EINVAL (a schema that is none), or -ENOMEM. */
int custom_kind_new(const struct custom_version *v, const struct kind **ret, struct err *e);

/* What is known of a kind whose definition isn't at hand: what discovery says. */
struct custom_names {
        const char *group, *version, *kind, *list_kind, *plural, *singular;
        const char *const *short_names, *const *categories; /* NULL-terminated, or NULL */
        bool is_namespaced, has_status, has_scale;
};

/* A kind of which only metadata is described; everything else is accepted and kept. Strings are
 * copied. list_kind, singular: NULL for the usual. Returns as custom_kind_new(). */
int custom_kind_new_named(const struct custom_names *n, const struct kind **ret, struct err *e);

/* The checks of an openAPIV3Schema: that it is a structural schema, its limits, its patterns.
 * at: of findings, "spec.versions[0].schema.openAPIV3Schema". Returns 0 or -ENOMEM; look at d. */
int custom_schema_check(const json_t *schema, const char *at, struct diags *d);

/* The openAPIV3Schema as it was written, borrowed as long as the kind; NULL: none. */
const json_t *custom_schema_json(const struct kind *k);

/* The definition that the kind was made of, borrowed likewise; NULL: none. */
const json_t *custom_definition(const struct kind *k);

/* What using this version is answered with: "example.com/v1beta1 CronTab is deprecated". The
 * caller's; NULL: nothing, or memory is out. */
char *custom_deprecation(const struct kind *k);

/* Whether field selectors may name a field of this version: "spec.color". */
bool custom_is_selectable(const struct kind *k, const char *name);

/* ---- what api/kinds does for kinds with k->custom (kind_default() and friends call these) ---- */

/* Adds the schema's defaults to the tree. Returns 0 or -ENOMEM. */
int custom_default(const struct kind *k, json_t *tree);

/* Checks all but metadata. was: the version before; what stayed as it was there is good enough, so
 * that a schema may become stricter without locking objects up. NULL: there is none. flags:
 * SCHEMA_*. Returns 0 or -ENOMEM. */
int custom_validate(const struct kind *k, const json_t *tree, const json_t *was, unsigned flags,
                    struct diags *d);

/* Drops what the schema doesn't know. Returns 0 or -ENOMEM. */
int custom_prune(const struct kind *k, json_t *tree);

/* One row. text: the object's JSON. */
int custom_add_cells(const struct kind *k, const json_t *tree, uint64_t now_usec, json_t *cells);

/* The paths of the scale sub-resource without leading dot: "spec.replicas"; NULL: none. */
struct custom_scale {
        const char *spec_replicas, *status_replicas, *selector;
};

/* NULL for kinds without. */
const struct custom_scale *custom_scale_of(const struct kind *k);

/* The value at such a path, or NULL. Borrowed. */
json_t *custom_at(const json_t *tree, const char *path);

/* Sets it, making objects on the way. Returns 0, -EINVAL where something else is in the way, or
 * -ENOMEM. */
int custom_put(json_t *tree, const char *path, json_t *take_value);
