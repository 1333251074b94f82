#pragma once

#include <stdbool.h>

/* Who controls whom: dependents are told by the owner reference with controller: true, orphans that
 * a selector matches are taken in, and what no longer matches is let go. */

struct changes;
struct label_selector;
struct object;

/* Whether o is owner's. An orphan that matches gets a patch that makes it owner's, an own one that
 * doesn't match any more a patch that frees it; both count as foreign until that is done. Nothing
 * is adopted by an owner that is being deleted, nor when it is being deleted itself, nor with an
 * empty selector. Pure. */
bool adopt_claim(const struct object *owner, const struct label_selector *selector,
                 const struct object *o, struct changes *c);

/* Whether o's controller is owner, by uid. */
bool adopt_is_own(const struct object *owner, const struct object *o);
