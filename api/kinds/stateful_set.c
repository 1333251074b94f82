/* StatefulSet and ControllerRevision (numbers: k8s.io/api/apps/v1/generated.proto). */
#include "api/kinds/stateful_set.h"

#include "api/kinds/object.h"
#include "api/kinds/storage.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <stdio.h>

#define SELF struct rolling_update_stateful_set_strategy
static const struct field rolling_update_stateful_set_strategy_fields[] = {
        FIELD_OF_OPT_INT(partition, "partition", 1, "Number from which on pods are updated.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_INT_OR_STRING(max_unavailable, "maxUnavailable", 2,
                               "Pods that may be missing meanwhile, a number or a percentage.",
                               .format = FORMAT_PERCENT),
};
#undef SELF
static const struct schema rolling_update_stateful_set_strategy_schema =
        SCHEMA(rolling_update_stateful_set_strategy, "RollingUpdateStatefulSetStrategy",
               "How far a rolling update goes.");

#define SELF struct stateful_set_update_strategy
static const struct field stateful_set_update_strategy_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "One by one, or when somebody deletes them.",
                        .values = WORDS("RollingUpdate", "OnDelete")),
        FIELD_OF_POINTER(rolling_update, rolling_update_stateful_set_strategy, "rollingUpdate", 2,
                         "How far, for RollingUpdate."),
};
#undef SELF
static const struct schema stateful_set_update_strategy_schema =
        SCHEMA(stateful_set_update_strategy, "StatefulSetUpdateStrategy",
               "How old pods are replaced by new ones.");

static const struct field stateful_set_persistent_volume_claim_retention_policy_fields[] = {
        FIELD_KEPT("whenDeleted", 1, FIELD_STRING, FIELD_ONE, "When the StatefulSet is deleted.",
                   .values = WORDS("Retain", "Delete")),
        FIELD_KEPT("whenScaled", 2, FIELD_STRING, FIELD_ONE, "When it gets smaller.",
                   .values = WORDS("Retain", "Delete")),
};
static const struct schema stateful_set_persistent_volume_claim_retention_policy_schema =
        SCHEMA_KEPT(stateful_set_persistent_volume_claim_retention_policy,
                    "StatefulSetPersistentVolumeClaimRetentionPolicy",
                    "What becomes of the claims of pods that go.");

static const struct field stateful_set_ordinals_fields[] = {
        FIELD_KEPT("start", 1, FIELD_INT, FIELD_ONE, "Number of the first pod.",
                   .flags = FIELD_NON_NEGATIVE),
};
static const struct schema stateful_set_ordinals_schema =
        SCHEMA_KEPT(stateful_set_ordinals, "StatefulSetOrdinals", "How pods are numbered.");

