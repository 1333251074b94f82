#include "daemon/registry/server_apply.h"

#include "api/patch/apply.h"
#include "api/schema/schema.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/admit.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/call.h"
#include "daemon/registry/custom_apply.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/managed.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/write.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- the body ---- */

static bool looks_like_json(const struct call *c) {
        size_t i = 0;

        while (i < c->body_len && isspace((unsigned char) c->body[i]))
                i++;
        return i < c->body_len && c->body[i] == '{';
}

static int read_yaml(struct call *c, json_t **ret, struct err *e) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        int r;

        r = text_read_yaml(c->body, c->body_len, NULL, REST_BODY_MAX_BYTES, &docs, &d);
        if (r == 0 && docs.n != 1)
                r = err_set(e, -EINVAL, "one document is wanted, not %zu", docs.n);
        else if (r < 0)
                r = err_set(e, r, "%s", d.n > 0 ? str_or_empty(d.items[0].text) : "not readable");
        diags_done(&d);
        if (r < 0)
                return r;
        *ret = json_incref(docs.items[0].tree);
        return 0;
}

static bool read_config(struct call *c, json_t **ret) {
        struct err e = { 0 };
        int r = -EINVAL;

        if (!c->body) {
                call_fail(c, 400, "BadRequest", "the request has no body");
                return false;
        }
        if (looks_like_json(c))
                r = text_read_json(c->body, c->body_len, REST_BODY_MAX_BYTES, ret, &e);
        if (r == -EINVAL)
                r = read_yaml(c, ret, &e);
        if (r == 0 && !json_is_object(*ret)) {
                json_decref(STEAL(*ret));
                r = err_set(&e, -EINVAL, "the body is no map of fields");
        }
        if (r == 0)
                return true;
        if (r == -ENOMEM)
                call_fail_memory(c);
        else
                call_fail(c, 400, "BadRequest", "error decoding YAML: %s", err_text(&e));
        return false;
}

/* ---- what is asked ---- */

static bool options_fit(struct call *c) {
        if (!str_is_empty(query_get(&c->query, "fieldManager")))
                return true;
        call_fail_options(c, "PatchOptions", DIAG_REQUIRED, "fieldManager",
                          "Required value: is required for apply patch");
        return false;
}

static bool type_fits(struct call *c, const json_t *config) {
        const char *version = tree_text(config, "apiVersion"), *kind = tree_text(config, "kind");

        if (!str_eq(version, c->asked->api_version)) {
                call_fail(
                        c, 400, "BadRequest",
                        "Incorrect version specified in apply patch. Specified patch version: %s, "
                        "expected: %s",
                        str_or_empty(version), c->asked->api_version);
                return false;
        }
        if (str_is_empty(kind)) {
                call_fail(c, 400, "BadRequest", "Object 'Kind' is missing");
                return false;
        }
        return decode_kind_matches(c, config);
}

/* The part of a config that the path speaks of. */
static void config_cut(const struct call *c, json_t *config) {
        const char *sub = c->path.subresource, *key;
        json_t *meta, *value;
        void *next;

        if (!*sub) {
                if (c->asked->has_status)
                        (void) json_object_del(config, "status");
                return;
        }
        json_object_foreach_safe(config, next, key, value) {
                if (!str_eq(key, "apiVersion") && !str_eq(key, "kind") &&
                    !str_eq(key, "metadata") && str_eq(key, "status") != str_eq(sub, "status"))
                        (void) json_object_del(config, key);
        }
        meta = json_object_get(config, "metadata");
        json_object_foreach_safe(meta, next, key, value) {
                if (!str_eq(key, "name") && !str_eq(key, "namespace"))
                        (void) json_object_del(meta, key);
        }
}

/* Checks the config against the object that is there, and takes out what says nothing of the wanted
 * state. False: answered. */
static bool config_fits(struct call *c, json_t *config, const struct record *old) {
        json_t *meta = json_object_get(config, "metadata"), *said;

        if (json_object_get(meta, "managedFields") &&
            !json_is_null(json_object_get(meta, "managedFields"))) {
                call_fail(c, 400, "BadRequest", "metadata.managedFields must be nil");
                return false;
        }
        said = json_object_get(meta, "resourceVersion");
        if (!old && said && *str_or_empty(json_string_value(said))) {
                call_fail_conflict(c, "the object has been modified; please apply your changes to "
                                      "the latest version and try again");
                return false;
        }
        if (old && !write_versions_match(c, config, old))
                return false;
        (void) json_object_del(meta, "managedFields");
        (void) json_object_del(meta, "resourceVersion");
        (void) json_object_del(meta, "uid");
        (void) json_object_del(meta, "creationTimestamp");
        (void) json_object_del(meta, "generation");
        config_cut(c, config);
        return true;
}

