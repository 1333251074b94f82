#include "daemon/server/tunnel.h"

#include "api/client/timer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/server/wire.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What may wait for a node that doesn't read its watch. */
#define WATCH_MAX_BYTES (256U << 10)
#define WATCH_FIRST_LINE "{\"type\":\"BOOKMARK\",\"object\":{}}\n"

struct nodes {
        const struct wire_host *host;
        struct timers *timers;
        struct list watches;
        struct list tunnels;
};

struct node_watch {
        struct list link;
        char *node;
        struct strbuf lines;
        size_t at;
        bool is_over;
        void (*ready)(void *data);
        void *data;
};

/*   waiting --dialled--> open --closed--> ended
 *      \--time-out------------------------^        */
struct tunnel {
        struct list link;
        struct nodes *nodes;
        char *node;
        char id[UID_TEXT_MAX];
        struct wire *wire;   /* NULL until dialled */
        struct strbuf early; /* frames from before */
        struct stream_reader reader;
        struct timer *timer;
        struct tunnel_handlers handlers;
        void *data;
        bool is_ended, is_paused;
        bool is_calling, is_unwanted;
};

int nodes_new(const struct wire_host *host, struct timers *timers, struct nodes **ret_nodes) {
        struct nodes *n = calloc(1, sizeof(*n));

        if (!n)
                return -ENOMEM;
        n->host = host;
        n->timers = timers;
        list_init(&n->watches);
        list_init(&n->tunnels);
        *ret_nodes = n;
        return 0;
}

void nodes_unref(struct nodes *n) {
        free(n);
}

/* ---- watches ---- */

static struct node_watch *watch_of(const struct nodes *n, const char *node) {
        LIST_FOREACH(i, &n->watches) {
                struct node_watch *w = CONTAINER_OF(i, struct node_watch, link);

                if (!w->is_over && str_eq(w->node, node))
                        return w;
        }
        return NULL;
}

static void watch_end(struct node_watch *w) {
        w->is_over = true;
        w->ready(w->data);
}

int node_watch_new(struct nodes *n, const char *node, void (*ready)(void *data), void *data,
                   struct node_watch **ret_watch) {
        struct node_watch *w = calloc(1, sizeof(*w)), *before = watch_of(n, node);

        if (!w)
                return -ENOMEM;
        w->node = strdup(node);
        /* So that the node knows that it is heard: only then it calls itself ready. */
        strbuf_add(&w->lines, WATCH_FIRST_LINE);
        if (!w->node || w->lines.has_failed) {
                strbuf_done(&w->lines);
                free(w->node);
                free(w);
                return -ENOMEM;
        }
        w->ready = ready;
        w->data = data;
        list_append(&n->watches, &w->link);
        if (before)
                watch_end(before);
        *ret_watch = w;
        return 0;
}

ssize_t node_watch_take(struct node_watch *w, char *room, size_t len) {
        size_t n = MIN(len, w->lines.len - w->at);

        if (n == 0)
                return w->is_over ? -1 : 0;
        memcpy(room, w->lines.s + w->at, n);
        w->at += n;
        if (w->at == w->lines.len) {
                strbuf_reset(&w->lines);
                w->at = 0;
        }
        return (ssize_t) n;
}

void node_watch_unref(struct node_watch *w) {
        if (!w)
                return;
        list_remove(&w->link);
        strbuf_done(&w->lines);
        free(w->node);
        free(w);
}

/* ---- tunnels ---- */

static struct tunnel *tunnel_of(const struct nodes *n, const char *id) {
        LIST_FOREACH(i, &n->tunnels) {
                struct tunnel *t = CONTAINER_OF(i, struct tunnel, link);

                if (!t->wire && !t->is_ended && str_eq(t->id, id))
                        return t;
        }
        return NULL;
}

bool nodes_is_awaited(const struct nodes *n, const char *node, const char *id) {
        const struct tunnel *t = tunnel_of(n, id);

        return t && str_eq(t->node, node);
}

