#include "daemon/registry/rendering.h"

#include "api/kinds/object.h"
#include "daemon/registry/present.h"
#include "daemon/registry/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Watches that keep up ask for the newest change one after another; one that lags pays itself. */
#define KEPT 16U
#define KEPT_BYTES                                                                                 \
        (1U << 20) /* of texts and the versions that they pin; a larger one is kept alone */

struct kept {
        struct record *record;    /* owned reference: so that its address names nothing else */
        const struct kind *asked; /* counted */
        struct form form;
        bool is_first;
        struct rendering *rendering; /* owned reference */
};

struct renderings {
        uint64_t (*wall_usec)(void);
        struct kept kept[KEPT];
        unsigned next; /* is replaced next; the oldest */
        size_t bytes;
        uint64_t n_made;
};

struct rendering *rendering_ref(struct rendering *r) {
        r->n_refs++;
        return r;
}

void rendering_unref(struct rendering *r) {
        if (!r || --r->n_refs > 0)
                return;
        free((char *) r->text);
        free(r);
}

struct renderings *renderings_new(uint64_t (*wall_usec)(void)) {
        struct renderings *all = calloc(1, sizeof(*all));

        if (all)
                all->wall_usec = wall_usec;
        return all;
}

static size_t kept_bytes(const struct kept *k) {
        return k->record ? record_bytes(k->record) + k->rendering->len : 0;
}

static void kept_drop(struct renderings *all, struct kept *k) {
        all->bytes -= kept_bytes(k);
        record_unref(k->record);
        kind_unref(k->asked);
        rendering_unref(k->rendering);
        *k = (struct kept){ 0 };
}

static void kept_put(struct renderings *all, const struct kept *fresh) {
        size_t bytes = kept_bytes(fresh);

        /* From the oldest on; at the end the fresh one's own place is free. */
        for (unsigned i = 0; i < KEPT; i++)
                if (i == 0 || all->bytes + bytes > KEPT_BYTES)
                        kept_drop(all, &all->kept[(all->next + i) % KEPT]);
        all->kept[all->next++ % KEPT] = *fresh;
        all->bytes += bytes;
}

void renderings_unref(struct renderings *r) {
        if (!r)
                return;
        for (unsigned i = 0; i < KEPT; i++)
                kept_drop(r, &r->kept[i]);
        free(r);
}

static bool form_is(const struct form *a, const struct form *b) {
        return a->as == b->as && a->include == b->include && a->is_beta == b->is_beta;
}

static struct rendering *rendering_make(char *take_text) {
        struct rendering *made = take_text ? calloc(1, sizeof(*made)) : NULL;

        if (!made) {
                free(take_text);
                return NULL;
        }
        *made = (struct rendering){ .n_refs = 1, .len = strlen(take_text), .text = take_text };
        return made;
}

int renderings_get(struct renderings *all, const struct form *f, const struct kind *asked,
                   struct record *r, bool is_first, struct rendering **ret) {
        struct rendering *made;
        struct kept *k;

        for (unsigned i = 0; i < KEPT; i++) {
                k = &all->kept[i];
                if (k->record != r || k->asked != asked || k->is_first != is_first ||
                    !form_is(&k->form, f))
                        continue;
                *ret = rendering_ref(k->rendering);
                return 0;
        }
        made = rendering_make(present_event(f, asked, r, all->wall_usec(), is_first));
        if (!made)
                return -ENOMEM;
        all->n_made++;
        kept_put(all, &(struct kept){ .record = record_ref(r),
                                      .asked = kind_ref(asked),
                                      .form = *f,
                                      .is_first = is_first,
                                      .rendering = rendering_ref(made) });
        *ret = made;
        return 0;
}

uint64_t renderings_made(const struct renderings *all) {
        return all->n_made;
}
