#include "api/kinds/bodies.h"

#include "api/kinds/tables.h"

#define SELF struct list_meta
static const struct field list_meta_fields[] = {
        FIELD_OF_STRING(resource_version, "resourceVersion", 2, "Version of the whole list."),
        FIELD_OF_STRING(continue_, "continue", 3, "Token for the rest of the list."),
        FIELD_OF_OPT_INT(remaining_item_count, "remainingItemCount", 4, "How many are to come."),
        FIELD_KEPT("selfLink", 1, FIELD_STRING, FIELD_ONE, "Not used any more."),
};
#undef SELF
const struct schema list_meta_schema = SCHEMA(list_meta, "ListMeta", "What every list carries.");

#define SELF struct status_cause
static const struct field status_cause_fields[] = {
        FIELD_OF_STRING(reason, "reason", 1, "One word why."),
        FIELD_OF_STRING(message, "message", 2, "A sentence why."),
        FIELD_OF_STRING(field, "field", 3, "Field that it is about."),
};
#undef SELF
static const struct schema status_cause_schema =
        SCHEMA(status_cause, "StatusCause", "One of several causes.");

#define SELF struct status_details
static const struct field status_details_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of the object."),
        FIELD_OF_STRING(group, "group", 2, "Group of its kind."),
        FIELD_OF_STRING(kind, "kind", 3, "Resource or kind."),
        FIELD_OF_STRING(uid, "uid", 6, "UID of the object."),
        FIELD_OF_OBJECTS(causes, status_cause, "causes", 4, "All causes.", .flags = FIELD_ATOMIC),
        FIELD_OF_INT(retry_after_seconds, "retryAfterSeconds", 5, "When to try again."),
};
#undef SELF
static const struct schema status_details_schema =
        SCHEMA(status_details, "StatusDetails", "What a status is about.");

#define SELF struct api_status
static const struct field api_status_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, list_meta, "metadata", 1, "Empty.", .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(status, "status", 2, "Success or Failure."),
        FIELD_OF_STRING(message, "message", 3, "A sentence for people."),
        FIELD_OF_STRING(reason, "reason", 4, "One word for programs."),
        FIELD_OF_POINTER(details, status_details, "details", 5, "What it is about."),
        FIELD_OF_INT(code, "code", 6, "HTTP status."),
};
#undef SELF
static const struct schema api_status_schema = SCHEMA(api_status, "Status", "How a request went.");

const struct kind status_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Status",
        .list_name = "StatusList",
        .plural = "status",
        .singular = "status",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &api_status_schema,
};

#define SELF struct preconditions
static const struct field preconditions_fields[] = {
        FIELD_OF_STRING(uid, "uid", 1, "UID that the object must have.", .flags = FIELD_POINTER),
        FIELD_OF_STRING(resource_version, "resourceVersion", 2,
                        "Version that the object must have.", .flags = FIELD_POINTER),
};
#undef SELF
static const struct schema preconditions_schema =
        SCHEMA(preconditions, "Preconditions", "What must hold, or nothing is deleted.");

#define SELF struct delete_options
static const struct field delete_options_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OPT_INT(grace_period_seconds, "gracePeriodSeconds", 1,
                         "Seconds to end gracefully; 0 at once.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_POINTER(preconditions, preconditions, "preconditions", 2, "What must hold."),
        FIELD_OF_OPT_BOOL(orphan_dependents, "orphanDependents", 3,
                          "Old form of propagationPolicy."),
        FIELD_OF_STRING(
                propagation_policy, "propagationPolicy", 4, "What becomes of what the object owns.",
                .values = WORDS("Background", "Foreground", "Orphan"), .flags = FIELD_POINTER),
        FIELD_OF_STRINGS(dry_run, "dryRun", 5, "All: only say what would happen.",
                         .flags = FIELD_ATOMIC, .values = WORDS("All")),
        FIELD_KEPT("ignoreStoreReadErrorWithClusterBreakingPotential", 6, FIELD_OPT_BOOL, FIELD_ONE,
                   "Not used."),
};
#undef SELF
const struct schema delete_options_schema =
        SCHEMA(delete_options, "DeleteOptions", "How an object is deleted.");

const struct kind delete_options_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "DeleteOptions",
        .list_name = "DeleteOptionsList",
        .plural = "deleteoptions",
        .singular = "deleteoptions",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &delete_options_schema,
};

#define SELF struct eviction
static const struct field eviction_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name of the pod."),
        FIELD_OF_POINTER(delete_options, delete_options, "deleteOptions", 2,
                         "How the pod is deleted."),
};
#undef SELF
static const struct schema eviction_schema =
        SCHEMA(eviction, "Eviction", "Asks that a pod leaves its node.");

const struct kind eviction_kind = {
        .api_version = "policy/v1",
        .group = "policy",
        .version = "v1",
        .name = "Eviction",
        .list_name = "EvictionList",
        .plural = "evictions",
        .singular = "eviction",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &eviction_schema,
};
