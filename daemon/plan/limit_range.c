#include "daemon/plan/limit_range.h"

#include "api/kinds/pod.h"
#include "api/kinds/quota.h"
#include "api/kinds/storage.h"
#include "api/schema/quantity.h"
#include "base/array.h"
#include "base/str.h"
#include "daemon/plan/pod_amount.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- defaults ---- */

void limit_defaults_done(struct limit_defaults *d) {
        free(d->items);
        *d = (struct limit_defaults){ 0 };
}

static bool has_default(const struct limit_defaults *d, const struct limit_default *one) {
        for (size_t i = 0; i < d->n; i++)
                if (d->items[i].container == one->container &&
                    d->items[i].is_init == one->is_init && d->items[i].is_limit == one->is_limit &&
                    str_eq(d->items[i].resource, one->resource))
                        return true;
        return false;
}

/* place: which container, and whether of its limits. Of two items of a limit range the last one
 * counts, as in Kubernetes. */
static int add_defaults(const struct quantity_map *amounts, const struct quantity_map *said,
                        struct limit_default place, struct limit_defaults *ret) {
        for (size_t i = 0; i < amounts->n; i++) {
                place.resource = amounts->items[i].key;
                place.amount = amounts->items[i].value;
                if (quantity_map_get(said, place.resource).is_set || has_default(ret, &place))
                        continue;
                if (array_reserve(&ret->items, &ret->cap, ret->n, sizeof(*ret->items)) < 0)
                        return -ENOMEM;
                ret->items[ret->n++] = place;
        }
        return 0;
}