#define SELF struct stateful_set_spec
static const struct field stateful_set_spec_fields[] = {
        FIELD_OF_OPT_INT(replicas, "replicas", 1, "How many pods there shall be.",
                         .default_json = "1", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OBJECT(selector, label_selector, "selector", 2, "Which pods are counted.",
                        .flags = FIELD_REQUIRED | FIELD_IMMUTABLE | FIELD_ATOMIC),
        FIELD_OF_OBJECT(template, pod_template_spec, "template", 3, "What new pods are made from.",
                        .flags = FIELD_REQUIRED),
        FIELD_KEPT("volumeClaimTemplates", 4, FIELD_OBJECT, FIELD_LIST,
                   "Claims that each pod gets of its own.",
                   .schema = &persistent_volume_claim_schema, .flags = FIELD_ATOMIC),
        FIELD_OF_STRING(service_name, "serviceName", 5, "Service that gives the pods their names.",
                        .flags = FIELD_IMMUTABLE),
        FIELD_OF_STRING(pod_management_policy, "podManagementPolicy", 6,
                        "Whether pods come and go in order.", .default_json = "\"OrderedReady\"",
                        .values = WORDS("OrderedReady", "Parallel"), .flags = FIELD_IMMUTABLE),
        FIELD_OF_OBJECT(update_strategy, stateful_set_update_strategy, "updateStrategy", 7,
                        "How old pods are replaced by new ones."),
        FIELD_OF_OPT_INT(revision_history_limit, "revisionHistoryLimit", 8,
                         "Old revisions that are kept for rollout undo.", .default_json = "10",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_INT(min_ready_seconds, "minReadySeconds", 9,
                     "Seconds that a pod must be ready before it counts as available.",
                     .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("persistentVolumeClaimRetentionPolicy", 10, FIELD_OBJECT_PTR, FIELD_ONE,
                   "What becomes of claims of pods that go.",
                   .schema = &stateful_set_persistent_volume_claim_retention_policy_schema),
        FIELD_KEPT("ordinals", 11, FIELD_OBJECT_PTR, FIELD_ONE, "How pods are numbered.",
                   .schema = &stateful_set_ordinals_schema),
};
#undef SELF
static const struct schema stateful_set_spec_schema =
        SCHEMA(stateful_set_spec, "StatefulSetSpec", "What a StatefulSet keeps up.");

static const struct field stateful_set_condition_fields[] = {
        FIELDS_OF_KEPT_CONDITION,
};
static const struct schema stateful_set_condition_schema =
        SCHEMA_KEPT(stateful_set_condition, "StatefulSetCondition",
                    "A yes-or-no question about a StatefulSet.");

#define SELF struct stateful_set_status
static const struct field stateful_set_status_fields[] = {
        FIELD_OF_INT(observed_generation, "observedGeneration", 1, "Generation that was seen."),
        FIELD_OF_INT(replicas, "replicas", 2, "How many pods there are.", .flags = FIELD_ALWAYS),
        FIELD_OF_INT(ready_replicas, "readyReplicas", 3, "Pods that are ready."),
        FIELD_OF_INT(current_replicas, "currentReplicas", 4,
                     "Pods made from the current revision."),
        FIELD_OF_INT(updated_replicas, "updatedReplicas", 5, "Pods made from the newest revision."),
        FIELD_OF_STRING(current_revision, "currentRevision", 6, "Name of the current revision."),
        FIELD_OF_STRING(update_revision, "updateRevision", 7, "Name of the newest revision."),
        FIELD_OF_OPT_INT(collision_count, "collisionCount", 9,
                         "How often a revision's name was taken."),
        FIELD_KEPT("conditions", 10, FIELD_OBJECT, FIELD_LIST, "Questions about the StatefulSet.",
                   .schema = &stateful_set_condition_schema, .patch = FIELD_PATCH_MERGE,
                   .merge_key = "type"),
        FIELD_OF_INT(available_replicas, "availableReplicas", 11,
                     "Pods that have been ready for minReadySeconds.", .flags = FIELD_ALWAYS),
};
#undef SELF
static const struct schema stateful_set_status_schema =
        SCHEMA(stateful_set_status, "StatefulSetStatus", "How a StatefulSet is doing.");

#define SELF struct stateful_set
static const struct field stateful_set_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, stateful_set_spec, "spec", 2, "What is kept up."),
        FIELD_OF_OBJECT(status, stateful_set_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema stateful_set_schema = SCHEMA(
        stateful_set, "StatefulSet", "Keeps pods with names and storage of their own running.");

static int stateful_set_default_claims(json_t *spec) {
        json_t *policy;
        int r = default_set(spec, "persistentVolumeClaimRetentionPolicy", json_object());

        policy = json_object_get(spec, "persistentVolumeClaimRetentionPolicy");
        if (r < 0 || !json_is_object(policy))
                return r;
        r = default_set(policy, "whenDeleted", json_string("Retain"));
        return r < 0 ? r : default_set(policy, "whenScaled", json_string("Retain"));
}

static int stateful_set_default_strategy(json_t *tree) {
        json_t *rolling = NULL;
        int r = default_rolling(tree, "updateStrategy", &rolling);

        return r < 0 || !rolling ? r : default_set(rolling, "partition", json_integer(0));
}

/* Claims of pods are whole objects in the answers. */
static int stateful_set_default_templates(json_t *spec) {
        json_t *claim;
        size_t i;

        json_array_foreach(json_object_get(spec, "volumeClaimTemplates"), i, claim) {
                if (json_is_object(claim) &&
                    (default_set(claim, "apiVersion", json_string("v1")) < 0 ||
                     default_set(claim, "kind", json_string("PersistentVolumeClaim")) < 0 ||
                     storage_default_phase(claim, "Pending") < 0))
                        return -ENOMEM;
        }
        return 0;
}

static int stateful_set_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");
        int r;

        if (!json_is_object(spec))
                return 0;
        r = stateful_set_default_strategy(tree);
        if (r == 0)
                r = stateful_set_default_templates(spec);
        return r < 0 ? r : stateful_set_default_claims(spec);
}

static void stateful_set_check(const void *decoded, struct diags *d) {
        const struct stateful_set_spec *spec = &((const struct stateful_set *) decoded)->spec;

        pod_check_template(&spec->template, &spec->selector, d);
        if (str_eq(spec->update_strategy.type, "OnDelete") && spec->update_strategy.rolling_update)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.updateStrategy.rollingUpdate",
                                "Invalid value: {}: only allowed for updateStrategy "
                                "'RollingUpdate'");
}

static int stateful_set_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct stateful_set *s = decoded;
        char ready[64];

        (void) snprintf(ready, sizeof(ready), "%lld/%lld", (long long) s->status.ready_replicas,
                        (long long) s->spec.replicas.value);
        if (cell_add_text(cells, s->metadata.name) < 0 || cell_add_text(cells, ready) < 0 ||
            cell_add_age(cells, &s->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_containers(cells, &s->spec.template.spec);
}

static const struct table_column stateful_set_columns[] = {
        COLUMN_NAME,
        { "Ready", "string", "", 0 },
        COLUMN_AGE,
        { "Containers", "string", "", 1 },
        { "Images", "string", "", 1 },
};

const struct kind stateful_set_kind = {
        .api_version = "apps/v1",
        .group = "apps",
        .version = "v1",
        .name = "StatefulSet",
        .list_name = "StatefulSetList",
        .plural = "statefulsets",
        .singular = "statefulset",
        .short_names = WORDS("sts"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .has_scale = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &stateful_set_schema,
        .set_defaults = stateful_set_default,
        .check = stateful_set_check,
        .columns = stateful_set_columns,
        .n_columns = ARRAY_SIZE(stateful_set_columns),
        .add_cells = stateful_set_add_cells,
        .caveat = KIND_ONLY_KEPT,
};

#define SELF struct controller_revision
static const struct field controller_revision_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_KEPT("data", 2, FIELD_ANY, FIELD_ONE,
                   "The part of the controller's spec that was in force."),
        FIELD_OF_INT(revision, "revision", 3, "Number that counts up.", .flags = FIELD_REQUIRED),
};
#undef SELF
static const struct schema controller_revision_schema =
        SCHEMA(controller_revision, "ControllerRevision",
               "One revision of what a controller makes pods from.");

/* "daemonset.apps/web" */
static int controller_revision_add_owner(const struct controller_revision *c, json_t *cells) {
        const struct owner_reference *owner = meta_controller(&c->metadata);
        const char *slash = owner ? strchr(str_or_empty(owner->api_version), '/') : NULL;
        AUTO_FREE char *kind = NULL;
        AUTO_FREE char *text = NULL;

        if (!owner)
                return cell_add_text(cells, NULL);
        kind = strdup(str_or_empty(owner->kind));
        if (!kind)
                return -ENOMEM;
        for (char *p = kind; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char) (*p - 'A' + 'a');
        text = str_format("%s%s%.*s/%s", kind, slash ? "." : "",
                          slash ? (int) (slash - owner->api_version) : 0,
                          slash ? owner->api_version : "", str_or_empty(owner->name));
        return text ? cell_add_text(cells, text) : -ENOMEM;
}

static int controller_revision_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct controller_revision *c = decoded;

        if (cell_add_text(cells, c->metadata.name) < 0 ||
            controller_revision_add_owner(c, cells) < 0 ||
            cell_add(cells, json_integer(c->revision)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &c->metadata, now_usec);
}

static const struct table_column controller_revision_columns[] = {
        COLUMN_NAME,
        { "Controller", "string", "", 0 },
        { "Revision", "integer", "", 0 },
        COLUMN_AGE,
};

const struct kind controller_revision_kind = {
        .api_version = "apps/v1",
        .group = "apps",
        .version = "v1",
        .name = "ControllerRevision",
        .list_name = "ControllerRevisionList",
        .plural = "controllerrevisions",
        .singular = "controllerrevision",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &controller_revision_schema,
        .columns = controller_revision_columns,
        .n_columns = ARRAY_SIZE(controller_revision_columns),
        .add_cells = controller_revision_add_cells,
};
