#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stddef.h>
#include <stdint.h>

/* Tokens of service accounts: what is in them and whose they are. Claims as in
 * k8s.io/kubernetes/pkg/serviceaccount. */
struct call;
struct registry;
struct strings;
struct user;
typedef struct json_t json_t;

/* Issuer, and the audience of the API itself. */
#define TOKEN_ISSUER "https://kubernetes.default.svc.cluster.local"

/* Something that a token names: a pod, a node. */
struct token_ref {
        const char *name, *uid; /* NULL: none */
};

struct token_wish {
        const char *namespace_;
        struct token_ref account;
        struct token_ref pod, secret, node;
        const char *const *audiences;
        size_t n_audiences; /* 0: the API's own */
        uint64_t seconds;
};

/* Makes a token. The text is the caller's; *ret_end_usec is wall clock. Returns 0, -ENOTSUP when
 * this registry has no key, or what jwt_sign() says. */
int token_issue(struct registry *r, const struct token_wish *wish, char **ret_token,
                uint64_t *ret_end_usec, struct err *e);

/* Whose a token is. Its signature, times and audience are checked, and that its account, and the
 * pod or secret that it is bound to, still exist with the same UID: a token dies with them.
 *
 * audiences   one of them must be the token's; NULL or none: the API's own.
 * ret_user    the caller's.
 * ret_claims  the caller's; may be NULL.
 *
 * Returns 0, -EKEYREJECTED with the reason, or -ENOMEM. */
int token_check(struct registry *r, const char *token, const struct strings *audiences,
                struct user **ret_user, json_t **ret_claims, struct err *e);

/* serviceaccounts/NAME/token: POST of a TokenRequest. Answers the call. */
void token_request(struct call *c);

/* POST of a TokenReview; c->tree is the question. Answers the call. */
void token_review(struct call *c);

/* The documents by which others can check tokens (OpenID Connect Discovery 1.0): NULL when there is
 * no key or memory is out; the caller's. */
char *token_key_set(const struct registry *r);
char *token_configuration(const struct registry *r);
