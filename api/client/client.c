#include "api/client/client.h"

#include <assert.h>
#include <errno.h>

void client_init(struct client *c, const struct client_vtable *vtable) {
        c->vtable = vtable;
        c->n_refs = 1;
}

struct client *client_ref(struct client *c) {
        if (c)
                c->n_refs++;
        return c;
}

void client_unref(struct client *c) {
        if (!c)
                return;
        assert(c->n_refs > 0);
        if (--c->n_refs == 0)
                c->vtable->free(c);
}

int client_start(struct client *c, const struct client_request *r, const struct client_handlers *h,
                 void *data, struct client_call **ret_call, struct err *e) {
        struct client_call *call = NULL;
        int result;

        assert(h->on_done);
        if (!r->path || r->path[0] != '/')
                return err_set(e, -EINVAL, "request path must begin with \"/\"");
        if (r->body && r->source)
                return err_set(e, -EINVAL, "a request has a body or a source, not both");

        result = c->vtable->start(c, r, h, data, &call, e);
        if (result < 0)
                return result;
        if (ret_call)
                *ret_call = call;
        return 0;
}

void client_cancel(struct client_call *call) {
        if (call)
                call->client->vtable->cancel(call);
}
