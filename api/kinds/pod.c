#include "api/kinds/pod.h"

#include "api/kinds/object.h"
#include "api/kinds/tables.h"
#include "base/str.h"

#include <stdio.h>

const struct container *pod_container(const struct pod_spec *spec, const char *name) {
        for (size_t i = 0; i < spec->containers.n; i++)
                if (str_eq(spec->containers.items[i].name, name))
                        return &spec->containers.items[i];
        for (size_t i = 0; i < spec->init_containers.n; i++)
                if (str_eq(spec->init_containers.items[i].name, name))
                        return &spec->init_containers.items[i];
        for (size_t i = 0; i < spec->ephemeral_containers.n; i++)
                if (str_eq(spec->ephemeral_containers.items[i].name, name))
                        return &spec->ephemeral_containers.items[i];
        return NULL;
}

const struct pod_condition *pod_condition_find(const struct pod_status *status, const char *type) {
        for (size_t i = 0; i < status->conditions.n; i++)
                if (str_eq(status->conditions.items[i].type, type))
                        return &status->conditions.items[i];
        return NULL;
}

bool pod_is_ready(const struct pod *p) {
        const struct pod_condition *c = pod_condition_find(&p->status, "Ready");

        return c && str_eq(c->status, "True");
}

/* What one container adds to the question of the class. */
static void pod_qos_look(const struct container *k, bool *has_any, bool *is_guaranteed) {
        static const char *const names[] = { "cpu", "memory" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct quantity limit = quantity_map_get(&k->resources.limits, names[i]);
                struct quantity request = quantity_map_get(&k->resources.requests, names[i]);

                if (limit.milli > 0 || request.milli > 0)
                        *has_any = true;
                if (limit.milli == 0 || (request.is_set && request.milli != limit.milli))
                        *is_guaranteed = false;
        }
}

const char *pod_qos_class(const struct pod_spec *spec) {
        bool has_any = false, is_guaranteed = true;

        for (size_t i = 0; i < spec->init_containers.n; i++)
                pod_qos_look(&spec->init_containers.items[i], &has_any, &is_guaranteed);
        for (size_t i = 0; i < spec->containers.n; i++)
                pod_qos_look(&spec->containers.items[i], &has_any, &is_guaranteed);
        if (!has_any)
                return "BestEffort";
        return is_guaranteed ? "Guaranteed" : "Burstable";
}

/* Why a container doesn't do what it should, in one word; NULL: it runs or ended well. buf holds
 * what has no word of its own. */
static const char *pod_container_reason(const struct container_status *s, char *buf, size_t len) {
        const struct container_state *st = &s->state;

        if (st->waiting && !str_is_empty(st->waiting->reason))
                return st->waiting->reason;
        if (!st->terminated)
                return NULL;
        if (!str_is_empty(st->terminated->reason))
                return st->terminated->reason;
        if (st->terminated->signal != 0)
                (void) snprintf(buf, len, "Signal:%lld", (long long) st->terminated->signal);
        else
                (void) snprintf(buf, len, "ExitCode:%lld", (long long) st->terminated->exit_code);
        return buf;
}

static bool pod_is_sidecar(const struct pod_spec *spec, const char *name) {
        const struct container *k = pod_container(spec, name);

        return k && str_eq(k->restart_policy, "Always");
}

/* The word of the first init container that isn't through, or NULL. */
static const char *pod_init_word(const struct pod *p, char *buf, size_t len) {
        const struct container_statuses *all = &p->status.init_container_statuses;

        for (size_t i = 0; i < all->n; i++) {
                const struct container_status *s = &all->items[i];
                const struct container_state *st = &s->state;
                char inner[64];
                const char *reason;

                if (st->terminated && st->terminated->exit_code == 0)
                        continue;
                if (s->started.value && pod_is_sidecar(&p->spec, s->name))
                        continue;
                reason = pod_container_reason(s, inner, sizeof(inner));
                if (reason && !str_eq(reason, "PodInitializing"))
                        (void) snprintf(buf, len, "Init:%s", reason);
                else
                        (void) snprintf(buf, len, "Init:%zu/%zu", i, p->spec.init_containers.n);
                return buf;
        }
        return NULL;
}

