#pragma once

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "daemon/registry/find.h"
#include "daemon/registry/hub.h"
#include "daemon/registry/kinds.h"
#include "daemon/registry/node_ports.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the registry's own files share. */
struct addresses;
struct jwt_key;
struct jwt_seen;
struct metrics;
struct openapi;
struct quotas;
struct rbac;
struct timer;
struct user;

/* Where revisions come from. API revisions are the store's plus an offset, which grows by one for
 * each change that never reaches the disk (docs/adr/0040). offset_kept is on the disk: what the
 * offset may grow to before it must be written again. */
struct revisions {
        uint64_t last; /* given out */
        uint64_t offset, offset_kept;
};

struct registry {
        struct store *store;
        struct timers *timers;
        uint64_t (*wall_usec)(void);
        uint64_t event_ttl_usec;
        const struct jwt_key *token_key; /* borrowed; NULL: no tokens */
        struct jwt_seen *tokens_seen;    /* NULL: none yet */
        struct {
                json_t *token_volume, *tolerations[2];
        } shared; /* parts of every new pod, made by the first: never changed */
        unsigned history_events;
        size_t history_bytes;
        struct kinds kinds;
        struct kinds reviews; /* kinds without objects */
        struct rbac *rbac;    /* what roles and bindings say */
        struct {
                struct timer *timer;
                size_t n_pending, n_asked; /* requests of this round: to be answered, sent */
                bool has_failed;
        } crd_work;
        struct hub *hub;
        struct metrics *metrics;
        struct revisions revisions;
        struct list evictions; /* allowed, and not seen in their pods yet */
        struct list commits;   /* in the order of their revisions */
        bool is_draining;
        struct map busy; /* store key → struct busy: one write at a time for each object */
        struct addresses *addresses;
        struct node_ports node_ports;
        struct openapi *openapi;
        struct quotas *quotas; /* what namespaces use of their quotas */
        struct list expiries;  /* of volatile objects, oldest first */
        struct timer *expiry_timer;
        bool has_definitions; /* of custom kinds, while loading */
        bool is_ready, has_stopped;
        void (*on_failure)(void *data, const char *text); /* NULL: told, or nobody asked */
        void *on_failure_data;
        void (*on_ready)(void *data, int result, const char *text); /* registry_ready_fn */
        void *on_ready_data;
        void (*on_idle)(void *data);
        void *on_idle_data;
        struct timer *callback_timer;
        int load_result;
        struct err load_err;
        unsigned n_bootstrap; /* default objects still being created */
};

/* "/registry/core/pods/default/web", the caller's; NULL when memory is out. */
char *registry_key(const struct resource *resource, const char *namespace_, const char *name);

/* Where the offset of API revisions is kept. */
#define OFFSET_KEY "/orch/revision-offset"

/* Tells registry_stop()'s caller once no write is under way. */
void registry_check_idle(struct registry *r);

/* Who the registry itself is when it makes the default objects; compared by address. */
extern const struct user REGISTRY_USER;
