/* CronJob (numbers: k8s.io/api/batch/v1/generated.proto). */
#include "api/kinds/job.h"
#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <string.h>

/* A Job's name has a suffix of eleven more letters. */
#define CRON_JOB_NAME_MAX 52

#define SELF struct job_template_spec
static const struct field job_template_spec_fields[] = {
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1,
                        "Labels and annotations of the Jobs."),
        FIELD_OF_OBJECT(spec, job_spec, "spec", 2, "What they run."),
};
#undef SELF
static const struct schema job_template_spec_schema =
        SCHEMA(job_template_spec, "JobTemplateSpec", "What Jobs are made from.");

#define SELF struct cron_job_spec
static const struct field cron_job_spec_fields[] = {
        FIELD_OF_STRING(schedule, "schedule", 1, "When, in the five fields of cron.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(time_zone, "timeZone", 8,
                        "Time zone of the schedule; the server's when absent.",
                        .flags = FIELD_POINTER),
        FIELD_OF_OPT_INT(starting_deadline_seconds, "startingDeadlineSeconds", 2,
                         "Seconds by which a start may be late.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_STRING(concurrency_policy, "concurrencyPolicy", 3,
                        "What becomes of a start while the last Job still runs.",
                        .default_json = "\"Allow\"", .values = WORDS("Allow", "Forbid", "Replace")),
        FIELD_OF_OPT_BOOL(suspend, "suspend", 4, "Whether no Jobs start for now.",
                          .default_json = "false"),
        FIELD_OF_OBJECT(job_template, job_template_spec, "jobTemplate", 5,
                        "What Jobs are made from.", .flags = FIELD_REQUIRED),
        FIELD_OF_OPT_INT(successful_jobs_history_limit, "successfulJobsHistoryLimit", 6,
                         "Jobs that are kept after they succeeded.", .default_json = "3",
                         .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_OPT_INT(failed_jobs_history_limit, "failedJobsHistoryLimit", 7,
                         "Jobs that are kept after they failed.", .default_json = "1",
                         .flags = FIELD_NON_NEGATIVE),
};
#undef SELF
static const struct schema cron_job_spec_schema =
        SCHEMA(cron_job_spec, "CronJobSpec", "What a CronJob runs, and when.");

#define SELF struct cron_job_status
static const struct field cron_job_status_fields[] = {
        FIELD_OF_OBJECTS(active, object_reference, "active", 1, "Jobs that are running.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_TIME(last_schedule_time, "lastScheduleTime", 4, "When a Job was last started."),
        FIELD_OF_TIME(last_successful_time, "lastSuccessfulTime", 5, "When a Job last succeeded."),
};
#undef SELF
static const struct schema cron_job_status_schema =
        SCHEMA(cron_job_status, "CronJobStatus", "How a CronJob is doing.");

#define SELF struct cron_job
static const struct field cron_job_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, cron_job_spec, "spec", 2, "What it runs, and when."),
        FIELD_OF_OBJECT(status, cron_job_status, "status", 3, "How it is doing.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema cron_job_schema =
        SCHEMA(cron_job, "CronJob", "Starts Jobs by the clock.");

static int cron_job_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");

        return job_default_spec(json_object_get(json_object_get(spec, "jobTemplate"), "spec"));
}

/* Whether one of the five fields can be one: numbers, names, "*", "?", lists, ranges, steps. */
static bool cron_job_is_field(const char *field, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!strchr("0123456789*?/,-", field[i]) && !(field[i] >= 'a' && field[i] <= 'z') &&
                    !(field[i] >= 'A' && field[i] <= 'Z'))
                        return false;
        return n > 0;
}

static const char *cron_job_schedule_wrong(const char *schedule) {
        static const char *const words[] = { "@yearly", "@annually", "@monthly", "@weekly",
                                             "@daily",  "@midnight", "@hourly" };
        size_t n_fields = 0;

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eq(schedule, words[i]))
                        return NULL;
        if (str_starts_with(schedule, "@every ") && schedule[strlen("@every ")])
                return NULL;
        while (*schedule) {
                size_t n = strcspn(schedule, " \t");

                if (n > 0 && !cron_job_is_field(schedule, n))
                        return "failed to parse: a field has characters that cron doesn't know";
                n_fields += n > 0;
                schedule += n + (schedule[n] != '\0');
        }
        return n_fields == 5 ? NULL : "expected exactly 5 fields";
}

static void cron_job_check(const void *decoded, struct diags *d) {
        const struct cron_job *c = decoded;
        const char *schedule = c->spec.schedule;
        const char *wrong = str_is_empty(schedule) ? NULL : cron_job_schedule_wrong(schedule);

        if (wrong)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.schedule",
                                "Invalid value: \"%s\": %s", schedule, wrong);
        if (c->metadata.name && strlen(c->metadata.name) > CRON_JOB_NAME_MAX)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "metadata.name",
                                "Invalid value: \"%s\": must be no more than %d characters",
                                c->metadata.name, CRON_JOB_NAME_MAX);
        job_check_spec(&c->spec.job_template.spec, "spec.jobTemplate.spec", d);
}

static int cron_job_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct cron_job *c = decoded;
        const struct job_spec *job = &c->spec.job_template.spec;

        if (cell_add_text(cells, c->metadata.name) < 0 ||
            cell_add_text(cells, c->spec.schedule) < 0 ||
            cell_add_text(cells, c->spec.time_zone) < 0 ||
            cell_add_opt_bool(cells, c->spec.suspend) < 0 ||
            cell_add(cells, json_integer((json_int_t) c->status.active.n)) < 0 ||
            cell_add_since(cells, c->status.last_schedule_time, now_usec) < 0 ||
            cell_add_age(cells, &c->metadata, now_usec) < 0)
                return -ENOMEM;
        return cell_add_workload(cells, &job->template.spec, job->selector);
}

static const struct table_column cron_job_columns[] = {
        COLUMN_NAME,
        { "Schedule", "string", "", 0 },
        { "Timezone", "string", "", 0 },
        { "Suspend", "string", "", 0 },
        { "Active", "integer", "", 0 },
        { "Last Schedule", "string", "", 0 },
        COLUMN_AGE,
        COLUMNS_WORKLOAD,
};

const struct kind cron_job_kind = {
        .api_version = "batch/v1",
        .group = "batch",
        .version = "v1",
        .name = "CronJob",
        .list_name = "CronJobList",
        .plural = "cronjobs",
        .singular = "cronjob",
        .short_names = WORDS("cj"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &cron_job_schema,
        .set_defaults = cron_job_default,
        .check = cron_job_check,
        .columns = cron_job_columns,
        .n_columns = ARRAY_SIZE(cron_job_columns),
        .add_cells = cron_job_add_cells,
        .caveat = KIND_ONLY_KEPT,
};
