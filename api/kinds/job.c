/* Job (numbers: k8s.io/api/batch/v1/generated.proto). */
#include "api/kinds/job.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <stdio.h>

#define JOB_UID_LABEL "batch.kubernetes.io/controller-uid"
#define JOB_NAME_LABEL "batch.kubernetes.io/job-name"

static const struct field pod_failure_policy_on_exit_codes_requirement_fields[] = {
        FIELD_KEPT("containerName", 1, FIELD_STRING, FIELD_ONE,
                   "Container that it is about; any when absent.", .flags = FIELD_POINTER),
        FIELD_KEPT("operator", 2, FIELD_STRING, FIELD_ONE, "In or NotIn.",
                   .values = WORDS("In", "NotIn"), .flags = FIELD_REQUIRED),
        FIELD_KEPT("values", 3, FIELD_INT, FIELD_LIST, "Exit codes.",
                   .flags = FIELD_REQUIRED | FIELD_SET),
};
static const struct schema pod_failure_policy_on_exit_codes_requirement_schema =
        SCHEMA_KEPT(pod_failure_policy_on_exit_codes_requirement,
                    "PodFailurePolicyOnExitCodesRequirement", "Exit codes that a rule is about.");

static const struct field pod_failure_policy_on_pod_conditions_pattern_fields[] = {
        FIELD_KEPT("type", 1, FIELD_STRING, FIELD_ONE, "Name of the condition.",
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("status", 2, FIELD_STRING, FIELD_ONE, "Its status.", .flags = FIELD_REQUIRED),
};
static const struct schema pod_failure_policy_on_pod_conditions_pattern_schema = SCHEMA_KEPT(
        pod_failure_policy_on_pod_conditions_pattern, "PodFailurePolicyOnPodConditionsPattern",
        "A condition of a pod that a rule is about.");

static const struct field pod_failure_policy_rule_fields[] = {
        FIELD_KEPT("action", 1, FIELD_STRING, FIELD_ONE, "FailJob, FailIndex, Ignore or Count.",
                   .values = WORDS("FailJob", "FailIndex", "Ignore", "Count"),
                   .flags = FIELD_REQUIRED),
        FIELD_KEPT("onExitCodes", 2, FIELD_OBJECT_PTR, FIELD_ONE, "Exit codes that it is about.",
                   .schema = &pod_failure_policy_on_exit_codes_requirement_schema),
        FIELD_KEPT("onPodConditions", 3, FIELD_OBJECT, FIELD_LIST, "Conditions that it is about.",
                   .schema = &pod_failure_policy_on_pod_conditions_pattern_schema,
                   .flags = FIELD_ATOMIC),
};
static const struct schema pod_failure_policy_rule_schema =
        SCHEMA_KEPT(pod_failure_policy_rule, "PodFailurePolicyRule",
                    "What is done about pods that failed in some way.");

static const struct field pod_failure_policy_fields[] = {
        FIELD_KEPT(
                "rules", 1, FIELD_OBJECT, FIELD_LIST, "Rules, of which the first that fits counts.",
                .schema = &pod_failure_policy_rule_schema, .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
static const struct schema pod_failure_policy_schema =
        SCHEMA_KEPT(pod_failure_policy, "PodFailurePolicy", "Rules about pods that failed.");

static const struct field success_policy_rule_fields[] = {
        FIELD_KEPT("succeededIndexes", 1, FIELD_STRING, FIELD_ONE,
                   "Indexes that must have succeeded.", .flags = FIELD_POINTER),
        FIELD_KEPT("succeededCount", 2, FIELD_OPT_INT, FIELD_ONE, "How many of them are enough."),
};
static const struct schema success_policy_rule_schema =
        SCHEMA_KEPT(success_policy_rule, "SuccessPolicyRule", "When a Job counts as done.");

static const struct field success_policy_fields[] = {
        FIELD_KEPT("rules", 1, FIELD_OBJECT, FIELD_LIST, "Rules, of which one must hold.",
                   .schema = &success_policy_rule_schema, .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
static const struct schema success_policy_schema =
        SCHEMA_KEPT(success_policy, "SuccessPolicy", "Rules about when a Job counts as done.");

#define SELF struct job_spec
static const struct field job_spec_fields[] = {
        FIELD_OF_OPT_INT(parallelism, "parallelism", 1, "Pods that may run at a time.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(completions, "completions", 2,
                         "Pods that must succeed; any one when absent.",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(active_deadline_seconds, "activeDeadlineSeconds", 3,
                         "Seconds after which the Job has failed.", .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("podFailurePolicy", 11, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Rules about pods that failed.", .schema = &pod_failure_policy_schema),
        FIELD_KEPT("successPolicy", 16, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Rules about when the Job counts as done.", .schema = &success_policy_schema),
        FIELD_OF_OPT_INT(backoff_limit, "backoffLimit", 7,
                         "Failures after which the Job has failed.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(backoff_limit_per_index, "backoffLimitPerIndex", 12,
                         "Failures after which one index has failed.", .flags = FIELD_NON_NEGATIVE),
        FIELD_KEPT("maxFailedIndexes", 13, FIELD_OPT_INT, FIELD_ONE,
                   "Failed indexes after which the Job has failed.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_POINTER(selector, label_selector, "selector", 4,
                         "Which pods are counted; made up by the server.", .flags = FIELD_ATOMIC),
        FIELD_OF_OPT_BOOL(manual_selector, "manualSelector", 5,
                          "Whether the selector is the author's."),
        FIELD_OF_OBJECT(template, pod_template_spec, "template", 6, "What pods are made from.",
                        .flags = FIELD_REQUIRED),
        FIELD_KEPT("ttlSecondsAfterFinished", 8, FIELD_OPT_INT, FIELD_ONE,
                   "Seconds after its end when the Job is deleted.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_STRING(completion_mode, "completionMode", 9,
                        "Whether each pod has an index of its own.",
                        .values = WORDS("NonIndexed", "Indexed"), .flags = FIELD_POINTER),
        FIELD_OF_OPT_BOOL(suspend, "suspend", 10, "Whether no pods run for now."),
        FIELD_OF_STRING(pod_replacement_policy, "podReplacementPolicy", 14,
                        "When a pod that ends is replaced.",
                        .values = WORDS("TerminatingOrFailed", "Failed"), .flags = FIELD_POINTER),
        FIELD_KEPT("managedBy", 15, FIELD_STRING, FIELD_ONE,
                   "Controller that runs the Job, if not the built-in one.",
                   .flags = FIELD_POINTER),
};
#undef SELF
const struct schema job_spec_schema =
        SCHEMA(job_spec, "JobSpec", "What a Job runs, and how often.");

#define SELF struct job_condition
static const struct field job_condition_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Name of the condition.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(status, "status", 2, "True, False or Unknown.", .flags = FIELD_REQUIRED),
        FIELD_OF_TIME(last_probe_time, "lastProbeTime", 3, "When it was last looked at."),
        FIELD_OF_TIME(last_transition_time, "lastTransitionTime", 4, "When it last changed."),
        FIELD_OF_STRING(reason, "reason", 5, "One word why."),
        FIELD_OF_STRING(message, "message", 6, "A sentence why."),
};
#undef SELF
static const struct schema job_condition_schema =
        SCHEMA(job_condition, "JobCondition", "A yes-or-no question about a Job.");

static const struct field uncounted_terminated_pods_fields[] = {
        FIELD_KEPT("succeeded", 1, FIELD_STRING, FIELD_LIST, "UIDs of those that succeeded.",
                   .flags = FIELD_SET),
        FIELD_KEPT("failed", 2, FIELD_STRING, FIELD_LIST, "UIDs of those that failed.",
                   .flags = FIELD_SET),
};
static const struct schema uncounted_terminated_pods_schema =
        SCHEMA_KEPT(uncounted_terminated_pods, "UncountedTerminatedPods",
                    "Pods that have ended and aren't in the numbers yet.");

#define SELF struct job_status
static const struct field job_status_fields[] = {
        FIELD_OF_OBJECTS(conditions, job_condition, "conditions", 1, "Questions about the Job.",
                         .patch = FIELD_PATCH_MERGE, .merge_key = "type"),
        FIELD_OF_TIME(start_time, "startTime", 2, "When it began."),
        FIELD_OF_TIME(completion_time, "completionTime", 3, "When it was done."),
        FIELD_OF_INT(active, "active", 4, "Pods that are running."),
        FIELD_OF_INT(succeeded, "succeeded", 5, "Pods that succeeded."),
        FIELD_OF_INT(failed, "failed", 6, "Pods that failed."),
        FIELD_OF_OPT_INT(terminating, "terminating", 11, "Pods on their way out."),
        FIELD_KEPT("completedIndexes", 7, FIELD_STRING, FIELD_ONE, "Indexes that are done."),
        FIELD_KEPT("failedIndexes", 10, FIELD_STRING, FIELD_ONE, "Indexes that have failed.",
                   .flags = FIELD_POINTER),
        FIELD_KEPT("uncountedTerminatedPods", 8, FIELD_OBJECT_PTR, FIELD_ONE,
                   "Pods that aren't in the numbers yet.",
                   .schema = &uncounted_terminated_pods_schema),
        FIELD_OF_OPT_INT(ready, "ready", 9, "Pods that are ready."),
};
#undef SELF
static const struct schema job_status_schema =
        SCHEMA(job_status, "JobStatus", "How a Job is doing.");

#define SELF struct job
static const struct field job_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, job_spec, "spec", 2, "What it runs."),
        FIELD_OF_OBJECT(status, job_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
const struct schema job_schema =
        SCHEMA(job, "Job", "Runs pods until enough of them have succeeded.");

/* ---- defaults ---- */

int job_default_spec(json_t *spec) {
        bool is_indexed = json_object_get(spec, "backoffLimitPerIndex");
        bool has_policy = json_object_get(spec, "podFailurePolicy");
        int r = 0;

        if (!json_is_object(spec))
                return 0;
        if (!json_object_get(spec, "completions") && !json_object_get(spec, "parallelism"))
                r = default_set(spec, "completions", json_integer(1));
        if (r == 0)
                r = default_set(spec, "parallelism", json_integer(1));
        if (r == 0)
                r = default_set(spec, "backoffLimit", json_integer(is_indexed ? INT32_MAX : 6));
        if (r == 0)
                r = default_set(spec, "completionMode", json_string("NonIndexed"));
        if (r == 0)
                r = default_set(spec, "suspend", json_false());
        if (r == 0)
                r = default_set(spec, "podReplacementPolicy",
                                json_string(has_policy ? "Failed" : "TerminatingOrFailed"));
        return r < 0 ? r
                     : pod_default_spec(json_object_get(json_object_get(spec, "template"), "spec"));
}

/* Goes down to the object that *tree[key] holds, made where it is missing; to NULL where there is
 * something else. Returns 0 or -ENOMEM. */
static int job_enter(json_t **tree, const char *key) {
        json_t *member;
        int r = default_set(*tree, key, json_object());

        member = json_object_get(*tree, key);
        *tree = json_is_object(member) ? member : NULL;
        return r;
}

/* The server's own selector, once the Job has a uid: pods carry the uid and the name of their
 * Job, the old way and the new. */
static int job_default_selector(json_t *tree, json_t *spec) {
        const json_t *meta = json_object_get(tree, "metadata");
        json_t *uid = json_object_get(meta, "uid"), *name = json_object_get(meta, "name");
        json_t *labels = spec, *pairs = spec;

        if (!json_is_string(uid) || !json_is_string(name) || json_object_get(spec, "selector") ||
            json_is_true(json_object_get(spec, "manualSelector")))
                return 0;
        if (job_enter(&labels, "template") < 0 || job_enter(&labels, "metadata") < 0 ||
            job_enter(&labels, "labels") < 0)
                return -ENOMEM;
        if (!labels)
                return 0; /* validation will say so */
        if (json_object_set(labels, JOB_UID_LABEL, uid) < 0 ||
            json_object_set(labels, "controller-uid", uid) < 0 ||
            json_object_set(labels, JOB_NAME_LABEL, name) < 0 ||
            json_object_set(labels, "job-name", name) < 0 || job_enter(&pairs, "selector") < 0 ||
            job_enter(&pairs, "matchLabels") < 0)
                return -ENOMEM;
        return json_object_set(pairs, JOB_UID_LABEL, uid) < 0 ? -ENOMEM : 0;
}

/* A Job without labels has those of its pods. */
static int job_default_labels(json_t *tree, const json_t *spec) {
        json_t *meta = json_object_get(tree, "metadata");
        const json_t *template = json_object_get(spec, "template");
        json_t *labels = json_object_get(json_object_get(template, "metadata"), "labels");

        if (!json_is_object(meta) || !json_is_object(labels) || json_object_size(labels) == 0 ||
            json_object_size(json_object_get(meta, "labels")) > 0)
                return 0;
        return json_object_set_new(meta, "labels", json_copy(labels)) < 0 ? -ENOMEM : 0;
}

static int job_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");
        int r;

        if (!json_is_object(spec))
                return 0;
        r = job_default_labels(tree, spec);
        if (r == 0)
                r = job_default_selector(tree, spec);
        return r < 0 ? r : job_default_spec(spec);
}

/* ---- checks ---- */

void job_check_spec(const struct job_spec *spec, const char *prefix, struct diags *d) {
        const char *policy = spec->template.spec.restart_policy;
        AUTO_FREE char *pods = str_format("%s.template.spec", prefix);
        AUTO_FREE char *restart = str_format("%s.template.spec.restartPolicy", prefix);
        AUTO_FREE char *completions = str_format("%s.completions", prefix);

        if (!pods || !restart || !completions) {
                d->has_failed = true;
                return;
        }
        if (!str_eq(policy, "OnFailure") && !str_eq(policy, "Never"))
                (void) diag_add(d, DIAG_ERROR, DIAG_NOT_SUPPORTED, restart,
                                "Unsupported value: \"%s\": supported values: \"OnFailure\", "
                                "\"Never\"",
                                str_or_empty(policy));
        if (str_eq(spec->completion_mode, "Indexed") && !spec->completions.is_set)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, completions,
                                "Required value: when completion mode is Indexed");
        pod_check_spec(&spec->template.spec, pods, d);
}

static void job_check(const void *decoded, struct diags *d) {
        const struct job *j = decoded;

        job_check_spec(&j->spec, "spec", d);
        if (j->spec.selector &&
            !label_selector_matches(j->spec.selector, &j->spec.template.metadata.labels))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.template.metadata.labels",
                                "Invalid value: `selector` does not match template `labels`");
}

static void job_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct job_spec *was = &((const struct job *) old)->spec;
        const struct job_spec *is = &((const struct job *) decoded)->spec;
        bool is_suspended = was->suspend.value;

        if (!str_eq(was->completion_mode, is->completion_mode))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.completionMode",
                                "Invalid value: \"%s\": field is immutable",
                                str_or_empty(is->completion_mode));
        if (!str_eq(is->completion_mode, "Indexed") &&
            (was->completions.is_set != is->completions.is_set ||
             was->completions.value != is->completions.value))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.completions",
                                "Invalid value: %lld: field is immutable",
                                (long long) is->completions.value);
        if (was->selector && is->selector &&
            !schema_equal(&label_selector_schema, was->selector, is->selector))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.selector",
                                "Invalid value: {}: field is immutable");
        if (!is_suspended &&
            !schema_equal(&pod_template_spec_schema, &was->template, &is->template))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.template",
                                "Invalid value: {}: field is immutable");
}

