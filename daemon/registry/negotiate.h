#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What a client's Accept header asks for (RFC 9110, section 12.5.1; qualities are ignored, as by
 * the kube-apiserver: the first entry that can be served wins). Pure. */

#define ACCEPT_WORD_MAX 64

/* One entry of the list: "application/json;as=Table;v=v1;g=meta.k8s.io". "" where absent, and "?"
 * for what is too long to be one of ours. */
struct accept_entry {
        char type[ACCEPT_WORD_MAX];
        char as[ACCEPT_WORD_MAX], version[ACCEPT_WORD_MAX], group[ACCEPT_WORD_MAX];
};

/* Takes the next entry off the list. False: there is none. */
bool accept_next(const char **at, struct accept_entry *ret);

/* Whether the entry's media type can be served: JSON, a wildcard, or protobuf, whose clients take
 * JSON too. */
bool accept_is_json(const struct accept_entry *e);

enum form_as { FORM_OBJECT, FORM_TABLE, FORM_PARTIAL };
enum form_include { FORM_INCLUDE_METADATA, FORM_INCLUDE_OBJECT, FORM_INCLUDE_NONE };

/* How objects are told. All zero: as they are. */
struct form {
        uint8_t as;      /* enum form_as */
        uint8_t include; /* enum form_include, of a table's rows */
        bool is_beta;    /* meta.k8s.io/v1beta1 */
        bool is_list;    /* PartialObjectMetadataList was asked for, not PartialObjectMetadata */
};

/* The form that accept (NULL or "": any) and the query's includeObject (NULL: none) ask for.
 *
 * Returns 0, -ENOTSUP when nothing in the list can be served, or -EINVAL for includeObject; e has
 * Kubernetes' words. */
int form_negotiate(const char *accept, const char *include, struct form *ret_form, struct err *e);

/* "meta.k8s.io/v1" */
const char *form_api_version(const struct form *f);
