#pragma once

#include "api/kinds/meta.h"

/* authentication.k8s.io/v1: questions about who somebody is. Asked by POST, never stored. */

/* extra is kept in the JSON only: a map of lists is no type of the tables. */
struct user_info {
        const char *username;
        const char *uid;
        struct strings groups;
};

struct token_review_spec {
        const char *token;
        struct strings audiences;
};

struct token_review_status {
        bool authenticated;
        struct user_info user;
        struct strings audiences;
        const char *error;
};

struct token_review {
        struct object_meta metadata;
        struct token_review_spec spec;
        struct token_review_status status;
};

struct self_subject_review_status {
        struct user_info user_info;
};

struct self_subject_review {
        struct object_meta metadata;
        struct self_subject_review_status status;
};

/* What a token dies with: a pod or a secret. */
struct bound_object_reference {
        const char *kind;
        const char *api_version;
        const char *name;
        const char *uid;
};

struct token_request_spec {
        struct strings audiences;
        int64_t expiration_seconds;
        struct bound_object_reference *bound_object_ref; /* NULL: none */
};

struct token_request_status {
        const char *token;
        uint64_t expiration_timestamp;
};

/* Body of serviceaccounts/NAME/token. */
struct token_request {
        struct object_meta metadata;
        struct token_request_spec spec;
        struct token_request_status status;
};

#define TOKEN_REQUEST_DEFAULT_S 3600
#define TOKEN_REQUEST_LEAST_S 600
#define TOKEN_REQUEST_MOST_S (1LL << 32)

extern const struct schema user_info_schema;
extern const struct kind token_review_kind;
extern const struct kind self_subject_review_kind;
extern const struct kind token_request_kind;