/* ---- the row ---- */

static bool job_has(const struct job *j, const char *type) {
        for (size_t i = 0; i < j->status.conditions.n; i++)
                if (str_eq(j->status.conditions.items[i].type, type) &&
                    str_eq(j->status.conditions.items[i].status, "True"))
                        return true;
        return false;
}

static const char *job_state(const struct job *j) {
        static const char *const others[][2] = {
                { "Suspended", "Suspended" },
                { "FailureTarget", "FailureTarget" },
                { "SuccessCriteriaMet", "SuccessCriteriaMet" },
        };

        if (job_has(j, "Complete"))
                return "Complete";
        if (job_has(j, "Failed"))
                return "Failed";
        if (j->metadata.deletion_timestamp)
                return "Terminating";
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (job_has(j, others[i][0]))
                        return others[i][1];
        return "Running";
}

static int job_add_completions(const struct job *j, json_t *cells) {
        long long done = (long long) j->status.succeeded;
        long long at_once = (long long) j->spec.parallelism.value;
        char text[96];

        if (j->spec.completions.is_set)
                (void) snprintf(text, sizeof(text), "%lld/%lld", done,
                                (long long) j->spec.completions.value);
        else if (at_once > 1)
                (void) snprintf(text, sizeof(text), "%lld/1 of %lld", done, at_once);
        else
                (void) snprintf(text, sizeof(text), "%lld/1", done);
        return cell_add_text(cells, text);
}

