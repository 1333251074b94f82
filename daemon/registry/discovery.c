#include "daemon/registry/discovery.h"

#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/catalog.h"
#include "daemon/registry/negotiate.h"
#include "daemon/registry/path.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* ---- which form ---- */

static bool entry_serves(const struct accept_entry *e, bool has_aggregated,
                         enum discovery_form *ret) {
        *ret = DISCOVERY_LEGACY;
        if (!accept_is_json(e))
                return false;
        if (e->as[0] == '\0')
                return true;
        if (!has_aggregated || !str_eq(e->as, "APIGroupDiscoveryList") ||
            !str_eq(e->group, "apidiscovery.k8s.io"))
                return false;
        *ret = str_eq(e->version, "v2") ? DISCOVERY_V2 : DISCOVERY_V2_BETA1;
        return str_eq(e->version, "v2") || str_eq(e->version, "v2beta1");
}

int discovery_negotiate(const char *accept, const struct path *p, enum discovery_form *ret_form) {
        bool has_aggregated = p->kind == PATH_API || p->kind == PATH_APIS;
        struct accept_entry e;

        *ret_form = DISCOVERY_LEGACY;
        if (str_is_empty(accept))
                return 0;
        while (accept_next(&accept, &e))
                if (entry_serves(&e, has_aggregated, ret_form))
                        return 0;
        return -ENOTSUP;
}

const char *discovery_type(enum discovery_form form) {
        static const char *const TYPES[] = {
                [DISCOVERY_LEGACY] = "application/json",
                [DISCOVERY_V2] = "application/json;g=apidiscovery.k8s.io;v=v2;as="
                                 "APIGroupDiscoveryList",
                [DISCOVERY_V2_BETA1] = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as="
                                       "APIGroupDiscoveryList",
        };

        return TYPES[form];
}

/* ---- parts: NULL everywhere is memory that is out, and makes NULL of what it goes into ---- */

/* The list with one more, or NULL. */
static json_t *list_with(json_t *take_list, json_t *take_value) {
        if (!take_list)
                json_decref(take_value);
        else if (json_array_append_new(take_list, take_value) == 0)
                return take_list;
        json_decref(take_list);
        return NULL;
}

/* The object with one more member, or NULL. */
static json_t *object_with(json_t *take_object, const char *key, json_t *take_value) {
        if (!take_object)
                json_decref(take_value);
        else if (json_object_set_new(take_object, key, take_value) == 0)
                return take_object;
        json_decref(take_object);
        return NULL;
}

static json_t *text_list(const char *const *items) {
        json_t *list = json_array();

        for (; items && *items; items++)
                list = list_with(list, json_string(*items));
        return list;
}

static json_t *object_with_words(json_t *take_object, const char *key, const char *const *items) {
        return items && *items ? object_with(take_object, key, text_list(items)) : take_object;
}

static json_t *sub_verbs(const struct sub *s) {
        json_t *list = json_array();

        for (size_t i = 0; i < ARRAY_SIZE(s->methods) && s->methods[i]; i++)
                list = list_with(list, json_string(catalog_verb(s->methods[i])));
        return list;
}

/* ---- the legacy documents ---- */

static json_t *sub_resource(const struct kind *k, const struct sub *s) {
        AUTO_FREE char *name = str_format("%s/%s", k->plural, s->name);
        json_t *one = json_pack("{s:s,s:s,s:b}", "name", name, "singularName", "", "namespaced",
                                k->is_namespaced);

        if (s->group)
                one = object_with(one, "group", json_string(s->group));
        if (s->version)
                one = object_with(one, "version", json_string(s->version));
        one = object_with(one, "kind", json_string(s->kind ? s->kind : k->name));
        return object_with(one, "verbs", sub_verbs(s));
}

/* The list with a kind and its sub-resources. */
static json_t *list_with_kind(json_t *take_list, const struct kind *k) {
        json_t *list = take_list;
        json_t *one = json_pack("{s:s,s:s,s:b,s:s,s:o}", "name", k->plural, "singularName",
                                k->singular, "namespaced", k->is_namespaced, "kind", k->name,
                                "verbs", text_list(catalog_verbs(k)));
        const struct sub *subs;
        size_t n;

        one = object_with_words(one, "shortNames", k->short_names);
        one = object_with_words(one, "categories", k->categories);
        list = list_with(list, one);
        subs = rest_subs(&n);
        for (size_t i = 0; i < n; i++)
                if (sub_fits(&subs[i], k))
                        list = list_with(list, sub_resource(k, &subs[i]));
        return list;
}

static json_t *resource_list(const struct registry *r, const struct path *p, bool *ret_found) {
        AUTO_FREE char *version =
                *p->group ? str_format("%s/%s", p->group, p->version) : strdup(p->version);
        struct catalog_cursor at = { 0 };
        json_t *list = json_array();
        const struct kind *k;

        while ((k = catalog_next(r, &at))) {
                if (!str_eq(k->group, p->group) || !str_eq(k->version, p->version))
                        continue;
                *ret_found = true;
                list = list_with_kind(list, k);
        }
        return json_pack("{s:s,s:s,s:s,s:o}", "kind", "APIResourceList", "apiVersion", "v1",
                         "groupVersion", version, "resources", list);
}

static json_t *version_of(const char *group, const char *version) {
        AUTO_FREE char *both = str_format("%s/%s", group, version);

        return json_pack("{s:s,s:s}", "groupVersion", both, "version", version);
}

/* An APIGroup without its kind; NULL where nothing is in it. */
static json_t *group_of(const struct registry *r, const char *group) {
        const char *versions[CATALOG_VERSIONS_MAX];
        size_t n = catalog_versions(r, group, versions);
        json_t *list;

        if (n == 0)
                return NULL;
        list = json_array();
        for (size_t i = 0; i < n; i++)
                list = list_with(list, version_of(group, versions[i]));
        return json_pack("{s:s,s:o,s:o}", "name", group, "versions", list, "preferredVersion",
                         version_of(group, versions[0]));
}

