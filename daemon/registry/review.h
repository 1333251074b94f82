#pragma once

/* Questions to the server: kinds that are asked by POST, answered at once and never stored
 * (authentication.k8s.io, authorization.k8s.io). */
struct call;
struct kind;
struct kinds;
struct user;
typedef struct json_t json_t;

struct review {
        const struct kind *kind;
        /* Answers the call. c->tree is the question: decoded, defaulted, checked. c->status is 201.
         */
        void (*handle)(struct call *c);
};

/* Makes the kinds of all reviews. Returns 0 or -ENOMEM. */
int reviews_init(struct kinds *k);

/* POST to the collection of c->kind, whose review is there. Answers the call. */
void review_handle(struct call *c);

/* A user as reviews show it: username, uid, groups, extra. The caller's; NULL: memory is out. */
json_t *review_user_info(const struct user *u);
