#include "daemon/registry/review.h"

#include "api/kinds/access_review.h"
#include "api/kinds/authentication.h"
#include "api/kinds/object.h"
#include "base/str.h"
#include "daemon/registry/access_review.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/state.h"
#include "daemon/registry/sub.h"
#include "daemon/registry/token.h"
#include "daemon/registry/user.h"

#include <jansson.h>

static json_t *text_list(const char *const *texts, size_t n) {
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(list, json_string(texts[i])) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

json_t *review_user_info(const struct user *u) {
        struct user_info info = {
                .username = u->name,
                .uid = u->uid,
                /* The tables' lists are of plain pointers; encoding only reads. */
                .groups = { .items = (const char **) (void *) u->groups, .n = u->n_groups },
        };
        json_t *tree = schema_encode(&user_info_schema, &info), *extra;

        if (!tree || u->n_extra == 0)
                return tree;
        extra = tree_object(tree, "extra");
        for (size_t i = 0; i < u->n_extra; i++) {
                const struct user_extra *x = &u->extra[i];

                if (json_object_set_new(extra, x->key, text_list(x->values, x->n_values)) < 0) {
                        json_decref(tree);
                        return NULL;
                }
        }
        return tree;
}

/* ---- selfsubjectreviews ---- */

static void self_subject_review(struct call *c) {
        json_t *status = tree_object(c->tree, "status");

        if (json_object_set_new(status, "userInfo", review_user_info(c->user)) < 0)
                call_fail_memory(c);
        else
                call_respond_tree(c, c->tree);
}

/* ---- the table ---- */

static const struct review REVIEWS[] = {
        { &token_review_kind, token_review },
        { &self_subject_review_kind, self_subject_review },
        { &self_subject_access_review_kind, access_review },
        { &subject_access_review_kind, access_review },
        { &local_subject_access_review_kind, access_review },
        { &self_subject_rules_review_kind, rules_review },
        { &binding_kind, sub_bindings },
};

int reviews_init(struct kinds *k) {
        struct kind_state *s;

        for (size_t i = 0; i < ARRAY_SIZE(REVIEWS); i++) {
                if (kinds_add(k, REVIEWS[i].kind, &REVIEWS[i].kind, 1, &s) < 0)
                        return -ENOMEM;
                s->review = &REVIEWS[i];
        }
        return 0;
}

void review_handle(struct call *c) {
        if (!str_eq(c->method, "POST") || *c->path.name) {
                call_refuse_method(c, "POST");
                return;
        }
        if (!decode_body(c, &c->tree) || !decode_kind_matches(c, c->tree) ||
            !decode_check(c, c->tree, NULL))
                return;
        c->status = 201;
        c->kind->review->handle(c);
}