static void tunnel_free(struct tunnel *t) {
        list_remove(&t->link);
        if (t->timer)
                t->nodes->timers->vtable->cancel(t->nodes->timers, t->timer);
        wire_unref(t->wire);
        strbuf_done(&t->early);
        stream_reader_done(&t->reader);
        free(t->node);
        free(t);
}

void tunnel_close(struct tunnel *t) {
        if (!t)
                return;
        t->is_unwanted = true;
        t->is_ended = true;
        if (!t->is_calling)
                tunnel_free(t);
}

static void tunnel_end(struct tunnel *t, const char *text) {
        if (t->is_ended)
                return;
        t->is_ended = true;
        t->handlers.ended(t->data, text);
}

/* Runs a step in which handlers may close the tunnel. */
static void tunnel_leave(struct tunnel *t) {
        t->is_calling = false;
        if (t->is_unwanted)
                tunnel_free(t);
}

static void frames_tell(struct tunnel *t) {
        struct stream_frame frame;
        struct err e = { 0 };
        int r = 0;

        while (!t->is_ended && !t->is_paused &&
               (r = stream_reader_next(&t->reader, &frame, &e)) > 0)
                t->handlers.frame(t->data, &frame);
        if (r < 0)
                tunnel_end(t, err_text(&e));
}

static void wire_received(void *data, const void *bytes, size_t len) {
        struct tunnel *t = data;

        t->is_calling = true;
        if (stream_reader_add(&t->reader, bytes, len) < 0)
                tunnel_end(t, "memory is out");
        frames_tell(t);
        tunnel_leave(t);
}

static void wire_drained(void *data) {
        struct tunnel *t = data;

        t->is_calling = true;
        if (t->handlers.drained && !t->is_ended)
                t->handlers.drained(t->data);
        tunnel_leave(t);
}

static void wire_closed(void *data) {
        struct tunnel *t = data;

        t->is_calling = true;
        tunnel_end(t, NULL);
        tunnel_leave(t);
}

static void dial_is_late(void *data) {
        struct tunnel *t = data;

        t->timer = NULL;
        t->is_calling = true;
        tunnel_end(t, "the node did not answer in time; see that orchd-node runs there");
        tunnel_leave(t);
}

/* {"type":"OPEN","object":{"id":…}}, for the node's watch. */
static int line_send(struct node_watch *w, const char *id, const json_t *what) {
        json_t *object = json_object(), *line = NULL;
        AUTO_FREE char *text = NULL;

        if (w->lines.len - w->at > WATCH_MAX_BYTES) {
                json_decref(object);
                return -ENOTCONN;
        }
        if (object && json_object_set_new(object, "id", json_string(id)) == 0 &&
            json_object_update(object, (json_t *) what) == 0)
                line = json_pack("{s:s,s:O}", "type", "OPEN", "object", object);
        json_decref(object);
        text = line ? json_dumps(line, JSON_COMPACT) : NULL;
        json_decref(line);
        if (!text)
                return -ENOMEM;
        strbuf_add(&w->lines, text);
        strbuf_add(&w->lines, "\n");
        if (w->lines.has_failed)
                return -ENOMEM;
        w->ready(w->data);
        return 0;
}

