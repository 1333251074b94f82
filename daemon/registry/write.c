#include "daemon/registry/write.h"

#include "api/kinds/object.h"
#include "api/patch/patch.h"
#include "api/patch/tree.h"
#include "api/schema/schema.h"
#include "api/text/text.h"
#include "base/str.h"
#include "daemon/registry/addresses.h"
#include "daemon/registry/admit.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/heartbeat.h"
#include "daemon/registry/managed.h"
#include "daemon/registry/pod_part.h"
#include "daemon/registry/record.h"
#include "daemon/registry/remove.h"
#include "daemon/registry/server_apply.h"
#include "daemon/registry/state.h"
#include "daemon/registry/view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MODIFIED_TEXT                                                                              \
        "the object has been modified; please apply your changes to the latest version and try "   \
        "again"

static void turn_run(struct turn *t) {
        struct call *c = CONTAINER_OF(t, struct call, turn);

        c->run(c);
}

void write_wait(struct call *c, void (*run)(struct call *c)) {
        const char *namespace_ = c->namespace_ ? c->namespace_ : c->path.namespace_;
        const char *name = c->name ? c->name : c->path.name;

        c->run = run;
        c->turn.run = turn_run;
        if (turn_begin(c->registry, &c->turn, registry_key(&c->kind->resource, namespace_, name)) <
            0)
                call_fail_memory(c);
}

/* What a store that can't write says, in Kubernetes' terms. */
static void fail_commit(struct call *c, int result, const char *text) {
        if (result == -E2BIG)
                call_fail(c, 413, "RequestEntityTooLarge", "%s", text);
        else if (result == -EAGAIN)
                call_fail_conflict(c, MODIFIED_TEXT);
        else
                call_fail(c, 500, "InternalError", "Internal error occurred: %s", text);
}

static void committed(void *data, int result, const char *text, struct record *now) {
        struct call *c = data;

        if (result < 0)
                fail_commit(c, result, text);
        else
                call_respond_record(c, now);
}

/* From the version that the client speaks. False: answered. */
static bool tree_to_stored(struct call *c) {
        if (!managed_put(c, true))
                return false;
        if (kind_to_stored(c->asked, c->tree) == 0)
                return true;
        call_fail_memory(c);
        return false;
}

static void submit(struct call *c, enum change change, struct record *old, bool is_volatile) {
        struct change_request request = {
                .kind = c->kind,
                .change = change,
                .old = old,
                .is_volatile = is_volatile,
                .done = committed,
                .data = c,
        };
        struct err e = { 0 };
        json_t *tree;
        int r;

        if (!tree_to_stored(c))
                return;
        /* Its text is all that counts from here on. Trees of all that wait for the disk would make
         * the memory of new ones cold. */
        request.tree = tree = STEAL(c->tree);
        r = commit_submit(c->registry, &request, &e);
        json_decref(tree);
        if (r < 0)
                fail_commit(c, r, err_text(&e));
}

/* ---- create ---- */

static bool is_generated(const struct call *c) {
        const char *stem = tree_text(json_object_get(c->tree, "metadata"), "generateName");

        return !str_is_empty(stem) && str_starts_with(c->name, stem) &&
               strlen(c->name) == MIN(strlen(stem), (size_t) 58) + 5;
}

void write_create_run(struct call *c) {
        bool is_volatile = c->kind->resource.flags & RESOURCE_VOLATILE;
        char resource[CALL_RESOURCE_MAX];

        if (table_get(&c->kind->table, c->namespace_, c->name)) {
                call_fail(c, 409, "AlreadyExists", "%s \"%s\" already exists%s",
                          call_resource(c, resource), c->name,
                          is_generated(c) ? ", the server was not able to generate a unique name "
                                            "for the object"
                                          : "");
                return;
        }
        if (!pod_part_check_new(c, c->tree) || !admit_new(c, c->tree))
                return;
        c->status = 201;
        if (!c->is_dry_run) {
                submit(c, CHANGE_ADDED, NULL, is_volatile);
                return;
        }
        if (c->address)
                addresses_release(c->registry->addresses, c->address);
        if (managed_put(c, false))
                call_respond_tree(c, c->tree);
}

