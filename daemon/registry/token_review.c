/* TokenReview, and TokenRequest of a service account. */
#include "api/kinds/authentication.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/pki/jwt.h"
#include "daemon/registry/authorize_node.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/review.h"
#include "daemon/registry/state.h"
#include "daemon/registry/token.h"
#include "daemon/registry/user.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokenreviews ---- */

/* Those of the asked audiences that the token is for. */
static int audiences_put(json_t *status, const struct strings *asked, const json_t *claims) {
        json_t *list = json_array();
        int r = 0;

        for (size_t i = 0; r == 0 && i < asked->n; i++)
                if (jwt_has_audience(claims, asked->items[i]))
                        r = json_array_append_new(list, json_string(asked->items[i]));
        if (r == 0 && asked->n == 0)
                r = json_array_append_new(list, json_string(TOKEN_ISSUER));
        if (json_object_set_new(status, "audiences", list) < 0)
                r = -ENOMEM;
        return r;
}

/* The status of a review, the caller's; NULL: memory is out. */
static json_t *review_status(struct call *c, const struct token_review *q) {
        AUTO(user) struct user *user = NULL;
        json_t *claims = NULL, *status;
        struct err e = { 0 };
        int r = token_check(c->registry, q->spec.token, &q->spec.audiences, &user, &claims, &e);

        if (r == -ENOMEM)
                return NULL;
        if (r < 0)
                return json_pack("{s:{},s:s}", "user", "error", err_text(&e));
        status = json_pack("{s:b,s:o}", "authenticated", 1, "user", review_user_info(user));
        if (status && audiences_put(status, &q->spec.audiences, claims) < 0) {
                json_decref(status);
                status = NULL;
        }
        json_decref(claims);
        return status;
}

void token_review(struct call *c) {
        AUTO(object) struct object *o = NULL;
        struct err e = { 0 };
        json_t *status;

        if (object_new_from_json(&token_review_kind, c->tree, false, &o, &e) < 0) {
                call_fail(c, 400, "BadRequest", "%s", err_text(&e));
                return;
        }
        status = review_status(c, OBJECT_AS(token_review, o));
        if (json_object_set_new(c->tree, "status", status) < 0)
                call_fail_memory(c);
        else
                call_respond_tree(c, c->tree);
}

/* ---- serviceaccounts/NAME/token ---- */

/* Finds what the token shall be bound to. False: answered. */
static bool bound_find(struct call *c, const struct bound_object_reference *ref,
                       struct record **ret) {
        const char *plural = str_eq(ref->kind, "Pod") ? "pods" : "secrets";

        if ((!str_eq(ref->kind, "Pod") && !str_eq(ref->kind, "Secret")) ||
            !str_eq(ref->api_version, "v1")) {
                call_fail(c, 400, "BadRequest",
                          "cannot bind token for serviceaccount %s to object of type %s, Kind=%s",
                          c->path.name, str_or_empty(ref->api_version), str_or_empty(ref->kind));
                return false;
        }
        *ret = registry_find(c->registry, "", plural, c->path.namespace_, str_or_empty(ref->name));
        if (!*ret) {
                call_fail(c, 404, "NotFound", "%s \"%s\" not found", plural,
                          str_or_empty(ref->name));
                return false;
        }
        if (!str_is_empty(ref->uid) && !str_eq(ref->uid, (*ret)->uid)) {
                call_fail_conflict(c, "the UID in the bound object reference does not match the "
                                      "UID in record. The object might have been deleted and then "
                                      "recreated");
                return false;
        }
        return true;
}