static json_t *group_alone(const struct registry *r, const char *group, bool *ret_found) {
        const char *versions[CATALOG_VERSIONS_MAX];
        json_t *one;

        *ret_found = *group && catalog_versions(r, group, versions) > 0;
        if (!*ret_found)
                return NULL;
        one = object_with(group_of(r, group), "kind", json_string("APIGroup"));
        return object_with(one, "apiVersion", json_string("v1"));
}

/* fn(r, group) of each named group, in the order in which they came. */
static json_t *groups_map(const struct registry *r,
                          json_t *(*fn)(const struct registry *r, const char *group)) {
        json_t *list = json_array(), *seen = json_object();
        struct catalog_cursor at = { 0 };
        const struct kind *k;

        while ((k = catalog_next(r, &at))) {
                if (str_is_empty(k->group) || json_object_get(seen, k->group))
                        continue;
                seen = object_with(seen, k->group, json_true());
                list = seen ? list_with(list, fn(r, k->group)) : list_with(list, NULL);
        }
        json_decref(seen);
        return list;
}

/* ---- the aggregated document ---- */

static json_t *response_kind(const char *group, const char *version, const char *kind) {
        return json_pack("{s:s,s:s,s:s}", "group", group, "version", version, "kind", kind);
}

static json_t *discovered_subs(const struct kind *k) {
        json_t *list = json_array();
        const struct sub *subs;
        size_t n;

        subs = rest_subs(&n);
        for (size_t i = 0; i < n; i++) {
                const struct sub *s = &subs[i];

                if (sub_fits(s, k))
                        list = list_with(
                                list,
                                json_pack("{s:s,s:o,s:o}", "subresource", s->name, "responseKind",
                                          response_kind(s->group ? s->group : k->group,
                                                        s->version ? s->version : k->version,
                                                        s->kind ? s->kind : k->name),
                                          "verbs", sub_verbs(s)));
        }
        return list;
}

static json_t *discovered_kind(const struct kind *k) {
        json_t *subs = discovered_subs(k);
        json_t *one = json_pack("{s:s,s:o,s:s,s:s,s:o}", "resource", k->plural, "responseKind",
                                response_kind(k->group, k->version, k->name), "scope",
                                k->is_namespaced ? "Namespaced" : "Cluster", "singularResource",
                                k->singular, "verbs", text_list(catalog_verbs(k)));

        one = object_with_words(one, "shortNames", k->short_names);
        one = object_with_words(one, "categories", k->categories);
        if (!subs || json_array_size(subs) > 0)
                return object_with(one, "subresources", subs);
        json_decref(subs);
        return one;
}

static json_t *discovered_version(const struct registry *r, const char *group,
                                  const char *version) {
        struct catalog_cursor at = { 0 };
        json_t *list = json_array();
        const struct kind *k;

        while ((k = catalog_next(r, &at)))
                if (str_eq(k->group, group) && str_eq(k->version, version))
                        list = list_with(list, discovered_kind(k));
        return json_pack("{s:s,s:o,s:s}", "version", version, "resources", list, "freshness",
                         "Current");
}

static json_t *discovered_group(const struct registry *r, const char *group) {
        const char *versions[CATALOG_VERSIONS_MAX];
        size_t n = catalog_versions(r, group, versions);
        json_t *list = json_array(), *metadata = json_object();

        for (size_t i = 0; i < n; i++)
                list = list_with(list, discovered_version(r, group, versions[i]));
        if (*group)
                metadata = object_with(metadata, "name", json_string(group));
        return json_pack("{s:o,s:o}", "metadata", metadata, "versions", list);
}

static json_t *discovered(const struct registry *r, const struct path *p,
                          enum discovery_form form) {
        json_t *groups = p->kind == PATH_API ? json_pack("[o]", discovered_group(r, ""))
                                             : groups_map(r, discovered_group);

        return json_pack("{s:s,s:s,s:{},s:o}", "kind", "APIGroupDiscoveryList", "apiVersion",
                         form == DISCOVERY_V2 ? "apidiscovery.k8s.io/v2"
                                              : "apidiscovery.k8s.io/v2beta1",
                         "metadata", "items", groups);
}

/* ---- all of them ---- */

static json_t *document_of(const struct registry *r, const struct path *p, enum discovery_form form,
                           bool *ret_found) {
        *ret_found = true;
        if (form != DISCOVERY_LEGACY)
                return discovered(r, p, form);
        switch (p->kind) {
        case PATH_API:
                return json_pack("{s:s,s:[s],s:[{s:s,s:s}]}", "kind", "APIVersions", "versions",
                                 "v1", "serverAddressByClientCIDRs", "clientCIDR", "0.0.0.0/0",
                                 "serverAddress", "");
        case PATH_APIS:
                return json_pack("{s:s,s:s,s:o}", "kind", "APIGroupList", "apiVersion", "v1",
                                 "groups", groups_map(r, group_of));
        case PATH_GROUP:
                return group_alone(r, p->group, ret_found);
        case PATH_GROUP_VERSION:
                *ret_found = false;
                return resource_list(r, p, ret_found);
        case PATH_OTHER:
        case PATH_RESOURCE:
                break;
        }
        *ret_found = false;
        return NULL;
}

char *discovery_document(const struct registry *r, const struct path *p, enum discovery_form form,
                         bool *ret_found) {
        json_t *document = document_of(r, p, form, ret_found);
        char *text = document ? text_json_dump(document, NULL) : NULL;

        json_decref(document);
        return text;
}