/* Apply may create, for those who may create. False: answered. */
static bool may_create(struct call *c) {
        AUTO_FREE char *path = NULL;
        struct rest_request q = {
                .method = "POST",
                .user = c->user,
        };
        struct rest_response refusal;

        if (*c->path.subresource) {
                call_fail_not_found(c);
                return false;
        }
        path = str_format("%s%s/%s%s%s/%s", *c->path.group ? "/apis/" : "/api", c->path.group,
                          c->path.version, *c->path.namespace_ ? "/namespaces/" : "",
                          c->path.namespace_, c->path.resource);
        if (!path) {
                call_fail_memory(c);
                return false;
        }
        q.path = path;
        if (!c->registry->is_ready || authorize_request(c->registry, &q, &refusal))
                return true;
        call_respond(c, &refusal);
        return false;
}

/* ---- applying ---- */

static void fail_apply(struct call *c, int r, const struct err *e) {
        if (r == -ENOMEM)
                call_fail_memory(c);
        else
                call_fail(c, 400, "BadRequest",
                          "failed to create typed patch object (%s/%s; %s, Kind=%s): %s",
                          c->path.namespace_, c->path.name, c->asked->api_version, c->asked->name,
                          err_text(e));
}

/* c->tree: the config. Becomes the wanted object, and c->managed says whose it is. Returns as
 * managers_apply(), or -ECANCELED when the call is answered. */
static int config_apply(struct call *c, const struct record *old, const json_t *was) {
        struct apply_type type = kind_apply_type(c->asked);
        AUTO_DONE(managers) struct managers m = { 0 };
        AUTO_DONE(apply_conflicts) struct apply_conflicts conflicts = { 0 };
        char time[CLOCK_TEXT_MAX];
        struct apply_request request = {
                .type = &type,
                .live = was,
                .config = c->tree,
                .by = managed_author(c, time),
                .is_forced = query_bool(&c->query, "force"),
        };
        json_t *tree = NULL, *last;
        struct err e = { 0 };
        int r;

        if (!managed_read(c, old, &m))
                return -ECANCELED;
        /* "1024Mi" is what "1Gi" is. */
        last = managers_last_applied(was, &request.by);
        request.last_applied = last;
        r = schema_canonical(c->asked->schema, c->tree);
        if (r == 0 && last)
                r = schema_canonical(c->asked->schema, last);
        if (r == 0)
                r = managers_apply(&m, &request, &tree, &conflicts, &e);
        json_decref(last);
        if (r == -EEXIST)
                call_fail_apply(c, conflicts.message, conflicts.causes);
        else if (r < 0)
                fail_apply(c, r, &e);
        if (r < 0)
                return -ECANCELED;
        json_decref(c->tree);
        c->tree = tree;
        c->managed = managers_format(&m);
        c->is_apply = true;
        if (c->managed)
                return r;
        call_fail_memory(c);
        return -ECANCELED;
}

static void apply_create(struct call *c) {
        if (!may_create(c) || config_apply(c, NULL, NULL) < 0)
                return;
        free(STEAL(c->name));
        free(STEAL(c->namespace_));
        if (admit_identity(c, c->tree) && decode_check(c, c->tree, NULL))
                write_create_run(c);
}

static void apply_change(struct call *c, struct record *old) {
        json_t *was = managed_tree(old, c->asked);
        int r;

        if (!was) {
                call_fail_memory(c);
                return;
        }
        r = config_apply(c, old, was);
        if (r == 0)
                call_respond_record(c, old);
        else if (r > 0)
                write_update(c, old, was);
        json_decref(was);
}

static void apply_run(struct call *c) {
        struct record *old = table_get(&c->kind->table, c->path.namespace_, c->path.name);

        if (!config_fits(c, c->tree, old))
                return;
        if (old)
                apply_change(c, old);
        else
                apply_create(c);
}

void server_apply(struct call *c) {
        if (!options_fit(c) || !read_config(c, &c->tree) || !type_fits(c, c->tree) ||
            !write_names_match(c, c->tree))
                return;
        /* What doesn't exist has no owner: an apply that names it is refused, not pruned. */
        c->field_validation = FIELDS_STRICT;
        write_wait(c, apply_run);
}

void server_apply_with(struct call *c, json_t *(*to_config)(struct call *c, json_t *body)) {
        json_t *config;

        if (!options_fit(c) || !read_config(c, &c->tree) || !write_names_match(c, c->tree))
                return;
        config = to_config(c, c->tree);
        if (!config)
                return;
        json_decref(c->tree);
        c->tree = config;
        write_wait(c, apply_run);
}
