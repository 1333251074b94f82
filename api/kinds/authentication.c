#include "api/kinds/authentication.h"

#include "api/kinds/tables.h"
#include "base/str.h"

#include <inttypes.h>

/* Numbers: generated.proto of k8s.io/api/authentication/v1. */

#define SELF struct user_info
static const struct field user_info_fields[] = {
        FIELD_OF_STRING(username, "username", 1, "Name of the user."),
        FIELD_OF_STRING(uid, "uid", 2, "Tells users of one name apart over time."),
        FIELD_OF_STRINGS(groups, "groups", 3, "Groups that the user is in.", .flags = FIELD_ATOMIC),
        FIELD_KEPT("extra", 4, FIELD_ANY, FIELD_MAP, "What else the authenticator knows."),
};
#undef SELF
const struct schema user_info_schema = SCHEMA(user_info, "UserInfo", "Who a user is.");

#define SELF struct token_review_spec
static const struct field token_review_spec_fields[] = {
        FIELD_OF_STRING(token, "token", 1, "The bearer token."),
        FIELD_OF_STRINGS(audiences, "audiences", 2,
                         "Audiences that the asking server answers to; its own by default.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema token_review_spec_schema =
        SCHEMA(token_review_spec, "TokenReviewSpec", "The token in question.");

#define SELF struct token_review_status
static const struct field token_review_status_fields[] = {
        FIELD_OF_BOOL(authenticated, "authenticated", 1, "Whether the token is known."),
        FIELD_OF_OBJECT(user, user_info, "user", 2, "Whose it is."),
        FIELD_OF_STRINGS(audiences, "audiences", 4, "Those of the spec that the token is for.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(error, "error", 3, "Why the token couldn't be checked."),
};
#undef SELF
static const struct schema token_review_status_schema =
        SCHEMA(token_review_status, "TokenReviewStatus", "What became known of a token.");

#define SELF struct token_review
static const struct field token_review_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Not used."),
        FIELD_OF_OBJECT(spec, token_review_spec, "spec", 2, "The token in question.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, token_review_status, "status", 3, "The answer."),
};
#undef SELF
static const struct schema token_review_schema =
        SCHEMA(token_review, "TokenReview", "Asks whose a bearer token is.");

static void token_review_check(const void *decoded, struct diags *d) {
        const struct token_review *r = decoded;

        if (str_is_empty(r->spec.token))
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.token", "Required value");
}

const struct kind token_review_kind = {
        .api_version = "authentication.k8s.io/v1",
        .group = "authentication.k8s.io",
        .version = "v1",
        .name = "TokenReview",
        .list_name = "TokenReviewList",
        .plural = "tokenreviews",
        .singular = "tokenreview",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &token_review_schema,
        .check = token_review_check,
};

#define SELF struct self_subject_review_status
static const struct field self_subject_review_status_fields[] = {
        FIELD_OF_OBJECT(user_info, user_info, "userInfo", 1, "Who asks."),
};
#undef SELF
static const struct schema self_subject_review_status_schema =
        SCHEMA(self_subject_review_status, "SelfSubjectReviewStatus", "Who the server saw.");

#define SELF struct self_subject_review
static const struct field self_subject_review_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Not used."),
        FIELD_OF_OBJECT(status, self_subject_review_status, "status", 2, "The answer."),
};
#undef SELF
static const struct schema self_subject_review_schema =
        SCHEMA(self_subject_review, "SelfSubjectReview", "Asks who the asking one is.");

const struct kind self_subject_review_kind = {
        .api_version = "authentication.k8s.io/v1",
        .group = "authentication.k8s.io",
        .version = "v1",
        .name = "SelfSubjectReview",
        .list_name = "SelfSubjectReviewList",
        .plural = "selfsubjectreviews",
        .singular = "selfsubjectreview",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &self_subject_review_schema,
};

#define SELF struct bound_object_reference
static const struct field bound_object_reference_fields[] = {
        FIELD_OF_STRING(kind, "kind", 1, "Pod or Secret."),
        FIELD_OF_STRING(api_version, "apiVersion", 2, "Version of that kind."),
        FIELD_OF_STRING(name, "name", 3, "Name of the object."),
        FIELD_OF_STRING(uid, "uid", 4, "UID of the object."),
};
#undef SELF
static const struct schema bound_object_reference_schema =
        SCHEMA(bound_object_reference, "BoundObjectReference", "What a token dies with.");

#define SELF struct token_request_spec
static const struct field token_request_spec_fields[] = {
        FIELD_OF_STRINGS(audiences, "audiences", 1,
                         "Who the token is meant for; the API server by default.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_INT(expiration_seconds, "expirationSeconds", 4, "Seconds that it is good for.",
                     .default_json = "3600", .flags = FIELD_ALWAYS),
        FIELD_OF_POINTER(bound_object_ref, bound_object_reference, "boundObjectRef", 3,
                         "What the token dies with."),
};
#undef SELF
static const struct schema token_request_spec_schema =
        SCHEMA(token_request_spec, "TokenRequestSpec", "What token is wanted.");

#define SELF struct token_request_status
static const struct field token_request_status_fields[] = {
        FIELD_OF_STRING(token, "token", 1, "The token."),
        FIELD_OF_TIME(expiration_timestamp, "expirationTimestamp", 2, "When it ends."),
};
#undef SELF
static const struct schema token_request_status_schema =
        SCHEMA(token_request_status, "TokenRequestStatus", "The token.");

#define SELF struct token_request
static const struct field token_request_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Not used."),
        FIELD_OF_OBJECT(spec, token_request_spec, "spec", 2, "What token is wanted.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, token_request_status, "status", 3, "The answer."),
};
#undef SELF
static const struct schema token_request_schema =
        SCHEMA(token_request, "TokenRequest", "Asks for a token of a service account.");

/* Words of pkg/apis/authentication/validation. */
static void token_request_check(const void *decoded, struct diags *d) {
        const struct token_request *r = decoded;
        int64_t seconds = r->spec.expiration_seconds;

        if (seconds < TOKEN_REQUEST_LEAST_S)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.expirationSeconds",
                                "Invalid value: %" PRId64
                                ": may not specify a duration less than 10 minutes",
                                seconds);
        else if (seconds > TOKEN_REQUEST_MOST_S)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.expirationSeconds",
                                "Invalid value: %" PRId64
                                ": may not specify a duration larger than 2^32 seconds",
                                seconds);
}

const struct kind token_request_kind = {
        .api_version = "authentication.k8s.io/v1",
        .group = "authentication.k8s.io",
        .version = "v1",
        .name = "TokenRequest",
        .list_name = "TokenRequestList",
        .plural = "tokenrequests",
        .singular = "tokenrequest",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .schema = &token_request_schema,
        .check = token_request_check,
};