void write_create(struct call *c) {
        if (!decode_body(c, &c->tree) || !decode_kind_matches(c, c->tree) ||
            !managed_take(c, c->tree) || !admit_identity(c, c->tree) ||
            !decode_check(c, c->tree, NULL) || !managed_create(c))
                return;
        write_wait(c, write_create_run);
}

/* ---- update ---- */

/* Whether an object that is being deleted has nothing left to wait for. */
static bool is_released(const struct call *c, const json_t *tree) {
        const json_t *meta = json_object_get(tree, "metadata");
        const json_t *grace = json_object_get(meta, "deletionGracePeriodSeconds");

        if (!json_object_get(meta, "deletionTimestamp") ||
            json_array_size(json_object_get(meta, "finalizers")) > 0)
                return false;
        if (c->kind->resource.flags & RESOURCE_NAMESPACE)
                return json_array_size(
                               json_object_get(json_object_get(tree, "spec"), "finalizers")) == 0;
        return !(c->kind->resource.flags & RESOURCE_GRACEFUL) || json_integer_value(grace) == 0;
}

/* Who owns what after a change. False: answered. */
static bool managers_settle(struct call *c, const struct record *old, const json_t *was,
                            bool is_heartbeat) {
        if (c->is_apply)
                return true;
        if (is_heartbeat || str_eq(c->path.subresource, "binding"))
                return managed_keep(c, old);
        return managed_update(c, old, was);
}

void write_update(struct call *c, struct record *old, json_t *was) {
        bool is_volatile = c->kind->resource.flags & RESOURCE_VOLATILE, is_heartbeat;

        if (!admit_changed(c, c->tree, was) || !decode_check(c, c->tree, was))
                return;
        is_heartbeat = !c->is_apply && !c->managed_said &&
                       heartbeat_only(&c->kind->resource, was, c->tree);
        if (!managers_settle(c, old, was, is_heartbeat) || !admit_update(c, c->tree, was))
                return;
        /* What binds a pod changes what nobody else may. */
        if (pod_part_is(c) ? !pod_part_check(c, was, c->tree)
                           : !str_eq(c->path.subresource, "binding") &&
                                     !decode_check_update(c, was, c->tree))
                return;
        if (json_equal(c->tree, was) && !managed_differs(c, old)) {
                call_respond_record(c, old);
        } else if (c->is_dry_run) {
                if (c->address)
                        addresses_release(c->registry->addresses, c->address);
                if (managed_put(c, false))
                        call_respond_tree(c, c->tree);
        } else if (is_released(c, c->tree)) {
                if (tree_to_stored(c))
                        remove_submit(c, old);
        } else {
                submit(c, CHANGE_MODIFIED, old, is_volatile || is_heartbeat);
        }
}

/* What the new state says of the version it was made from. */
bool write_versions_match(struct call *c, const json_t *fresh, const struct record *old) {
        const json_t *meta = json_object_get(fresh, "metadata");
        const char *revision = tree_text(meta, "resourceVersion"), *uid = tree_text(meta, "uid");
        AUTO_FREE char *why = NULL;
        char now[24];

        (void) snprintf(now, sizeof(now), "%" PRIu64, old->revision);
        if (!str_is_empty(uid) && !str_eq(uid, old->uid)) {
                why = str_format(
                        "Precondition failed: UID in precondition: %s, UID in object meta: "
                        "%s",
                        uid, old->uid);
                call_fail_conflict(c, str_or_empty(why));
                return false;
        }
        if (!str_is_empty(revision) && !str_eq(revision, now)) {
                call_fail_conflict(c, MODIFIED_TEXT);
                return false;
        }
        return true;
}

