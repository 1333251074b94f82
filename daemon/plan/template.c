#include "daemon/plan/template.h"

#include "api/kinds/object.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/plan/changes.h"

#include <stdlib.h>

#define TEMPLATE_HASH_LEN 10

/* Absent and empty mean the same when templates are compared; null means absent always. */
static bool template_is_nothing(const json_t *v, bool drop_empty) {
        if (json_is_null(v))
                return true;
        return drop_empty && ((json_is_object(v) && json_object_size(v) == 0) ||
                              (json_is_array(v) && json_array_size(v) == 0));
}

/* Depth is bounded by the schema (SCHEMA_DEPTH_MAX) before anything is stored. */
static json_t *template_copy(const json_t *v, bool drop_empty) {
        json_t *copy, *child;
        const char *key;
        size_t i;
        bool ok = true;

        if (json_is_object(v)) {
                copy = json_object();
                json_object_foreach((json_t *) v, key, child) {
                        json_t *clean = template_copy(child, drop_empty);

                        if (clean && template_is_nothing(clean, drop_empty))
                                json_decref(clean);
                        else
                                ok &= json_object_set_new(copy, key, clean) == 0;
                }
        } else if (json_is_array(v)) {
                copy = json_array();
                json_array_foreach(v, i, child)
                        ok &= json_array_append_new(copy, template_copy(child, drop_empty)) == 0;
        } else {
                return json_deep_copy(v);
        }
        if (!ok) {
                json_decref(copy);
                return NULL;
        }
        return copy;
}

int template_load(const struct object *workload, json_t **ret, struct err *e) {
        json_t *tree = object_json(workload), *template, *copy;

        if (!tree)
                return err_set(e, -ENOMEM, "out of memory reading a pod template");
        template = json_object_get(json_object_get(tree, "spec"), "template");
        if (!json_is_object(template)) {
                json_decref(tree);
                return err_set(e, -EINVAL, "%s %s has no pod template", workload->kind->name,
                               str_or_empty(workload->meta->name));
        }
        copy = template_copy(template, false);
        json_decref(tree);
        if (!copy)
                return err_set(e, -ENOMEM, "out of memory reading a pod template");
        *ret = copy;
        return 0;
}

json_t *template_canonical(const json_t *template) {
        json_t *copy = template_copy(template, false), *labels, *clean;

        labels = json_object_get(json_object_get(copy, "metadata"), "labels");
        if (labels)
                (void) json_object_del(labels, TEMPLATE_HASH_LABEL);
        clean = copy ? template_copy(copy, true) : NULL;
        json_decref(copy);
        return clean;
}

/* FNV-1a, 64 bits: stable across processes and machines, unlike map_hash(). */
static uint64_t template_fnv(uint64_t h, const char *s) {
        for (; *s; s++)
                h = (h ^ (unsigned char) *s) * 0x100000001b3ULL;
        return h;
}

int template_hash(const json_t *canonical, int64_t collisions, char *hash) {
        AUTO_FREE char *text = json_dumps(canonical, JSON_COMPACT | JSON_SORT_KEYS);
        AUTO_FREE char *count = NULL;
        uint64_t h = 0xcbf29ce484222325ULL;

        if (!text)
                return -ENOMEM;
        h = template_fnv(h, text);
        if (collisions > 0) {
                count = str_format("#%lld", (long long) collisions);
                if (!count)
                        return -ENOMEM;
                h = template_fnv(h, count);
        }
        (void) uid_encode(h, hash, TEMPLATE_HASH_LEN);
        return 0;
}

json_t *template_pod(const json_t *template, const struct object *owner, const char *name) {
        const json_t *meta = json_object_get(template, "metadata");
        json_t *pod_meta = json_object();
        json_t *spec = json_deep_copy(json_object_get(template, "spec"));
        static const char *const carried[] = { "labels", "annotations", "finalizers" };
        bool ok = true;

        for (size_t i = 0; i < ARRAY_SIZE(carried); i++) {
                json_t *v = json_object_get(meta, carried[i]);

                if (v)
                        ok &= tree_set(pod_meta, carried[i], json_deep_copy(v));
        }
        ok &= tree_set_text(pod_meta, "namespace", owner->meta->namespace);
        ok &= tree_set(pod_meta, "name", json_string(name));
        ok &= tree_set(pod_meta, "generateName", json_sprintf("%s-", owner->meta->name));
        ok &= tree_set(pod_meta, "ownerReferences", json_pack("[o]", tree_owner(owner)));
        if (!ok || !spec) {
                json_decref(pod_meta);
                json_decref(spec);
                return NULL;
        }
        return json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", "v1", "kind", "Pod", "metadata",
                         pod_meta, "spec", spec);
}
