#include "api/kinds/meta.h"

#include "api/schema/field.h"

#define SELF struct owner_reference
static const struct field owner_reference_fields[] = {
        FIELD_OF_STRING(api_version, "apiVersion", 5, "API version of the owner.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(kind, "kind", 1, "Kind of the owner.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(name, "name", 3, "Name of the owner.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(uid, "uid", 4, "UID of the owner.", .flags = FIELD_REQUIRED),
        FIELD_OF_OPT_BOOL(controller, "controller", 6,
                          "Whether the owner is the controller that manages this object."),
        FIELD_OF_OPT_BOOL(block_owner_deletion, "blockOwnerDeletion", 7,
                          "Whether foreground deletion of the owner waits for this object."),
};
#undef SELF
const struct schema owner_reference_schema =
        SCHEMA(owner_reference, "OwnerReference",
               "Names an object that this one belongs to and goes with.", .is_atomic = true);

static const struct field managed_fields_entry_fields[] = {
        FIELD_KEPT("manager", 1, FIELD_STRING, FIELD_ONE, "Who it is."),
        FIELD_KEPT("operation", 2, FIELD_STRING, FIELD_ONE, "How the fields were set.",
                   .values = WORDS("Apply", "Update")),
        FIELD_KEPT("apiVersion", 3, FIELD_STRING, FIELD_ONE,
                   "Version in which the fields are named."),
        FIELD_KEPT("time", 4, FIELD_TIME, FIELD_ONE, "When they were set."),
        FIELD_KEPT("fieldsType", 6, FIELD_STRING, FIELD_ONE, "FieldsV1."),
        FIELD_KEPT("fieldsV1", 7, FIELD_ANY, FIELD_ONE, "The fields, as a tree of names."),
        FIELD_KEPT("subresource", 8, FIELD_STRING, FIELD_ONE,
                   "Subresource through which they were set."),
};
static const struct schema managed_fields_entry_schema = SCHEMA_KEPT(
        managed_fields_entry, "ManagedFieldsEntry", "Which fields one manager has set.");

#define SELF struct object_meta
static const struct field object_meta_fields[] = {
        FIELD_OF_STRING(name, "name", 1,
                        "Name, unique among objects of one kind in a namespace; cannot change."),
        FIELD_OF_STRING(generate_name, "generateName", 2,
                        "Prefix of a name that the server makes up when name is empty."),
        FIELD_OF_STRING(namespace, "namespace", 3, "Namespace that the object lives in.",
                        .format = FORMAT_DNS_LABEL),
        FIELD_OF_STRING(self_link, "selfLink", 4, "Not used any more."),
        FIELD_OF_STRING(uid, "uid", 5, "Identity of this object in space and time.",
                        .flags = FIELD_READ_ONLY),
        FIELD_OF_STRING(resource_version, "resourceVersion", 6,
                        "Version of the stored object, for optimistic concurrency and watches.",
                        .flags = FIELD_READ_ONLY),
        FIELD_OF_INT(generation, "generation", 7, "Counts changes of the desired state.",
                     .flags = FIELD_READ_ONLY),
        FIELD_OF_TIME(creation_timestamp, "creationTimestamp", 8, "When the server created it.",
                      .flags = FIELD_READ_ONLY),
        FIELD_OF_TIME(deletion_timestamp, "deletionTimestamp", 9,
                      "When the object will be gone; set once deletion was asked for.",
                      .flags = FIELD_READ_ONLY),
        FIELD_OF_OPT_INT(deletion_grace_period_seconds, "deletionGracePeriodSeconds", 10,
                         "Seconds that the object has to end gracefully.",
                         .flags = FIELD_READ_ONLY),
        FIELD_OF_STRING_MAP(labels, "labels", 11, "Labels, which selectors choose by.",
                            .format = FORMAT_LABELS, .flags = FIELD_OMIT_EMPTY),
        FIELD_OF_STRING_MAP(annotations, "annotations", 12,
                            "Notes for tools; selectors don't see them.",
                            .format = FORMAT_ANNOTATIONS, .flags = FIELD_OMIT_EMPTY),
        FIELD_OF_OBJECTS(
                owner_references, owner_reference, "ownerReferences", 13,
                "Objects that this one belongs to; it is deleted when all of them are gone.",
                .patch = FIELD_PATCH_MERGE, .merge_key = "uid", .flags = FIELD_OMIT_EMPTY),
        FIELD_OF_STRINGS(finalizers, "finalizers", 14,
                         "Names that must be removed before the object really goes.",
                         .patch = FIELD_PATCH_MERGE, .format = FORMAT_QUALIFIED_NAME,
                         .flags = FIELD_SET | FIELD_OMIT_EMPTY),
        FIELD_KEPT("managedFields", 17, FIELD_OBJECT, FIELD_LIST,
                   "Which manager set which field, kept by the server.",
                   .schema = &managed_fields_entry_schema, .flags = FIELD_READ_ONLY),
};
#undef SELF
const struct schema object_meta_schema =
        SCHEMA(object_meta, "ObjectMeta", "What every stored object carries.");

static const char *const meta_selector_operators[] = { "In", "NotIn", "Exists", "DoesNotExist",
                                                       NULL };

#define SELF struct label_selector_requirement
static const struct field label_selector_requirement_fields[] = {
        FIELD_OF_STRING(key, "key", 1, "Label that is looked at.", .flags = FIELD_REQUIRED,
                        .format = FORMAT_QUALIFIED_NAME),
        FIELD_OF_STRING(operator, "operator", 2, "How the label relates to the values.",
                        .flags = FIELD_REQUIRED, .values = meta_selector_operators),
        FIELD_OF_STRINGS(values, "values", 3,
                         "Values for In and NotIn; empty for Exists and DoesNotExist."),
};
#undef SELF
const struct schema label_selector_requirement_schema =
        SCHEMA(label_selector_requirement, "LabelSelectorRequirement", "One condition on a label.");

#define SELF struct label_selector
static const struct field label_selector_fields[] = {
        FIELD_OF_STRING_MAP(match_labels, "matchLabels", 1, "Labels that must be there as given.",
                            .format = FORMAT_LABELS),
        FIELD_OF_OBJECTS(match_expressions, label_selector_requirement, "matchExpressions", 2,
                         "Conditions that must hold as well.", .flags = FIELD_ATOMIC),
};
#undef SELF
const struct schema label_selector_schema =
        SCHEMA(label_selector, "LabelSelector",
               "Chooses objects by their labels; all conditions must hold.", .is_atomic = true);

#define SELF struct local_object_reference
static const struct field local_object_reference_fields[] = {
        FIELD_OF_STRING(name, "name", 1, "Name of an object in the same namespace."),
};
#undef SELF
const struct schema local_object_reference_schema =
        SCHEMA(local_object_reference, "LocalObjectReference", "Names an object nearby.",
               .is_atomic = true);

#define SELF struct object_reference
static const struct field object_reference_fields[] = {
        FIELD_OF_STRING(kind, "kind", 1, "Kind of the object."),
        FIELD_OF_STRING(namespace, "namespace", 2, "Namespace of the object."),
        FIELD_OF_STRING(name, "name", 3, "Name of the object."),
        FIELD_OF_STRING(uid, "uid", 4, "UID of the object."),
        FIELD_OF_STRING(api_version, "apiVersion", 5, "API version of the object."),
        FIELD_OF_STRING(resource_version, "resourceVersion", 6, "Version that is meant."),
        FIELD_OF_STRING(field_path, "fieldPath", 7, "Part of the object that is meant."),
};
#undef SELF
const struct schema object_reference_schema =
        SCHEMA(object_reference, "ObjectReference", "Names an object anywhere.", .is_atomic = true);

const struct owner_reference *meta_controller(const struct object_meta *m) {
        for (size_t i = 0; i < m->owner_references.n; i++)
                if (m->owner_references.items[i].controller.value)
                        return &m->owner_references.items[i];
        return NULL;
}

#define SELF struct condition
static const struct field condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.",
                        .values = WORDS("True", "False", "Unknown"), .flags = FIELD_REQUIRED),
        FIELD_OF_INT(observed_generation, "observedGeneration", 3, "Generation that was seen.",
                     .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 4, "When it last changed.",
                      .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(reason, "reason", 5, "One word why.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(message, "message", 6, "A sentence why.", .flags = FIELD_ALWAYS),
};
#undef SELF
const struct schema condition_schema =
        SCHEMA(condition, "Condition", "A yes-or-no question about an object.");
