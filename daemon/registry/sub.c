#include "daemon/registry/sub.h"

#include "api/kinds/custom.h"
#include "api/kinds/labels.h"
#include "api/kinds/meta.h"
#include "api/kinds/object.h"
#include "api/schema/schema.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/managed.h"
#include "daemon/registry/record.h"
#include "daemon/registry/server_apply.h"
#include "daemon/registry/state.h"
#include "daemon/registry/write.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- scale ---- */

/* The selector as text, for whoever lists the pods: "app=web". */
static json_t *selector_text(const json_t *selector) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct label_selector decoded = { 0 };
        AUTO_FREE char *text = NULL;

        if (json_is_string(selector))
                return json_copy((json_t *) selector); /* as a custom kind has it */
        if (!selector || !a ||
            schema_decode(&label_selector_schema, selector, a, &decoded, NULL) < 0)
                return json_string("");
        text = label_selector_format(&decoded);
        return json_string(str_or_empty(text));
}

/* Where a kind has what its Scale shows. */
static const struct custom_scale *scale_paths(const struct kind *k) {
        static const struct custom_scale OF_TABLES = { "spec.replicas", "status.replicas",
                                                       "spec.selector" };
        const struct custom_scale *custom = custom_scale_of(k);

        return custom ? custom : &OF_TABLES;
}

/* The Scale of an object; the caller's, NULL when memory is out. */
static json_t *scale_of(const struct kind *k, const json_t *tree) {
        static const char *const META[] = { "name", "namespace", "uid", "resourceVersion",
                                            "creationTimestamp" };
        const struct custom_scale *at = scale_paths(k);
        const json_t *meta = json_object_get(tree, "metadata");
        json_t *copy = json_object();

        for (size_t i = 0; i < ARRAY_SIZE(META); i++)
                if (json_object_get(meta, META[i]))
                        (void) json_object_set(copy, META[i], json_object_get(meta, META[i]));
        return json_pack("{s:s,s:s,s:o,s:{s:I},s:{s:I,s:o}}", "kind", "Scale", "apiVersion",
                         "autoscaling/v1", "metadata", copy, "spec", "replicas",
                         json_integer_value(custom_at(tree, at->spec_replicas)), "status",
                         "replicas", json_integer_value(custom_at(tree, at->status_replicas)),
                         "selector", selector_text(custom_at(tree, at->selector)));
}

/* What the new Scale asks for. False: answered. */
static bool replicas_read(struct call *c, const json_t *scale, json_int_t *ret) {
        const json_t *replicas = json_object_get(json_object_get(scale, "spec"), "replicas");
        const json_t *meta = json_object_get(scale, "metadata");

        if (replicas && !json_is_integer(replicas)) {
                call_fail(
                        c, 400, "BadRequest",
                        "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas must "
                        "be an integer");
                return false;
        }
        *ret = json_integer_value(replicas);
        if (*ret < 0 || *ret > INT32_MAX) {
                call_fail(c, 422, "Invalid",
                          "Scale.autoscaling \"%s\" is invalid: spec.replicas: Invalid value: "
                          "%" JSON_INTEGER_FORMAT ": must be greater than or equal to 0",
                          str_or_empty(tree_text(meta, "name")), *ret);
                return false;
        }
        return true;
}

static bool scale_is_current(struct call *c, const json_t *scale, const struct record *old) {
        const char *said = tree_text(json_object_get(scale, "metadata"), "resourceVersion");
        char now[24];

        (void) snprintf(now, sizeof(now), "%" PRIu64, old->revision);
        if (str_is_empty(said) || str_eq(said, now))
                return true;
        call_fail_conflict(c, "the object has been modified; please apply your changes to the "
                              "latest version and try again");
        return false;
}

/* c->tree: the new Scale. Becomes the changed object. */
static void scale_apply(struct call *c, struct record *old, json_t *was) {
        json_int_t replicas = 0;
        json_t *tree;

        if (!scale_is_current(c, c->tree, old) || !replicas_read(c, c->tree, &replicas))
                return;
        tree = json_deep_copy(was);
        json_decref(c->tree);
        c->tree = tree;
        if (!tree ||
            custom_put(tree, scale_paths(c->asked)->spec_replicas, json_integer(replicas)) < 0)
                call_fail_memory(c);
        else
                write_update(c, old, was);
}

static void scale_run(struct call *c) {
        struct record *old = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        json_t *was = old ? managed_tree(old, c->asked) : NULL,
               *scale = was ? scale_of(c->asked, was) : NULL;

        if (!old)
                call_fail_not_found(c);
        else if (!scale)
                call_fail_memory(c);
        else if (str_eq(c->method, "PUT") || write_apply_patch(c, scale, &c->tree))
                scale_apply(c, old, was);
        json_decref(scale);
        json_decref(was);
}

static void scale_get(struct call *c) {
        struct record *r = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        json_t *tree = r ? record_tree(r) : NULL, *scale = tree ? scale_of(c->asked, tree) : NULL;

        if (!r)
                call_fail_not_found(c);
        else if (scale)
                call_respond_tree(c, scale);
        else
                call_fail_memory(c);
        json_decref(scale);
        json_decref(tree);
}

