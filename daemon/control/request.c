#include "daemon/control/request.h"

#include "api/schema/schema.h"
#include "api/text/text.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

#include <jansson.h>
#include <string.h>

void request_done(struct request *r) {
        free(r->path);
        free(r->body);
        *r = (struct request){ 0 };
}

static struct client_target request_target(const struct kind *k, const char *ns, const char *name) {
        return (struct client_target){ .group = k->group,
                                       .version = k->version,
                                       .resource = k->plural,
                                       .namespace_ = k->is_namespaced ? ns : NULL,
                                       .name = name };
}

/* DeleteOptions. */
static json_t *request_delete_options(const struct change *c) {
        json_t *o = json_pack("{s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions");
        json_t *pre = json_object();
        bool ok = tree_set_text(pre, "uid", c->uid) &&
                  tree_set_text(pre, "resourceVersion", c->revision) &&
                  tree_set_text(o, "propagationPolicy", c->propagation);

        if (c->grace_s >= 0)
                ok = ok && tree_set(o, "gracePeriodSeconds", json_integer(c->grace_s));
        if (!tree_set(o, "preconditions", pre) || !ok) {
                json_decref(o);
                return NULL;
        }
        return o;
}

static int request_set_body(struct request *r, const json_t *body) {
        r->body = body ? text_json_dump(body, NULL) : NULL;
        if (!r->body)
                return -ENOMEM;
        r->r.body = r->body;
        r->r.body_len = strlen(r->body);
        return 0;
}

static enum client_method request_method(enum change_verb verb) {
        switch (verb) {
        case CHANGE_PATCH:
                return CLIENT_PATCH;
        case CHANGE_PUT:
                return CLIENT_PUT;
        case CHANGE_DELETE:
                return CLIENT_DELETE;
        case CHANGE_CREATE:
        case CHANGE_POST:
        case CHANGE_EVENT:
                break;
        }
        return CLIENT_POST;
}

int request_from_change(const struct change *c, struct request *ret) {
        struct client_target t =
                request_target(c->kind, c->namespace, c->verb == CHANGE_CREATE ? NULL : c->name);
        int r;

        *ret = (struct request){ 0 };
        t.subresource = c->subresource;
        ret->path = client_path(&t);
        if (!ret->path)
                return -ENOMEM;
        ret->r.method = request_method(c->verb);
        ret->r.path = ret->path;
        if (c->verb == CHANGE_PATCH)
                ret->r.content_type = CLIENT_TYPE_MERGE_PATCH;
        if (c->verb == CHANGE_DELETE) {
                json_t *options = request_delete_options(c);

                r = request_set_body(ret, options);
                json_decref(options);
        } else {
                r = request_set_body(ret, c->body);
        }
        if (r < 0)
                request_done(ret);
        return r;
}

int request_get(const struct kind *k, const char *ns, const char *name, struct request *ret) {
        struct client_target t = request_target(k, ns, name);
        int r = 0;

        *ret = (struct request){ .path = client_path(&t) };
        if (!ret->path)
                return -ENOMEM;
        if (!name)
                r = client_path_query(&ret->path, "limit", "1");
        ret->r.path = ret->path;
        return r;
}
