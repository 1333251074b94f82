#include "daemon/registry/token.h"

#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/pki/cert.h"
#include "daemon/pki/jwt.h"
#include "daemon/pki/jwt_seen.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM "kubernetes.io"
#define EXTRA "authentication.kubernetes.io/"

static const char *const API_AUDIENCES[] = { TOKEN_ISSUER };

/* ---- issuing ---- */

static int ref_put(json_t *claim, const char *key, const struct token_ref *ref) {
        if (!ref->name)
                return 0;
        return json_object_set_new(claim, key,
                                   json_pack("{s:s,s:s}", "name", ref->name, "uid", ref->uid));
}

static json_t *claims_make(const struct token_wish *w, uint64_t now_usec, uint64_t end_usec) {
        const char *const *audiences = w->n_audiences ? w->audiences : API_AUDIENCES;
        json_t *claim = json_pack("{s:s}", "namespace", w->namespace_), *list = json_array();
        AUTO_FREE char *subject =
                str_format("%s%s:%s", USER_PREFIX_SERVICE_ACCOUNT, w->namespace_, w->account.name);
        char id[UID_TEXT_MAX];
        int r = subject ? 0 : -1;

        for (size_t i = 0; r == 0 && i < MAX(w->n_audiences, (size_t) 1); i++)
                r = json_array_append_new(list, json_string(audiences[i]));
        if (r == 0)
                r = ref_put(claim, "serviceaccount", &w->account);
        if (r == 0)
                r = ref_put(claim, "pod", &w->pod);
        if (r == 0)
                r = ref_put(claim, "secret", &w->secret);
        if (r == 0)
                r = ref_put(claim, "node", &w->node);
        if (r < 0) {
                json_decref(claim);
                json_decref(list);
                return NULL;
        }
        return json_pack("{s:o,s:I,s:I,s:s,s:s,s:o,s:I,s:s}", "aud", list, "exp",
                         (json_int_t) (end_usec / USEC_PER_SEC), "iat",
                         (json_int_t) (now_usec / USEC_PER_SEC), "iss", TOKEN_ISSUER, "jti",
                         uid_new(id), CLAIM, claim, "nbf", (json_int_t) (now_usec / USEC_PER_SEC),
                         "sub", subject);
}

int token_issue(struct registry *r, const struct token_wish *wish, char **ret_token,
                uint64_t *ret_end_usec, struct err *e) {
        uint64_t now_usec = r->wall_usec();
        uint64_t end_usec = (now_usec / USEC_PER_SEC + wish->seconds) * USEC_PER_SEC;
        json_t *claims;
        int result;

        if (!r->token_key)
                return err_set(e, -ENOTSUP, "this server has no key to sign tokens with");
        claims = claims_make(wish, now_usec, end_usec);
        if (!claims)
                return err_set(e, -ENOMEM, "memory is out");
        result = jwt_sign(r->token_key, claims, ret_token, e);
        json_decref(claims);
        if (result == 0)
                *ret_end_usec = end_usec;
        return result;
}

/* ---- checking ---- */

/* What a token says, borrowed from its claims. */
struct token_facts {
        const char *namespace_, *id;
        struct token_ref account, pod, secret, node;
};

static struct token_ref ref_of(const json_t *claim, const char *key) {
        const json_t *ref = json_object_get(claim, key);

        return (struct token_ref){
                .name = json_string_value(json_object_get(ref, "name")),
                .uid = json_string_value(json_object_get(ref, "uid")),
        };
}

static int facts_read(const json_t *claims, struct token_facts *f, struct err *e) {
        const json_t *claim = json_object_get(claims, CLAIM);
        const char *subject = json_string_value(json_object_get(claims, "sub"));
        AUTO_FREE char *expected = NULL;

        *f = (struct token_facts){
                .namespace_ = json_string_value(json_object_get(claim, "namespace")),
                .id = json_string_value(json_object_get(claims, "jti")),
                .account = ref_of(claim, "serviceaccount"),
                .pod = ref_of(claim, "pod"),
                .secret = ref_of(claim, "secret"),
                .node = ref_of(claim, "node"),
        };
        if (str_is_empty(f->namespace_) || str_is_empty(f->account.name) || !f->account.uid)
                return err_set(e, -EKEYREJECTED, "it names no service account");
        expected =
                str_format("%s%s:%s", USER_PREFIX_SERVICE_ACCOUNT, f->namespace_, f->account.name);
        if (!expected)
                return err_set(e, -ENOMEM, "memory is out");
        return str_eq(subject, expected)
                       ? 0
                       : err_set(e, -EKEYREJECTED, "its subject is not its service account");
}

