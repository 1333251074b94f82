#include "daemon/control/control.h"

#include "api/client/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/control/caches.h"
#include "daemon/control/controllers.h"
#include "daemon/control/core.h"
#include "daemon/control/events.h"

#include <sys/random.h>

#define CONTROL_PARTS_MAX 24
#define NODE_GRACE_USEC (40 * USEC_PER_SEC)
#define NODE_EVICTION_USEC (300 * USEC_PER_SEC)

struct control {
        struct core core;
        struct part parts[CONTROL_PARTS_MAX];
        size_t n_parts;
        bool has_begun;
};

static uint64_t control_wall(void *data) {
        return clock_wall_usec();
}

static uint64_t control_seed(uint64_t seed) {
        if (seed == 0 && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t) sizeof(seed))
                seed = clock_now_usec(); /* early in boot: jitter needs no secrets */
        return seed;
}

void control_unref(struct control *c) {
        if (!c)
                return;
        for (size_t i = c->n_parts; i-- > 0;)
                if (c->parts[i].data)
                        c->parts[i].free(c->parts[i].data);
        events_unref(c->core.events);
        caches_unref(c->core.caches);
        client_unref(c->core.client);
        free(c);
}

/* Deletes nothing and creates nothing before every cache is complete: a missing owner is missing
 * only then. */
static void control_on_synced(void *data) {
        struct control *c = data;

        if (c->has_begun || !caches_have_synced(c->core.caches))
                return;
        c->has_begun = true;
        LOG_DEBUG(NULL, "caches are complete; the controllers begin");
        for (size_t i = 0; i < c->n_parts; i++)
                c->parts[i].begin(c->parts[i].data);
}

static int control_add_parts(struct control *c, const struct control_options *o, struct err *e) {
        static int (*const make[])(struct core *, struct part *, struct err *) = {
                deployment_controller_new,
                replicaset_controller_new,
                scheduler_new,
                endpointslice_controller_new,
                endpoints_controller_new,
                namespace_controller_new,
                gc_controller_new,
                podgc_controller_new,
                disruption_controller_new,
                rbac_controller_new,
                custom_controller_new,
        };
        struct nodelifecycle_config nodes = {
                .grace_usec = o->node_grace_usec ? o->node_grace_usec : NODE_GRACE_USEC,
                .eviction_usec = o->node_eviction_usec ? o->node_eviction_usec : NODE_EVICTION_USEC,
        };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
                r = make[i](&c->core, &c->parts[c->n_parts++], e);
                if (r < 0)
                        return r;
        }
        r = account_controller_new(&c->core, o->ca_pem, &c->parts[c->n_parts++], e);
        if (r == 0)
                r = apiserver_controller_new(&c->core, o->node_name, o->api_port,
                                             &c->parts[c->n_parts++], e);
        if (r < 0)
                return r;
        return nodelifecycle_controller_new(&c->core, &nodes, &c->parts[c->n_parts++], e);
}

int control_start(const struct control_options *options, struct control **ret, struct err *e) {
        AUTO(control) struct control *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory for the controllers");
        c->core = (struct core){ .client = client_ref(options->client),
                                 .timers = options->timers,
                                 .wall = options->wall_usec ? options->wall_usec : control_wall,
                                 .wall_data = options->wall_data,
                                 .random = control_seed(options->seed) };
        r = caches_new(&c->core, &c->core.caches, e);
        if (r == 0)
                r = events_new(&c->core, &c->core.events, e);
        if (r == 0)
                r = control_add_parts(c, options, e);
        if (r == 0)
                r = caches_on_synced(c->core.caches, control_on_synced, c);
        if (r == 0)
                r = caches_start(c->core.caches, e);
        if (r < 0)
                return r;
        *ret = STEAL(c);
        return 0;
}

bool control_has_synced(const struct control *c) {
        return c->has_begun;
}

bool control_is_idle(const struct control *c) {
        for (size_t i = 0; i < c->n_parts; i++)
                if (!c->parts[i].is_idle(c->parts[i].data))
                        return false;
        return c->has_begun && events_are_idle(c->core.events);
}

uint64_t control_n_writes(const struct control *c) {
        return c->core.n_writes;
}
