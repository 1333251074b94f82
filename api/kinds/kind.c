/* The list of kinds, and what holds for all of them. */
#include "api/kinds/access_review.h"
#include "api/kinds/authentication.h"
#include "api/kinds/autoscaler.h"
#include "api/kinds/bodies.h"
#include "api/kinds/classes.h"
#include "api/kinds/config.h"
#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/daemon_set.h"
#include "api/kinds/disruption.h"
#include "api/kinds/endpoints.h"
#include "api/kinds/event.h"
#include "api/kinds/ingress.h"
#include "api/kinds/job.h"
#include "api/kinds/measures.h"
#include "api/kinds/network_policy.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/quota.h"
#include "api/kinds/rbac.h"
#include "api/kinds/replication_controller.h"
#include "api/kinds/service.h"
#include "api/kinds/service_account.h"
#include "api/kinds/stateful_set.h"
#include "api/kinds/storage.h"
#include "api/kinds/workload.h"
#include "base/refs.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

static const struct kind *const kind_stored[] = {
        &namespace_kind,
        &node_kind,
        &pod_kind,
        &replica_set_kind,
        &deployment_kind,
        &service_kind,
        &endpoint_slice_kind,
        &event_kind,
        &event_v1_kind,
        &config_map_kind,
        &secret_kind,
        &crd_kind,
        &lease_kind,
        &service_account_kind,
        &role_kind,
        &cluster_role_kind,
        &role_binding_kind,
        &cluster_role_binding_kind,
        &persistent_volume_kind,
        &persistent_volume_claim_kind,
        &storage_class_kind,
        &job_kind,
        &cron_job_kind,
        &stateful_set_kind,
        &daemon_set_kind,
        &controller_revision_kind,
        &replication_controller_kind,
        &horizontal_pod_autoscaler_kind,
        &horizontal_pod_autoscaler_v1_kind,
        &pod_disruption_budget_kind,
        &priority_class_kind,
        &runtime_class_kind,
        &resource_quota_kind,
        &limit_range_kind,
        &endpoints_kind,
        &ingress_kind,
        &ingress_class_kind,
        &network_policy_kind,
        NULL,
};

static const struct kind *const kind_bodies[] = {
        &status_kind, &scale_kind, &delete_options_kind, &eviction_kind, &token_request_kind, NULL,
};

static const struct kind *const kind_questions[] = {
        &token_review_kind,
        &self_subject_review_kind,
        &self_subject_access_review_kind,
        &subject_access_review_kind,
        &local_subject_access_review_kind,
        &self_subject_rules_review_kind,
        &binding_kind,
        NULL,
};

static const struct kind *const kind_measures[] = { &node_metrics_kind, &pod_metrics_kind, NULL };

const struct kind *const *kind_all(void) {
        return kind_stored;
}

const struct kind *const *kind_all_bodies(void) {
        return kind_bodies;
}

const struct kind *const *kind_reviews(void) {
        return kind_questions;
}

const struct kind *const *kind_all_measured(void) {
        return kind_measures;
}

const struct kind *kind_ref(const struct kind *k) {
        if (k)
                refs_get(k->refs);
        return k;
}

void kind_unref(const struct kind *k) {
        if (k)
                refs_put(k->refs);
}

static int kind_rename(const struct kind *k, json_t *tree) {
        if (json_object_set_new(tree, "apiVersion", json_string(k->api_version)) < 0 ||
            json_object_set_new(tree, "kind", json_string(k->name)) < 0)
                return -ENOMEM;
        return 0;
}

int kind_to_stored(const struct kind *k, json_t *tree) {
        int r = k->to_stored ? k->to_stored(tree) : 0;

        return r == 0 && k->stored_as ? kind_rename(k->stored_as, tree) : r;
}

int kind_from_stored(const struct kind *k, json_t *tree) {
        int r = k->from_stored ? k->from_stored(tree) : 0;

        return r == 0 && k->stored_as ? kind_rename(k, tree) : r;
}

const struct kind *kind_find(const char *api_version, const char *name) {
        const struct kind *const *const lists[] = { kind_stored, kind_bodies, kind_questions,
                                                    kind_measures };

        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; lists[l][i]; i++)
                        if (str_eq(lists[l][i]->name, name) &&
                            str_eq(lists[l][i]->api_version, api_version))
                                return lists[l][i];
        return NULL;
}