bool write_names_match(struct call *c, json_t *fresh) {
        json_t *meta = tree_object(fresh, "metadata");
        const char *name = tree_text(meta, "name"), *namespace_ = tree_text(meta, "namespace");

        if (!str_is_empty(name) && !str_eq(name, c->path.name)) {
                call_fail(c, 400, "BadRequest",
                          "the name of the object (%s) does not match the name on the URL (%s)",
                          name, c->path.name);
                return false;
        }
        if (*c->path.namespace_ && !str_is_empty(namespace_) &&
            !str_eq(namespace_, c->path.namespace_)) {
                call_fail(c, 400, "BadRequest",
                          "the namespace of the object (%s) does not match the namespace on the "
                          "request "
                          "(%s)",
                          namespace_, c->path.namespace_);
                return false;
        }
        c->name = strdup(c->path.name);
        if (c->name && meta && json_object_set_new(meta, "name", json_string(c->path.name)) == 0 &&
            (!*c->path.namespace_ ||
             json_object_set_new(meta, "namespace", json_string(c->path.namespace_)) == 0))
                return true;
        call_fail_memory(c);
        return false;
}

/* The part that the path speaks of comes from fresh, the rest from the object as it is. */
static json_t *whole_parts_join(const struct call *c, const json_t *was, json_t *fresh) {
        bool is_status = str_eq(c->path.subresource, "status");
        bool is_finalize = str_eq(c->path.subresource, "finalize");
        const char *part = is_finalize ? "spec" : "status";
        json_t *to = is_status || is_finalize ? tree_copy_members(was) : json_incref(fresh);
        json_t *value = json_object_get(is_status || is_finalize ? fresh : was, part);

        if (!to || (!is_status && !is_finalize && !c->asked->has_status))
                return to;
        (void) json_object_del(to, part);
        if (value && json_object_set(to, part, value) < 0) {
                json_decref(to);
                return NULL;
        }
        return to;
}

static json_t *parts_join(const struct call *c, const json_t *was, json_t *fresh) {
        if (pod_part_is(c))
                return pod_part_join(c, was, fresh);
        return whole_parts_join(c, was, fresh);
}

/* The same with copies of what may be changed from here on. What is still the node that was has
 * stays that node, so that who compares or checks sees at once that nothing is new there; metadata
 * excepted, which the server writes into. What came with the request alone is the call's already.
 * Not so for definitions, whose admission writes into all of them, nor for their objects: what a
 * schema says of defaults may be newer than the object. */
static json_t *parts_own(const struct call *c, const json_t *was, json_t *take_joined) {
        bool is_fresh = str_eq(c->method, "PUT") && !pod_part_is(c);
        bool is_status = str_eq(c->path.subresource, "status");
        json_t *own = json_object(), *value;
        const char *key;

        if (c->asked->custom || c->kind->resource.flags & RESOURCE_DEFINITION) {
                json_decref(own);
                own = json_deep_copy(take_joined);
                json_decref(take_joined);
                return own;
        }
        json_object_foreach(take_joined, key, value) {
                bool is_same = value == json_object_get(was, key);
                bool is_kept = is_same ? is_status || !str_eq(key, "metadata") : is_fresh;

                if (json_object_set_new(own, key,
                                        is_kept ? json_incref(value) : json_deep_copy(value)) < 0) {
                        json_decref(own);
                        own = NULL;
                        break;
                }
        }
        json_decref(take_joined);
        return own;
}

/* From here on c->tree is what the client wants the object, or its part, to be. */
static void change_apply(struct call *c, struct record *old, json_t *was) {
        json_t *joined, *own;

        if (!json_is_object(c->tree)) {
                call_fail(c, 422, "Invalid", "an object must be a map of fields");
                return;
        }
        if (!decode_kind_matches(c, c->tree) || !write_names_match(c, c->tree) ||
            !write_versions_match(c, c->tree, old) || !managed_take(c, c->tree))
                return;
        joined = parts_join(c, was, c->tree);
        own = joined ? parts_own(c, was, joined) : NULL;
        json_decref(c->tree);
        c->tree = own;
        if (!own) {
                call_fail_memory(c);
                return;
        }
        write_update(c, old, was);
}

