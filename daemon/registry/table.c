#include "daemon/registry/table.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void table_done(struct table *t) {
        for (size_t i = 0; i < t->n; i++)
                record_unref(t->items[i]);
        free(t->items);
        *t = (struct table){ 0 };
}

size_t table_find(const struct table *t, const char *namespace_, const char *name) {
        size_t low = 0, high = t->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (record_compare(t->items[middle], namespace_, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct record *table_get(const struct table *t, const char *namespace_, const char *name) {
        size_t i = table_find(t, namespace_, name);

        if (i < t->n && record_compare(t->items[i], namespace_, name) == 0)
                return t->items[i];
        return NULL;
}

int table_reserve(struct table *t) {
        int r = array_reserve(&t->items, &t->cap, t->n + t->n_reserved, sizeof(*t->items));

        if (r == 0)
                t->n_reserved++;
        return r;
}

void table_release(struct table *t) {
        t->n_reserved--;
}

void table_put(struct table *t, struct record *take_record) {
        size_t i = table_find(t, take_record->namespace_, take_record->name);

        t->bytes += record_bytes(take_record);
        if (i < t->n &&
            record_compare(t->items[i], take_record->namespace_, take_record->name) == 0) {
                t->bytes -= record_bytes(t->items[i]);
                record_unref(t->items[i]);
                t->items[i] = take_record;
                return;
        }
        assert(t->n < t->cap);
        memmove(&t->items[i + 1], &t->items[i], (t->n - i) * sizeof(*t->items));
        t->items[i] = take_record;
        t->n++;
}

void table_remove(struct table *t, const char *namespace_, const char *name) {
        size_t i = table_find(t, namespace_, name);

        if (i >= t->n || record_compare(t->items[i], namespace_, name) != 0)
                return;
        t->bytes -= record_bytes(t->items[i]);
        record_unref(t->items[i]);
        t->n--;
        memmove(&t->items[i], &t->items[i + 1], (t->n - i) * sizeof(*t->items));
}
