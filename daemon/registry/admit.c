#include "daemon/registry/admit.h"

#include "api/kinds/pod.h"
#include "api/schema/schema.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/registry/addresses.h"
#include "daemon/registry/admit_account.h"
#include "daemon/registry/admit_limits.h"
#include "daemon/registry/admit_pod_security.h"
#include "daemon/registry/admit_priority.h"
#include "daemon/registry/admit_quota.h"
#include "daemon/registry/admit_rbac.h"
#include "daemon/registry/admit_toleration.h"
#include "daemon/registry/authorize_node.h"
#include "daemon/registry/call.h"
#include "daemon/registry/crd.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/node_ports.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX_LEN 5

/* What clients may say but never decide. */
static const char *const SERVER_META[] = {
        "uid",
        "resourceVersion",
        "generation",
        "selfLink",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
};

static bool set_text(json_t *object, const char *key, const char *value) {
        return json_object_set_new(object, key, json_string(value)) == 0;
}

/* Names that are made up are tried so often. */
#define NAME_TRIES 8

/* A name that nobody has yet; after too many tries one that somebody has. */
static char *name_generate(struct call *c, const char *stem) {
        char suffix[SUFFIX_LEN + 1];
        char *name = NULL;

        for (unsigned i = 0; i < NAME_TRIES; i++) {
                free(name);
                name = str_format("%.*s%s", 58, stem, uid_suffix(suffix, SUFFIX_LEN));
                if (!name || !table_get(&c->kind->table, c->path.namespace_, name))
                        break;
        }
        return name;
}

static bool name_make(struct call *c, json_t *meta) {
        const char *name = tree_text(meta, "name"), *stem = tree_text(meta, "generateName");

        if (!str_is_empty(name)) {
                c->name = strdup(name);
        } else if (!str_is_empty(stem)) {
                c->name = name_generate(c, stem);
        } else {
                call_fail_field(c, DIAG_REQUIRED, "metadata.name",
                                "Required value: name or generateName is required");
                return false;
        }
        if (!c->name || !set_text(meta, "name", c->name)) {
                call_fail_memory(c);
                return false;
        }
        return true;
}

static bool namespace_make(struct call *c, json_t *meta) {
        const char *said = tree_text(meta, "namespace");
        bool is_namespaced = c->kind->resource.kind->is_namespaced;

        if (is_namespaced && !str_is_empty(said) && !str_eq(said, c->path.namespace_)) {
                call_fail(
                        c, 400, "BadRequest",
                        "the namespace of the provided object does not match the namespace sent on "
                        "the request");
                return false;
        }
        if (!is_namespaced)
                (void) json_object_del(meta, "namespace");
        c->namespace_ = strdup(c->path.namespace_);
        if (!c->namespace_ || (is_namespaced && !set_text(meta, "namespace", c->path.namespace_))) {
                call_fail_memory(c);
                return false;
        }
        return true;
}

/* What a new object has before anybody has looked at it. A node registers together with what it has
 * seen of itself. */
static bool initial_status(json_t *tree, const struct kind *kind) {
        const struct field *f;
        json_t *empty;

        if (!kind->has_status || str_eq(kind->name, "Node"))
                return true;
        (void) json_object_del(tree, "status");
        f = schema_field(kind->schema, "status");
        if (!f || f->type != FIELD_OBJECT || !f->schema)
                return true;
        empty = schema_empty_value(f->schema);
        return empty && json_object_set_new(tree, "status", empty) == 0;
}

/* Kinds whose objects begin with something in them. */
static bool initial_state(json_t *tree, const struct resource *r) {
        json_t *status, *spec;

        if (!initial_status(tree, r->kind))
                return false;
        if (r->flags & RESOURCE_NAMESPACE) {
                spec = tree_object(tree, "spec");
                status = tree_object(tree, "status");
                return spec && status && set_text(status, "phase", "Active") &&
                       json_object_set_new(spec, "finalizers", json_pack("[s]", "kubernetes")) == 0;
        }
        if (r->flags & RESOURCE_GRACEFUL) {
                status = tree_object(tree, "status");
                return status && set_text(status, "phase", "Pending");
        }
        return true;
}

bool admit_identity(struct call *c, json_t *tree) {
        const struct resource *r = &c->kind->resource;
        json_t *meta = tree_object(tree, "metadata");
        char uid[UID_TEXT_MAX], now[CLOCK_TEXT_MAX];

        if (!meta) {
                call_fail_memory(c);
                return false;
        }
        if (!str_is_empty(tree_text(meta, "resourceVersion"))) {
                call_fail(c, 400, "BadRequest",
                          "resourceVersion should not be set on objects to be created");
                return false;
        }
        if (!name_make(c, meta) || !namespace_make(c, meta))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(SERVER_META); i++)
                (void) json_object_del(meta, SERVER_META[i]);
        if (!set_text(meta, "uid", uid_new(uid)) ||
            !set_text(meta, "creationTimestamp", clock_format(c->registry->wall_usec(), now)) ||
            (r->flags & RESOURCE_HAS_GENERATION &&
             json_object_set_new(meta, "generation", json_integer(1)) < 0) ||
            !initial_state(tree, r)) {
                call_fail_memory(c);
                return false;
        }
        return true;
}