/* The Status column of kubectl get pods. */
static const char *pod_word(const struct pod *p, char *buf, size_t len) {
        const struct container_statuses *all = &p->status.container_statuses;
        const char *word = str_is_empty(p->status.phase) ? "Pending" : p->status.phase, *init;
        bool has_running = false;

        if (!str_is_empty(p->status.reason))
                word = p->status.reason;
        init = pod_init_word(p, buf, len);
        if (init) {
                word = init;
        } else {
                for (size_t i = all->n; i-- > 0;) {
                        const char *reason = pod_container_reason(&all->items[i], buf, len);

                        if (reason)
                                word = reason;
                        has_running =
                                has_running || (all->items[i].ready && all->items[i].state.running);
                }
                /* One container is done, another goes on. */
                if (str_eq(word, "Completed") && has_running)
                        word = pod_is_ready(p) ? "Running" : "NotReady";
        }
        if (p->metadata.deletion_timestamp != 0)
                return str_eq(p->status.reason, "NodeLost") ? "Unknown" : "Terminating";
        return word;
}

static int pod_add_restarts(const struct pod *p, uint64_t now_usec, json_t *cells) {
        const struct container_statuses *all = &p->status.container_statuses;
        char text[64], age[AGE_TEXT_MAX];
        int64_t restarts = 0;
        uint64_t last_usec = 0;

        for (size_t i = 0; i < all->n; i++) {
                const struct container_state_terminated *t = all->items[i].last_state.terminated;

                restarts += all->items[i].restart_count;
                if (t && t->finished_at > last_usec)
                        last_usec = t->finished_at;
        }
        if (restarts > 0 && last_usec > 0)
                (void) snprintf(text, sizeof(text), "%lld (%s ago)", (long long) restarts,
                                age_format(last_usec, now_usec, age));
        else
                (void) snprintf(text, sizeof(text), "%lld", (long long) restarts);
        return cell_add_text(cells, text);
}

static int pod_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct pod *p = decoded;
        char ready[64], word[96];
        size_t n_ready = 0;

        for (size_t i = 0; i < p->status.container_statuses.n; i++)
                n_ready += p->status.container_statuses.items[i].ready;
        (void) snprintf(ready, sizeof(ready), "%zu/%zu", n_ready, p->spec.containers.n);
        if (cell_add_text(cells, p->metadata.name) < 0 || cell_add_text(cells, ready) < 0 ||
            cell_add_text(cells, pod_word(p, word, sizeof(word))) < 0 ||
            pod_add_restarts(p, now_usec, cells) < 0 ||
            cell_add_age(cells, &p->metadata, now_usec) < 0 ||
            cell_add_text(cells, p->status.pod_ip) < 0 ||
            cell_add_text(cells, p->spec.node_name) < 0 ||
            cell_add_text(cells, p->status.nominated_node_name) < 0 ||
            cell_add_text(cells, NULL) < 0)
                return -ENOMEM;
        return 0;
}

static const struct table_column pod_columns[] = {
        COLUMN_NAME,
        { "Ready", "string", "", 0 },
        { "Status", "string", "", 0 },
        { "Restarts", "string", "", 0 },
        COLUMN_AGE,
        { "IP", "string", "", 1 },
        { "Node", "string", "", 1 },
        { "Nominated Node", "string", "", 1 },
        { "Readiness Gates", "string", "", 1 },
};

const struct kind pod_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Pod",
        .list_name = "PodList",
        .plural = "pods",
        .singular = "pod",
        .short_names = WORDS("po"),
        .categories = WORDS("all"),
        .is_namespaced = true,
        .is_stored = true,
        .has_status = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &pod_schema,
        .set_defaults = pod_default,
        .check = pod_check,
        .check_update = pod_check_update,
        .columns = pod_columns,
        .n_columns = ARRAY_SIZE(pod_columns),
        .add_cells = pod_add_cells,
};
