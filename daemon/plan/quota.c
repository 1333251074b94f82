#include "daemon/plan/quota.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/quota.h"
#include "api/kinds/service.h"
#include "api/kinds/storage.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "daemon/plan/pod_amount.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS "requests."
#define LIMITS "limits."
#define CLASS_INFIX ".storageclass.storage.k8s.io/"

static struct quantity number(size_t n) {
        return (struct quantity){ .is_set = true, .milli = (int64_t) n * 1000 };
}

/* ---- objects as such ---- */

/* Whether name is "count/PLURAL.GROUP" of the kind. */
static bool is_count_of(const char *name, const struct kind *k) {
        size_t len = strlen(k->plural);

        if (!str_starts_with(name, "count/"))
                return false;
        name += strlen("count/");
        if (strncmp(name, k->plural, len) != 0)
                return false;
        return *k->group ? name[len] == '.' && str_eq(name + len + 1, k->group) : name[len] == '\0';
}

/* Kinds that are also counted under their plain name. */
static bool is_alias_of(const char *name, const struct kind *k) {
        static const char *const KINDS[] = { "configmaps",
                                             "persistentvolumeclaims",
                                             "replicationcontrollers",
                                             "resourcequotas",
                                             "secrets",
                                             "services" };

        if (*k->group || !str_eq(name, k->plural))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++)
                if (str_eq(name, KINDS[i]))
                        return true;
        return false;
}

bool quota_needs_object(const struct kind *k) {
        return k == &pod_kind || k == &service_kind || k == &persistent_volume_claim_kind;
}

/* ---- pods ---- */

/* Resources that may be asked for without "requests." before them. */
static bool is_plain_compute(const char *name) {
        return str_eq(name, "cpu") || str_eq(name, "memory") || str_eq(name, "ephemeral-storage");
}

/* The resource that a name of a quota is about, or NULL. */
static const char *compute_of(const char *name, bool *ret_of_limits) {
        *ret_of_limits = str_starts_with(name, LIMITS);
        if (*ret_of_limits) {
                name += strlen(LIMITS);
                return is_plain_compute(name) ? name : NULL;
        }
        if (str_starts_with(name, REQUESTS)) {
                name += strlen(REQUESTS);
                /* Extended resources have a domain; requests.storage is of claims. */
                return is_plain_compute(name) || str_starts_with(name, "hugepages-") ||
                                       strchr(name, '/')
                               ? name
                               : NULL;
        }
        return is_plain_compute(name) || str_starts_with(name, "hugepages-") ? name : NULL;
}

static bool is_about_pods(const char *name) {
        bool of_limits;

        return str_eq(name, "pods") || is_count_of(name, &pod_kind) || compute_of(name, &of_limits);
}

/* What has ended holds no resources any more; it is still an object. */
static bool has_ended(const struct pod *p) {
        return str_eq(p->status.phase, "Succeeded") || str_eq(p->status.phase, "Failed");
}

static struct quantity pod_cost(const struct pod *p, const char *name) {
        struct quantity none = { 0 };
        bool of_limits;
        const char *resource;

        if (is_count_of(name, &pod_kind))
                return number(1);
        if (has_ended(p))
                return none;
        if (str_eq(name, "pods"))
                return number(1);
        resource = compute_of(name, &of_limits);
        return resource ? pod_amount_held(p, resource, of_limits) : none;
}

/* ---- scopes ---- */

static bool class_is_in(const struct pod *p, const struct strings *values) {
        return !str_is_empty(p->spec.priority_class_name) &&
               strings_has(values, p->spec.priority_class_name);
}

static bool class_matches(const struct pod *p,
                          const struct scoped_resource_selector_requirement *s) {
        if (str_eq(s->operator, "In"))
                return class_is_in(p, &s->values);
        if (str_eq(s->operator, "NotIn"))
                return !class_is_in(p, &s->values);
        return str_is_empty(p->spec.priority_class_name) == str_eq(s->operator, "DoesNotExist");
}