/* A pod's token also says on which node it runs. tree: the pod, which must run as the account. */
static bool pod_bind(struct call *c, const json_t *pod, struct token_wish *w) {
        const json_t *spec = json_object_get(pod, "spec");
        const char *account = tree_text(spec, "serviceAccountName");
        const char *node = tree_text(spec, "nodeName");
        const struct record *there;

        if (!str_eq(str_is_empty(account) ? "default" : account, c->path.name)) {
                call_fail(c, 400, "BadRequest",
                          "cannot bind token for serviceaccount \"%s\" to pod running with "
                          "different serviceaccount name.",
                          c->path.name);
                return false;
        }
        there = str_is_empty(node) ? NULL : registry_find(c->registry, "", "nodes", "", node);
        if (there)
                w->node = (struct token_ref){ there->name, there->uid };
        return true;
}

static void respond_token(struct call *c, const struct token_wish *w) {
        AUTO_FREE char *token = NULL;
        struct err e = { 0 };
        char end[CLOCK_TEXT_MAX];
        uint64_t end_usec;
        json_t *status;
        int r = token_issue(c->registry, w, &token, &end_usec, &e);

        if (r < 0) {
                call_fail(c, r == -E2BIG ? 400 : 500, r == -E2BIG ? "BadRequest" : "InternalError",
                          "%s", err_text(&e));
                return;
        }
        status = json_pack("{s:s,s:s}", "token", token, "expirationTimestamp",
                           clock_format(end_usec, end));
        c->status = 201;
        if (json_object_set_new(c->tree, "status", status) < 0)
                call_fail_memory(c);
        else
                call_respond_text(c, text_json_dump(c->tree, NULL));
}

static void request_answer(struct call *c, const struct token_request *q,
                           const struct record *account) {
        const struct bound_object_reference *ref = q->spec.bound_object_ref;
        struct token_wish w = {
                .namespace_ = c->path.namespace_,
                .account = { account->name, account->uid },
                .audiences = (const char *const *) q->spec.audiences.items,
                .n_audiences = q->spec.audiences.n,
                .seconds = (uint64_t) q->spec.expiration_seconds,
        };
        struct record *bound = NULL;
        json_t *pod;
        bool is_good;

        if (ref && !bound_find(c, ref, &bound))
                return;
        if (!bound || str_eq(ref->kind, "Secret")) {
                if (bound)
                        w.secret = (struct token_ref){ bound->name, bound->uid };
                respond_token(c, &w);
                return;
        }
        w.pod = (struct token_ref){ bound->name, bound->uid };
        pod = record_tree(bound);
        if (!pod) {
                call_fail_memory(c);
                return;
        }
        is_good = pod_bind(c, pod, &w);
        json_decref(pod);
        if (is_good)
                respond_token(c, &w);
}

/* name and namespace of the account, as the API server fills them in. */
static bool metadata_put(struct call *c) {
        char now[CLOCK_TEXT_MAX];
        json_t *meta = tree_object(c->tree, "metadata");

        return json_object_set_new(meta, "name", json_string(c->path.name)) == 0 &&
               json_object_set_new(meta, "namespace", json_string(c->path.namespace_)) == 0 &&
               json_object_set_new(meta, "creationTimestamp",
                                   json_string(clock_format(c->registry->wall_usec(), now))) == 0;
}

void token_request(struct call *c) {
        const struct record *account = table_get(&c->kind->table, c->path.namespace_, c->path.name);
        AUTO(object) struct object *o = NULL;
        struct err e = { 0 };

        if (!account) {
                call_fail_not_found(c);
                return;
        }
        /* The body is a kind of its own, and findings speak of that. */
        kind_unref(c->asked);
        c->asked = kind_ref(&token_request_kind);
        if (!decode_body(c, &c->tree) || !decode_kind_matches(c, c->tree) ||
            !decode_check(c, c->tree, NULL))
                return;
        if (!metadata_put(c)) {
                call_fail_memory(c);
                return;
        }
        if (object_new_from_json(&token_request_kind, c->tree, false, &o, &e) < 0) {
                call_fail(c, 400, "BadRequest", "%s", err_text(&e));
                return;
        }
        if (admit_node_token(c, c->tree))
                request_answer(c, OBJECT_AS(token_request, o), account);
}
