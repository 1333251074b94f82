#pragma once

#include "base/str.h"

#include <jansson.h>

/* OpenAPI v2 ("Swagger"), in the protobuf form that kubectl up to 1.28 reads (messages of gnostic's
 * OpenAPIv2.proto, of which kubectl carries the descriptor). Made of the same schemas as the
 * OpenAPI 3.0 documents. Pure. */

/* One schema of OpenAPI 3.0 as v2 has it: references lead to #/definitions/, a reference stands
 * beside its description, and what v2 doesn't know (nullable, oneOf, anyOf, not) is left out.
 * take_schema: taken, NULL for memory that is out. The caller's; NULL: memory is out. */
json_t *openapi_v2_schema(json_t *take_schema);

/* What can be done with a kind, as far as old clients look. */
struct openapi_v2_path {
        const char *path; /* "/apis/apps/v1/namespaces/{namespace}/deployments/{name}" */
        const char *group, *version, *kind;
        const char *const *parameters; /* of PATCH, NULL-terminated: "dryRun" */
};

/* The pieces of a Document, in this order: head, paths, definitions. Failures stick in b. */
void openapi_v2_put_head(struct strbuf *b, const char *title, const char *version);
void openapi_v2_put_paths(struct strbuf *b, const struct openapi_v2_path *paths, size_t n);

/* Definitions: begin, each, end. */
size_t openapi_v2_definitions_begin(struct strbuf *b);
void openapi_v2_put_definition(struct strbuf *b, const char *name, const json_t *schema);
void openapi_v2_definitions_end(struct strbuf *b, size_t mark);