static int job_add_duration(const struct job *j, uint64_t now_usec, json_t *cells) {
        uint64_t end = j->status.completion_time ? j->status.completion_time : now_usec;
        char text[AGE_TEXT_MAX];

        if (j->status.start_time == 0)
                return cell_add(cells, json_string(""));
        return cell_add_text(cells, age_format(j->status.start_time, end, text));
}

static int job_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct job *j = decoded;

        if (cell_add_text(cells, j->metadata.name) < 0 || cell_add_text(cells, job_state(j)) < 0 ||
            job_add_completions(j, cells) < 0 || job_add_duration(j, now_usec, cells) < 0 ||
            cell_add_age(cells, &j->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_workload(cells, &j->spec.template.spec, j->spec.selector);
}

static const struct table_column job_columns[] = {
        COLUMN_NAME,
        { "Status", "string", "", 0 },
        { "Completions", "string", "", 0 },
        { "Duration", "string", "", 0 },
        COLUMN_AGE,
        COLUMNS_WORKLOAD,
};

const struct kind job_kind = {
        .api_version = "batch/v1",
        .group = "batch",
        .version = "v1",
        .name = "Job",
        .list_name = "JobList",
        .plural = "jobs",
        .singular = "job",
        .short_names = WORDS(NULL),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &job_schema,
        .set_defaults = job_default,
        .check = job_check,
        .check_update = job_check_update,
        .columns = job_columns,
        .n_columns = ARRAY_SIZE(job_columns),
        .add_cells = job_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
