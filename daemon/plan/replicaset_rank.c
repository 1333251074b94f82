#include "daemon/plan/replicaset_rank.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define RANK_COST "controller.kubernetes.io/pod-deletion-cost"

/* What is compared, worked out once a pod. Smaller goes first. */
struct rank {
        const struct object *o;
        const char *node;
        int64_t keys[8];
};

static int64_t rank_phase(const struct pod *p) {
        if (str_eq(p->status.phase, "Running"))
                return 2;
        return str_eq(p->status.phase, "Unknown") ? 1 : 0;
}

static int64_t rank_cost(const struct pod *p) {
        const char *text = string_map_get(&p->metadata.annotations, RANK_COST);
        int64_t cost;

        return text && str_to_int64(text, INT32_MIN, INT32_MAX, &cost) == 0 ? cost : 0;
}

static int64_t rank_restarts(const struct pod *p) {
        int64_t most = 0;

        for (size_t i = 0; i < p->status.container_statuses.n; i++)
                most = MAX(most, p->status.container_statuses.items[i].restart_count);
        return most;
}

static void rank_load(struct rank *r, const struct object *o) {
        const struct pod *p = OBJECT_AS(pod, o);
        const struct pod_condition *ready = pod_condition_find(&p->status, "Ready");
        bool is_ready = pod_is_ready(p);
        size_t k = 0;

        r->o = o;
        r->node = str_or_empty(p->spec.node_name);
        r->keys[k++] = r->node[0] != '\0';
        r->keys[k++] = rank_phase(p);
        r->keys[k++] = is_ready;
        r->keys[k++] = rank_cost(p);
        r->keys[k++] = 0; /* of the same node: rank_count_nodes() */
        r->keys[k++] = is_ready && ready ? -(int64_t) ready->last_transition_time : 0;
        r->keys[k++] = -rank_restarts(p);
        r->keys[k++] = -(int64_t) p->metadata.creation_timestamp;
}

#define RANK_KEY_NODE 4

static int rank_cmp_node(const void *a, const void *b) {
        return strcmp(((const struct rank *) a)->node, ((const struct rank *) b)->node);
}

static int rank_cmp(const void *a, const void *b) {
        const struct rank *x = a, *y = b;

        for (size_t i = 0; i < ARRAY_SIZE(x->keys); i++)
                if (x->keys[i] != y->keys[i])
                        return x->keys[i] < y->keys[i] ? -1 : 1;
        return strcmp(x->o->meta->name, y->o->meta->name);
}

/* Where more of them share a node, one can be spared sooner. */
static void rank_count_nodes(struct rank *ranks, size_t n) {
        qsort(ranks, n, sizeof(*ranks), rank_cmp_node);
        for (size_t i = 0; i < n;) {
                size_t end = i;

                while (end < n && strcmp(ranks[end].node, ranks[i].node) == 0)
                        end++;
                for (size_t k = i; k < end; k++)
                        ranks[k].keys[RANK_KEY_NODE] = -(int64_t) (end - i);
                i = end;
        }
}

int replicaset_rank(const struct object **pods, size_t n) {
        AUTO_FREE struct rank *ranks = calloc(n ? n : 1, sizeof(*ranks));

        if (!ranks)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                rank_load(&ranks[i], pods[i]);
        rank_count_nodes(ranks, n);
        qsort(ranks, n, sizeof(*ranks), rank_cmp);
        for (size_t i = 0; i < n; i++)
                pods[i] = ranks[i].o;
        return 0;
}
