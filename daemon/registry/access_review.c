#include "daemon/registry/access_review.h"

#include "api/kinds/access_review.h"
#include "api/kinds/object.h"
#include "base/str.h"
#include "daemon/plan/rbac.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/call.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"

#include <jansson.h>
#include <stdlib.h>

/* Puts the status in and answers. take_status may be NULL: memory is out. */
static void answer(struct call *c, json_t *take_status) {
        if (json_object_set_new(c->tree, "status", take_status) < 0)
                call_fail_memory(c);
        else
                call_respond_tree(c, c->tree);
}

static struct access access_of(const struct resource_attributes *r,
                               const struct non_resource_attributes *n) {
        if (!r)
                return (struct access){
                        .verb = str_or_empty(n->verb),
                        .path = str_or_empty(n->path),
                };
        return (struct access){
                .verb = str_or_empty(r->verb),
                .group = str_or_empty(r->group),
                .resource = str_or_empty(r->resource),
                .subresource = str_or_empty(r->subresource),
                .namespace_ = str_or_empty(r->namespace),
                .name = str_or_empty(r->name),
        };
}

/* False: answered. */
static bool namespace_fits(struct call *c, struct access *a) {
        if (c->asked != &local_subject_access_review_kind)
                return true;
        if (str_is_empty(a->namespace_))
                a->namespace_ = c->path.namespace_;
        if (str_eq(a->namespace_, c->path.namespace_))
                return true;
        call_fail(c, 400, "BadRequest",
                  "spec.resourceAttributes.namespace must match namespace: %s", c->path.namespace_);
        return false;
}

static void decide(struct call *c, const struct user *who, struct access a) {
        AUTO_DONE(access_decision) struct access_decision d = { 0 };
        struct subject_access_review_status status = { 0 };

        if (!namespace_fits(c, &a))
                return;
        status.allowed = authorize_decide(c->registry, who, &a, &d);
        status.reason = d.reason;
        answer(c, schema_encode(&subject_access_review_status_schema, &status));
}

void access_review(struct call *c) {
        AUTO(object) struct object *o = NULL;
        const struct subject_access_review_spec *spec;
        struct user who;

        if (object_new_from_json(c->asked, c->tree, false, &o, NULL) < 0) {
                call_fail_memory(c);
                return;
        }
        if (c->asked == &self_subject_access_review_kind) {
                const struct self_subject_access_review *self =
                        OBJECT_AS(self_subject_access_review, o);

                decide(c, c->user,
                       access_of(self->spec.resource_attributes,
                                 self->spec.non_resource_attributes));
                return;
        }
        /* Both others have the same members. */
        spec = &((const struct subject_access_review *) o->meta)->spec;
        who = (struct user){
                .name = str_or_empty(spec->user),
                .groups = (const char *const *) spec->groups.items,
                .n_groups = spec->groups.n,
        };
        decide(c, &who, access_of(spec->resource_attributes, spec->non_resource_attributes));
}

/* ---- rules ---- */

static void rule_split(const struct policy_rule *r, struct subject_rules_review_status *to) {
        if (r->non_resource_urls.n > 0)
                to->non_resource_rules.items[to->non_resource_rules.n++] =
                        (struct non_resource_rule){ .verbs = r->verbs,
                                                    .non_resource_urls = r->non_resource_urls };
        else
                to->resource_rules.items[to->resource_rules.n++] =
                        (struct resource_rule){ .verbs = r->verbs,
                                                .api_groups = r->api_groups,
                                                .resources = r->resources,
                                                .resource_names = r->resource_names };
}

void rules_review(struct call *c) {
        const struct access_user who =
                authorize_user(c->user->name, c->user->groups, c->user->n_groups);
        AUTO_FREE struct resource_rule *resources = NULL;
        AUTO_FREE struct non_resource_rule *paths = NULL;
        AUTO_FREE struct policy_rule *items = NULL;
        AUTO(object) struct object *o = NULL;
        struct subject_rules_review_status status = { 0 };
        struct policy_rules rules = { 0 };

        if (object_new_from_json(c->asked, c->tree, false, &o, NULL) < 0 ||
            rbac_rules_of(c->registry->rbac, &who,
                          str_or_empty(OBJECT_AS(self_subject_rules_review, o)->spec.namespace),
                          &rules) < 0) {
                call_fail_memory(c);
                return;
        }
        items = rules.items;
        resources = calloc(rules.n + 1, sizeof(*resources));
        paths = calloc(rules.n + 1, sizeof(*paths));
        if (!resources || !paths) {
                call_fail_memory(c);
                return;
        }
        status.resource_rules.items = resources;
        status.non_resource_rules.items = paths;
        for (size_t i = 0; i < rules.n; i++)
                rule_split(&rules.items[i], &status);
        answer(c, schema_encode(&subject_rules_review_status_schema, &status));
}
