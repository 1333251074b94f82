#include "api/client/client.h"

#include "api/client/timer.h"
#include "base/list.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/record.h"
#include "daemon/registry/registry.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"
#include "daemon/registry/watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The client interface inside the server's process: the same requests and answers as over HTTP,
 * without the copying through sockets. */

struct registry_client {
        struct client client;
        struct registry *registry;
        struct user *user; /* owned */
};

/*   started --answer--> answered --timer--> on_done
 *           --stream--> watching --ready, timer--> on_line… --end--> on_done
 * A cancelled call whose answer is still to come stays until then. */
struct registry_call {
        struct client_call call;
        struct client_handlers handlers;
        void *data;
        struct timers *timers;
        struct timer *timer;
        bool is_waiting; /* the registry still holds this as its sink's data */
        bool is_cancelled, is_running;
        struct rest_response response; /* answered */
        struct watch *watch;
        struct strbuf line;
};

static void call_free(struct registry_call *c) {
        if (c->timer)
                c->timers->vtable->cancel(c->timers, c->timer);
        rest_response_done(&c->response);
        watch_unref(c->watch);
        strbuf_done(&c->line);
        free(c);
}

static void call_finish(struct registry_call *c, const struct client_answer *a) {
        struct client_handlers handlers = c->handlers;
        void *data = c->data;

        call_free(c);
        handlers.on_done(data, a);
}

static const char *method_name(enum client_method method) {
        static const char *const NAMES[] = {
                [CLIENT_GET] = "GET",     [CLIENT_POST] = "POST",     [CLIENT_PUT] = "PUT",
                [CLIENT_PATCH] = "PATCH", [CLIENT_DELETE] = "DELETE",
        };

        return NAMES[method];
}

static void answer_tell(struct registry_call *c) {
        size_t len = 0;
        AUTO_FREE char *text = c->response.body ? body_flatten(c->response.body, &len) : NULL;
        struct client_answer a = { .status = c->response.status, .body = "", .fd = -1 };

        if (text) {
                a.body = text;
                a.body_len = len;
        } else {
                a.error = -ENOMEM;
                a.error_text = "memory is out";
        }
        call_finish(c, &a);
}

/* One event as a line. False when memory is out. */
static bool line_make(struct registry_call *c, const struct watch_event *e) {
        strbuf_reset(&c->line);
        strbuf_add_len(&c->line, e->prefix, e->prefix_len);
        strbuf_add_len(&c->line, e->object, e->object_len);
        strbuf_add_char(&c->line, '}');
        return !c->line.has_failed;
}

/* Tells a change with its decoded object, where there is one. */
static bool object_tell(struct registry_call *c, const struct watch_event *e) {
        char type[sizeof("MODIFIED")] = "";

        if (!c->handlers.on_object || !e->record || !e->record->object ||
            e->object != e->record->json)
                return false;
        if (sscanf(e->prefix, "{\"type\":\"%8[A-Z]", type) != 1)
                return false;
        c->handlers.on_object(c->data, type, e->record->object);
        return true;
}

static void watch_tell(struct registry_call *c) {
        struct client_answer a = { .status = 200, .body = "", .fd = -1 };
        struct watch_event e;
        enum watch_state state;

        c->is_running = true;
        while (!c->is_cancelled && (state = watch_next(c->watch, &e)) == WATCH_EVENT) {
                if (object_tell(c, &e))
                        continue;
                if (!line_make(c, &e)) {
                        a.error = -ENOMEM;
                        a.error_text = "memory is out";
                        state = WATCH_END;
                        break;
                }
                if (c->handlers.on_line)
                        c->handlers.on_line(c->data, c->line.s, c->line.len);
        }
        c->is_running = false;
        if (c->is_cancelled)
                call_free(c);
        else if (state == WATCH_END)
                call_finish(c, &a);
}

static void call_due(void *data) {
        struct registry_call *c = data;

        c->timer = NULL;
        if (c->watch)
                watch_tell(c);
        else
                answer_tell(c);
}

/* From the loop, never from inside the caller. Without memory for a timer there is only the direct
 * way. */
static void call_schedule(void *data) {
        struct registry_call *c = data;

        if (!c->timer && c->timers->vtable->add(c->timers, 0, call_due, c, &c->timer) < 0)
                call_due(c);
}

static void sink_respond(void *data, struct rest_response *take_response) {
        struct registry_call *c = data;

        c->is_waiting = false;
        c->response = *take_response;
        *take_response = (struct rest_response){ 0 };
        if (c->is_cancelled)
                call_free(c);
        else
                call_schedule(c);
}

static void sink_stream(void *data, struct watch *take_watch) {
        struct registry_call *c = data;

        c->is_waiting = false;
        c->watch = take_watch;
        watch_on_ready(take_watch, call_schedule, c);
        if (c->handlers.on_object)
                kind_state_of(watch_resource(take_watch))->has_object_readers = true;
        if (c->is_cancelled)
                call_free(c);
        else
                call_schedule(c);
}

static int client_start_call(struct client *client, const struct client_request *r,
                             const struct client_handlers *h, void *data,
                             struct client_call **ret_call, struct err *e) {
        static const struct rest_sink SINK = { .respond = sink_respond, .stream = sink_stream };
        struct registry_client *rc = CONTAINER_OF(client, struct registry_client, client);
        AUTO_FREE char *path = NULL;
        struct rest_request request = { 0 };
        struct registry_call *c;
        char *query;

        if (r->source || r->upgrade)
                return err_set(e, -EOPNOTSUPP, "streams need a connection of their own");
        path = strdup(r->path);
        c = calloc(1, sizeof(*c));
        if (!path || !c) {
                free(c);
                return err_set(e, -ENOMEM, "memory is out");
        }
        query = strchr(path, '?');
        if (query)
                *query++ = '\0';
        c->call.client = client;
        c->handlers = *h;
        c->data = data;
        c->timers = rc->registry->timers;
        c->is_waiting = true;
        request.method = method_name(r->method);
        request.path = path;
        request.query = query;
        request.content_type = r->content_type ? r->content_type : CLIENT_TYPE_JSON;
        request.accept = r->accept;
        request.user = rc->user;
        request.body = r->body;
        request.body_len = r->body_len;
        if (ret_call)
                *ret_call = &c->call;
        rest_handle(rc->registry, &request, &SINK, c);
        return 0;
}

static void client_cancel_call(struct client_call *call) {
        struct registry_call *c = CONTAINER_OF(call, struct registry_call, call);

        c->is_cancelled = true;
        if (!c->is_waiting && !c->is_running)
                call_free(c);
}

static void client_free(struct client *client) {
        struct registry_client *rc = CONTAINER_OF(client, struct registry_client, client);

        user_unref(rc->user);
        free(rc);
}

int registry_client_new(struct registry *r, const struct user *user, struct client **ret_client,
                        struct err *e) {
        static const struct client_vtable VTABLE = {
                .start = client_start_call,
                .cancel = client_cancel_call,
                .free = client_free,
        };
        struct registry_client *rc = calloc(1, sizeof(*rc));

        if (!rc)
                return err_set(e, -ENOMEM, "memory is out");
        client_init(&rc->client, &VTABLE);
        rc->registry = r;
        rc->user = user_copy(user);
        if (!rc->user) {
                free(rc);
                return err_set(e, -ENOMEM, "memory is out");
        }
        *ret_client = &rc->client;
        return 0;
}
