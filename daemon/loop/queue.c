#include "daemon/loop/queue.h"

#include "base/array.h"
#include "base/list.h"
#include "base/map.h"

#include <limits.h>
#include <string.h>

#define QUEUE_NOT_IN_HEAP SIZE_MAX

/* Lives while it is ready, delayed, processed, or has failures to remember. */
struct queue_item {
        struct list link; /* in ready */
        uint64_t due_usec;
        uint64_t order; /* equal due times: first come, first served */
        size_t heap_index;
        unsigned n_failures;
        bool is_ready;
        bool is_processing;
        bool is_dirty; /* added while being processed */
        char key[];
};

struct queue {
        struct map items; /* key -> struct queue_item */
        struct list ready;
        struct queue_item **
                heap; /* binary, earliest first; room for every item, so that delaying can't fail */
        size_t heap_cap, n_heap;
        size_t n_ready, n_processing;
        uint64_t next_order;
        struct queue_config config;
};

struct queue *queue_new(const struct queue_config *config) {
        struct queue *q = calloc(1, sizeof(*q));

        if (!q)
                return NULL;
        if (config)
                q->config = *config;
        if (q->config.backoff.most_usec == 0)
                q->config.backoff = BACKOFF_CONTROLLER;
        list_init(&q->ready);
        return q;
}

void queue_unref(struct queue *q) {
        if (!q)
                return;
        map_done(&q->items, free);
        free(q->heap);
        free(q);
}

static bool queue_is_before(const struct queue_item *a, const struct queue_item *b) {
        if (a->due_usec != b->due_usec)
                return a->due_usec < b->due_usec;
        return a->order < b->order;
}

static void queue_heap_set(struct queue *q, size_t i, struct queue_item *item) {
        q->heap[i] = item;
        item->heap_index = i;
}

static void queue_heap_up(struct queue *q, size_t i) {
        struct queue_item *item = q->heap[i];

        while (i > 0 && queue_is_before(item, q->heap[(i - 1) / 2])) {
                queue_heap_set(q, i, q->heap[(i - 1) / 2]);
                i = (i - 1) / 2;
        }
        queue_heap_set(q, i, item);
}

static void queue_heap_down(struct queue *q, size_t i) {
        struct queue_item *item = q->heap[i];
        size_t child;

        while ((child = 2 * i + 1) < q->n_heap) {
                if (child + 1 < q->n_heap && queue_is_before(q->heap[child + 1], q->heap[child]))
                        child++;
                if (!queue_is_before(q->heap[child], item))
                        break;
                queue_heap_set(q, i, q->heap[child]);
                i = child;
        }
        queue_heap_set(q, i, item);
}

static void queue_undelay(struct queue *q, struct queue_item *item) {
        size_t i = item->heap_index;
        struct queue_item *last;

        if (i == QUEUE_NOT_IN_HEAP)
                return;
        item->heap_index = QUEUE_NOT_IN_HEAP;
        last = q->heap[--q->n_heap];
        if (last == item)
                return;
        queue_heap_set(q, i, last);
        queue_heap_up(q, i);
        queue_heap_down(q, last->heap_index);
}

static void queue_delay(struct queue *q, struct queue_item *item, uint64_t due_usec) {
        if (item->heap_index != QUEUE_NOT_IN_HEAP) {
                if (item->due_usec <= due_usec)
                        return;
                queue_undelay(q, item);
        }
        item->due_usec = due_usec;
        item->order = q->next_order++;
        queue_heap_set(q, q->n_heap, item);
        queue_heap_up(q, q->n_heap++);
}

/* The item of key, made when there is none; NULL: memory is out. */
static struct queue_item *queue_obtain(struct queue *q, const char *key) {
        struct queue_item *item = map_get(&q->items, key);
        size_t len = strlen(key);

        if (item)
                return item;
        if (array_reserve(&q->heap, &q->heap_cap, q->items.n, sizeof(*q->heap)) < 0)
                return NULL;
        item = calloc(1, sizeof(*item) + len + 1);
        if (!item)
                return NULL;
        list_init(&item->link);
        item->heap_index = QUEUE_NOT_IN_HEAP;
        memcpy(item->key, key, len + 1);
        if (map_put(&q->items, key, item, NULL) < 0) {
                free(item);
                return NULL;
        }
        return item;
}