const struct kind *kind_by_resource(const char *group, const char *version, const char *plural) {
        for (size_t i = 0; kind_stored[i]; i++)
                if (str_eq(kind_stored[i]->plural, plural) &&
                    str_eq(kind_stored[i]->group, group) &&
                    str_eq(kind_stored[i]->version, version))
                        return kind_stored[i];
        return NULL;
}

/* Whether the n first letters of word are name. */
static bool kind_word_is(const char *word, size_t n, const char *name) {
        return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

static bool kind_has_word(const struct kind *k, const char *word, size_t n) {
        if (kind_word_is(word, n, k->plural) || kind_word_is(word, n, k->singular) ||
            kind_word_is(word, n, k->name))
                return true;
        for (size_t i = 0; k->short_names[i]; i++)
                if (kind_word_is(word, n, k->short_names[i]))
                        return true;
        return false;
}

const struct kind *kind_by_word(const char *word) {
        const char *dot = strchr(word, '.');
        size_t n = dot ? (size_t) (dot - word) : strlen(word);

        for (size_t i = 0; kind_stored[i]; i++) {
                const struct kind *k = kind_stored[i];

                if (!kind_has_word(k, word, n))
                        continue;
                /* deployments.apps, deployments.v1.apps */
                if (!dot || strcasecmp(dot + 1, k->group) == 0 ||
                    (str_starts_with(dot + 1, k->version) && dot[1 + strlen(k->version)] == '.' &&
                     strcasecmp(dot + 2 + strlen(k->version), k->group) == 0))
                        return k;
        }
        return NULL;
}

const char *kind_nearest_word(const char *word) {
        const char *words[4 * ARRAY_SIZE(kind_stored)];
        size_t n = 0;

        for (size_t i = 0; kind_stored[i]; i++) {
                words[n++] = kind_stored[i]->plural;
                words[n++] = kind_stored[i]->singular;
                words[n++] = kind_stored[i]->name;
                if (kind_stored[i]->short_names[0])
                        words[n++] = kind_stored[i]->short_names[0];
        }
        return str_nearest(word, words, n);
}

static int kind_set_type(json_t *tree, const char *key, const char *value) {
        if (json_is_string(json_object_get(tree, key)))
                return 0;
        return json_object_set_new(tree, key, json_string(value)) < 0 ? -ENOMEM : 0;
}

int kind_default(const struct kind *k, json_t *tree, struct err *e) {
        return kind_default_changed(k, tree, NULL, e);
}

int kind_default_changed(const struct kind *k, json_t *tree, const json_t *was, struct err *e) {
        int r;

        if (!json_is_object(tree))
                return err_set(e, -EINVAL, "a %s must be a map of fields", k->name);
        r = kind_set_type(tree, "apiVersion", k->api_version);
        if (r == 0)
                r = kind_set_type(tree, "kind", k->name);
        if (r == 0)
                r = k->custom ? custom_default(k, tree)
                              : schema_default_changed(k->schema, tree, was);
        if (r == 0 && k->set_defaults)
                r = k->set_defaults(tree);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

static void kind_check_name(const struct kind *k, const json_t *meta, struct diags *d) {
        const char *name = json_string_value(json_object_get(meta, "name"));
        const char *prefix = json_string_value(json_object_get(meta, "generateName"));
        const char *wrong;

        if (str_is_empty(name)) {
                if (str_is_empty(prefix))
                        (void) diag_add(d, DIAG_ERROR, DIAG_REQUIRED, "metadata.name",
                                        "Required value: name or generateName is required");
                return;
        }
        wrong = schema_format_check(k->name_format, name);
        if (wrong)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "metadata.name",
                                "Invalid value: \"%s\": %s", name, wrong);
}

static void kind_check_type(const struct kind *k, const json_t *tree, struct diags *d) {
        const char *version = json_string_value(json_object_get(tree, "apiVersion"));
        const char *name = json_string_value(json_object_get(tree, "kind"));

        if (version && !str_eq(version, k->api_version))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "apiVersion",
                                "Invalid value: \"%s\": must be %s", version, k->api_version);
        if (name && !str_eq(name, k->name))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "kind",
                                "Invalid value: \"%s\": must be %s", name, k->name);
}

