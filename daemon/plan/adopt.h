#pragma once

#include <stdbool.h>

/* Who controls whom: dependents are told by the owner reference with controller: true, orphans that
 * a selector matches are taken in, and what no longer matches is let go. */

struct changes;
struct label_selector;
struct object;

enum adopt_claim {
        ADOPT_FOREIGN, /* somebody else's, or let go by a patch */
        ADOPT_OWN,
        ADOPT_TAKING, /* an orphan that matches: a patch makes it owner's. Until that is done it
                         can't be counted, nor be replaced: plan no further */
};

/* Whose o is. An own one that matches no more gets a patch that frees it. Nothing is adopted by an
 * owner that is being deleted, nor when it is being deleted itself, nor with an empty selector.
 * Pure. */
enum adopt_claim adopt_claim(const struct object *owner, const struct label_selector *selector,
                             const struct object *o, struct changes *c);

/* Whether o's controller is owner, by uid. */
bool adopt_is_own(const struct object *owner, const struct object *o);
