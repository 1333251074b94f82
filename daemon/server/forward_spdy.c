/* Port-forward over SPDY: for each connection the client opens two streams, error and data, that
 * carry the same request id. */
#include "base/str.h"
#include "daemon/server/face.h"
#include "daemon/server/forward_internal.h"
#include "daemon/server/spdy_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct forward_spdy {
        struct forward *forward;
        struct spdy_session *session;
        struct list pairs;
        size_t n_full; /* pairs whose pod doesn't take what the client sends */
};

/*   one stream --the other--> dialling --pod's end, Status--> over
 *                                  \--client resets data-----^       */
struct pair {
        struct list link;
        struct forward_spdy *owner;
        char *request_id;
        uint16_t port;
        uint32_t error_id, data_id; /* 0: not opened yet */
        struct tunnel *tunnel;      /* NULL before */
        bool has_ended;             /* the client's side, before the tunnel was there */
        bool is_full;
};

static void pair_set_full(struct pair *p, bool is_full) {
        struct forward_spdy *s = p->owner;

        if (p->is_full == is_full)
                return;
        p->is_full = is_full;
        s->n_full += is_full ? 1 : (size_t) -1;
        /* There is no flow control in this protocol: one pod that doesn't read holds up the others
         * of the same client. */
        spdy_session_pause(s->session, s->n_full > 0);
}

static void pair_free(struct pair *p) {
        pair_set_full(p, false);
        list_remove(&p->link);
        tunnel_close(p->tunnel);
        free(p->request_id);
        free(p);
}

/* Both streams end; message: why, NULL: nothing is wrong. */
static void pair_finish(struct pair *p, const char *message) {
        struct spdy_session *session = p->owner->session;
        const char *text = str_or_empty(message);

        spdy_session_send(session, p->error_id, text, strlen(text), true);
        spdy_session_send(session, p->data_id, NULL, 0, true);
        pair_free(p);
}

/* ---- the node's side ---- */

static void sessions_pause(struct forward_spdy *s, bool is_paused) {
        LIST_FOREACH(i, &s->pairs) {
                struct pair *p = CONTAINER_OF(i, struct pair, link);

                if (!is_paused && spdy_session_is_full(s->session))
                        return;
                if (p->tunnel)
                        tunnel_pause(p->tunnel, is_paused);
        }
}

static void node_frame(void *data, const struct stream_frame *f) {
        struct pair *p = data;
        struct forward_spdy *s = p->owner;

        if (f->channel == STREAM_STDOUT) {
                spdy_session_send(s->session, p->data_id, f->data, f->len, false);
                if (spdy_session_is_full(s->session))
                        sessions_pause(s, true);
        } else if (f->channel == STREAM_STDOUT_END) {
                spdy_session_send(s->session, p->data_id, NULL, 0, true);
                /* kubectl closes its side only when it has heard that there was no error. */
                spdy_session_send(s->session, p->error_id, NULL, 0, true);
        } else if (f->channel == STREAM_STATUS) {
                AUTO_FREE char *message =
                        forward_status_message(s->forward, p->port, (const char *) f->data, f->len);

                pair_finish(p, message);
        }
}

static void node_drained(void *data) {
        pair_set_full(data, false);
}

static void node_ended(void *data, const char *text) {
        struct pair *p = data;
        AUTO_FREE char *message = forward_message(
                p->owner->forward, p->port, text ? text : "the node broke the connection off");

        pair_finish(p, message);
}

static void pair_dial(struct pair *p) {
        static const struct tunnel_handlers HANDLERS = {
                .frame = node_frame,
                .drained = node_drained,
                .ended = node_ended,
        };
        struct forward_spdy *s = p->owner;
        struct err e = { 0 };

        if (forward_dial(s->forward, p->port, &HANDLERS, p, &p->tunnel, &e) < 0) {
                AUTO_FREE char *message = forward_message(s->forward, p->port, err_text(&e));

                pair_finish(p, message);
                return;
        }
        tunnel_pause(p->tunnel, spdy_session_is_full(s->session));
        if (p->has_ended)
                (void) tunnel_send(p->tunnel, STREAM_STDIN_END, "", 0);
}

/* ---- the client's side ---- */

static struct pair *pair_of_id(const struct forward_spdy *s, uint32_t id) {
        LIST_FOREACH(i, &s->pairs) {
                struct pair *p = CONTAINER_OF(i, struct pair, link);

                if (p->error_id == id || p->data_id == id)
                        return p;
        }
        return NULL;
}

