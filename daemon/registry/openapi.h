#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* /openapi/v3 (an index, and a document for each group's version) and /openapi/v2 (the least that
 * old clients take). Documents are made when they are asked for and kept by nobody. */
struct openapi;
struct registry;
struct rest_request;
struct rest_sink;

/* Hashes of the documents, by which clients keep them. NULL when memory is out. */
struct openapi *openapi_new(void);
void openapi_unref(struct openapi *o);
DEFINE_AUTO(openapi);

/* Answers a GET of a path below /openapi. False: there is nothing of that name, and no answer was
 * given. */
bool openapi_handle(struct openapi *o, const struct registry *r, const struct rest_request *q,
                    const struct rest_sink *sink, void *data);

/* The document of a group's version ("" for core). The caller's; NULL with *ret_found false when
 * there is none, with true when memory is out. */
char *openapi_document(const struct registry *r, const char *group, const char *version,
                       bool *ret_found);