/* Scopes that orch doesn't know choose nothing. */
static bool scope_matches(const struct pod *p,
                          const struct scoped_resource_selector_requirement *s) {
        bool ends = p->spec.active_deadline_seconds.is_set &&
                    p->spec.active_deadline_seconds.value >= 0;

        if (str_eq(s->scope_name, "Terminating"))
                return ends;
        if (str_eq(s->scope_name, "NotTerminating"))
                return !ends;
        if (str_eq(s->scope_name, "BestEffort"))
                return !pod_amount_has_compute(&p->spec);
        if (str_eq(s->scope_name, "NotBestEffort"))
                return pod_amount_has_compute(&p->spec);
        return str_eq(s->scope_name, "PriorityClass") && class_matches(p, s);
}

/* Scopes are about pods: nothing else is in one. */
static bool scopes_match(const struct resource_quota_spec *q, const struct quota_item *item) {
        const struct scope_selector *selector = q->scope_selector;
        bool is_pod = item->kind == &pod_kind;

        for (size_t i = 0; i < q->scopes.n; i++) {
                const struct scoped_resource_selector_requirement exists = {
                        .scope_name = q->scopes.items[i],
                        .operator= "Exists",
                };

                if (!is_pod || !scope_matches(item->decoded, &exists))
                        return false;
        }
        for (size_t i = 0; selector && i < selector->match_expressions.n; i++)
                if (!is_pod || !scope_matches(item->decoded, &selector->match_expressions.items[i]))
                        return false;
        return true;
}

/* ---- services ---- */

static bool is_about_services(const char *name) {
        return is_alias_of(name, &service_kind) || is_count_of(name, &service_kind) ||
               str_eq(name, "services.nodeports") || str_eq(name, "services.loadbalancers");
}

static struct quantity service_cost(const struct service *s, const char *name) {
        bool is_balanced = str_eq(s->spec.type, "LoadBalancer");

        if (str_eq(name, "services.loadbalancers"))
                return number(is_balanced);
        if (str_eq(name, "services.nodeports"))
                return number(is_balanced || str_eq(s->spec.type, "NodePort") ? s->spec.ports.n
                                                                              : 0);
        return number(is_about_services(name));
}

/* ---- claims ---- */

/* Whether name is "CLASS.storageclass.storage.k8s.io/RESOURCE". class_ NULL: of any class. */
static bool is_of_class(const char *name, const char *class_, const char *resource) {
        const char *infix = strstr(name, CLASS_INFIX);

        if (!infix || !str_eq(infix + strlen(CLASS_INFIX), resource))
                return false;
        return !class_ || (strlen(class_) == (size_t) (infix - name) &&
                           strncmp(name, class_, strlen(class_)) == 0);
}

static bool is_about_claims(const char *name, const char *class_) {
        return is_alias_of(name, &persistent_volume_claim_kind) ||
               is_count_of(name, &persistent_volume_claim_kind) ||
               is_of_class(name, class_, "persistentvolumeclaims");
}

static bool is_about_storage(const char *name, const char *class_) {
        return str_eq(name, "requests.storage") || is_of_class(name, class_, "requests.storage");
}

static struct quantity claim_cost(const struct persistent_volume_claim *p, const char *name) {
        const char *class_ = str_or_empty(p->spec.storage_class_name);

        if (is_about_storage(name, class_))
                return quantity_map_get(&p->spec.resources.requests, "storage");
        return number(is_about_claims(name, class_));
}

/* ---- all ---- */

static bool is_about(const char *name, const struct kind *k) {
        if (k == &pod_kind)
                return is_about_pods(name);
        if (k == &service_kind)
                return is_about_services(name);
        if (k == &persistent_volume_claim_kind)
                return is_about_claims(name, NULL) || is_about_storage(name, NULL);
        return is_count_of(name, k) || is_alias_of(name, k);
}

bool quota_may_count(const struct resource_quota_spec *q, const struct kind *k) {
        bool has_scopes = q->scopes.n > 0 ||
                          (q->scope_selector && q->scope_selector->match_expressions.n > 0);

        if (has_scopes && k != &pod_kind)
                return false;
        for (size_t i = 0; i < q->hard.n; i++)
                if (is_about(q->hard.items[i].key, k))
                        return true;
        return false;
}

static struct quantity cost_of(const struct quota_item *item, const char *name) {
        if (item->kind == &pod_kind)
                return pod_cost(item->decoded, name);
        if (item->kind == &service_kind)
                return service_cost(item->decoded, name);
        if (item->kind == &persistent_volume_claim_kind)
                return claim_cost(item->decoded, name);
        return number(is_about(name, item->kind));
}

