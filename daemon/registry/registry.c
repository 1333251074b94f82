#include "daemon/registry/registry.h"

#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/jwt_seen.h"
#include "daemon/plan/rbac.h"
#include "daemon/registry/addresses.h"
#include "daemon/registry/crd.h"
#include "daemon/registry/expiry.h"
#include "daemon/registry/load.h"
#include "daemon/registry/metrics.h"
#include "daemon/registry/openapi.h"
#include "daemon/registry/quotas.h"
#include "daemon/registry/review.h"
#include "daemon/registry/state.h"
#include "daemon/store/store.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_EVENTS 4096U
#define HISTORY_BYTES (8U << 20)
#define EVENT_TTL_USEC (3600 * USEC_PER_SEC)
#define SERVICE_CIDR "10.96.0.0/16"

int registry_new(const struct registry_options *options, registry_ready_fn on_ready, void *data,
                 struct registry **ret_registry, struct err *e) {
        AUTO(registry) struct registry *r = calloc(1, sizeof(*r));
        int result;

        if (!r)
                return err_set(e, -ENOMEM, "memory is out");
        list_init(&r->commits);
        list_init(&r->evictions);
        list_init(&r->expiries);
        r->store = options->store;
        r->timers = options->timers;
        r->wall_usec = options->wall_usec ? options->wall_usec : clock_wall_usec;
        r->token_key = options->token_key;
        r->on_failure = options->on_failure;
        r->on_failure_data = options->data;
        r->event_ttl_usec = options->event_ttl_usec ? options->event_ttl_usec : EVENT_TTL_USEC;
        r->history_events = options->history_events ? options->history_events : HISTORY_EVENTS;
        r->history_bytes = options->history_bytes ? options->history_bytes : HISTORY_BYTES;
        r->on_ready = on_ready;
        r->on_ready_data = data;
        if (kinds_init(&r->kinds) < 0 || reviews_init(&r->reviews) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        r->rbac = rbac_new();
        r->metrics = metrics_new();
        if (!r->rbac || !r->metrics || quotas_new(r, &r->quotas) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        result = addresses_new(options->service_cidr ? options->service_cidr : SERVICE_CIDR,
                               &r->addresses, e);
        if (result == 0)
                result = load_begin(r, e);
        if (result < 0)
                return result;
        *ret_registry = STEAL(r);
        return 0;
}

void registry_unref(struct registry *r) {
        if (!r)
                return;
        if (r->callback_timer)
                r->timers->vtable->cancel(r->timers, r->callback_timer);
        expiry_done(r);
        quotas_unref(r->quotas);
        crd_done(r);
        hub_unref(r->hub);
        kinds_done(&r->kinds);
        kinds_done(&r->reviews);
        map_done(&r->busy, free);
        addresses_unref(r->addresses);
        jwt_seen_unref(r->tokens_seen);
        json_decref(r->shared.token_volume);
        json_decref(r->shared.tolerations[0]);
        json_decref(r->shared.tolerations[1]);
        openapi_unref(r->openapi);
        rbac_unref(r->rbac);
        metrics_unref(r->metrics);
        free(r);
}

int registry_begin(struct registry *r, struct err *e) {
        const struct hub_options options = {
                .timers = r->timers,
                .n_resources = r->kinds.next_index,
                .max_events = r->history_events,
                .max_bytes = r->history_bytes,
                .revision = r->revisions.last,
                .wall_usec = r->wall_usec,
        };

        if (hub_new(&options, &r->hub) < 0)
                return err_set(e, -ENOMEM, "memory is out");
        return 0;
}

static void tell_ready(void *data) {
        struct registry *r = data;

        r->callback_timer = NULL;
        r->on_ready(r->on_ready_data, r->load_result, err_text(&r->load_err));
}

/* From a timer of its own, so that whoever is told finds no half-finished work below it. */
void registry_loaded(struct registry *r, int result, const char *text) {
        r->is_ready = result == 0;
        r->load_result = result;
        if (result < 0 && text != r->load_err.text)
                (void) err_set(&r->load_err, result, "%s", text);
        if (!r->callback_timer)
                (void) r->timers->vtable->add(r->timers, 0, tell_ready, r, &r->callback_timer);
}

static void tell_idle(void *data) {
        struct registry *r = data;

        r->callback_timer = NULL;
        r->on_idle(r->on_idle_data);
}

void registry_check_idle(struct registry *r) {
        if (r->has_stopped && r->on_idle && r->busy.n == 0 && !r->callback_timer)
                (void) r->timers->vtable->add(r->timers, 0, tell_idle, r, &r->callback_timer);
}

void registry_stop(struct registry *r, void (*on_idle)(void *data), void *data) {
        r->has_stopped = true;
        r->on_idle = on_idle;
        r->on_idle_data = data;
        if (r->hub)
                hub_stop(r->hub);
        registry_check_idle(r);
}

char *registry_key(const struct resource *resource, const char *namespace_, const char *name) {
        const struct kind *k = resource->kind;

        return str_format("/registry/%s/%s/%s%s%s", *k->group ? k->group : "core", k->plural,
                          namespace_, *namespace_ ? "/" : "", name);
}