static void replace_run(struct call *c) {
        struct record *old = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        json_t *was;

        if (!old) {
                call_fail_not_found(c);
                return;
        }
        was = managed_tree(old, c->asked);
        if (was)
                change_apply(c, old, was);
        else
                call_fail_memory(c);
        json_decref(was);
}

void write_replace(struct call *c) {
        if (decode_body(c, &c->tree))
                write_wait(c, replace_run);
}

/* ---- patch ---- */

static bool patch_type_is(const struct call *c, const char *type) {
        size_t len = strlen(type);

        return c->content_type && strncasecmp(c->content_type, type, len) == 0 &&
               (c->content_type[len] == '\0' || c->content_type[len] == ';' ||
                c->content_type[len] == ' ');
}

bool write_is_apply(const struct call *c) {
        return patch_type_is(c, "application/apply-patch+yaml");
}

static void fail_patch(struct call *c, int r, const struct err *e) {
        if (r == -ENOMEM)
                call_fail_memory(c);
        else if (r == -E2BIG)
                call_fail(c, 413, "RequestEntityTooLarge", "%s", err_text(e));
        else if (r == -ENOENT)
                call_fail(c, 422, "Invalid",
                          "the server rejected our request due to an error in our request: %s",
                          err_text(e));
        else
                call_fail(c, 400, "BadRequest", "%s", err_text(e));
}

bool write_apply_patch(struct call *c, const json_t *tree, json_t **ret) {
        json_t *patch = NULL;
        struct err e = { 0 };
        int r;

        if (!decode_text(c, &patch))
                return false;
        if (patch_type_is(c, "application/merge-patch+json"))
                r = patch_merge(tree, patch, ret, &e);
        else if (patch_type_is(c, "application/json-patch+json"))
                r = patch_json(tree, patch, ret, &e);
        else
                r = patch_strategic(c->asked->schema, tree, patch, ret, &e);
        /* What is wrong with one operation isn't a body that can't be read. */
        if (r == -EINVAL && json_is_array(patch) && patch_type_is(c, "application/json-patch+json"))
                r = -ENOENT;
        json_decref(patch);
        if (r < 0)
                fail_patch(c, r, &e);
        return r == 0;
}

static void patch_run(struct call *c) {
        struct record *old = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        json_t *was, *whole;

        if (!old) {
                call_fail_not_found(c);
                return;
        }
        was = managed_tree(old, c->asked);
        /* A patch that speaks of managers finds them. */
        whole = was && memmem(c->body, c->body_len, "managedFields", strlen("managedFields"))
                        ? view_tree(old, c->asked)
                        : json_incref(was);
        if (!whole)
                call_fail_memory(c);
        else if (write_apply_patch(c, whole, &c->tree))
                change_apply(c, old, was);
        json_decref(whole);
        json_decref(was);
}

void write_patch(struct call *c) {
        if (write_is_apply(c)) {
                server_apply(c);
                return;
        }
        if (c->asked->custom && patch_type_is(c, "application/strategic-merge-patch+json")) {
                call_fail(c, 415, "UnsupportedMediaType",
                          "the body of the request was in an unknown format - accepted media types "
                          "include: application/json-patch+json, application/merge-patch+json, "
                          "application/apply-patch+yaml");
                return;
        }
        if (!patch_type_is(c, "application/merge-patch+json") &&
            !patch_type_is(c, "application/json-patch+json") &&
            !patch_type_is(c, "application/strategic-merge-patch+json")) {
                call_fail(c, 415, "UnsupportedMediaType",
                          "the body of the request was in an unknown format - accepted media types "
                          "include: application/json-patch+json, application/merge-patch+json, "
                          "application/strategic-merge-patch+json, application/apply-patch+yaml");
                return;
        }
        if (query_get(&c->query, "force")) {
                call_fail_options(c, "PatchOptions", DIAG_FORBIDDEN, "force",
                                  "Forbidden: may not be specified for non-apply patch");
                return;
        }
        if (!c->body) {
                call_fail(c, 400, "BadRequest", "the request has no body");
                return;
        }
        write_wait(c, patch_run);
}