/* What an applied Scale says of its object. */
static json_t *scale_config(struct call *c, json_t *scale) {
        json_t *meta = json_object_get(scale, "metadata"), *config;
        json_int_t replicas = 0;

        if (!str_eq(tree_text(scale, "apiVersion"), "autoscaling/v1") ||
            !str_eq(tree_text(scale, "kind"), "Scale")) {
                call_fail(
                        c, 400, "BadRequest",
                        "Incorrect version specified in apply patch. Specified patch version: %s, "
                        "expected: autoscaling/v1",
                        str_or_empty(tree_text(scale, "apiVersion")));
                return NULL;
        }
        if (!replicas_read(c, scale, &replicas))
                return NULL;
        config = json_pack("{s:s,s:s,s:O}", "apiVersion", c->asked->api_version, "kind",
                           c->asked->name, "metadata", meta);
        if (config && json_object_get(json_object_get(scale, "spec"), "replicas") &&
            custom_put(config, scale_paths(c->asked)->spec_replicas, json_integer(replicas)) < 0)
                json_decref(STEAL(config));
        if (!config)
                call_fail_memory(c);
        return config;
}

void sub_scale(struct call *c) {
        if (str_eq(c->method, "GET")) {
                scale_get(c);
                return;
        }
        if (str_eq(c->method, "PATCH") && write_is_apply(c)) {
                c->answer_of = scale_of;
                server_apply_with(c, scale_config);
                return;
        }
        if (str_eq(c->method, "PUT") && !decode_body(c, &c->tree))
                return;
        if (!c->body) {
                call_fail(c, 400, "BadRequest", "the request has no body");
                return;
        }
        c->answer_of = scale_of;
        write_wait(c, scale_run);
}

/* ---- binding ---- */

static int condition_scheduled(struct call *c, json_t *tree) {
        json_t *status = tree_object(tree, "status"), *list, *one;
        char now[CLOCK_TEXT_MAX];
        size_t i;

        if (!status)
                return -ENOMEM;
        list = json_object_get(status, "conditions");
        if (!json_is_array(list)) {
                list = json_array();
                if (json_object_set_new(status, "conditions", list) < 0)
                        return -ENOMEM;
        }
        json_array_foreach(list, i, one) {
                if (str_eq(tree_text(one, "type"), "PodScheduled")) {
                        (void) json_array_remove(list, i);
                        break;
                }
        }
        one = json_pack("{s:s,s:s,s:s}", "type", "PodScheduled", "status", "True",
                        "lastTransitionTime", clock_format(c->registry->wall_usec(), now));
        return json_array_append_new(list, one) < 0 ? -ENOMEM : 0;
}

static bool pod_is_free(struct call *c, const json_t *was) {
        const char *node = tree_text(json_object_get(was, "spec"), "nodeName");
        AUTO_FREE char *why = NULL;

        if (json_object_get(json_object_get(was, "metadata"), "deletionTimestamp"))
                why = str_format("pod %s is being deleted, cannot be assigned to a host",
                                 c->path.name);
        else if (!str_is_empty(node))
                why = str_format("pod %s is already assigned to node \"%s\"", c->path.name, node);
        else
                return true;
        call_fail_conflict(c, str_or_empty(why));
        return false;
}

/* c->tree: the Binding. Becomes the bound pod. */
static void bind(struct call *c, struct record *old, json_t *was) {
        const char *node = tree_text(json_object_get(c->tree, "target"), "name");
        json_t *tree, *spec;

        if (str_is_empty(node)) {
                call_fail_field(c, DIAG_REQUIRED, "target.name", "Required value");
                return;
        }
        if (!pod_is_free(c, was))
                return;
        tree = json_deep_copy(was);
        spec = tree ? tree_object(tree, "spec") : NULL;
        if (!spec || json_object_set_new(spec, "nodeName", json_string(node)) < 0 ||
            condition_scheduled(c, tree) < 0) {
                json_decref(tree);
                call_fail_memory(c);
                return;
        }
        json_decref(c->tree);
        c->tree = tree;
        c->status = 201;
        c->tells_status = true;
        write_update(c, old, was);
}

static void binding_run(struct call *c) {
        struct record *old = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        json_t *was = old ? managed_tree(old, c->asked) : NULL;

        if (!old)
                call_fail_not_found(c);
        else if (!was)
                call_fail_memory(c);
        else
                bind(c, old, was);
        json_decref(was);
}

void sub_binding(struct call *c) {
        if (!decode_body(c, &c->tree))
                return;
        c->name = strdup(c->path.name);
        if (c->name)
                write_wait(c, binding_run);
        else
                call_fail_memory(c);
}

/* The same by the name in the body: the call becomes one about that pod. */
void sub_bindings(struct call *c) {
        const char *name = tree_text(json_object_get(c->tree, "metadata"), "name");
        const struct kind *pods = NULL;
        struct kind_state *state = registry_kind_asked(c->registry, "", "v1", "pods", &pods);

        if (!*c->path.namespace_) {
                call_refuse_method(c, "");
                return;
        }
        if (str_is_empty(name)) {
                call_fail_field(c, DIAG_REQUIRED, "metadata.name",
                                "Required value: name or generateName is required");
                return;
        }
        c->name = strdup(name);
        if (!c->name) {
                call_fail_memory(c);
                return;
        }
        c->path.name = c->name;
        c->path.subresource = "binding";
        refs_put(&c->kind->refs);
        kind_unref(c->asked);
        call_set_kind(c, state, pods);
        write_wait(c, binding_run);
}
