#include "daemon/registry/load.h"

#include "base/log.h"
#include "base/str.h"
#include "daemon/registry/addresses.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/body.h"
#include "daemon/registry/crd.h"
#include "daemon/registry/quotas.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"
#include "daemon/store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/registry/"
#define DEFINITIONS PREFIX "apiextensions.k8s.io/customresourcedefinitions/"

const struct user REGISTRY_USER = USER_MASTER("system:apiserver");

/* ---- the objects ---- */

/* The kind that a key's first two parts name: "/registry/apps/deployments/…". */
static struct kind_state *key_kind(struct registry *r, const char *key) {
        const char *group = key + strlen(PREFIX), *plural;
        size_t group_len = strcspn(group, "/"), plural_len;

        plural = group + group_len + (group[group_len] == '/');
        plural_len = strcspn(plural, "/");
        for (size_t i = 0; i < r->kinds.n; i++) {
                const struct kind *k = r->kinds.items[i]->resource.kind;
                const char *name = *k->group ? k->group : "core";

                if (strlen(name) == group_len && strncmp(name, group, group_len) == 0 &&
                    strlen(k->plural) == plural_len && strncmp(k->plural, plural, plural_len) == 0)
                        return r->kinds.items[i];
        }
        return NULL;
}

/* A damaged object must not keep the server from starting: it is left out, and said so. */
static int kv_load(struct registry *r, const struct store_kv *kv) {
        struct kind_state *kind = key_kind(r, kv->key);
        struct record *record = NULL;
        struct err e = { 0 };
        int result;

        if (!kind) {
                LOG_WARN(kv->key,
                         "this kind is unknown to this version; the object is kept unseen");
                return 0;
        }
        result = record_parse(&kind->resource, kv->value, kv->value_len, &record, &e);
        if (result == -ENOMEM)
                return result;
        if (result < 0) {
                LOG_ERROR(kv->key, "%s; the object is kept in the store unseen", err_text(&e));
                return 0;
        }
        record->stored_revision = kv->mod_revision;
        r->revisions.last = MAX(r->revisions.last, record->revision);
        if (table_reserve(&kind->table) < 0) {
                record_unref(record);
                return -ENOMEM;
        }
        table_release(&kind->table);
        if (kind->resource.flags & RESOURCE_SERVICE)
                (void) addresses_take_text(
                        r->addresses,
                        record->fields[resource_field(&kind->resource, "spec.clusterIP")], NULL);
        table_put(&kind->table, record);
        authorize_learn(r, record, false);
        quotas_learn(r->quotas, record, NULL);
        return 0;
}

static void page_loaded(void *userdata, int result, const struct store_result *page,
                        const struct err *e);

/* Definitions come first: the other objects may be of kinds that they make. */
static int page_ask(struct registry *r, const char *after, int64_t revision, struct err *e) {
        const struct store_list list = {
                .prefix = r->has_definitions ? PREFIX : DEFINITIONS,
                .after = after,
                .revision = revision,
        };

        return store_list(r->store, &list, page_loaded, r, e);
}

static void bootstrap(struct registry *r);

static void page_loaded(void *userdata, int result, const struct store_result *page,
                        const struct err *e) {
        struct registry *r = userdata;
        struct err failure = { 0 };

        for (size_t i = 0; result == 0 && i < page->n; i++)
                if (!r->has_definitions || !str_starts_with(page->items[i].key, DEFINITIONS))
                        result = kv_load(r, &page->items[i]);
        if (result == 0 && page->has_more && page->n > 0)
                result = page_ask(r, page->items[page->n - 1].key, page->revision, &failure);
        else if (result == 0 && !r->has_definitions) {
                r->has_definitions = true;
                crd_loaded(r);
                result = page_ask(r, NULL, 0, &failure);
        } else if (result == 0) {
                crd_objects_loaded(r);
                r->revisions.last =
                        MAX(r->revisions.last, (uint64_t) page->revision + r->revisions.offset);
                bootstrap(r);
        }
        if (result < 0)
                registry_loaded(r, result, e ? err_text(e) : err_text(&failure));
}

static void offset_loaded(void *userdata, int result, const struct store_result *answer,
                          const struct err *e) {
        struct registry *r = userdata;
        struct err failure = { 0 };
        AUTO_FREE char *text = NULL;
        int64_t offset = 0;

        if (result == 0 && answer->n > 0) {
                text = strndup(answer->items[0].value, answer->items[0].value_len);
                if (!text || str_to_int64(text, 0, INT64_MAX / 2, &offset) < 0)
                        result = err_set(&failure, -EUCLEAN, "the revision offset is damaged");
        }
        r->revisions.offset = r->revisions.offset_kept = (uint64_t) offset;
        if (result == 0)
                result = page_ask(r, NULL, 0, &failure);
        if (result < 0)
                registry_loaded(r, result, e ? err_text(e) : err_text(&failure));
}

