#include "daemon/plan/pod_amount.h"

#include "api/kinds/pod.h"
#include "api/schema/quantity.h"
#include "base/str.h"

static struct quantity amount_of(const struct container *c, const char *name, bool of_limits) {
        return quantity_map_get(of_limits ? &c->resources.limits : &c->resources.requests, name);
}

static struct quantity amount_max(struct quantity a, struct quantity b) {
        return !a.is_set || (b.is_set && b.milli > a.milli) ? b : a;
}

static const struct container_status *status_of(const struct container_statuses *list,
                                                const char *name) {
        for (size_t i = 0; i < list->n; i++)
                if (str_eq(list->items[i].name, name))
                        return &list->items[i];
        return NULL;
}

static bool is_infeasible(const struct pod *p) {
        const struct pod_condition *c = pod_condition_find(&p->status, "PodResizePending");

        return c && str_eq(c->reason, "Infeasible");
}

struct quantity pod_amount_held_by(const struct pod *p, const struct container *c, const char *name,
                                   bool of_limits) {
        struct quantity asked = amount_of(c, name, of_limits), held = { 0 };
        const struct container_status *s = status_of(&p->status.container_statuses, c->name);

        if (!s && str_eq(c->restart_policy, "Always"))
                s = status_of(&p->status.init_container_statuses, c->name);
        if (!s || !s->resources || !asked.is_set)
                return asked;
        held = quantity_map_get(of_limits ? &s->resources->limits : &s->resources->requests, name);
        if (!of_limits)
                held = amount_max(held, quantity_map_get(&s->allocated_resources, name));
        return held.is_set && is_infeasible(p) ? held : amount_max(asked, held);
}

/* p: NULL unless what is held counts. */
static struct quantity amount_by(const struct pod *p, const struct container *c, const char *name,
                                 bool of_limits) {
        return p ? pod_amount_held_by(p, c, name, of_limits) : amount_of(c, name, of_limits);
}

/* Init containers run one after another, before the others; sidecars (restartPolicy Always) stay,
 * so they count for all that come after them. */
static struct quantity amount_sum(const struct pod_spec *spec, const struct pod *p,
                                  const char *name, bool of_limits) {
        struct quantity sum = { 0 }, sidecars = { 0 }, most = { 0 };

        for (size_t i = 0; i < spec->containers.n; i++)
                sum = quantity_add(sum, amount_by(p, &spec->containers.items[i], name, of_limits));
        for (size_t i = 0; i < spec->init_containers.n; i++) {
                const struct container *c = &spec->init_containers.items[i];
                struct quantity own = amount_by(p, c, name, of_limits);

                if (str_eq(c->restart_policy, "Always")) {
                        sidecars = quantity_add(sidecars, own);
                        most = amount_max(most, sidecars);
                } else {
                        most = amount_max(most, quantity_add(sidecars, own));
                }
        }
        return amount_max(quantity_add(sum, sidecars), most);
}

struct quantity pod_amount(const struct pod_spec *spec, const char *name, bool of_limits) {
        return amount_sum(spec, NULL, name, of_limits);
}

struct quantity pod_amount_held(const struct pod *p, const char *name, bool of_limits) {
        return amount_sum(&p->spec, p, name, of_limits);
}

static bool has_compute(const struct containers *list) {
        static const char *const NAMES[] = { "cpu", "memory" };

        for (size_t i = 0; i < list->n; i++)
                for (size_t k = 0; k < ARRAY_SIZE(NAMES); k++)
                        if (amount_of(&list->items[i], NAMES[k], false).milli > 0 ||
                            amount_of(&list->items[i], NAMES[k], true).milli > 0)
                                return true;
        return false;
}

bool pod_amount_has_compute(const struct pod_spec *spec) {
        return has_compute(&spec->containers) || has_compute(&spec->init_containers);
}