static void kind_check_meta(const struct kind *k, const json_t *tree, struct diags *d) {
        const json_t *meta = json_object_get(tree, "metadata");
        const char *namespace = json_string_value(json_object_get(meta, "namespace"));

        kind_check_type(k, tree, d);
        if (!k->is_stored)
                return;
        kind_check_name(k, meta, d);
        if (!k->is_namespaced && !str_is_empty(namespace))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "metadata.namespace",
                                "Forbidden: not allowed on this type");
}

/* Whether findings from first on leave a tree that can be decoded. */
static bool kind_is_decodable(const struct diags *d, size_t first) {
        for (size_t i = first; i < d->n; i++)
                if (d->items[i].reason == DIAG_TYPE)
                        return false;
        return true;
}

bool kind_only_status_is_new(const struct kind *k, const json_t *tree, const json_t *was) {
        const char *key;
        json_t *value;

        /* This one's checks read the status. */
        if (!was || k == &crd_kind || json_object_size(tree) < json_object_size(was))
                return false;
        json_object_foreach((json_t *) tree, key, value) {
                if (!str_eq(key, "status") && value != json_object_get(was, key))
                        return false;
        }
        return true;
}

int kind_validate(const struct kind *k, const json_t *tree, unsigned flags, struct diags *d) {
        return kind_validate_changed(k, tree, NULL, flags, d);
}

int kind_validate_changed(const struct kind *k, const json_t *tree, const json_t *was,
                          unsigned flags, struct diags *d) {
        AUTO(arena) struct arena *a = NULL;
        size_t first = d->n;
        void *decoded;
        int r;

        r = k->custom ? custom_validate(k, tree, was, flags, d)
                      : schema_validate_changed(k->schema, tree, was, flags, d);
        if (r < 0 || !json_is_object(tree))
                return r;
        kind_check_meta(k, tree, d);
        if (kind_only_status_is_new(k, tree, was))
                return d->has_failed ? -ENOMEM : 0;
        if (k->caveat && !(flags & SCHEMA_NO_WARNINGS))
                (void) diag_add(d, DIAG_WARNING, DIAG_INVALID, "kind", "%s %s", k->name, k->caveat);
        if (k->check_tree && kind_is_decodable(d, first) && k->check_tree(tree, d) < 0)
                return -ENOMEM;
        if (k->check && kind_is_decodable(d, first)) {
                a = arena_new(0);
                decoded = a ? arena_alloc(a, k->schema->size) : NULL;
                if (!decoded)
                        return -ENOMEM;
                r = schema_decode(k->schema, tree, a, decoded, NULL);
                if (r == -ENOMEM)
                        return r;
                /* -EINVAL: a malformed time or quantity, which is a finding already. */
                if (r == 0)
                        k->check(decoded, d);
        }
        return d->has_failed ? -ENOMEM : 0;
}

void kind_validate_update(const struct kind *k, const struct object *old,
                          const struct object *fresh, struct diags *d) {
        const struct object_meta *was = old->meta, *is = fresh->meta;

        if (!str_eq(was->name, is->name))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "metadata.name",
                                "Invalid value: \"%s\": field is immutable",
                                str_or_empty(is->name));
        if (!str_eq(was->namespace, is->namespace))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "metadata.namespace",
                                "Invalid value: \"%s\": field is immutable",
                                str_or_empty(is->namespace));
        if (!str_is_empty(is->uid) && !str_eq(was->uid, is->uid))
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "metadata.uid",
                                "Invalid value: \"%s\": field is immutable", is->uid);
        schema_check_immutable(k->schema, old->meta, fresh->meta, "", d);
        if (k->check_update)
                k->check_update(old->meta, fresh->meta, d);
}

int kind_prune(const struct kind *k, json_t *tree) {
        return k->custom ? custom_prune(k, tree) : schema_prune(k->schema, tree);
}

int kind_add_cells(const struct kind *k, const struct object *o, uint64_t now_usec, json_t *cells) {
        json_t *tree;
        int r;

        if (k->custom) {
                tree = object_json(o);
                r = tree ? custom_add_cells(k, tree, now_usec, cells) : -ENOMEM;
                json_decref(tree);
                return r;
        }
        return k->add_cells ? k->add_cells(o->meta, now_usec, cells) : 0;
}
