#include "daemon/registry/authorize.h"

#include "api/kinds/object.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/plan/rbac.h"
#include "daemon/registry/authorize_node.h"
#include "daemon/registry/record.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/rest_message.h"
#include "daemon/registry/state.h"
#include "daemon/registry/status.h"
#include "daemon/registry/user.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES "/apis/orch.dev/v1/nodes/"

/* ---- attributes ---- */

/* Sub-resources that hand over a running program. A GET that is upgraded to a WebSocket does what
 * the POST does, so both are "create": who may only look must not get a shell. */
static bool is_connection(const struct path *p) {
        static const char *const SUBS[] = { "exec", "attach", "portforward" };

        for (size_t i = 0; i < ARRAY_SIZE(SUBS); i++)
                if (str_eq(p->resource, "pods") && str_eq(p->subresource, SUBS[i]))
                        return true;
        return false;
}

static const char *verb_of(const char *method, const struct path *p, const struct query *q) {
        bool is_list = *p->name == '\0';

        if (str_eq(method, "GET") || str_eq(method, "HEAD")) {
                if (is_connection(p))
                        return "create";
                if (query_bool(q, "watch") && !*p->subresource)
                        return "watch";
                return is_list ? "list" : "get";
        }
        if (str_eq(method, "POST"))
                return "create";
        if (str_eq(method, "PUT"))
                return "update";
        if (str_eq(method, "PATCH"))
                return "patch";
        if (str_eq(method, "DELETE"))
                return is_list ? "deletecollection" : "delete";
        return "";
}

/* The value that a field selector demands of a field ("metadata.name="), or "". */
static void selected(const struct query *q, const char *key, char *buf, size_t len) {
        const char *at = query_get(q, "fieldSelector");

        buf[0] = '\0';
        for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
                const char *name = at + strlen(key);
                size_t n;

                if (!str_starts_with(at, key))
                        continue;
                name += *name == '=';
                n = strcspn(name, ",");
                if (n < len && !memchr(name, '/', n)) {
                        memcpy(buf, name, n);
                        buf[n] = '\0';
                }
                return;
        }
}

void authorize_attributes(const struct rest_request *q, const struct path *path,
                          const struct query *query, struct authorize_attributes *ret) {
        struct access *a = &ret->access;
        bool is_namespace = str_eq(path->resource, "namespaces") && *path->group == '\0';

        *ret = (struct authorize_attributes){ 0 };
        a->verb = ret->verb;
        if (path->kind != PATH_RESOURCE) {
                for (size_t i = 0; q->method[i] && i + 1 < sizeof(ret->verb); i++)
                        ret->verb[i] = (char) tolower((unsigned char) q->method[i]);
                a->path = q->path;
                return;
        }
        (void) snprintf(ret->verb, sizeof(ret->verb), "%s", verb_of(q->method, path, query));
        a->group = path->group;
        a->resource = path->resource;
        a->subresource = path->subresource;
        a->namespace_ = is_namespace ? path->name : path->namespace_;
        a->name = path->name;
        /* What is made is called as its body says, not as a selector does. */
        if (*path->name || str_eq(ret->verb, "create"))
                return;
        selected(query, "metadata.name=", ret->name, sizeof(ret->name));
        selected(query, "spec.nodeName=", ret->node, sizeof(ret->node));
        a->name = ret->name;
        a->selected_node = ret->node;
}

/* ---- decisions ---- */

bool authorize_decide(struct registry *r, const struct user *u, const struct access *a,
                      struct access_decision *ret) {
        const struct access_user who = authorize_user(u->name, u->groups, u->n_groups);

        if (!authorize_node(r, u, a))
                return rbac_decide(r->rbac, &who, a, ret);
        if (ret)
                *ret = (struct access_decision){ .is_allowed = true };
        return true;
}

static void refuse(const struct access_user *u, const struct access *a, const char *reason,
                   struct rest_response *ret) {
        AUTO_FREE char *why = access_refusal(u, a), *message = NULL;
        const char *colon = str_is_empty(reason) ? "" : ": ";
        struct status_text s = { .code = 403, .reason = "Forbidden" };

        if (a->path) {
                message = str_format("forbidden: %s%s%s", why, colon, str_or_empty(reason));
        } else {
                s.name = a->name;
                s.group = a->group;
                s.kind = a->resource;
                message = str_format("%s%s%s%s%s%s is forbidden: %s%s%s", a->resource,
                                     *a->group ? "." : "", a->group, *a->name ? " \"" : "", a->name,
                                     *a->name ? "\"" : "", why, colon, str_or_empty(reason));
        }
        s.message = message;
        status_respond(&s, ret);
}

bool authorize_parsed(struct registry *r, const struct rest_request *q, const struct path *path,
                      const struct query *query, struct rest_response *ret_response) {
        const struct access_user who =
                authorize_user(q->user->name, q->user->groups, q->user->n_groups);
        AUTO_DONE(access_decision) struct access_decision d = { 0 };
        struct authorize_attributes a;

        if (user_has_group(q->user, USER_GROUP_MASTERS))
                return true;
        authorize_attributes(q, path, query, &a);
        if (authorize_decide(r, q->user, &a.access, NULL))
                return true;
        /* Reasons cost memory: only refusals have them. */
        (void) authorize_decide(r, q->user, &a.access, &d);
        refuse(&who, &a.access, d.reason, ret_response);
        return false;
}

/* Behind a node's own resources stand numbers of streams and names of images, with slashes. */
static void path_shorten(const char *path, char *buf, size_t len) {
        size_t n = strlen(NODES);

        (void) snprintf(buf, len, "%s", path);
        if (!str_starts_with(buf, NODES))
                return;
        n += strcspn(buf + n, "/");
        n += buf[n] == '/';
        n += strcspn(buf + n, "/");
        buf[n] = '\0';
}

bool authorize_request(struct registry *r, const struct rest_request *q,
                       struct rest_response *ret_response) {
        AUTO_DONE(query) struct query query = { 0 };
        AUTO_DONE(path) struct path path = { 0 };
        AUTO_FREE char *text = NULL;
        size_t len = strlen(q->path) + 1;
        struct err e = { 0 };
        int result = -ENOMEM;

        if (user_has_group(q->user, USER_GROUP_MASTERS))
                return true;
        text = malloc(len);
        if (text) {
                path_shorten(q->path, text, len);
                result = path_parse(text, &path, &e);
        }
        if (result == 0)
                result = query_parse(q->query, &query, &e);
        if (result == 0)
                return authorize_parsed(r, q, &path, &query, ret_response);
        rest_status(ret_response, result == -ENOMEM ? 500 : 400,
                    result == -ENOMEM ? "InternalError" : "BadRequest", err_text(&e));
        return false;
}

/* ---- what there is ---- */

void authorize_learn(struct registry *r, const struct record *now, bool is_gone) {
        const struct kind *k = now->resource->kind;
        AUTO(object) struct object *o = NULL;
        struct err e = { 0 };
        int result;

        if (!rbac_has_kind(k))
                return;
        rbac_remove(r->rbac, k, now->namespace_, now->name);
        if (is_gone)
                return;
        result = object_new_from_text(k, now->json, now->json_len, false, &o, &e);
        if (result == 0)
                result = rbac_put(r->rbac, o);
        if (result < 0)
                LOG_ERROR(now->name,
                          "this %s could not be read (%s); it gives nobody any right until it "
                          "changes or the server starts again",
                          k->name, err_text(&e));
}
