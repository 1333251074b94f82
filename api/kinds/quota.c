/* ResourceQuota and LimitRange (numbers: k8s.io/api/core/v1/generated.proto). */
#include "api/kinds/quota.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "api/schema/quantity.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>

#define SELF struct scoped_resource_selector_requirement
static const struct field scoped_resource_selector_requirement_fields[] = {
        FIELD_OF_STRING(scope_name, "scopeName", 1, "The scope.",
                        .values = WORDS("Terminating", "NotTerminating", "BestEffort",
                                        "NotBestEffort", "PriorityClass",
                                        "CrossNamespacePodAffinity", "VolumeAttributesClass"),
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRING(operator, "operator", 2, "In, NotIn, Exists or DoesNotExist.",
                        .values = WORDS("In", "NotIn", "Exists", "DoesNotExist"),
                        .flags = FIELD_REQUIRED),
        FIELD_OF_STRINGS(values, "values", 3, "Values for In and NotIn.", .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema scoped_resource_selector_requirement_schema =
        SCHEMA(scoped_resource_selector_requirement, "ScopedResourceSelectorRequirement",
               "One condition on what is counted.");

#define SELF struct scope_selector
static const struct field scope_selector_fields[] = {
        FIELD_OF_OBJECTS(match_expressions, scoped_resource_selector_requirement,
                         "matchExpressions", 1, "Conditions that must all hold.",
                         .flags = FIELD_ATOMIC),
};
#undef SELF
static const struct schema scope_selector_schema = SCHEMA(
        scope_selector, "ScopeSelector", "Conditions on what is counted.", .is_atomic = true);

#define SELF struct resource_quota_spec
static const struct field resource_quota_spec_fields[] = {
        FIELD_OF_QUANTITY_MAP(hard, "hard", 1, "The most of each resource.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_STRINGS(scopes, "scopes", 2, "Which objects are counted; all when empty.",
                         .values = WORDS("Terminating", "NotTerminating", "BestEffort",
                                         "NotBestEffort", "PriorityClass",
                                         "CrossNamespacePodAffinity", "VolumeAttributesClass"),
                         .flags = FIELD_ATOMIC),
        FIELD_OF_POINTER(scope_selector, scope_selector, "scopeSelector", 3,
                         "Which objects are counted, in more words."),
};
#undef SELF
const struct schema resource_quota_spec_schema =
        SCHEMA(resource_quota_spec, "ResourceQuotaSpec", "How much a namespace may use.");

#define SELF struct resource_quota_status
static const struct field resource_quota_status_fields[] = {
        FIELD_OF_QUANTITY_MAP(hard, "hard", 1, "The most of each resource.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(used, "used", 2, "What is used of it.", .format = FORMAT_RESOURCES),
};
#undef SELF
static const struct schema resource_quota_status_schema =
        SCHEMA(resource_quota_status, "ResourceQuotaStatus", "How much a namespace uses.");

#define SELF struct resource_quota
static const struct field resource_quota_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, resource_quota_spec, "spec", 2, "How much it may use."),
        FIELD_OF_OBJECT(status, resource_quota_status, "status", 3, "How much it uses.",
                        .flags = FIELD_READ_ONLY),
};
#undef SELF
static const struct schema resource_quota_schema =
        SCHEMA(resource_quota, "ResourceQuota", "Limits what a namespace may use in all.");

/* Whether one of the two lists of scopes has a scope. */
static bool quota_has_scope(const struct resource_quota_spec *spec, const char *scope) {
        const struct scope_selector *s = spec->scope_selector;

        for (size_t i = 0; s && i < s->match_expressions.n; i++)
                if (str_eq(s->match_expressions.items[i].scope_name, scope))
                        return true;
        return strings_has(&spec->scopes, scope);
}

/* Wording as in Kubernetes. */
static void quota_check_selector(const struct scoped_resource_selector_requirement *s, size_t i,
                                 struct diags *d) {
        bool wants_values = str_eq(s->operator, "In") || str_eq(s->operator, "NotIn");
        char field[96];

        (void) snprintf(field, sizeof(field), "spec.scopeSelector.matchExpressions[%zu].%s", i,
                        str_eq(s->scope_name, "PriorityClass") ? "values" : "operator");
        if (!str_eq(s->scope_name, "PriorityClass") &&
            !str_eq(s->scope_name, "VolumeAttributesClass") && !str_eq(s->operator, "Exists"))
                (void) diag_add(
                        d, DIAG_ERROR, DIAG_INVALID, field,
                        "Invalid value: \"%s\": must be 'Exist' only operator when scope is "
                        "%s",
                        str_or_empty(s->operator), str_or_empty(s->scope_name));
        else if (wants_values && s->values.n == 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, field,
                                "Required value: must be at least one value when `operator` is "
                                "'In' or 'NotIn' for scope selector");
        else if (!wants_values && s->values.n > 0)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field,
                                "Invalid value: must be no value when `operator` is 'Exist' or "
                                "'DoesNotExist' for scope selector");
}

static void resource_quota_check(const void *decoded, struct diags *d) {
        static const char *const OPPOSITES[][2] = { { "Terminating", "NotTerminating" },
                                                    { "BestEffort", "NotBestEffort" } };
        const struct resource_quota_spec *spec = &((const struct resource_quota *) decoded)->spec;
        const struct scope_selector *s = spec->scope_selector;

        for (size_t i = 0; i < ARRAY_SIZE(OPPOSITES); i++)
                if (quota_has_scope(spec, OPPOSITES[i][0]) &&
                    quota_has_scope(spec, OPPOSITES[i][1]))
                        (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "spec.scopes",
                                        "Invalid value: [\"%s\",\"%s\"]: conflicting scopes",
                                        OPPOSITES[i][0], OPPOSITES[i][1]);
        for (size_t i = 0; s && i < s->match_expressions.n && i < 100; i++)
                quota_check_selector(&s->match_expressions.items[i], i, d);
}

static void quota_add_amount(struct strbuf *b, struct quantity q) {
        char text[QUANTITY_TEXT_MAX];

        strbuf_add(b, quantity_format(q, text));
}

/* "cpu: 1/2, pods: 0/10": used and most, of limits or of the rest. */
static int quota_add_amounts(const struct resource_quota *q, bool of_limits, json_t *cells) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < q->status.hard.n; i++) {
                const struct quantity_pair *p = &q->status.hard.items[i];

                if (str_starts_with(p->key, "limits") != of_limits)
                        continue;
                strbuf_addf(&b, "%s%s: ", b.len > 0 ? ", " : "", p->key);
                quota_add_amount(&b, quantity_map_get(&q->status.used, p->key));
                strbuf_add(&b, "/");
                quota_add_amount(&b, p->value);
        }
        return b.has_failed ? -ENOMEM : cell_add(cells, json_string(str_or_empty(b.s)));
}

