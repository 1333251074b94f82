#pragma once

#include "api/schema/field.h"

/* Tables and checks that the files of this folder share; nothing outside needs them. */

/* apiVersion and kind, which every kind's table begins with. */
#define FIELDS_OF_TYPE                                                                             \
        FIELD_KEPT("apiVersion", 0, FIELD_STRING, FIELD_ONE,                                       \
                   "Version of the schema that this object follows."),                             \
                FIELD_KEPT("kind", 0, FIELD_STRING, FIELD_ONE, "Kind of object that this is.")

/* A condition of a kind whose status nothing in orch writes. */
#define FIELDS_OF_KEPT_CONDITION                                                                   \
        FIELD_KEPT("type", 1, FIELD_STRING, FIELD_ONE, "Name of the condition.",                   \
                   .flags = FIELD_REQUIRED),                                                       \
                FIELD_KEPT("status", 2, FIELD_STRING, FIELD_ONE, "True, False or Unknown.",        \
                           .flags = FIELD_REQUIRED),                                               \
                FIELD_KEPT("lastTransitionTime", 3, FIELD_TIME, FIELD_ONE,                         \
                           "When it last changed."),                                               \
                FIELD_KEPT("reason", 4, FIELD_STRING, FIELD_ONE, "One word why."),                 \
                FIELD_KEPT("message", 5, FIELD_STRING, FIELD_ONE, "A sentence why.")

/* The caveat of kinds whose controllers orch doesn't have yet. */
#define KIND_ONLY_KEPT "objects are only kept: nothing in orch acts on them yet"

struct container;
struct label_selector;
struct object_meta;
struct pod_spec;

extern const struct schema se_linux_options_schema;
extern const struct schema windows_options_schema;
extern const struct schema app_armor_profile_schema;
extern const struct schema volume_schema;
extern const struct schema host_path_volume_source_schema;
extern const struct schema toleration_schema;
extern const struct schema container_status_schema;
extern const struct schema object_field_selector_schema;
extern const struct schema resource_field_selector_schema;
extern const struct schema seccomp_profile_schema;

/* Defaults of a pod's spec (pod_default.c). tree may be NULL. Return 0 or -ENOMEM. */
int pod_default(json_t *tree);
int pod_default_spec(json_t *spec);
/* Defaults of a workload's pods and of its strategy: "RollingUpdate" where no type is said.
 *
 * key          of the strategy in the spec: "strategy", "updateStrategy".
 * ret_rolling  the strategy's rollingUpdate, borrowed from tree, made where it was absent; NULL
 *              where updates don't roll, or something has the wrong type (validation says so). */
int default_rolling(json_t *tree, const char *key, json_t **ret_rolling);

/* Sets key to a JSON constant where it is absent or null. Returns 0 or -ENOMEM. */
int default_set(json_t *tree, const char *key, json_t *take_value);

/* Checks of a pod's spec under prefix ("spec", "spec.template.spec"; pod_check.c). */
void pod_check(const void *decoded, struct diags *d);
void pod_check_update(const void *old, const void *decoded, struct diags *d);
void pod_check_spec(const struct pod_spec *spec, const char *prefix, struct diags *d);

/* Rules that hold for a template of a controller: its labels and restart policy. */
struct pod_template_spec;
struct label_selector;
void pod_check_template(const struct pod_template_spec *t, const struct label_selector *selector,
                        struct diags *d);

/* Adds a cell to a row; take_value may be NULL (memory is out). Returns 0 or -ENOMEM. */
int cell_add(json_t *cells, json_t *take_value);
int cell_add_text(json_t *cells, const char *text);
int cell_add_age(json_t *cells, const struct object_meta *m, uint64_t now_usec);
/* Age of any time; since 0: "<none>". */
int cell_add_since(json_t *cells, uint64_t since_usec, uint64_t now_usec);
/* As JSON shows the amount; "" when there is none. */
int cell_add_quantity(json_t *cells, struct quantity q);
/* True or False; "<none>" when not set. */
int cell_add_opt_bool(json_t *cells, struct opt_bool value);
/* "<unset>" when not set. */
int cell_add_opt_int(json_t *cells, struct opt_int value);
/* Containers, Images and Selector, the wide columns of workloads. */
int cell_add_workload(json_t *cells, const struct pod_spec *spec,
                      const struct label_selector *selector);
/* "app=web"; "<none>" when the selector is absent or empty. */
int cell_add_selector(json_t *cells, const struct label_selector *selector);
/* "a,b" of strings; "<none>" when there are none. */
int cell_add_containers(json_t *cells, const struct pod_spec *spec);
/* "a=b,c=d"; "<none>" when empty. */
int cell_add_map(json_t *cells, const struct string_map *m);

#define COLUMN_NAME                                                                                \
        { "Name", "string", "name", 0 }
#define COLUMN_AGE                                                                                 \
        { "Age", "string", "", 0 }

/* The last three columns of workloads. */
#define COLUMNS_WORKLOAD                                                                           \
        { "Containers", "string", "", 1 }, { "Images", "string", "", 1 }, {                        \
                "Selector", "string", "", 1                                                        \
        }

/* A LabelSelector's rules. */
void label_selector_check(const struct label_selector *s, const char *prefix, struct diags *d);