/* ---- namespaces ---- */

static bool namespace_is_there(struct call *c) {
        struct kind_state *kind = registry_kind_named(c->registry, "", "Namespace");
        struct record *r = kind ? table_get(&kind->table, "", c->namespace_) : NULL;
        AUTO_FREE char *why = NULL;

        if (!r) {
                call_fail_no_namespace(c);
                return false;
        }
        if (!str_eq(r->fields[resource_field(r->resource, "status.phase")], "Terminating"))
                return true;
        why = str_format("unable to create new content in namespace %s because it is being "
                         "terminated",
                         c->namespace_);
        call_fail_forbidden(c, str_or_empty(why), "NamespaceTerminating");
        return false;
}

/* ---- service addresses ---- */

static bool address_is_wanted(const json_t *spec) {
        return !str_eq(tree_text(spec, "type"), "ExternalName") &&
               !str_eq(tree_text(spec, "clusterIP"), "None");
}

static bool address_set(json_t *spec, const char *address) {
        return set_text(spec, "clusterIP", address) &&
               json_object_set_new(spec, "clusterIPs", json_pack("[s]", address)) == 0 &&
               json_object_set_new(spec, "ipFamilies", json_pack("[s]", "IPv4")) == 0 &&
               set_text(spec, "ipFamilyPolicy", "SingleStack");
}

/* Takes the address that is asked for, or any. What the call holds is given back when it fails. */
static bool address_admit(struct call *c, json_t *spec) {
        const char *asked = tree_text(spec, "clusterIP");
        char address[ADDRESS_TEXT_MAX];
        struct err e = { 0 };
        int r;

        if (!address_is_wanted(spec)) {
                if (!str_eq(asked, "None") || address_set(spec, "None"))
                        return true;
                call_fail_memory(c);
                return false;
        }
        if (str_is_empty(asked)) {
                r = addresses_take(c->registry->addresses, address, &e);
                asked = address;
        } else {
                r = addresses_take_text(c->registry->addresses, asked, &e);
        }
        if (r < 0) {
                call_fail_field(c, DIAG_INVALID, "spec.clusterIPs",
                                "Invalid value: []string{\"%s\"}: %s", r == -ENOSPC ? "" : asked,
                                err_text(&e));
                return false;
        }
        c->address = strdup(asked);
        if (!c->address)
                addresses_release(c->registry->addresses, asked);
        if (!c->address || !address_set(spec, c->address)) {
                call_fail_memory(c);
                return false;
        }
        return true;
}

/* A new state that leaves out what the server has given keeps it. */
static bool given_keep(json_t *spec, const json_t *was) {
        static const char *const GIVEN[] = { "clusterIP", "clusterIPs", "ipFamilies",
                                             "ipFamilyPolicy" };

        for (size_t i = 0; i < ARRAY_SIZE(GIVEN); i++) {
                const json_t *old = json_object_get(was, GIVEN[i]);
                const json_t *now = json_object_get(spec, GIVEN[i]);
                bool is_said = json_is_string(now) ? json_string_length(now) > 0 : !!now;

                if (old && !is_said && json_object_set(spec, GIVEN[i], (json_t *) old) < 0)
                        return false;
        }
        return true;
}

static bool address_admit_update(struct call *c, json_t *spec, const json_t *was) {
        const char *old = tree_text(was, "clusterIP"), *fresh = tree_text(spec, "clusterIP");

        if (!address_is_wanted(was) && address_is_wanted(spec) && !str_eq(old, "None"))
                return address_admit(c, spec);
        if (str_eq(tree_text(spec, "type"), "ExternalName"))
                return true;
        if ((str_is_empty(fresh) && !str_is_empty(old)) || str_eq(old, fresh)) {
                if (given_keep(spec, was))
                        return true;
                call_fail_memory(c);
                return false;
        }
        call_fail_field(c, DIAG_INVALID, "spec.clusterIPs[0]",
                        "Invalid value: []string{\"%s\"}: may not change once set",
                        str_or_empty(fresh));
        return false;
}

void admit_removed(struct call *c, const json_t *tree) {
        const char *address = tree_text(json_object_get(tree, "spec"), "clusterIP");

        if (c->kind->resource.flags & RESOURCE_SERVICE && address)
                addresses_release(c->registry->addresses, address);
}

