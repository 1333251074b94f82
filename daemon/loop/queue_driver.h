#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/loop/queue.h"

#include <stddef.h>
#include <stdint.h>

struct loop;

/* Ties a queue to a loop: hands keys to a function, sleeps until the next is due. */
struct queue_driver;

/* Processes key. Answers with queue_driver_finish(), at once or later. key is valid until then. */
typedef void (*queue_driver_fn)(struct queue_driver *d, const char *key, void *userdata);

struct queue_driver_config {
        struct queue_config queue;
        size_t n_active_max; /* keys processed at a time; 0: 16 */
        queue_driver_fn process;
        void *userdata;
};

int queue_driver_new(struct loop *l, const struct queue_driver_config *config,
                     struct queue_driver **ret, struct err *e);

/* No key is handed out afterwards; a queue_driver_finish() that is still owed must not come. May be
 * called from process. */
void queue_driver_unref(struct queue_driver *d);
DEFINE_AUTO(queue_driver);

/* As queue_add() and queue_add_after(), the delay counted from now. Return 0 or -ENOMEM; never fail
 * for a key that the queue has already. */
int queue_driver_add(struct queue_driver *d, const char *key);
int queue_driver_add_after(struct queue_driver *d, const char *key, uint64_t delay_usec);

/* key has been processed. r: 0: success, failures forgotten; negative errno: again after back-off.
 * Returns the delay until the retry in microseconds, 0 on success. */
uint64_t queue_driver_finish(struct queue_driver *d, const char *key, int r);

/* The queue, borrowed: for counters. */
const struct queue *queue_driver_queue(const struct queue_driver *d);
