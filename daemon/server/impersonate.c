#include "daemon/server/impersonate.h"

#include "base/str.h"
#include "daemon/plan/access.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/status.h"
#include "daemon/registry/user.h"
#include "daemon/server/face.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "Impersonate-"
#define EXTRA "Extra-"
#define GROUPS_MAX 64U
#define EXTRAS_MAX 64U
#define REVIEW_GROUP "authentication.k8s.io"

/* What the headers say; texts are borrowed from them but for the keys of extra. */
struct wish {
        const char *name, *uid;
        const char *groups[GROUPS_MAX + 2]; /* room for what Kubernetes adds */
        size_t n_groups;
        char *keys[EXTRAS_MAX]; /* owned */
        const char *values[EXTRAS_MAX];
        size_t n_extra;
        bool is_any, is_too_long;
};

static void wish_done(struct wish *w) {
        for (size_t i = 0; i < w->n_extra; i++)
                free(w->keys[i]);
}
DEFINE_AUTO_DONE(wish);

/* ---- reading ---- */

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) tolower((unsigned char) c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Header names know no case and no slash: keys are small letters, percent-encoded. */
static char *key_decode(const char *text) {
        char *key = strdup(text), *out = key;

        if (!key)
                return NULL;
        for (const char *at = text; *at; at++) {
                if (at[0] == '%' && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0) {
                        *out++ = (char) tolower(hex_digit(at[1]) * 16 + hex_digit(at[2]));
                        at += 2;
                } else {
                        *out++ = (char) tolower((unsigned char) *at);
                }
        }
        *out = '\0';
        return key;
}

static enum MHD_Result header_read(void *data, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
        struct wish *w = data;

        if (strncasecmp(name, PREFIX, strlen(PREFIX)) != 0)
                return MHD_YES;
        name += strlen(PREFIX);
        w->is_any = true;
        if (strcasecmp(name, "User") == 0) {
                w->name = value;
        } else if (strcasecmp(name, "Uid") == 0) {
                w->uid = value;
        } else if (strcasecmp(name, "Group") == 0) {
                w->is_too_long = w->is_too_long || w->n_groups == GROUPS_MAX;
                if (!w->is_too_long)
                        w->groups[w->n_groups++] = str_or_empty(value);
        } else if (strncasecmp(name, EXTRA, strlen(EXTRA)) == 0) {
                w->is_too_long = w->is_too_long || w->n_extra == EXTRAS_MAX;
                if (w->is_too_long)
                        return MHD_YES;
                w->values[w->n_extra] = str_or_empty(value);
                w->keys[w->n_extra] = key_decode(name + strlen(EXTRA));
                w->n_extra += w->keys[w->n_extra] != NULL;
        }
        return MHD_YES;
}

/* ---- rights ---- */

static bool may(struct request *r, const struct access *a) {
        const struct access_user who =
                authorize_user(r->asker->name, r->asker->groups, r->asker->n_groups);
        AUTO_FREE char *why = NULL;
        AUTO_FREE char *message = NULL;
        struct status_text s = {
                .code = 403,
                .reason = "Forbidden",
                .name = a->name,
                .group = a->group,
                .kind = a->resource,
        };

        if (authorize_decide(r->face->server->registry, r->asker, a, NULL))
                return true;
        why = access_refusal(&who, a);
        message = str_format("%s%s%s \"%s\" is forbidden: %s", a->resource, *a->group ? "." : "",
                             a->group, a->name, str_or_empty(why));
        s.message = message;
        status_respond(&s, &r->response);
        return false;
}

static bool may_be(struct request *r, const char *group, const char *resource,
                   const char *subresource, const char *name) {
        const struct access a = {
                .verb = "impersonate",
                .group = group,
                .resource = resource,
                .subresource = subresource,
                .namespace_ = "",
                .name = name,
        };

        return may(r, &a);
}

/* "system:serviceaccount:NS:NAME" is the right to an object in a namespace. */
static bool may_be_account(struct request *r, const char *text) {
        AUTO_FREE char *namespace_ = strdup(text);
        char *colon = namespace_ ? strchr(namespace_, ':') : NULL;
        struct access a = { .verb = "impersonate", .group = "", .resource = "serviceaccounts" };

        if (!colon) {
                rest_status(&r->response, 400, "BadRequest",
                            "Impersonate-User: a service account is written "
                            "system:serviceaccount:NAMESPACE:NAME");
                return false;
        }
        *colon = '\0';
        a.subresource = "";
        a.namespace_ = namespace_;
        a.name = colon + 1;
        return may(r, &a);
}

static bool may_be_all(struct request *r, const struct wish *w) {
        if (str_starts_with(w->name, USER_PREFIX_SERVICE_ACCOUNT)) {
                if (!may_be_account(r, w->name + strlen(USER_PREFIX_SERVICE_ACCOUNT)))
                        return false;
        } else if (!may_be(r, "", "users", "", w->name)) {
                return false;
        }
        if (w->uid && !may_be(r, REVIEW_GROUP, "uids", "", w->uid))
                return false;
        for (size_t i = 0; i < w->n_groups; i++)
                if (!may_be(r, "", "groups", "", w->groups[i]))
                        return false;
        for (size_t i = 0; i < w->n_extra; i++)
                if (!may_be(r, REVIEW_GROUP, "userextras", w->keys[i], w->values[i]))
                        return false;
        return true;
}

/* ---- the user ---- */

static bool has_group(const struct wish *w, const char *group) {
        const struct user u = { .groups = w->groups, .n_groups = w->n_groups };

        return user_has_group(&u, group);
}

static struct user *user_make(struct wish *w, char **ret_group) {
        struct user_extra extra[EXTRAS_MAX];
        struct user u = { .name = w->name, .uid = w->uid, .groups = w->groups, .extra = extra };
        const char *namespace_ = w->name + strlen(USER_PREFIX_SERVICE_ACCOUNT);

        if (str_eq(w->name, USER_NAME_ANONYMOUS)) {
                if (!has_group(w, USER_GROUP_UNAUTHENTICATED))
                        w->groups[w->n_groups++] = USER_GROUP_UNAUTHENTICATED;
        } else {
                if (w->n_groups == 0 && str_starts_with(w->name, USER_PREFIX_SERVICE_ACCOUNT)) {
                        *ret_group = str_format(USER_GROUP_SERVICE_ACCOUNTS ":%.*s",
                                                (int) strcspn(namespace_, ":"), namespace_);
                        w->groups[w->n_groups++] = USER_GROUP_SERVICE_ACCOUNTS;
                        if (*ret_group)
                                w->groups[w->n_groups++] = *ret_group;
                }
                if (!has_group(w, USER_GROUP_AUTHENTICATED) &&
                    !has_group(w, USER_GROUP_UNAUTHENTICATED))
                        w->groups[w->n_groups++] = USER_GROUP_AUTHENTICATED;
        }
        for (size_t i = 0; i < w->n_extra; i++)
                extra[i] = (struct user_extra){ w->keys[i], &w->values[i], 1 };
        u.n_groups = w->n_groups;
        u.n_extra = w->n_extra;
        return user_copy(&u);
}

bool request_impersonate(struct request *r) {
        AUTO_DONE(wish) struct wish w = { 0 };
        AUTO_FREE char *group = NULL;

        (void) MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, header_read, &w);
        if (!w.is_any)
                return true;
        if (w.is_too_long || str_is_empty(w.name)) {
                rest_status(&r->response, 400, "BadRequest",
                            w.is_too_long
                                    ? "more than 64 groups or extras are impersonated"
                                    : "Impersonate-Group, -Uid and -Extra need Impersonate-User");
                return false;
        }
        if (!may_be_all(r, &w))
                return false;
        r->impersonated = user_make(&w, &group);
        if (!r->impersonated) {
                rest_status(&r->response, 500, "InternalError", "memory is out");
                return false;
        }
        r->user = r->impersonated;
        return true;
}
