#include "daemon/node/services.h"

#include "api/client/informer.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/kinds/service.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/network/network.h"
#include "daemon/node/context.h"
#include "daemon/plan/dns_plan.h"
#include "daemon/plan/nft_plan.h"
#include "daemon/plan/service_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

/* The first change waits this long for its companions; those of a busy time wait longer, so that a
 * storm of 100 pods doesn't rewrite the tables 100 times. */
#define SERVICES_DELAY_USEC (2 * USEC_PER_MSEC)
#define SERVICES_PAUSE_USEC (50 * USEC_PER_MSEC)
#define SERVICES_RETRY_USEC (1 * USEC_PER_SEC)

struct services {
        const struct context *ctx;
        struct services_events events;
        struct informer *services, *slices, *namespaces;
        struct loop_timer *timer;
        uint64_t last_usec;
        uint32_t serial;
        uint8_t *snapshot; /* as last written */
        size_t snapshot_len;
        sd_event_source *guard; /* of the snapshot's folder; NULL: none yet */
        ino_t ino;              /* of the snapshot as written */
};

static void services_changed(struct services *s);

struct object_pile {
        struct object **items;
        size_t n, cap;
};

static int pile_add(void *data, const char *key, struct object *o) {
        struct object_pile *pile = data;
        int r = array_reserve(&pile->items, &pile->cap, pile->n, sizeof(*pile->items));
        (void) key;

        if (r < 0)
                return r;
        pile->items[pile->n++] = o;
        return 0;
}

/* Somebody else's file in the snapshot's place, or none at all: it is written again. */
static int on_guard(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        struct services *s = userdata;
        AUTO_FREE char *path = str_format("%s/dns/snapshot", s->ctx->config->run_dir);
        struct stat st;
        (void) source;

        if (path && stat(path, &st) == 0 && st.st_ino == s->ino &&
            (size_t) st.st_size == s->snapshot_len)
                return 0;
        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
                s->guard = sd_event_source_disable_unref(s->guard);
        if (!s->snapshot)
                return 0;
        LOG_WARN(path, "the names' snapshot was replaced or removed; it is written again");
        free(STEAL(s->snapshot));
        s->snapshot_len = 0;
        services_changed(s);
        return 0;
}

static void guard_snapshot(struct services *s, const char *dir, const char *path) {
        struct stat st;

        s->ino = stat(path, &st) == 0 ? st.st_ino : 0;
        /* Without it only the next change of names would mend a damaged file. */
        if (!s->guard)
                (void) sd_event_add_inotify(loop_event(s->ctx->loop), &s->guard, dir,
                                            IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE |
                                                    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
                                            on_guard, s);
}

static int write_snapshot(struct services *s, const struct service_table *t, struct err *e) {
        const struct node_config *config = s->ctx->config;
        struct dns_facts facts = { .domain = config->cluster_domain,
                                   .pod_cidr = config->network.cluster_cidr,
                                   .service_cidr = config->network.service_cidr,
                                   .serial = s->serial };
        AUTO_FREE char *dir = str_format("%s/dns", config->run_dir),
                       *path = str_format("%s/dns/snapshot", config->run_dir);
        AUTO_FREE uint8_t *data = NULL;
        size_t len;
        int r;

        if (!dir || !path)
                return err_set(e, -ENOMEM, "out of memory");
        (void) ip_parse(s->ctx->dns_address, &facts.gateway);
        r = dns_plan(t, &facts, &data, &len, e);
        if (r < 0)
                return r;
        if (s->snapshot && s->snapshot_len == len && memcmp(s->snapshot, data, len) == 0)
                return 0;
        /* A new serial only with new content: an equal file isn't written. */
        free(data);
        data = NULL;
        facts.serial = ++s->serial;
        r = dns_plan(t, &facts, &data, &len, e);
        if (r == 0)
                r = dir_make_all(dir, 0755, e);
        if (r == 0)
                r = file_write_atomic(path, data, len, 0644, false, e);
        if (r < 0)
                return r;
        free(s->snapshot);
        s->snapshot = STEAL(data);
        s->snapshot_len = len;
        guard_snapshot(s, dir, path);
        return 0;
}

/* What to tell when rules are in force: the uids borrow from the slices that they came from. */
struct listing {
        struct services *s;
        struct object_pile slices; /* referenced */
        const char **uids;
        size_t n, cap;
};

static void listing_unref(struct listing *l) {
        if (!l)
                return;
        for (size_t i = 0; i < l->slices.n; i++)
                object_unref(l->slices.items[i]);
        free(l->slices.items);
        free(l->uids);
        free(l);
}
DEFINE_AUTO(listing);

static int listing_add_slice(void *data, const char *key, struct object *o) {
        struct listing *l = data;
        const struct endpoint_slice *slice = OBJECT_AS(endpoint_slice, o);
        int r = pile_add(&l->slices, key, o);

        if (r < 0)
                return r;
        object_ref(o);
        for (size_t i = 0; i < slice->endpoints.n; i++) {
                const struct endpoint *ep = &slice->endpoints.items[i];
                const struct endpoint_conditions *c = &ep->conditions;

                if (!ep->target_ref || !ep->target_ref->uid || !c->terminating.value)
                        continue;
                r = array_reserve(&l->uids, &l->cap, l->n, sizeof(*l->uids));
                if (r < 0)
                        return r;
                l->uids[l->n++] = ep->target_ref->uid;
        }
        return 0;
}

