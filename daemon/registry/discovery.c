#include "daemon/registry/discovery.h"

#include "api/kinds/object.h"
#include "base/str.h"
#include "daemon/registry/path.h"

#include <jansson.h>
#include <string.h>

#define VERBS "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"

static json_t *text_list(const char *const *items) {
        json_t *list = json_array();

        for (; list && items && *items; items++)
                (void) json_array_append_new(list, json_string(*items));
        return list;
}

static void add_sub(json_t *list, const struct kind *k, const char *sub, json_t *verbs) {
        AUTO_FREE char *name = str_format("%s/%s", k->plural, sub);

        (void) json_array_append_new(list,
                                     json_pack("{s:s,s:s,s:b,s:s,s:o}", "name", str_or_empty(name),
                                               "singularName", "", "namespaced", k->is_namespaced,
                                               "kind", k->name, "verbs", verbs));
}

/* A sub-resource that is a kind of another group. */
static void add_foreign(json_t *list, const struct kind *k, const char *sub, const char *kind,
                        const char *group_version[2], json_t *verbs) {
        AUTO_FREE char *name = str_format("%s/%s", k->plural, sub);

        (void) json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:o}", "name",
                                                     str_or_empty(name), "singularName", "",
                                                     "namespaced", k->is_namespaced, "group",
                                                     group_version[0], "version", group_version[1],
                                                     "kind", kind, "verbs", verbs));
}

static void add_pod_subs(json_t *list, const struct kind *k) {
        const char *policy[2] = { "policy", "v1" };

        add_sub(list, k, "log", json_pack("[s]", "get"));
        add_sub(list, k, "exec", json_pack("[s,s]", "create", "get"));
        add_sub(list, k, "attach", json_pack("[s,s]", "create", "get"));
        add_foreign(list, k, "eviction", "Eviction", policy, json_pack("[s]", "create"));
        add_sub(list, k, "binding", json_pack("[s]", "create"));
}

static void add_kind(json_t *list, const struct kind *k) {
        const char *autoscaling[2] = { "autoscaling", "v1" };
        json_t *one = json_pack("{s:s,s:s,s:b,s:s,s:[s,s,s,s,s,s,s,s]}", "name", k->plural,
                                "singularName", k->singular, "namespaced", k->is_namespaced, "kind",
                                k->name, "verbs", VERBS);

        if (k->short_names && *k->short_names)
                (void) json_object_set_new(one, "shortNames", text_list(k->short_names));
        if (k->categories && *k->categories)
                (void) json_object_set_new(one, "categories", text_list(k->categories));
        (void) json_array_append_new(list, one);
        if (k->has_status)
                add_sub(list, k, "status", json_pack("[s,s,s]", "get", "patch", "update"));
        if (k->has_scale)
                add_foreign(list, k, "scale", "Scale", autoscaling,
                            json_pack("[s,s,s]", "get", "patch", "update"));
        if (str_eq(k->name, "Pod") && str_is_empty(k->group))
                add_pod_subs(list, k);
}

static json_t *resource_list(const struct path *p, bool *ret_found) {
        AUTO_FREE char *version =
                *p->group ? str_format("%s/%s", p->group, p->version) : strdup(p->version);
        json_t *list = json_array();

        for (const struct kind *const *k = kind_all(); *k; k++) {
                if (!str_eq((*k)->group, p->group) || !str_eq((*k)->version, p->version))
                        continue;
                *ret_found = true;
                add_kind(list, *k);
        }
        return json_pack("{s:s,s:s,s:s,s:o}", "kind", "APIResourceList", "apiVersion", "v1",
                         "groupVersion", str_or_empty(version), "resources", list);
}

static json_t *version_of(const struct kind *k) {
        return json_pack("{s:s,s:s}", "groupVersion", k->api_version, "version", k->version);
}

/* An APIGroup; NULL where no kind is in it. The first version met is the preferred one. */
static json_t *group_of(const char *group) {
        json_t *versions = json_array(), *one;
        size_t i;

        for (const struct kind *const *k = kind_all(); *k; k++) {
                bool is_known = false;

                if (!str_eq((*k)->group, group))
                        continue;
                json_array_foreach(versions, i, one) is_known =
                        is_known ||
                        str_eq(json_string_value(json_object_get(one, "version")), (*k)->version);
                if (!is_known)
                        (void) json_array_append_new(versions, version_of(*k));
        }
        one = json_incref(json_array_get(versions, 0));
        if (!one) {
                json_decref(versions);
                return NULL;
        }
        return json_pack("{s:s,s:s,s:o,s:o}", "name", group, "kind", "APIGroup", "versions",
                         versions, "preferredVersion", one);
}

static json_t *group_list(void) {
        json_t *groups = json_array(), *one;
        size_t i;

        for (const struct kind *const *k = kind_all(); *k; k++) {
                bool is_known = str_is_empty((*k)->group);

                json_array_foreach(groups, i, one) is_known =
                        is_known ||
                        str_eq(json_string_value(json_object_get(one, "name")), (*k)->group);
                if (is_known)
                        continue;
                one = group_of((*k)->group);
                (void) json_object_del(one, "kind");
                (void) json_array_append_new(groups, one);
        }
        return json_pack("{s:s,s:s,s:o}", "kind", "APIGroupList", "apiVersion", "v1", "groups",
                         groups);
}

static json_t *document_of(const struct path *p, bool *ret_found) {
        json_t *group;

        *ret_found = true;
        switch (p->kind) {
        case PATH_API:
                return json_pack("{s:s,s:[s],s:[{s:s,s:s}]}", "kind", "APIVersions", "versions",
                                 "v1", "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0",
                                 "serverAddress", "");
        case PATH_APIS:
                return group_list();
        case PATH_GROUP:
                group = group_of(p->group);
                *ret_found = group != NULL && *p->group;
                if (group)
                        (void) json_object_set_new(group, "apiVersion", json_string("v1"));
                return group;
        case PATH_GROUP_VERSION:
                *ret_found = false;
                return resource_list(p, ret_found);
        case PATH_OTHER:
        case PATH_RESOURCE:
                break;
        }
        *ret_found = false;
        return NULL;
}

char *discovery_document(const struct path *p, bool *ret_found) {
        json_t *document = document_of(p, ret_found);
        char *text = document && *ret_found ? json_dumps(document, JSON_COMPACT) : NULL;

        json_decref(document);
        return text;
}