bool admit_new(struct call *c, json_t *tree) {
        json_t *spec = json_object_get(tree, "spec");

        if (!crd_admit_object(c) || (c->asked->is_namespaced && !namespace_is_there(c)))
                return false;
        if (!admit_rbac(c, tree, NULL) || !admit_node(c, tree, NULL))
                return false;
        if (c->kind->resource.kind == &pod_kind && !admit_account(c, tree))
                return false;
        if (!admit_limits(c, tree, NULL) || !admit_priority(c, tree, NULL) ||
            !admit_tolerations(c, tree))
                return false;
        if (!admit_pod_security(c, tree, NULL))
                return false;
        if (c->kind->resource.flags & RESOURCE_DEFINITION && !crd_admit(c, tree))
                return false;
        if (c->kind->resource.flags & RESOURCE_SERVICE && spec &&
            (!address_admit(c, spec) || !node_ports_admit(c, spec, NULL)))
                return false;
        return admit_quota(c, tree, NULL);
}

/* ---- updates ---- */

bool admit_changed(struct call *c, json_t *tree, const json_t *was) {
        json_t *meta = tree_object(tree, "metadata"), *old = json_object_get(was, "metadata");
        json_t *value;

        if (!meta || !old) {
                call_fail_memory(c);
                return false;
        }
        /* The very node: a status. */
        if (meta == old)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(SERVER_META); i++) {
                value = json_object_get(old, SERVER_META[i]);
                (void) json_object_del(meta, SERVER_META[i]);
                if (value && json_object_set(meta, SERVER_META[i], value) < 0) {
                        call_fail_memory(c);
                        return false;
                }
        }
        if (c->kind->resource.flags & RESOURCE_SERVICE)
                node_ports_drop(json_object_get(tree, "spec"), json_object_get(was, "spec"));
        return true;
}

static bool has_text(const json_t *array, const char *text) {
        size_t i;
        json_t *one;

        json_array_foreach((json_t *) array, i, one) {
                if (str_eq(json_string_value(one), text))
                        return true;
        }
        return false;
}

static bool finalizers_admit(struct call *c, const json_t *tree, const json_t *was) {
        const json_t *meta = json_object_get(tree, "metadata");
        const json_t *old = json_object_get(was, "metadata");
        size_t i;
        json_t *one;

        if (!json_object_get(old, "deletionTimestamp"))
                return true;
        json_array_foreach(json_object_get(meta, "finalizers"), i, one) {
                if (has_text(json_object_get(old, "finalizers"), json_string_value(one)))
                        continue;
                call_fail_field(c, DIAG_FORBIDDEN, "metadata.finalizers",
                                "Forbidden: no new finalizers can be added if the object is being "
                                "deleted, found new finalizers []string{\"%s\"}",
                                str_or_empty(json_string_value(one)));
                return false;
        }
        return true;
}

/* Whether what counts as the wish has changed. Of a custom kind that is all but metadata and, where
 * it is a sub-resource, status. */
static bool spec_is_same(const struct call *c, const json_t *tree, const json_t *was) {
        const json_t *spec = json_object_get(tree, "spec");
        const char *key;
        json_t *value;
        size_t n[2] = { 0 };

        if (!(c->kind->resource.flags & RESOURCE_CUSTOM))
                return spec && json_equal(spec, json_object_get(was, "spec"));
        for (int i = 0; i < 2; i++)
                json_object_foreach((json_t *) (i ? was : tree), key, value) {
                        if (str_eq(key, "metadata") ||
                            (str_eq(key, "status") && c->asked->has_status))
                                continue;
                        n[i]++;
                        if (!i && !json_equal(value, json_object_get(was, key)))
                                return false;
                }
        return n[0] == n[1];
}

bool admit_update(struct call *c, json_t *tree, const json_t *was) {
        json_t *meta = json_object_get(tree, "metadata");
        json_t *spec = json_object_get(tree, "spec"), *old = json_object_get(was, "spec");
        json_int_t generation;

        if (!finalizers_admit(c, tree, was) || !admit_rbac(c, tree, was) ||
            !admit_node(c, tree, was) || !admit_priority(c, tree, was) ||
            !admit_tolerations(c, tree) || !admit_limits(c, tree, was) ||
            !admit_pod_security(c, tree, was))
                return false;
        if (c->kind->resource.flags & RESOURCE_SERVICE && spec && old &&
            (!address_admit_update(c, spec, old) || !node_ports_admit(c, spec, old)))
                return false;
        if (c->kind->resource.flags & RESOURCE_DEFINITION && !crd_admit(c, tree))
                return false;
        if (!admit_quota(c, tree, was))
                return false;
        if (!(c->kind->resource.flags & RESOURCE_HAS_GENERATION) || spec_is_same(c, tree, was))
                return true;
        generation = json_integer_value(json_object_get(meta, "generation"));
        if (json_object_set_new(meta, "generation", json_integer(generation + 1)) == 0)
                return true;
        call_fail_memory(c);
        return false;
}
