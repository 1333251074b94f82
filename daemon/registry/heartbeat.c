#include "daemon/registry/heartbeat.h"

#include "daemon/registry/resource.h"

#include <jansson.h>
#include <string.h>

#define PART_MAX 64

/* Deletes what path means below tree: "status.conditions[].lastHeartbeatTime". */
static void path_delete(json_t *tree, const char *path) {
        size_t len = strcspn(path, ".["), i;
        char part[PART_MAX];
        json_t *member, *one;

        if (len >= sizeof(part))
                return;
        memcpy(part, path, len);
        part[len] = '\0';
        if (path[len] == '\0') {
                (void) json_object_del(tree, part);
                return;
        }
        member = json_object_get(tree, part);
        if (path[len] == '.') {
                path_delete(member, path + len + 1);
                return;
        }
        json_array_foreach(member, i, one)
                path_delete(one, path + len + strlen("[]."));
}

static json_t *without_heartbeats(const struct resource *r, const json_t *tree) {
        json_t *copy = json_deep_copy(tree);

        for (size_t i = 0; i < r->n_heartbeats; i++)
                path_delete(copy, r->heartbeats[i]);
        path_delete(copy, "metadata.resourceVersion");
        return copy;
}

bool heartbeat_only(const struct resource *r, const json_t *was, const json_t *fresh) {
        json_t *a, *b;
        bool is_equal;

        if (r->n_heartbeats == 0)
                return false;
        a = without_heartbeats(r, was);
        b = without_heartbeats(r, fresh);
        is_equal = a && b && json_equal(a, b);
        json_decref(a);
        json_decref(b);
        return is_equal;
}