bool quota_cost(const struct resource_quota_spec *q, const struct quota_item *item,
                struct quantity *ret_cost) {
        bool matches = quota_may_count(q, item->kind) && scopes_match(q, item);

        for (size_t i = 0; i < q->hard.n; i++)
                ret_cost[i] =
                        matches ? cost_of(item, q->hard.items[i].key) : (struct quantity){ 0 };
        return matches;
}

/* ---- what must be said ---- */

/* Kubernetes asks for these alone, sorted: "this was a mistake" for others to come. */
static const char *const ASKED[] = {
        "cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory",
};

static bool says(const struct container *c, const char *name) {
        bool of_limits;
        const char *resource = compute_of(name, &of_limits);

        return quantity_map_get(of_limits ? &c->resources.limits : &c->resources.requests, resource)
                .is_set;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Adds "limits.cpu for: a,b" where containers don't say. Returns 0 or -ENOMEM. */
static int add_missing(const struct pod_spec *spec, const char *name, struct strbuf *out) {
        const struct containers *lists[] = { &spec->containers, &spec->init_containers };
        AUTO_FREE const char **names =
                calloc(spec->containers.n + spec->init_containers.n + 1, sizeof(*names));
        size_t n = 0;

        if (!names)
                return -ENOMEM;
        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++)
                        if (!says(&lists[l]->items[i], name))
                                names[n++] = str_or_empty(lists[l]->items[i].name);
        if (n == 0)
                return 0;
        qsort(names, n, sizeof(*names), compare_names);
        strbuf_addf(out, "%s%s for: ", out->len > 0 ? "; " : "must specify ", name);
        for (size_t i = 0; i < n; i++)
                strbuf_addf(out, "%s%s", i > 0 ? "," : "", names[i]);
        return 0;
}

int quota_missing(const struct resource_quota_spec *q, const struct quota_item *item, char **ret) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        *ret = NULL;
        if (item->kind != &pod_kind)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(ASKED); i++)
                if (quantity_map_get(&q->hard, ASKED[i]).is_set &&
                    add_missing(&((const struct pod *) item->decoded)->spec, ASKED[i], &b) < 0)
                        return -ENOMEM;
        if (b.has_failed)
                return -ENOMEM;
        if (b.len > 0)
                *ret = strbuf_steal(&b);
        return 0;
}

/* ---- what is left ---- */

static bool is_over(const struct resource_quota_spec *q, const struct quantity *more,
                    const struct quantity *used, size_t i) {
        return more[i].milli > 0 &&
               quantity_add(used[i], more[i]).milli > q->hard.items[i].value.milli;
}

static void add_amount(struct strbuf *b, const char *name, struct quantity q) {
        char text[QUANTITY_TEXT_MAX];

        strbuf_addf(b, "%s%s=%s", b->len > 0 ? "," : "", name, quantity_format(q, text));
}

/* The next name after last in the order of letters that is exceeded; n: none. */
static size_t next_over(const struct resource_quota_spec *q, const struct quantity *more,
                        const struct quantity *used, const char *last) {
        size_t best = q->hard.n;

        for (size_t i = 0; i < q->hard.n; i++) {
                const char *name = q->hard.items[i].key;

                if (is_over(q, more, used, i) && (!last || strcmp(name, last) > 0) &&
                    (best == q->hard.n || strcmp(name, q->hard.items[best].key) < 0))
                        best = i;
        }
        return best;
}

int quota_exceeded(const struct resource_quota_spec *q, const struct quantity *more,
                   const struct quantity *used, char **ret) {
        AUTO_DONE(strbuf) struct strbuf wanted = { 0 };
        AUTO_DONE(strbuf) struct strbuf there = { 0 };
        AUTO_DONE(strbuf) struct strbuf most = { 0 };
        const char *name = NULL;
        size_t i;

        *ret = NULL;
        while ((i = next_over(q, more, used, name)) < q->hard.n) {
                name = q->hard.items[i].key;
                add_amount(&wanted, name, more[i]);
                add_amount(&there, name, used[i]);
                add_amount(&most, name, q->hard.items[i].value);
        }
        if (!name)
                return 0;
        if (wanted.has_failed || there.has_failed || most.has_failed)
                return -ENOMEM;
        *ret = str_format("requested: %s, used: %s, limited: %s", wanted.s, there.s, most.s);
        return *ret ? 0 : -ENOMEM;
}