static struct pair *pair_get(struct forward_spdy *s, const char *request_id, uint16_t port) {
        struct pair *p;

        LIST_FOREACH(i, &s->pairs) {
                p = CONTAINER_OF(i, struct pair, link);
                if (str_eq(p->request_id, request_id))
                        return p;
        }
        p = calloc(1, sizeof(*p));
        if (!p)
                return NULL;
        *p = (struct pair){ .owner = s, .port = port, .request_id = strdup(request_id) };
        list_append(&s->pairs, &p->link);
        if (p->request_id)
                return p;
        pair_free(p);
        return NULL;
}

static bool client_opened(void *data, const struct spdy_event *open) {
        struct forward_spdy *s = data;
        const char *type = spdy_event_header(open, "streamtype");
        const char *request_id = spdy_event_header(open, "requestid");
        bool is_error = str_eq(type, "error");
        char number[16];
        struct pair *p;
        int64_t port;

        if ((!is_error && !str_eq(type, "data")) ||
            str_to_int64(str_or_empty(spdy_event_header(open, "port")), 1, 65535, &port) < 0)
                return false;
        /* Clients from before request ids open the error stream just before its data stream. */
        (void) snprintf(number, sizeof(number), "%u", is_error ? open->id : open->id - 2);
        p = pair_get(s, str_is_empty(request_id) ? number : request_id, (uint16_t) port);
        if (!p || p->port != port || (is_error ? p->error_id : p->data_id) > 0)
                return false;
        if (is_error)
                p->error_id = open->id;
        else
                p->data_id = open->id;
        if (!is_error)
                p->has_ended = open->is_fin;
        return true;
}

/* After the reply to the second stream: what is said about a failure comes behind it. */
static void client_accepted(void *data, uint32_t id) {
        struct pair *p = pair_of_id(data, id);

        if (p && p->error_id > 0 && p->data_id > 0)
                pair_dial(p);
}

static void client_received(void *data, uint32_t id, const void *bytes, size_t len) {
        struct pair *p = pair_of_id(data, id);

        if (!p || p->data_id != id || !p->tunnel)
                return;
        if (tunnel_send(p->tunnel, STREAM_STDIN, bytes, len) && tunnel_is_full(p->tunnel))
                pair_set_full(p, true);
}

static void client_ended(void *data, uint32_t id, bool is_reset) {
        struct pair *p = pair_of_id(data, id);

        if (p && p->data_id != id) {
                /* The client ends its side of the error stream at once. */
                if (p->data_id == 0 && is_reset)
                        pair_free(p);
                return;
        }
        if (!p)
                return;
        p->has_ended = true;
        if (is_reset)
                pair_finish(p, NULL);
        else if (p->tunnel)
                (void) tunnel_send(p->tunnel, STREAM_STDIN_END, "", 0);
}

static void client_drained(void *data) {
        sessions_pause(data, false);
}

static void client_closed(void *data) {
        struct forward_spdy *s = data;

        forward_gone(s->forward);
}

static void face_free(void *face) {
        struct forward_spdy *s = face;

        LIST_FOREACH(i, &s->pairs)
                pair_free(CONTAINER_OF(i, struct pair, link));
        spdy_session_unref(s->session);
        free(s);
}

int forward_spdy_open(struct forward *f, struct raw *take_raw, bool is_in_websocket) {
        static const struct spdy_handlers HANDLERS = {
                .opened = client_opened,
                .accepted = client_accepted,
                .received = client_received,
                .ended = client_ended,
                .drained = client_drained,
                .closed = client_closed,
        };
        const struct spdy_place place = { .host = &f->server->host,
                                          .raw = take_raw,
                                          .is_in_websocket = is_in_websocket };
        struct forward_spdy *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                spdy_place_refuse(&place);
                return -ENOMEM;
        }
        s->forward = f;
        list_init(&s->pairs);
        r = spdy_session_new(&place, &HANDLERS, s, &s->session);
        if (r < 0) {
                free(s);
                return r;
        }
        f->face = s;
        f->free_face = face_free;
        return 0;
}

void forward_spdy_feed(struct forward *f, const void *bytes, size_t len) {
        struct forward_spdy *s = f->face;

        spdy_session_take(s->session, bytes, len);
}
