#pragma once

#include "api/kinds/meta.h"

/* apiextensions.k8s.io/v1 CustomResourceDefinition. The schemas themselves are kept as JSON: see
 * custom.h. */

struct crd_names {
        const char *plural, *singular, *kind, *list_kind;
        struct strings short_names, categories;
};

struct crd_scale {
        const char *spec_replicas_path, *status_replicas_path, *label_selector_path;
};

struct crd_subresources {
        struct crd_scale *scale;
};

struct crd_column {
        const char *name, *type, *format, *json_path;
        int64_t priority;
};

struct crd_version {
        const char *name;
        bool served, storage;
        struct opt_bool deprecated;
        const char *deprecation_warning;
        struct crd_subresources *subresources;
        struct {
                struct crd_column *items;
                size_t n;
        } additional_printer_columns;
};

struct crd_conversion {
        const char *strategy;
};

struct crd_spec {
        const char *group, *scope;
        struct crd_names names;
        struct {
                struct crd_version *items;
                size_t n;
        } versions;
        struct crd_conversion *conversion;
        bool preserve_unknown_fields;
};

struct crd_condition {
        const char *type, *status, *reason, *message;
        uint64_t last_transition_time;
};

struct crd_status {
        struct {
                struct crd_condition *items;
                size_t n;
        } conditions;
        struct crd_names accepted_names;
        struct strings stored_versions;
};

struct crd {
        struct object_meta metadata;
        struct crd_spec spec;
        struct crd_status status;
};

extern const struct kind crd_kind;

#define CRD_NAMES_ACCEPTED "NamesAccepted"
#define CRD_ESTABLISHED "Established"
#define CRD_TERMINATING "Terminating"
#define CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

/* Whether the condition of that type has status True. */
bool crd_is_true(const struct crd *c, const char *condition);

/* Checks (crd_check.c). */
void crd_check(const void *decoded, struct diags *d);
void crd_check_update(const void *old, const void *decoded, struct diags *d);
int crd_check_tree(const json_t *tree, struct diags *d);

/* What the server writes into status when it has looked at a definition. */
struct crd_verdict {
        const char *conflict; /* of names, in Kubernetes' words; NULL: none */
        const char *reason;   /* "PluralConflict"; of a conflict */
        bool is_terminating;
        uint64_t now_usec;
};

/* Brings the status of a definition's tree in line: conditions, acceptedNames, storedVersions.
 * Returns 0 or -ENOMEM. Pure. */
int crd_status_set(json_t *tree, const struct crd_verdict *v);
