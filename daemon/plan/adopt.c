#include "daemon/plan/adopt.h"

#include "api/kinds/labels.h"
#include "api/kinds/object.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

bool adopt_is_own(const struct object *owner, const struct object *o) {
        const struct owner_reference *r = meta_controller(o->meta);

        return r && str_eq(r->uid, owner->meta->uid);
}

/* The owner references without the one that names uid, as a fresh list. */
static json_t *adopt_references(const struct object *o, const char *without_uid) {
        json_t *list = json_array();

        for (size_t i = 0; i < o->meta->owner_references.n; i++) {
                const struct owner_reference *r = &o->meta->owner_references.items[i];

                if (str_eq(r->uid, without_uid))
                        continue;
                if (json_array_append_new(list, schema_encode(&owner_reference_schema, r)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        }
        return list;
}

static void adopt_patch(const struct object *o, json_t *take_references, struct changes *c) {
        (void) changes_patch(
                c, o, NULL, json_pack("{s:{s:o}}", "metadata", "ownerReferences", take_references));
}

static void adopt_take(const struct object *owner, const struct object *o, struct changes *c) {
        json_t *list = adopt_references(o, owner->meta->uid);

        if (json_array_append_new(list, tree_owner(owner)) < 0) {
                json_decref(list);
                list = NULL;
        }
        adopt_patch(o, list, c);
}

enum adopt_claim adopt_claim(const struct object *owner, const struct label_selector *selector,
                             const struct object *o, struct changes *c) {
        bool is_empty = selector->match_labels.n == 0 && selector->match_expressions.n == 0;
        bool matches = !is_empty && label_selector_matches(selector, &o->meta->labels);
        bool is_going = o->meta->deletion_timestamp != 0;

        if (adopt_is_own(owner, o)) {
                if (matches || is_going)
                        return ADOPT_OWN;
                if (owner->meta->deletion_timestamp == 0)
                        adopt_patch(o, adopt_references(o, owner->meta->uid), c);
                return ADOPT_FOREIGN;
        }
        if (meta_controller(o->meta) || !matches || is_going ||
            owner->meta->deletion_timestamp != 0)
                return ADOPT_FOREIGN;
        adopt_take(owner, o, c);
        return ADOPT_TAKING;
}
