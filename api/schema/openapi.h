#pragma once

#include "api/schema/schema.h"

/* Field tables as OpenAPI 3.0 schemas with Kubernetes' extensions (the "Kubernetes OpenAPI v3"
 * documents: x-kubernetes-patch-merge-key and its siblings). Pure. */

/* Where the schemas of other tables are found. */
struct openapi_names {
        /* The name of a table's schema below #/components/schemas, "io.k8s.api.core.v1.PodSpec";
         * borrowed. NULL: it is written where it is used. Called for each table met. */
        const char *(*name_of)(void *data, const struct schema *s);
        void *data;
};

/* The schema of a table: description, type, properties, required. The caller's; NULL: memory is
 * out. */
json_t *schema_to_openapi(const struct schema *s, const struct openapi_names *names);

/* Schemas of the types that are no tables (Quantity, IntOrString, Time, MicroTime), by their names.
 * The caller's; NULL: memory is out. */
json_t *openapi_scalars(void);

#define OPENAPI_REF "#/components/schemas/"
#define OPENAPI_META "io.k8s.apimachinery.pkg.apis.meta.v1."
