#include "api/kinds/event.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>

#define SELF struct event_source
static const struct field event_source_fields[] = {
        FIELD_OF_STRING(component, "component", 1, "Program that says so."),
        FIELD_OF_STRING(host, "host", 2, "Node that it runs on."),
};
#undef SELF
static const struct schema event_source_schema =
        SCHEMA(event_source, "EventSource", "Who says so.");

#define SELF struct event_series
static const struct field event_series_fields[] = {
        FIELD_OF_INT(count, "count", 1, "How often it happened.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_MICRO_TIME(last_observed_time, "lastObservedTime", 2, "When it last happened."),
};
#undef SELF
static const struct schema event_series_schema =
        SCHEMA(event_series, "EventSeries", "That it happened again and again.");

#define SELF struct event
static const struct field event_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(involved_object, object_reference, "involvedObject", 2,
                        "Object that it happened to.", .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(reason, "reason", 3, "One word what happened."),
        FIELD_OF_STRING(message, "message", 4, "A sentence what happened."),
        FIELD_OF_OBJECT(source, event_source, "source", 5, "Who says so."),
        FIELD_OF_TIME(first_timestamp, "firstTimestamp", 6, "When it first happened.",
                      .flags = FIELD_ALWAYS),
        FIELD_OF_TIME(last_timestamp, "lastTimestamp", 7, "When it last happened.",
                      .flags = FIELD_ALWAYS),
        FIELD_OF_INT(count, "count", 8, "How often it happened.", .flags = FIELD_NON_NEGATIVE),
        FIELD_OF_STRING(type, "type", 9, "Normal or Warning."),
        FIELD_OF_MICRO_TIME(event_time, "eventTime", 10, "When it happened.",
                            .flags = FIELD_ALWAYS),
        FIELD_OF_POINTER(series, event_series, "series", 11, "That it happened again."),
        FIELD_OF_STRING(action, "action", 12, "What was done about it."),
        FIELD_OF_POINTER(related, object_reference, "related", 13, "Another object concerned."),
        FIELD_OF_STRING(reporting_component, "reportingComponent", 14, "Program that says so.",
                        .flags = FIELD_ALWAYS),
        FIELD_OF_STRING(reporting_instance, "reportingInstance", 15, "Which instance of it.",
                        .flags = FIELD_ALWAYS),
};
#undef SELF
static const struct schema event_schema =
        SCHEMA(event, "Event", "Something that happened to an object, in words.");

#define SELF struct event
static const struct field event_v1_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_MICRO_TIME(event_time, "eventTime", 2, "When it happened.", .flags = FIELD_ALWAYS),
        FIELD_OF_POINTER(series, event_series, "series", 3, "That it happened again."),
        FIELD_OF_STRING(reporting_component, "reportingController", 4, "Program that says so."),
        FIELD_OF_STRING(reporting_instance, "reportingInstance", 5, "Which instance of it."),
        FIELD_OF_STRING(action, "action", 6, "What was done about it."),
        FIELD_OF_STRING(reason, "reason", 7, "One word what happened."),
        FIELD_OF_OBJECT(involved_object, object_reference, "regarding", 8,
                        "Object that it happened to."),
        FIELD_OF_POINTER(related, object_reference, "related", 9, "Another object concerned."),
        FIELD_OF_STRING(message, "note", 10, "A sentence what happened."),
        FIELD_OF_STRING(type, "type", 11, "Normal or Warning."),
        FIELD_OF_OBJECT(source, event_source, "deprecatedSource", 12, "Who says so."),
        FIELD_OF_TIME(first_timestamp, "deprecatedFirstTimestamp", 13, "When it first happened."),
        FIELD_OF_TIME(last_timestamp, "deprecatedLastTimestamp", 14, "When it last happened."),
        FIELD_OF_INT(count, "deprecatedCount", 15, "How often it happened.",
                     .flags = FIELD_NON_NEGATIVE),
};
#undef SELF
static const struct schema event_v1_schema = {
        .name = "Event",
        .doc = "Something that happened to an object, in words.",
        .fields = event_v1_fields,
        .n_fields = ARRAY_SIZE(event_v1_fields),
        .size = sizeof(struct event),
};

/* Kubernetes' Go structs write these whether they say something or not. */
static int event_fill(json_t *tree, const char *key, json_t *take_value) {
        if (json_object_get(tree, key)) {
                json_decref(take_value);
                return 0;
        }
        return json_object_set_new(tree, key, take_value) < 0 ? -ENOMEM : 0;
}

static int event_set_defaults(json_t *tree) {
        static const char *const TIMES[] = { "firstTimestamp", "lastTimestamp", "eventTime" };
        static const char *const TEXTS[] = { "reportingComponent", "reportingInstance" };

        if (event_fill(tree, "source", json_object()) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(TIMES); i++)
                if (event_fill(tree, TIMES[i], json_null()) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
                if (event_fill(tree, TEXTS[i], json_string("")) < 0)
                        return -ENOMEM;
        return 0;
}

static void event_check(const void *decoded, struct diags *d) {
        const struct event *e = decoded;

        if (!str_is_empty(e->involved_object.namespace) && !str_is_empty(e->metadata.namespace) &&
            !str_eq(e->involved_object.namespace, e->metadata.namespace))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "involvedObject.namespace",
                                "Invalid value: \"%s\": does not match event.namespace",
                                e->involved_object.namespace);
}

static uint64_t event_first_usec(const struct event *e) {
        return e->first_timestamp ? e->first_timestamp : e->event_time;
}

static uint64_t event_last_usec(const struct event *e) {
        if (e->series && e->series->last_observed_time)
                return e->series->last_observed_time;
        return e->last_timestamp ? e->last_timestamp : event_first_usec(e);
}

