#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

/* Who sends a request, once that is proven: what Kubernetes calls user.Info. A value without
 * behaviour; constant users may be written as initialisers, others are made by user_copy(). */
#define USER_GROUP_MASTERS "system:masters" /* may do everything, whatever the rules say */
#define USER_GROUP_AUTHENTICATED "system:authenticated"
#define USER_GROUP_UNAUTHENTICATED "system:unauthenticated"
#define USER_GROUP_NODES "system:nodes"
#define USER_GROUP_SERVICE_ACCOUNTS "system:serviceaccounts" /* and with ":NAMESPACE" behind */
#define USER_NAME_ANONYMOUS "system:anonymous"
#define USER_PREFIX_NODE "system:node:"
#define USER_PREFIX_SERVICE_ACCOUNT "system:serviceaccount:" /* then NAMESPACE:NAME */

/* What the authenticator knows besides: "authentication.kubernetes.io/pod-name" and the like. */
struct user_extra {
        const char *key;
        const char *const *values;
        size_t n_values;
};

struct user {
        const char *name; /* never NULL */
        const char *uid;  /* NULL: none */
        const char *const *groups;
        size_t n_groups;
        const struct user_extra *extra;
        size_t n_extra;
};

/* Groups of the programs that are part of orch itself: system:masters and system:authenticated. */
extern const char *const USER_MASTERS[2];

/* A constant user of these groups. */
#define USER_MASTER(user_name)                                                                     \
        { .name = (user_name), .groups = USER_MASTERS, .n_groups = ARRAY_SIZE(USER_MASTERS) }

/* A deep copy in one piece of memory, the caller's; NULL when memory is out. */
struct user *user_copy(const struct user *u);
void user_unref(struct user *u);
DEFINE_AUTO(user);

/* group: by its whole name. */
bool user_has_group(const struct user *u, const char *group);

/* Same name, uid, groups and extra, in the same order. */
bool user_equal(const struct user *a, const struct user *b);
