#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The driver of all controllers: a keyed queue, and for each key that comes out of it one run:
 * plan, carry out, again with back-off where something failed. Inside of daemon/control.
 *
 * A key is never planned for while its last run is still under way, and a run ends only when it is
 * known what became of each of its changes: their answers go into the caches, and what got no
 * answer is looked up. So a plan always sees its own earlier writes, and creates nothing twice. */

struct changes;
struct controller;
struct core;
struct kind;
struct object;
struct run;

struct controller_type {
        const char *name; /* who events come from: "deployment-controller" */

        /* Gathers what key is about and plans for it. May ask for live facts (run_look()): then it
         * is called again once they are there and what it planned is thrown away. A negative errno
         * is logged and tried again. */
        int (*plan)(void *data, struct run *run, const char *key, struct changes *c, struct err *e);

        /* Each change's end, NULL: not interested. result: 0 or a negative errno. */
        void (*on_change)(void *data, const struct object *about, int result);

        bool keeps_going; /* a failed change doesn't stop the others of its run */
};

/* data: handed to the functions of type; both borrowed. Returns 0 or -ENOMEM. */
int controller_new(struct core *core, const struct controller_type *type, void *data,
                   struct controller **ret, struct err *e);
void controller_unref(struct controller *c);
DEFINE_AUTO(controller);

/* Begins to hand out keys; before, they gather. */
void controller_begin(struct controller *c);

/* Asks for a run. Out of memory costs the key a wait until the next relist. */
void controller_enqueue(struct controller *c, const char *key);
void controller_enqueue_after(struct controller *c, const char *key, uint64_t delay_usec);
/* For "NAMESPACE/NAME" or "NAME". */
void controller_enqueue_object(struct controller *c, const struct object *o);
void controller_enqueue_name(struct controller *c, const char *ns, const char *name);
/* For what a label of a changed object names in its namespace, now and before. before, after: NULL
 * where it is new or gone. */
void controller_enqueue_label(struct controller *c, const char *label, const struct object *before,
                              const struct object *after);

/* Nothing under way, nothing ready. */
bool controller_is_idle(const struct controller *c);

/* Why the key's last counted change was refused, borrowed, or NULL. */
const char *controller_failure(const struct controller *c, const char *key);

/* ---- live facts, for what must not be decided on a cache's word ---- */

enum live_state {
        LIVE_ASKED, /* will be known at the next call of plan() */
        LIVE_ABSENT,
        LIVE_PRESENT,
};

struct live {
        enum live_state state;
        const char *uid, *revision; /* of a present object, else ""; borrowed from the run */
        bool is_deleting;
        bool has_foreground; /* carries the finalizer foregroundDeletion */
};

/* What the API says about an object, or with name NULL whether a namespace holds any of the kind.
 */
struct live run_look(struct run *run, const struct kind *k, const char *ns, const char *name);
