#include "daemon/registry/rendering.h"

#include "api/kinds/object.h"
#include "daemon/registry/present.h"
#include "daemon/registry/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Watches that keep up ask for the newest change one after another; one that lags pays itself. */
#define KEPT 16U

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
        unsigned next; /* is replaced next */
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

static void kept_drop(struct kept *k) {
        record_unref(k->record);
        kind_unref(k->asked);
        rendering_unref(k->rendering);
        *k = (struct kept){ 0 };
}

void renderings_unref(struct renderings *r) {
        if (!r)
                return;
        for (unsigned i = 0; i < KEPT; i++)
                kept_drop(&r->kept[i]);
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
        k = &all->kept[all->next++ % KEPT];
        kept_drop(k);
        *k = (struct kept){ record_ref(r), kind_ref(asked), *f, is_first, rendering_ref(made) };
        *ret = made;
        return 0;
}

uint64_t renderings_made(const struct renderings *all) {
        return all->n_made;
}
