#include "daemon/registry/find.h"

#include "daemon/registry/state.h"

struct record *registry_find(struct registry *r, const char *group, const char *plural,
                             const char *namespace_, const char *name) {
        struct kind_state *kind = registry_kind(r, group, NULL, plural);

        return kind ? table_get(&kind->table, namespace_, name) : NULL;
}

uint64_t registry_revision(const struct registry *r) {
        return r->hub ? hub_revision(r->hub) : 0;
}