int tunnel_open(struct nodes *n, const struct tunnel_ask *ask,
                const struct tunnel_handlers *handlers, void *data, struct tunnel **ret_tunnel,
                struct err *e) {
        struct node_watch *w = watch_of(n, ask->node);
        struct tunnel *t;
        int r;

        if (!w)
                return err_set(e, -ENOTCONN,
                               "node %s is not connected; see that orchd-node runs there",
                               ask->node);
        t = calloc(1, sizeof(*t));
        if (!t)
                return err_set(e, -ENOMEM, "memory is out");
        list_init(&t->link);
        t->nodes = n;
        t->node = strdup(ask->node);
        t->handlers = *handlers;
        t->data = data;
        (void) uid_new(t->id);
        r = t->node ? n->timers->vtable->add(
                              n->timers, n->timers->vtable->now_usec(n->timers) + TUNNEL_DIAL_USEC,
                              dial_is_late, t, &t->timer)
                    : -ENOMEM;
        if (r == 0)
                r = line_send(w, t->id, ask->what);
        if (r < 0) {
                tunnel_free(t);
                return err_set(e, r,
                               r == -ENOTCONN ? "node %s has too many streams waiting"
                                              : "memory is out for a stream to node %s",
                               ask->node);
        }
        list_append(&n->tunnels, &t->link);
        *ret_tunnel = t;
        return 0;
}

void nodes_dialled(struct nodes *n, const char *id, struct raw *take_raw, const void *extra,
                   size_t extra_len) {
        static const struct wire_handlers HANDLERS = {
                .received = wire_received,
                .drained = wire_drained,
                .closed = wire_closed,
        };
        struct tunnel *t = tunnel_of(n, id);

        if (!t) {
                wire_refuse(n->host, take_raw);
                return;
        }
        n->timers->vtable->cancel(n->timers, STEAL(t->timer));
        t->is_calling = true;
        if (wire_new(n->host, take_raw, &HANDLERS, t, &t->wire) < 0) {
                tunnel_end(t, "memory is out");
                tunnel_leave(t);
                return;
        }
        if (t->early.len > 0)
                (void) wire_send(t->wire, t->early.s, t->early.len);
        strbuf_done(&t->early);
        wire_pause(t->wire, t->is_paused);
        if (t->handlers.connected)
                t->handlers.connected(t->data);
        if (extra_len > 0 && !t->is_ended && stream_reader_add(&t->reader, extra, extra_len) == 0)
                frames_tell(t);
        tunnel_leave(t);
}

static bool bytes_send(struct tunnel *t, const void *bytes, size_t len) {
        if (t->wire)
                return wire_send(t->wire, bytes, len);
        if (t->early.len + len > WIRE_MAX_BYTES)
                return false;
        strbuf_add_len(&t->early, bytes, len);
        return !t->early.has_failed;
}

bool tunnel_send(struct tunnel *t, enum stream_channel channel, const void *bytes, size_t len) {
        const char *at = bytes;

        do {
                size_t n = MIN(len, (size_t) STREAM_DATA_MAX_BYTES);
                uint8_t header[STREAM_HEADER_BYTES];

                if (t->is_ended)
                        return false;
                stream_header(header, channel, n);
                if (!bytes_send(t, header, sizeof(header)) || (n > 0 && !bytes_send(t, at, n)))
                        return false;
                at += n;
                len -= n;
        } while (len > 0);
        return true;
}

bool tunnel_is_full(const struct tunnel *t) {
        return (t->wire ? wire_pending(t->wire) : t->early.len) > WIRE_HIGH_BYTES;
}

void tunnel_pause(struct tunnel *t, bool is_paused) {
        t->is_paused = is_paused;
        if (!is_paused && !t->is_calling) {
                /* What had been read before the pause comes first. */
                t->is_calling = true;
                frames_tell(t);
                if (!t->is_unwanted && t->wire)
                        wire_pause(t->wire, t->is_paused);
                tunnel_leave(t);
        } else if (t->wire) {
                wire_pause(t->wire, is_paused);
        }
}

void nodes_stop(struct nodes *n) {
        LIST_FOREACH(i, &n->watches)
                watch_end(CONTAINER_OF(i, struct node_watch, link));
        LIST_FOREACH(i, &n->tunnels) {
                struct tunnel *t = CONTAINER_OF(i, struct tunnel, link);

                t->is_calling = true;
                tunnel_end(t, "the server is stopping");
                tunnel_leave(t);
        }
}