int load_begin(struct registry *r, struct err *e) {
        return store_get(r->store, OFFSET_KEY, offset_loaded, r, e);
}

/* ---- the objects that every cluster has ---- */

struct default_object {
        const char *path, *name, *json;
};

#define NAMESPACE(n)                                                                               \
        {                                                                                          \
                "/api/v1/namespaces", n,                                                           \
                        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"    \
                        "\"" n "\"}}"                                                              \
        }

/* Kubernetes' numbers (pkg/apis/scheduling/types.go). */
#define PRIORITY_CLASS(n, number, text)                                                            \
        {                                                                                          \
                "/apis/scheduling.k8s.io/v1/priorityclasses", n,                                   \
                        "{\"apiVersion\":\"scheduling.k8s.io/v1\",\"kind\":\"PriorityClass\","     \
                        "\"metadata\":{\"name\":\"" n "\"},\"value\":" number                      \
                        ",\"description\":\"" text "\"}"                                           \
        }

static const struct default_object DEFAULT_OBJECTS[] = {
        PRIORITY_CLASS("system-cluster-critical", "2000000000",
                       "For pods that the cluster needs and that may run on any node."),
        PRIORITY_CLASS("system-node-critical", "2000001000",
                       "For pods that the cluster needs on the very node they are on."),
        NAMESPACE("default"),
        NAMESPACE("kube-system"),
        NAMESPACE("kube-public"),
        NAMESPACE("kube-node-lease"),
};

static const char KUBERNETES_SERVICE[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"kubernetes\","
        "\"namespace\":\"default\",\"labels\":{\"component\":\"apiserver\",\"provider\":"
        "\"kubernetes\"}},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"%s\",\"ports\":[{"
        "\"name\":\"https\",\"port\":443,\"protocol\":\"TCP\",\"targetPort\":6443}]}}";

static void post(struct registry *r, const char *path, const char *json,
                 void (*respond)(void *data, struct rest_response *take_response)) {
        const struct rest_sink sink = { .respond = respond };
        const struct rest_request request = {
                .method = "POST",
                .path = path,
                .content_type = "application/json",
                .user = &REGISTRY_USER,
                .body = json,
                .body_len = strlen(json),
        };

        rest_handle(r, &request, &sink, r);
}

/* One default object fewer to wait for. */
static void bootstrap_done(struct registry *r, struct rest_response *take_response) {
        AUTO_FREE char *text = NULL;

        if (take_response->status >= 300 && take_response->status != 409 && r->load_result == 0) {
                text = take_response->body ? body_flatten(take_response->body, NULL) : NULL;
                r->load_result =
                        err_set(&r->load_err, -EIO, "the default objects could not be stored: %s",
                                str_or_empty(text));
        }
        rest_response_done(take_response);
        if (--r->n_bootstrap == 0)
                registry_loaded(r, r->load_result, err_text(&r->load_err));
}

static void object_made(void *data, struct rest_response *take_response) {
        bootstrap_done(data, take_response);
}

static void service_make(struct registry *r) {
        char address[ADDRESS_TEXT_MAX];
        AUTO_FREE char *json = NULL;

        addresses_nth(r->addresses, 1, address);
        json = str_format(KUBERNETES_SERVICE, address);
        if (!json)
                return; /* the next start makes it */
        r->n_bootstrap++;
        post(r, "/api/v1/namespaces/default/services", json, object_made);
}

/* The last of them is there: the service, which needs its namespace, can follow. */
static void default_made(void *data, struct rest_response *take_response) {
        struct registry *r = data;

        if (r->n_bootstrap == 1 && take_response->status < 300)
                service_make(r);
        bootstrap_done(r, take_response);
}

static bool object_is_there(struct registry *r, const struct default_object *o) {
        struct kind_state *kind = registry_kind_named(
                r, str_starts_with(o->path, "/api/") ? "" : "scheduling.k8s.io",
                str_starts_with(o->path, "/api/") ? "Namespace" : "PriorityClass");

        return kind && table_get(&kind->table, "", o->name);
}

static void bootstrap(struct registry *r) {
        struct err e = { 0 };
        unsigned n_missing = 0;

        if (registry_begin(r, &e) < 0) {
                registry_loaded(r, -ENOMEM, err_text(&e));
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(DEFAULT_OBJECTS); i++)
                n_missing += !object_is_there(r, &DEFAULT_OBJECTS[i]);
        /* All are counted before the first is asked for: answers may come at once. */
        r->n_bootstrap = n_missing;
        for (size_t i = 0; n_missing > 0 && i < ARRAY_SIZE(DEFAULT_OBJECTS); i++)
                if (!object_is_there(r, &DEFAULT_OBJECTS[i]))
                        post(r, DEFAULT_OBJECTS[i].path, DEFAULT_OBJECTS[i].json, default_made);
        if (n_missing > 0)
                return;
        if (registry_find(r, "", "services", "default", "kubernetes"))
                registry_loaded(r, 0, "");
        else
                service_make(r);
}