static void queue_drop_if_idle(struct queue *q, struct queue_item *item) {
        if (item->is_ready || item->is_processing || item->n_failures > 0 ||
            item->heap_index != QUEUE_NOT_IN_HEAP)
                return;
        (void) map_remove(&q->items, item->key);
        free(item);
}

static void queue_make_ready(struct queue *q, struct queue_item *item) {
        if (item->is_processing) {
                item->is_dirty = true;
                return;
        }
        if (item->is_ready)
                return;
        item->is_ready = true;
        q->n_ready++;
        list_append(&q->ready, &item->link);
}

int queue_add(struct queue *q, const char *key) {
        struct queue_item *item = queue_obtain(q, key);

        if (!item)
                return -ENOMEM;
        queue_make_ready(q, item);
        return 0;
}

int queue_add_after(struct queue *q, const char *key, uint64_t due_usec) {
        struct queue_item *item = queue_obtain(q, key);

        if (!item)
                return -ENOMEM;
        if (due_usec == USEC_NEVER) {
                queue_drop_if_idle(q, item);
                return 0;
        }
        /* What is ready is handed out before any delay ends, and that takes a delay back. */
        if (!item->is_ready)
                queue_delay(q, item, due_usec);
        return 0;
}

int queue_retry(struct queue *q, const char *key, uint64_t now_usec, uint64_t *ret_due_usec) {
        struct queue_item *item = queue_obtain(q, key);
        uint64_t delay_usec;

        if (!item)
                return -ENOMEM;
        item->n_failures = backoff_count(&q->config.backoff, item->n_failures, 0);
        delay_usec = backoff_delay(&q->config.backoff, item->n_failures);
        delay_usec = backoff_jitter(delay_usec, q->config.jitter_pct, &q->config.seed);
        if (!item->is_ready)
                queue_delay(q, item, now_usec + delay_usec);
        if (ret_due_usec)
                *ret_due_usec = now_usec + delay_usec;
        return 0;
}

static void queue_promote_due(struct queue *q, uint64_t now_usec) {
        while (q->n_heap > 0 && q->heap[0]->due_usec <= now_usec) {
                struct queue_item *item = q->heap[0];

                queue_undelay(q, item);
                queue_make_ready(q, item);
        }
}

const char *queue_pop(struct queue *q, uint64_t now_usec) {
        struct queue_item *item;

        queue_promote_due(q, now_usec);
        if (list_is_empty(&q->ready))
                return NULL;

        item = CONTAINER_OF(q->ready.next, struct queue_item, link);
        list_remove(&item->link);
        q->n_ready--;
        q->n_processing++;
        item->is_ready = false;
        item->is_processing = true;
        queue_undelay(q, item);
        return item->key;
}

void queue_done(struct queue *q, const char *key) {
        struct queue_item *item = map_get(&q->items, key);

        if (!item || !item->is_processing)
                return;
        item->is_processing = false;
        q->n_processing--;
        if (item->is_dirty) {
                item->is_dirty = false;
                queue_make_ready(q, item);
        }
        queue_drop_if_idle(q, item);
}

void queue_forget(struct queue *q, const char *key) {
        struct queue_item *item = map_get(&q->items, key);

        if (!item)
                return;
        item->n_failures = 0;
        queue_drop_if_idle(q, item);
}

unsigned queue_failures(const struct queue *q, const char *key) {
        const struct queue_item *item = map_get(&q->items, key);

        return item ? item->n_failures : 0;
}

uint64_t queue_next_due(const struct queue *q) {
        if (q->n_ready > 0)
                return 0;
        return q->n_heap > 0 ? q->heap[0]->due_usec : USEC_NEVER;
}

size_t queue_n_ready(const struct queue *q) {
        return q->n_ready;
}

size_t queue_n_delayed(const struct queue *q) {
        return q->n_heap;
}

size_t queue_n_processing(const struct queue *q) {
        return q->n_processing;
}
