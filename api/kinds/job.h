#pragma once

#include "api/kinds/meta.h"
#include "api/kinds/pod.h"

/* batch/v1: Job and CronJob. */

struct job_spec {
        struct opt_int parallelism;
        struct opt_int completions;
        struct opt_int active_deadline_seconds;
        struct opt_int backoff_limit;
        struct opt_int backoff_limit_per_index;
        struct label_selector *selector;
        struct opt_bool manual_selector;
        struct pod_template_spec template;
        const char *completion_mode;
        struct opt_bool suspend;
        const char *pod_replacement_policy;
};

struct job_condition {
        const char *type;
        const char *status;
        uint64_t last_probe_time;
        uint64_t last_transition_time;
        const char *reason;
        const char *message;
};

struct job_status {
        struct {
                struct job_condition *items;
                size_t n;
        } conditions;
        uint64_t start_time;
        uint64_t completion_time;
        int64_t active;
        int64_t succeeded;
        int64_t failed;
        struct opt_int terminating;
        struct opt_int ready;
};

struct job {
        struct object_meta metadata;
        struct job_spec spec;
        struct job_status status;
};

struct job_template_spec {
        struct object_meta metadata;
        struct job_spec spec;
};

struct cron_job_spec {
        const char *schedule;
        const char *time_zone;
        struct opt_int starting_deadline_seconds;
        const char *concurrency_policy;
        struct opt_bool suspend;
        struct job_template_spec job_template;
        struct opt_int successful_jobs_history_limit;
        struct opt_int failed_jobs_history_limit;
};

struct cron_job_status {
        struct {
                struct object_reference *items;
                size_t n;
        } active;
        uint64_t last_schedule_time;
        uint64_t last_successful_time;
};

struct cron_job {
        struct object_meta metadata;
        struct cron_job_spec spec;
        struct cron_job_status status;
};

extern const struct kind job_kind;
extern const struct kind cron_job_kind;

extern const struct schema job_spec_schema;

/* Defaults and checks of a Job's spec, also of a CronJob's template. meta: of the Job, NULL for a
 * template. The default returns 0 or -ENOMEM. */
int job_default_spec(json_t *spec);
void job_check_spec(const struct job_spec *spec, const char *prefix, struct diags *d);