static int defaults_of(const struct limit_range *l, const struct containers *list, bool is_init,
                       struct limit_defaults *ret) {
        for (size_t c = 0; c < list->n; c++) {
                const struct resource_requirements *r = &list->items[c].resources;
                struct limit_default place = { .container = c, .is_init = is_init };

                for (size_t i = l->spec.limits.n; i-- > 0;) {
                        const struct limit_range_item *item = &l->spec.limits.items[i];

                        if (!str_eq(item->type, "Container"))
                                continue;
                        place.is_limit = false;
                        if (add_defaults(&item->default_request, &r->requests, place, ret) < 0)
                                return -ENOMEM;
                        place.is_limit = true;
                        if (add_defaults(&item->default_, &r->limits, place, ret) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

static int compare_defaults(const void *a, const void *b) {
        const struct limit_default *x = a, *y = b;

        if (x->is_init != y->is_init)
                return x->is_init - y->is_init;
        if (x->container != y->container)
                return x->container < y->container ? -1 : 1;
        if (x->is_limit != y->is_limit)
                return x->is_limit - y->is_limit;
        return strcmp(x->resource, y->resource);
}

int limit_range_defaults(const struct limit_range *l, const struct pod_spec *spec,
                         struct limit_defaults *ret) {
        struct limit_defaults d = { 0 };

        if (defaults_of(l, &spec->containers, false, &d) < 0 ||
            defaults_of(l, &spec->init_containers, true, &d) < 0) {
                limit_defaults_done(&d);
                return -ENOMEM;
        }
        if (d.n > 0)
                qsort(d.items, d.n, sizeof(*d.items), compare_defaults);
        *ret = d;
        return 0;
}

char *limit_defaults_format(const struct limit_defaults *d, const struct pod_spec *spec) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "LimitRanger plugin set: ");
        for (size_t i = 0; i < d->n; i++) {
                const struct limit_default *x = &d->items[i];
                const struct limit_default *next = i + 1 < d->n ? x + 1 : NULL;
                const struct containers *list =
                        x->is_init ? &spec->init_containers : &spec->containers;

                strbuf_add(&b, x->resource);
                if (next && next->is_init == x->is_init && next->container == x->container &&
                    next->is_limit == x->is_limit) {
                        strbuf_add(&b, ", ");
                        continue;
                }
                strbuf_addf(&b, " %s for %scontainer %s%s", x->is_limit ? "limit" : "request",
                            x->is_init ? "init " : "", str_or_empty(list->items[x->container].name),
                            next ? "; " : "");
        }
        return strbuf_steal(&b);
}

/* ---- findings ---- */

/* What is looked at: a container, a pod or a claim. */
struct subject {
        const char *type; /* as a limit range names it */
        const struct quantity_map *requests, *limits;
        const struct pod_spec *pod; /* of a whole pod, instead */
};

static struct quantity amount_of(const struct subject *s, const char *name, bool of_limits) {
        if (s->pod)
                return pod_amount(s->pod, name, of_limits);
        return quantity_map_get(of_limits ? s->limits : s->requests, name);
}

struct findings {
        struct strbuf text;
        size_t n;
};

static bool is_told(const struct findings *f, const char *one) {
        size_t len = strlen(one);

        for (const char *at = f->text.s; at && (at = strstr(at, one)); at++)
                if (at[len] == '\0' || at[len] == ',')
                        return true;
        return false;
}

/* The same finding of two containers is told once. */
static void PRINTF_LIKE(2, 3) add(struct findings *f, const char *fmt, ...) {
        AUTO_FREE char *one = NULL;
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = vasprintf(&one, fmt, ap);
        va_end(ap);
        if (r < 0) {
                one = NULL;
                f->text.has_failed = true;
                return;
        }
        if (is_told(f, one))
                return;
        strbuf_addf(&f->text, "%s%s", f->n++ > 0 ? ", " : "", one);
}

/* "minimum cpu usage per Container is 1, but limit is 2" */
static void add_bad(struct findings *f, const char *word, const struct subject *s,
                    const struct quantity_pair *bound, const char *what, struct quantity is) {
        char most[QUANTITY_TEXT_MAX], text[QUANTITY_TEXT_MAX];

        (void) quantity_format(bound->value, most);
        if (!is.is_set)
                add(f, "%s %s usage per %s is %s.  No %s is specified", word, bound->key, s->type,
                    most, what);
        else
                add(f, "%s %s usage per %s is %s, but %s is %s", word, bound->key, s->type, most,
                    what, quantity_format(is, text));
}

static void check_min(const struct quantity_pair *min, const struct subject *s,
                      struct findings *f) {
        struct quantity request = amount_of(s, min->key, false);
        struct quantity limit = amount_of(s, min->key, true);

        if (!request.is_set || request.milli < min->value.milli)
                add_bad(f, "minimum", s, min, "request", request);
        else if (limit.is_set && limit.milli < min->value.milli)
                add_bad(f, "minimum", s, min, "limit", limit);
}

/* Claims have no limits: their request counts. */
static void check_max(const struct quantity_pair *max, const struct subject *s,
                      struct findings *f) {
        struct quantity request = amount_of(s, max->key, false);
        struct quantity limit = amount_of(s, max->key, true);
        bool is_claim = str_eq(s->type, "PersistentVolumeClaim");

        if (!is_claim && (!limit.is_set || limit.milli > max->value.milli))
                add_bad(f, "maximum", s, max, "limit", limit);
        else if ((is_claim && !request.is_set) || request.milli > max->value.milli)
                add_bad(f, "maximum", s, max, "request", request);
}

static void check_ratio(const struct quantity_pair *most, const struct subject *s,
                        struct findings *f) {
        struct quantity request = amount_of(s, most->key, false);
        struct quantity limit = amount_of(s, most->key, true);
        const char *missing = request.milli == 0 ? "request" : limit.milli == 0 ? "limit" : NULL;
        char text[QUANTITY_TEXT_MAX];
        double ratio;

        (void) quantity_format(most->value, text);
        if (missing) {
                add(f,
                    "%s max limit to request ratio per %s is %s, but no %s is specified or %s is 0",
                    most->key, s->type, text, missing, missing);
                return;
        }
        ratio = (double) limit.milli / (double) request.milli;
        if (ratio * 1000 > (double) most->value.milli)
                add(f, "%s max limit to request ratio per %s is %s, but provided ratio is %f",
                    most->key, s->type, text, ratio);
}

static void check(const struct limit_range_item *item, const struct subject *s,
                  struct findings *f) {
        for (size_t i = 0; i < item->min.n; i++)
                check_min(&item->min.items[i], s, f);
        for (size_t i = 0; i < item->max.n; i++)
                check_max(&item->max.items[i], s, f);
        for (size_t i = 0; i < item->max_limit_request_ratio.n; i++)
                check_ratio(&item->max_limit_request_ratio.items[i], s, f);
}

static int findings_end(struct findings *f, char **ret) {
        char *text = strbuf_steal(&f->text);

        *ret = NULL;
        if (f->n == 0) {
                free(text);
                return f->text.has_failed ? -ENOMEM : 0;
        }
        if (!text)
                return -ENOMEM;
        *ret = f->n == 1 ? text : str_format("[%s]", text);
        if (*ret != text)
                free(text);
        return *ret ? 0 : -ENOMEM;
}

static void check_list(const struct limit_range_item *item, const struct containers *list,
                       struct findings *f) {
        for (size_t i = 0; i < list->n; i++) {
                const struct resource_requirements *r = &list->items[i].resources;
                const struct subject s = {
                        .type = "Container",
                        .requests = &r->requests,
                        .limits = &r->limits,
                };

                check(item, &s, f);
        }
}

int limit_range_check_pod(const struct limit_range *l, const struct pod_spec *spec, char **ret) {
        const struct subject whole = { .type = "Pod", .pod = spec };
        struct findings f = { 0 };

        for (size_t i = 0; i < l->spec.limits.n; i++) {
                const struct limit_range_item *item = &l->spec.limits.items[i];

                if (str_eq(item->type, "Container")) {
                        check_list(item, &spec->containers, &f);
                        check_list(item, &spec->init_containers, &f);
                } else if (str_eq(item->type, "Pod")) {
                        check(item, &whole, &f);
                }
        }
        return findings_end(&f, ret);
}

int limit_range_check_claim(const struct limit_range *l, const struct persistent_volume_claim *p,
                            char **ret) {
        static const struct quantity_map NONE = { 0 };
        const struct subject s = {
                .type = "PersistentVolumeClaim",
                .requests = &p->spec.resources.requests,
                .limits = &NONE,
        };
        struct findings f = { 0 };

        for (size_t i = 0; i < l->spec.limits.n; i++) {
                struct limit_range_item item = l->spec.limits.items[i];

                item.max_limit_request_ratio.n = 0;
                if (str_eq(item.type, s.type))
                        check(&item, &s, &f);
        }
        return findings_end(&f, ret);
}