/* An object of that name may be another one by now. */
static int ref_check(struct registry *r, const char *plural, const char *what,
                     const char *namespace_, const struct token_ref *ref, struct err *e) {
        const struct record *record;

        if (!ref->name)
                return 0;
        record = registry_find(r, "", plural, namespace_, ref->name);
        if (!record || !str_eq(record->uid, ref->uid))
                return err_set(e, -EKEYREJECTED, "its %s \"%s\" is gone", what, ref->name);
        return 0;
}

static int facts_check(struct registry *r, const struct token_facts *f, struct err *e) {
        int result =
                ref_check(r, "serviceaccounts", "service account", f->namespace_, &f->account, e);

        if (result == 0)
                result = ref_check(r, "pods", "pod", f->namespace_, &f->pod, e);
        if (result == 0)
                result = ref_check(r, "secrets", "secret", f->namespace_, &f->secret, e);
        return result;
}

static void extra_add(struct user *u, struct user_extra *room, const char *key,
                      const char *const *value) {
        if (*value)
                room[u->n_extra++] = (struct user_extra){ key, value, 1 };
}

static struct user *user_make(const struct token_facts *f) {
        AUTO_FREE char *name =
                str_format("%s%s:%s", USER_PREFIX_SERVICE_ACCOUNT, f->namespace_, f->account.name);
        AUTO_FREE char *group = str_format(USER_GROUP_SERVICE_ACCOUNTS ":%s", f->namespace_);
        AUTO_FREE char *id = f->id ? str_format("JTI=%s", f->id) : NULL;
        const char *const id_value = id;
        const char *groups[] = { USER_GROUP_SERVICE_ACCOUNTS, group, USER_GROUP_AUTHENTICATED };
        struct user_extra extra[5];
        struct user u = {
                .name = name,
                .uid = f->account.uid,
                .groups = groups,
                .n_groups = ARRAY_SIZE(groups),
                .extra = extra,
        };

        if (!name || !group || (f->id && !id))
                return NULL;
        extra_add(&u, extra, EXTRA "credential-id", &id_value);
        extra_add(&u, extra, EXTRA "node-name", &f->node.name);
        extra_add(&u, extra, EXTRA "node-uid", &f->node.uid);
        extra_add(&u, extra, EXTRA "pod-name", &f->pod.name);
        extra_add(&u, extra, EXTRA "pod-uid", &f->pod.uid);
        return user_copy(&u);
}

static int claims_check(struct registry *r, const json_t *claims, const struct strings *audiences,
                        struct user **ret_user, struct err *e) {
        size_t n = audiences ? audiences->n : 0;
        const struct jwt_expectation want = {
                .issuer = TOKEN_ISSUER,
                .audiences = n ? (const char *const *) audiences->items : API_AUDIENCES,
                .n_audiences = n ? n : ARRAY_SIZE(API_AUDIENCES),
                .now_usec = r->wall_usec(),
                .clock_floor_usec = CERT_CLOCK_FLOOR_USEC,
        };
        struct token_facts facts;
        int result = jwt_check(claims, &want, e);

        if (result == 0)
                result = facts_read(claims, &facts, e);
        if (result == 0)
                result = facts_check(r, &facts, e);
        if (result < 0)
                return result;
        *ret_user = user_make(&facts);
        return *ret_user ? 0 : err_set(e, -ENOMEM, "memory is out");
}

int token_check(struct registry *r, const char *token, const struct strings *audiences,
                struct user **ret_user, json_t **ret_claims, struct err *e) {
        json_t *claims = NULL;
        int result;

        if (!r->token_key)
                return err_set(e, -EKEYREJECTED, "this server knows no tokens");
        if (!r->tokens_seen)
                r->tokens_seen = jwt_seen_new();
        result = jwt_verify_seen(r->token_key, r->tokens_seen, r->wall_usec(), token, &claims, e);
        if (result == 0)
                result = claims_check(r, claims, audiences, ret_user, e);
        if (result == 0 && ret_claims)
                *ret_claims = claims;
        else
                json_decref(claims);
        return result;
}

/* ---- documents ---- */

/* take_tree: may be NULL. */
static char *text_of(json_t *take_tree) {
        char *text = take_tree ? text_json_dump(take_tree, NULL) : NULL;

        json_decref(take_tree);
        return text;
}

char *token_key_set(const struct registry *r) {
        return r->token_key ? text_of(jwt_key_set(r->token_key)) : NULL;
}

char *token_configuration(const struct registry *r) {
        if (!r->token_key)
                return NULL;
        return text_of(json_pack("{s:s,s:s,s:[s],s:[s],s:[s]}", "issuer", TOKEN_ISSUER, "jwks_uri",
                                 TOKEN_ISSUER "/openid/v1/jwks", "response_types_supported",
                                 "id_token", "subject_types_supported", "public",
                                 "id_token_signing_alg_values_supported", "ES256"));
}