static int resource_quota_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct resource_quota *q = decoded;

        if (cell_add_text(cells, q->metadata.name) < 0 || quota_add_amounts(q, false, cells) < 0 ||
            quota_add_amounts(q, true, cells) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &q->metadata, now_usec);
}

static const struct table_column resource_quota_columns[] = {
        COLUMN_NAME,
        { "Request", "string", "", 0 },
        { "Limit", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind resource_quota_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "ResourceQuota",
        .list_name = "ResourceQuotaList",
        .plural = "resourcequotas",
        .singular = "resourcequota",
        .short_names = WORDS("quota"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &resource_quota_schema,
        .check = resource_quota_check,
        .columns = resource_quota_columns,
        .n_columns = ARRAY_SIZE(resource_quota_columns),
        .add_cells = resource_quota_add_cells,
};

#define SELF struct limit_range_item
static const struct field limit_range_item_fields[] = {
        FIELD_OF_STRING(type, "type", 1, "Pod, Container or PersistentVolumeClaim.",
                        .flags = FIELD_REQUIRED),
        FIELD_OF_QUANTITY_MAP(max, "max", 2, "The most of each resource.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(min, "min", 3, "The least of each resource.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(default_, "default", 4,
                              "Limits that containers have when they say none.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(default_request, "defaultRequest", 5,
                              "Requests that containers have when they say none.",
                              .format = FORMAT_RESOURCES),
        FIELD_OF_QUANTITY_MAP(max_limit_request_ratio, "maxLimitRequestRatio", 6,
                              "The most that a limit may be of its request.",
                              .format = FORMAT_RESOURCES),
};
#undef SELF
static const struct schema limit_range_item_schema =
        SCHEMA(limit_range_item, "LimitRangeItem", "Limits for one kind of thing.");

#define SELF struct limit_range_spec
static const struct field limit_range_spec_fields[] = {
        FIELD_OF_OBJECTS(limits, limit_range_item, "limits", 1, "The limits.",
                         .flags = FIELD_REQUIRED | FIELD_ATOMIC),
};
#undef SELF
static const struct schema limit_range_spec_schema = SCHEMA(
        limit_range_spec, "LimitRangeSpec", "Limits for each of the objects in a namespace.");

#define SELF struct limit_range
static const struct field limit_range_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECT(spec, limit_range_spec, "spec", 2, "The limits."),
};
#undef SELF
static const struct schema limit_range_schema = SCHEMA(
        limit_range, "LimitRange", "Limits what each pod or container of a namespace may use.");

/* Copies what is missing of to from from. */
static int limit_range_fill(json_t *item, const char *to, const char *from) {
        const json_t *source = json_object_get(item, from);
        const char *name;
        json_t *amount, *target;

        if (!json_is_object(source) || json_object_size(source) == 0)
                return 0;
        if (default_set(item, to, json_object()) < 0)
                return -ENOMEM;
        target = json_object_get(item, to);
        json_object_foreach((json_t *) source, name, amount) {
                if (json_is_object(target) && default_set(target, name, json_incref(amount)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Limits of containers default to the most, requests to the limits, then to the least. */
static int limit_range_default(json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), *item;
        size_t i;

        json_array_foreach(json_object_get(spec, "limits"), i, item) {
                if (!str_eq(json_string_value(json_object_get(item, "type")), "Container"))
                        continue;
                if (limit_range_fill(item, "default", "max") < 0 ||
                    limit_range_fill(item, "defaultRequest", "default") < 0 ||
                    limit_range_fill(item, "defaultRequest", "min") < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Reports names whose amount in low is above that in high. */
static void limit_range_compare(const struct quantity_map *low, const struct quantity_map *high,
                                const char *field, const char *words, struct diags *d) {
        for (size_t i = 0; i < low->n; i++) {
                struct quantity most = quantity_map_get(high, low->items[i].key);

                if (most.is_set && low->items[i].value.milli > most.milli)
                        (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, field, "Invalid value: %s: %s",
                                        low->items[i].key, words);
        }
}

static void limit_range_check(const void *decoded, struct diags *d) {
        const struct limit_range_spec *spec = &((const struct limit_range *) decoded)->spec;

        for (size_t i = 0; i < spec->limits.n; i++) {
                const struct limit_range_item *item = &spec->limits.items[i];
                AUTO_FREE char *field = str_format("spec.limits[%zu]", i);

                if (!field) {
                        d->has_failed = true;
                        return;
                }
                limit_range_compare(&item->min, &item->max, field,
                                    "min value is greater than max value", d);
                limit_range_compare(&item->default_, &item->max, field,
                                    "default value is greater than max value", d);
                limit_range_compare(&item->default_request, &item->default_, field,
                                    "default request value is greater than default limit value", d);
                limit_range_compare(&item->min, &item->default_request, field,
                                    "min value is greater than default request value", d);
        }
}

static int limit_range_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct limit_range *l = decoded;
        char text[CLOCK_TEXT_MAX];
        (void) now_usec;

        if (cell_add_text(cells, l->metadata.name) < 0)
                return -ENOMEM;
        return cell_add_text(cells, clock_format(l->metadata.creation_timestamp, text));
}

static const struct table_column limit_range_columns[] = {
        COLUMN_NAME,
        { "Created At", "date", "", 0 },
};

const struct kind limit_range_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "LimitRange",
        .list_name = "LimitRangeList",
        .plural = "limitranges",
        .singular = "limitrange",
        .short_names = WORDS("limits"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &limit_range_schema,
        .set_defaults = limit_range_default,
        .check = limit_range_check,
        .columns = limit_range_columns,
        .n_columns = ARRAY_SIZE(limit_range_columns),
        .add_cells = limit_range_add_cells,
};
