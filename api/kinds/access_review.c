/* Tables of questions about rights, and of Binding (numbers: generated.proto of
 * k8s.io/api/authorization/v1 and core/v1). */
#include "api/kinds/access_review.h"

#include "api/kinds/tables.h"
#include "base/str.h"

#define SELF struct field_selector_requirement
static const struct field field_selector_requirement_fields[] = {
        FIELD_OF_STRING(key, "key", 1, "Path of the field."),
        FIELD_OF_STRING(operator, "operator", 2, "In, NotIn, Exists or DoesNotExist."),
        FIELD_OF_STRINGS(values, "values", 3, "Values for In and NotIn.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema field_selector_requirement_schema =
        SCHEMA(field_selector_requirement, "FieldSelectorRequirement", "One condition on a field.");

#define SELF struct field_selector_attributes
static const struct field field_selector_attributes_fields[] = {
        FIELD_OF_STRING(raw_selector, "rawSelector", 1, "The selector as its client wrote it."),
        FIELD_OF_OBJECTS(requirements, field_selector_requirement, "requirements", 2,
                         "The selector taken apart.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema field_selector_attributes_schema = SCHEMA(
        field_selector_attributes, "FieldSelectorAttributes", "Fields that a list is narrowed by.");

#define SELF struct label_selector_attributes
static const struct field label_selector_attributes_fields[] = {
        FIELD_OF_STRING(raw_selector, "rawSelector", 1, "The selector as its client wrote it."),
        FIELD_OF_OBJECTS(requirements, label_selector_requirement, "requirements", 2,
                         "The selector taken apart.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema label_selector_attributes_schema = SCHEMA(
        label_selector_attributes, "LabelSelectorAttributes", "Labels that a list is narrowed by.");

#define SELF struct resource_attributes
static const struct field resource_attributes_fields[] = {
        FIELD_OF_STRING(namespace, "namespace", 1,
                        "Namespace; empty for all, and for kinds without one."),
        FIELD_OF_STRING(
                verb, "verb", 2,
                "get, list, watch, create, update, patch, delete, deletecollection, or * for all."),
        FIELD_OF_STRING(group, "group", 3, "Group of the resource; * for all."),
        FIELD_OF_STRING(version, "version", 4, "Version of the resource; * for all."),
        FIELD_OF_STRING(resource, "resource", 5, "Resource, as pods; * for all."),
        FIELD_OF_STRING(subresource, "subresource", 6, "Subresource, as log."),
        FIELD_OF_STRING(name, "name", 7, "Name of one object; empty for all."),
        FIELD_OF_POINTER(field_selector, field_selector_attributes, "fieldSelector", 8,
                         "Fields that the objects are narrowed by."),
        FIELD_OF_POINTER(label_selector, label_selector_attributes, "labelSelector", 9,
                         "Labels that the objects are narrowed by."),
};
#undef SELF
static const struct schema resource_attributes_schema =
        SCHEMA(resource_attributes, "ResourceAttributes", "What shall be done to which objects.");

#define SELF struct non_resource_attributes
static const struct field non_resource_attributes_fields[] = {
        FIELD_OF_STRING(path, "path", 1, "Path of the URL."),
        FIELD_OF_STRING(verb, "verb", 2, "Verb, as get."),
};
#undef SELF
static const struct schema non_resource_attributes_schema = SCHEMA(
        non_resource_attributes, "NonResourceAttributes", "What shall be done to which path.");

#define SELF struct subject_access_review_spec
static const struct field subject_access_review_spec_fields[] = {
        FIELD_OF_POINTER(resource_attributes, resource_attributes, "resourceAttributes", 1,
                         "What to which objects."),
        FIELD_OF_POINTER(non_resource_attributes, non_resource_attributes, "nonResourceAttributes",
                         2, "What to which path."),
        FIELD_OF_STRING(user, "user", 3, "Name of the user."),
        FIELD_OF_STRINGS(groups, "groups", 4, "Groups that the user is in.", .flags = FIELD_ATOMIC),
        FIELD_KEPT("extra", 5, FIELD_ANY, FIELD_MAP,
                   "What the authenticator knows besides, lists of texts by key."),
        FIELD_OF_STRING(uid, "uid", 6, "UID of the user."),
};
#undef SELF
static const struct schema subject_access_review_spec_schema =
        SCHEMA(subject_access_review_spec, "SubjectAccessReviewSpec", "Who wants to do what.");

#define SELF struct self_subject_access_review_spec
static const struct field self_subject_access_review_spec_fields[] = {
        FIELD_OF_POINTER(resource_attributes, resource_attributes, "resourceAttributes", 1,
                         "What to which objects."),
        FIELD_OF_POINTER(non_resource_attributes, non_resource_attributes, "nonResourceAttributes",
                         2, "What to which path."),
};
#undef SELF
static const struct schema self_subject_access_review_spec_schema =
        SCHEMA(self_subject_access_review_spec, "SelfSubjectAccessReviewSpec",
               "What the client wants to do.");

#define SELF struct subject_access_review_status
static const struct field subject_access_review_status_fields[] = {
        FIELD_OF_BOOL(allowed, "allowed", 1, "Whether it is allowed.", .flags = FIELD_ALWAYS),
        FIELD_OF_BOOL(denied, "denied", 4, "Whether it is forbidden whatever others say."),
        FIELD_OF_STRING(reason, "reason", 2, "Why."),
        FIELD_OF_STRING(evaluation_error, "evaluationError", 3,
                        "What went wrong on the way to the answer."),
};
#undef SELF
const struct schema subject_access_review_status_schema = SCHEMA(
        subject_access_review_status, "SubjectAccessReviewStatus", "Whether it may be done.");

#define SELF struct subject_access_review
static const struct field subject_access_review_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Empty."),
        FIELD_OF_OBJECT(spec, subject_access_review_spec, "spec", 2, "Who wants to do what.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, subject_access_review_status, "status", 3,
                        "Whether it may be done.", .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema subject_access_review_schema = SCHEMA(
        subject_access_review, "SubjectAccessReview", "Asks whether somebody may do something.");

#define SELF struct local_subject_access_review
static const struct field local_subject_access_review_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1,
                        "Its namespace is that of the question."),
        FIELD_OF_OBJECT(spec, subject_access_review_spec, "spec", 2, "Who wants to do what.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, subject_access_review_status, "status", 3,
                        "Whether it may be done.", .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema local_subject_access_review_schema =
        SCHEMA(local_subject_access_review, "LocalSubjectAccessReview",
               "Asks whether somebody may do something in a namespace.");

#define SELF struct self_subject_access_review
static const struct field self_subject_access_review_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Empty."),
        FIELD_OF_OBJECT(spec, self_subject_access_review_spec, "spec", 2, "What it wants to do.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, subject_access_review_status, "status", 3,
                        "Whether it may be done.", .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema self_subject_access_review_schema =
        SCHEMA(self_subject_access_review, "SelfSubjectAccessReview",
               "Asks whether the client itself may do something.");

#define SELF struct self_subject_rules_review_spec
static const struct field self_subject_rules_review_spec_fields[] = {
        FIELD_OF_STRING(namespace, "namespace", 1, "Namespace in question."),
};
#undef SELF
static const struct schema self_subject_rules_review_spec_schema =
        SCHEMA(self_subject_rules_review_spec, "SelfSubjectRulesReviewSpec",
               "Where the client wants to do things.");

#define SELF struct resource_rule
static const struct field resource_rule_fields[] = {
        FIELD_OF_STRINGS(verbs, "verbs", 1, "Verbs; * for all.",
                         .flags = FIELD_ATOMIC | FIELD_ALWAYS),
        FIELD_OF_STRINGS(api_groups, "apiGroups", 2, "Groups of the resources; * for all.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(resources, "resources", 3, "Resources; * for all.", .flags = FIELD_ATOMIC),
        FIELD_OF_STRINGS(resource_names, "resourceNames", 4, "Names of objects; empty for all.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema resource_rule_schema =
        SCHEMA(resource_rule, "ResourceRule", "Verbs that may be used on resources.");

#define SELF struct non_resource_rule
static const struct field non_resource_rule_fields[] = {
        FIELD_OF_STRINGS(verbs, "verbs", 1, "Verbs; * for all.",
                         .flags = FIELD_ATOMIC | FIELD_ALWAYS),
        FIELD_OF_STRINGS(non_resource_urls, "nonResourceURLs", 2,
                         "Paths; * at the end for all that follows.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema non_resource_rule_schema =
        SCHEMA(non_resource_rule, "NonResourceRule", "Verbs that may be used on paths.");

#define SELF struct subject_rules_review_status
static const struct field subject_rules_review_status_fields[] = {
        FIELD_OF_OBJECTS(resource_rules, resource_rule, "resourceRules", 1,
                         "What it may do to objects.", .flags = FIELD_ATOMIC | FIELD_ALWAYS),
        FIELD_OF_OBJECTS(non_resource_rules, non_resource_rule, "nonResourceRules", 2,
                         "What it may do to paths.", .flags = FIELD_ATOMIC | FIELD_ALWAYS),
        FIELD_OF_BOOL(incomplete, "incomplete", 3, "Whether there may be more than the lists say.",
                      .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(evaluation_error, "evaluationError", 4,
                        "What went wrong on the way to the answer."),
};
#undef SELF
const struct schema subject_rules_review_status_schema =
        SCHEMA(subject_rules_review_status, "SubjectRulesReviewStatus", "What the client may do.");

#define SELF struct self_subject_rules_review
static const struct field self_subject_rules_review_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Empty."),
        FIELD_OF_OBJECT(spec, self_subject_rules_review_spec, "spec", 2, "Where.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_OBJECT(status, subject_rules_review_status, "status", 3, "What it may do.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema self_subject_rules_review_schema = SCHEMA(
        self_subject_rules_review, "SelfSubjectRulesReview", "Asks what the client itself may do.");

#define SELF struct binding
static const struct field binding_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name of the pod."),
        FIELD_OF_OBJECT(target, object_reference, "target", 2, "The node.",
                        .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema binding_schema = SCHEMA(binding, "Binding", "Puts a pod on a node.");

/* ---- checks (pkg/apis/authorization/validation) ---- */

static void access_check(const struct resource_attributes *resource,
                         const struct non_resource_attributes *path, struct diags *d) {
        if (resource && path)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.nonResourceAttributes",
                                "Invalid value: cannot be specified in combination with "
                                "resourceAttributes");
        if (!resource && !path)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.resourceAttributes",
                                "Invalid value: null: exactly one of nonResourceAttributes or "
                                "resourceAttributes must be specified");
}

static void self_subject_access_review_check(const void *decoded, struct diags *d) {
        const struct self_subject_access_review *r = decoded;

        access_check(r->spec.resource_attributes, r->spec.non_resource_attributes, d);
}

/* Of the local one, too. */
static void subject_access_review_check(const void *decoded, struct diags *d) {
        const struct subject_access_review *r = decoded;

        access_check(r->spec.resource_attributes, r->spec.non_resource_attributes, d);
        if (str_is_empty(r->spec.user) && r->spec.groups.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.user",
                                "Invalid value: \"\": at least one of user or group must be "
                                "specified");
}

static void local_subject_access_review_check(const void *decoded, struct diags *d) {
        const struct local_subject_access_review *r = decoded;

        subject_access_review_check(decoded, d);
        if (r->spec.non_resource_attributes)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.nonResourceAttributes",
                                "Invalid value: disallowed on this kind of request");
}

static void self_subject_rules_review_check(const void *decoded, struct diags *d) {
        const struct self_subject_rules_review *r = decoded;

        if (str_is_empty(r->spec.namespace))
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "spec.namespace", "Required value");
}

const struct kind subject_access_review_kind = {
        .api_version = "authorization.k8s.io/v1",
        .group = "authorization.k8s.io",
        .version = "v1",
        .name = "SubjectAccessReview",
        .list_name = "SubjectAccessReviewList",
        .plural = "subjectaccessreviews",
        .singular = "subjectaccessreview",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &subject_access_review_schema,
        .check = subject_access_review_check,
};

const struct kind local_subject_access_review_kind = {
        .api_version = "authorization.k8s.io/v1",
        .group = "authorization.k8s.io",
        .version = "v1",
        .name = "LocalSubjectAccessReview",
        .list_name = "LocalSubjectAccessReviewList",
        .plural = "localsubjectaccessreviews",
        .singular = "localsubjectaccessreview",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .schema = &local_subject_access_review_schema,
        .check = local_subject_access_review_check,
};

const struct kind self_subject_access_review_kind = {
        .api_version = "authorization.k8s.io/v1",
        .group = "authorization.k8s.io",
        .version = "v1",
        .name = "SelfSubjectAccessReview",
        .list_name = "SelfSubjectAccessReviewList",
        .plural = "selfsubjectaccessreviews",
        .singular = "selfsubjectaccessreview",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &self_subject_access_review_schema,
        .check = self_subject_access_review_check,
};

const struct kind self_subject_rules_review_kind = {
        .api_version = "authorization.k8s.io/v1",
        .group = "authorization.k8s.io",
        .version = "v1",
        .name = "SelfSubjectRulesReview",
        .list_name = "SelfSubjectRulesReviewList",
        .plural = "selfsubjectrulesreviews",
        .singular = "selfsubjectrulesreview",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .schema = &self_subject_rules_review_schema,
        .check = self_subject_rules_review_check,
};

const struct kind binding_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Binding",
        .list_name = "BindingList",
        .plural = "bindings",
        .singular = "binding",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .schema = &binding_schema,
};