static int event_add_age(json_t *cells, uint64_t since_usec, uint64_t now_usec) {
        char age[AGE_TEXT_MAX];

        return cell_add_text(cells, age_format(since_usec, now_usec, age));
}

static int event_add_object(const struct event *e, json_t *cells) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_addf(&b, "%s/%s", str_or_empty(e->involved_object.kind),
                    str_or_empty(e->involved_object.name));
        for (size_t i = 0; !b.has_failed && b.s[i] && b.s[i] != '/'; i++)
                if (b.s[i] >= 'A' && b.s[i] <= 'Z')
                        b.s[i] = (char) (b.s[i] - 'A' + 'a');
        return b.has_failed ? -ENOMEM : cell_add_text(cells, b.s);
}

static int event_add_source(const struct event *e, json_t *cells) {
        const char *component =
                str_is_empty(e->source.component) ? e->reporting_component : e->source.component;
        const char *host = str_is_empty(e->source.host) ? NULL : e->source.host;
        AUTO_FREE char *text =
                str_format("%s%s%s", str_or_empty(component), host ? ", " : "", str_or_empty(host));

        return text ? cell_add(cells, json_string(text)) : -ENOMEM;
}

static int event_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct event *e = decoded;
        int64_t count = e->series ? e->series->count : e->count;

        if (event_add_age(cells, event_last_usec(e), now_usec) < 0 ||
            cell_add_text(cells, e->type) < 0 || cell_add_text(cells, e->reason) < 0 ||
            event_add_object(e, cells) < 0 ||
            cell_add(cells, json_string(str_or_empty(e->involved_object.field_path))) < 0 ||
            event_add_source(e, cells) < 0 ||
            cell_add(cells, json_string(str_or_empty(e->message))) < 0 ||
            event_add_age(cells, event_first_usec(e), now_usec) < 0 ||
            cell_add(cells, json_integer(count > 0 ? count : 1)) < 0)
                return -ENOMEM;
        return cell_add_text(cells, e->metadata.name);
}

static const struct table_column event_columns[] = {
        { "Last Seen", "string", "", 0 }, { "Type", "string", "", 0 },
        { "Reason", "string", "", 0 },    { "Object", "string", "", 0 },
        { "Subobject", "string", "", 1 }, { "Source", "string", "", 1 },
        { "Message", "string", "", 0 },   { "First Seen", "string", "", 1 },
        { "Count", "integer", "", 1 },    { "Name", "string", "name", 1 },
};

const struct kind event_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Event",
        .list_name = "EventList",
        .plural = "events",
        .singular = "event",
        .short_names = WORDS("ev"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &event_schema,
        .set_defaults = event_set_defaults,
        .check = event_check,
        .columns = event_columns,
        .n_columns = ARRAY_SIZE(event_columns),
        .add_cells = event_add_cells,
};

/* The two spellings of each field that they don't share: v1's first. */
static const char *const event_names[][2] = {
        { "involvedObject", "regarding" },
        { "message", "note" },
        { "source", "deprecatedSource" },
        { "firstTimestamp", "deprecatedFirstTimestamp" },
        { "lastTimestamp", "deprecatedLastTimestamp" },
        { "count", "deprecatedCount" },
        { "reportingComponent", "reportingController" },
};

/* Gives each field its name in the other version. */
static int event_rename(json_t *tree, size_t from) {
        for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
                json_t *value = json_object_get(tree, event_names[i][from]);

                if (!value)
                        continue;
                if (json_object_set(tree, event_names[i][1 - from], value) < 0)
                        return -ENOMEM;
                (void) json_object_del(tree, event_names[i][from]);
        }
        return 0;
}

static int event_v1_to_stored(json_t *tree) {
        return event_rename(tree, 1) < 0 ? -ENOMEM : event_set_defaults(tree);
}

/* When it happened, for clients that want to know in this version (docs/adr/0178). */
static int event_v1_set_time(json_t *tree) {
        static const char *const TIMES[] = { "deprecatedFirstTimestamp",
                                             "deprecatedLastTimestamp" };
        const json_t *meta = json_object_get(tree, "metadata");
        const char *text = json_string_value(json_object_get(meta, "creationTimestamp"));
        char time[CLOCK_TEXT_MAX];
        uint64_t usec = 0;

        if (json_is_string(json_object_get(tree, "eventTime")))
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(TIMES); i++) {
                const json_t *told = json_object_get(tree, TIMES[i]);

                if (json_is_string(told)) {
                        text = json_string_value(told);
                        break;
                }
        }
        if (!text || clock_parse(text, &usec) < 0)
                return 0;
        return json_object_set_new(tree, "eventTime", json_string(clock_format_micro(usec, time))) <
                               0
                       ? -ENOMEM
                       : 0;
}

static int event_v1_from_stored(json_t *tree) {
        static const char *const TEXTS[] = { "reportingController", "reportingInstance" };

        if (event_rename(tree, 0) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
                if (str_is_empty(json_string_value(json_object_get(tree, TEXTS[i]))))
                        (void) json_object_del(tree, TEXTS[i]);
        return event_v1_set_time(tree);
}

const struct kind event_v1_kind = {
        .api_version = "events.k8s.io/v1",
        .group = "events.k8s.io",
        .version = "v1",
        .name = "Event",
        .list_name = "EventList",
        .plural = "events",
        .singular = "event",
        .short_names = WORDS("ev"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &event_v1_schema,
        .check = event_check,
        .columns = event_columns,
        .n_columns = ARRAY_SIZE(event_columns),
        .add_cells = event_add_cells,
        .stored_as = &event_kind,
        .to_stored = event_v1_to_stored,
        .from_stored = event_v1_from_stored,
};
