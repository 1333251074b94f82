#include "cli/discovery.h"

#include "api/kinds/object.h"
#include "base/array.h"

#include <stdlib.h>

void discovery_unref(struct discovery *d) {
        if (!d)
                return;
        for (size_t i = 0; i < d->n; i++)
                kind_unref(d->kinds[i]);
        free(d->kinds);
        free(d);
}

const struct kind *discovery_keep(struct discovery *d, const struct kind *take_kind) {
        if (array_reserve(&d->kinds, &d->cap, d->n, sizeof(*d->kinds)) < 0) {
                kind_unref(take_kind);
                return NULL;
        }
        d->kinds[d->n++] = take_kind;
        return take_kind;
}
