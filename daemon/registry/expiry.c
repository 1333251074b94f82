#include "daemon/registry/expiry.h"

#include "api/client/timer.h"
#include "daemon/registry/commit.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct expiry {
        struct list link;
        uint64_t due_usec;
        uint64_t revision;
        struct kind_state *kind;
        char *namespace_, *name; /* behind the struct */
};

static void expiry_free(struct expiry *x) {
        list_remove(&x->link);
        free(x);
}

/* The version that the clock was started for, or NULL when it is gone or changed since. */
static struct record *expiry_record(const struct expiry *x) {
        struct record *r = table_get(&x->kind->table, x->namespace_, x->name);

        return r && r->revision == x->revision ? r : NULL;
}

static void record_expire(struct registry *r, struct kind_state *kind, struct record *old) {
        struct change_request change = {
                .kind = kind,
                .change = CHANGE_DELETED,
                .old = old,
                .is_volatile = true,
        };
        json_t *tree = record_tree(old);

        change.tree = tree;
        if (tree)
                (void) commit_submit(r, &change,
                                     NULL); /* out of memory: the next one tries again */
        json_decref(tree);
}

static void expiries_run(struct registry *r, uint64_t now_usec) {
        while (!list_is_empty(&r->expiries)) {
                struct expiry *x = CONTAINER_OF(r->expiries.next, struct expiry, link);
                struct kind_state *kind = x->kind;
                struct record *record = expiry_record(x);

                if (record && x->due_usec > now_usec && kind->table.n <= EXPIRY_EVENTS_MAX &&
                    kind->table.bytes <= EXPIRY_BYTES_MAX)
                        return;
                expiry_free(x);
                if (record)
                        record_expire(r, kind, record);
        }
}

static void expiry_due(void *data);

static void expiry_schedule(struct registry *r) {
        struct expiry *x;

        if (r->expiry_timer || list_is_empty(&r->expiries))
                return;
        x = CONTAINER_OF(r->expiries.next, struct expiry, link);
        (void) r->timers->vtable->add(r->timers, x->due_usec, expiry_due, r, &r->expiry_timer);
}

static void expiry_due(void *data) {
        struct registry *r = data;

        r->expiry_timer = NULL;
        expiries_run(r, r->timers->vtable->now_usec(r->timers));
        expiry_schedule(r);
}

void expiry_add(struct registry *r, const struct record *record) {
        size_t namespace_size = strlen(record->namespace_) + 1,
               name_size = strlen(record->name) + 1;
        struct expiry *x = malloc(sizeof(*x) + namespace_size + name_size);
        uint64_t now_usec = r->timers->vtable->now_usec(r->timers);

        if (!x)
                return; /* it stays until the next start */
        x->due_usec = now_usec + r->event_ttl_usec;
        x->revision = record->revision;
        x->kind = kind_state_of(record->resource);
        x->namespace_ = memcpy(x + 1, record->namespace_, namespace_size);
        x->name = memcpy(x->namespace_ + namespace_size, record->name, name_size);
        list_append(&r->expiries, &x->link);
        if (x->kind->table.n > EXPIRY_EVENTS_MAX || x->kind->table.bytes > EXPIRY_BYTES_MAX)
                expiries_run(r, now_usec);
        expiry_schedule(r);
}

void expiry_done(struct registry *r) {
        if (r->expiry_timer)
                r->timers->vtable->cancel(r->timers, r->expiry_timer);
        r->expiry_timer = NULL;
        LIST_FOREACH(i, &r->expiries)
                expiry_free(CONTAINER_OF(i, struct expiry, link));
}
