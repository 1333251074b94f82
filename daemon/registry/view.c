#include "daemon/registry/view.h"

#include "api/kinds/object.h"
#include "daemon/registry/record.h"
#include "daemon/registry/resource.h"

#include <jansson.h>

json_t *view_tree(const struct record *r, const struct kind *asked) {
        json_t *tree = record_tree(r);

        if (!tree || asked == r->resource->kind)
                return tree;
        if (kind_from_stored(asked, tree) == 0)
                return tree;
        json_decref(tree);
        return NULL;
}

struct record *view_record(struct record *r, const struct kind *asked) {
        struct record *view = NULL;
        json_t *tree;

        if (asked == r->resource->kind)
                return record_ref(r);
        tree = view_tree(r, asked);
        if (tree && record_new(r->resource, tree, r->revision, &view, NULL) == 0)
                view->stored_revision = r->stored_revision;
        json_decref(tree);
        return view;
}