static int compare_text(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int listing_new(struct services *s, struct listing **ret) {
        AUTO(listing) struct listing *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->s = s;
        r = informer_each(s->slices, listing_add_slice, l);
        if (r < 0)
                return r;
        if (l->n > 0)
                qsort(l->uids, l->n, sizeof(*l->uids), compare_text);
        *ret = STEAL(l);
        return 0;
}

static void on_rules(void *userdata, int r, const struct err *e) {
        AUTO(listing) struct listing *l = userdata;
        struct services *s = l->s;

        if (r == -ECANCELED)
                return;
        if (r >= 0) {
                s->events.on_rules(s->events.userdata, l->uids, l->n);
                return;
        }
        LOG_ERROR(NULL, "service rules could not be loaded (%s); next try in 1 s", err_text(e));
        loop_timer_set(s->timer, clock_now_usec() + SERVICES_RETRY_USEC);
}

static int apply_rules(struct services *s, const struct service_table *t, struct err *e) {
        AUTO(nft_model) struct nft_model *model = NULL;
        AUTO(listing) struct listing *l = NULL;
        int r = nft_plan(t, &s->ctx->config->network.pod_cidr,
                         network_rules_applied(s->ctx->network), &model, e);

        if (r < 0)
                return r;
        if (listing_new(s, &l) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        r = network_rules_apply(s->ctx->network, model, on_rules, l, e);
        if (r >= 0)
                (void) STEAL(l); /* on_rules frees it, perhaps already */
        return r;
}

static int services_apply(struct services *s, struct err *e) {
        AUTO(service_table) struct service_table *t = NULL;
        struct object_pile pile = { 0 };
        int r = informer_each(s->services, pile_add, &pile);

        if (r == 0)
                r = informer_each(s->slices, pile_add, &pile);
        if (r == 0)
                r = informer_each(s->namespaces, pile_add, &pile);
        if (r == 0)
                r = service_table_new(pile.items, pile.n, &t, e);
        free(pile.items);
        if (r < 0)
                return r;
        r = write_snapshot(s, t, e);
        return r < 0 ? r : apply_rules(s, t, e);
}

static void on_timer(struct loop_timer *timer, void *userdata) {
        struct services *s = userdata;
        struct err e = { 0 };
        (void) timer;

        /* Half a list would take names and rules of the other half away. */
        if (!informer_has_synced(s->services) || !informer_has_synced(s->slices) ||
            !informer_has_synced(s->namespaces))
                return;
        s->last_usec = clock_now_usec();
        if (services_apply(s, &e) < 0) {
                LOG_ERROR(NULL, "names and service rules stay as they were (%s); next try in 1 s",
                          err_text(&e));
                loop_timer_set(s->timer, s->last_usec + SERVICES_RETRY_USEC);
        }
}

static void services_changed(struct services *s) {
        uint64_t now_usec = clock_now_usec();

        if (loop_timer_due(s->timer) != USEC_NEVER &&
            loop_timer_due(s->timer) <= now_usec + SERVICES_PAUSE_USEC)
                return;
        loop_timer_set(s->timer,
                       MAX(now_usec + SERVICES_DELAY_USEC, s->last_usec + SERVICES_PAUSE_USEC));
}

static void on_object(void *data, const char *key, const struct object *before,
                      const struct object *after) {
        (void) key;
        (void) before;
        (void) after;
        services_changed(data);
}

static void on_synced(void *data) {
        services_changed(data);
}

int services_new(const struct context *ctx, const struct services_events *events,
                 struct services **ret, struct err *e) {
        struct services *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return err_set(e, -ENOMEM, "out of memory");
        s->ctx = ctx;
        s->events = *events;
        s->serial = (uint32_t) (clock_wall_usec() / USEC_PER_SEC);
        r = loop_timer_new(ctx->loop, 0, on_timer, s, &s->timer, e);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

void services_unref(struct services *s) {
        if (!s)
                return;
        informer_unref(s->services);
        informer_unref(s->slices);
        informer_unref(s->namespaces);
        loop_timer_unref(s->timer);
        (void) sd_event_source_disable_unref(s->guard);
        free(s->snapshot);
        free(s);
}

static int watch_one(struct services *s, struct timers *timers, const struct kind *kind,
                     struct informer **ret, struct err *e) {
        const struct informer_options o = { .kind = kind, .seed = (uint64_t) (uintptr_t) kind };
        int r = informer_new(s->ctx->client, timers, &o, ret, e);

        if (r == 0 && (informer_add_handler(*ret, on_object, s) < 0 ||
                       informer_on_synced(*ret, on_synced, s) < 0))
                r = err_set(e, -ENOMEM, "out of memory");
        return r < 0 ? r : informer_start(*ret, e);
}

int services_watch(struct services *s, struct timers *timers, struct err *e) {
        int r = watch_one(s, timers, &service_kind, &s->services, e);

        if (r == 0)
                r = watch_one(s, timers, &endpoint_slice_kind, &s->slices, e);
        if (r == 0)
                r = watch_one(s, timers, &namespace_kind, &s->namespaces, e);
        return r;
}

struct service_walk {
        const char *ns;
        void (*fn)(void *data, const struct service *service);
        void *data;
};

static int visit_service(void *data, const char *key, struct object *o) {
        const struct service_walk *w = data;
        const struct service *service = OBJECT_AS(service, o);

        if (str_eq(o->meta->namespace, w->ns) || str_eq(key, "default/kubernetes"))
                w->fn(w->data, service);
        return 0;
}

void services_each(struct services *s, const char *ns,
                   void (*fn)(void *data, const struct service *service), void *data) {
        struct service_walk w = { .ns = ns, .fn = fn, .data = data };

        if (s->services)
                (void) informer_each(s->services, visit_service, &w);
}
