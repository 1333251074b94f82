#include "daemon/node/events.h"

#include "api/client/client.h"
#include "api/kinds/meta.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define EVENTS_DELAY_USEC (500 * USEC_PER_MSEC)
#define EVENTS_IN_FLIGHT_MAX 2
/* What was said longer ago than this is said anew. */
#define EVENTS_FORGET_USEC (600 * USEC_PER_SEC)
#define EVENTS_KNOWN_MAX 2048
#define EVENT_MESSAGE_MAX 1024

struct event_entry {
        struct list list; /* in waiting, or in idle by last use */
        struct events *owner;
        struct client_call *call;
        char *key;
        char *ns, *kind, *name, *uid, *field, *reason, *message; /* owned */
        char object_name[320];
        enum event_type type;
        uint64_t first_usec, last_usec; /* wall */
        int64_t count, sent_count;
        bool is_waiting;
};

struct events {
        struct loop *loop;
        struct client *client;
        const char *component, *host;
        struct loop_timer *timer;
        struct map known; /* key -> entry */
        struct list waiting, idle;
        unsigned n_waiting, n_in_flight;
};

static void entry_free(void *data) {
        struct event_entry *x = data;

        if (!x)
                return;
        client_cancel(x->call);
        free(x->key);
        free(x->ns);
        free(x->kind);
        free(x->name);
        free(x->uid);
        free(x->field);
        free(x->reason);
        free(x->message);
        free(x);
}

static void entry_forget(struct events *ev, struct event_entry *x) {
        list_remove(&x->list);
        if (x->is_waiting)
                ev->n_waiting--;
        if (x->call)
                ev->n_in_flight--;
        (void) map_remove(&ev->known, x->key);
        entry_free(x);
}

static void entry_idle(struct events *ev, struct event_entry *x) {
        list_remove(&x->list);
        x->is_waiting = false;
        list_append(&ev->idle, &x->list);
}

static json_t *entry_body(const struct events *ev, const struct event_entry *x) {
        char first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];

        clock_format(x->first_usec, first);
        clock_format(x->last_usec, last);
        if (x->sent_count > 0)
                return json_pack("{s:I, s:s, s:s}", "count", (json_int_t) x->count, "lastTimestamp",
                                 last, "message", x->message);
        return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s*, s:s*, s:s, s:s*}, s:s, s:s, "
                         "s:{s:s, s:s}, s:s, "
                         "s:s, s:I, s:s, s:s, s:s}",
                         "apiVersion", "v1", "kind", "Event", "metadata", "name", x->object_name,
                         "namespace", x->ns, "involvedObject", "apiVersion", "v1", "kind", x->kind,
                         "namespace", str_eq(x->kind, "Node") ? NULL : x->ns, "name", x->name,
                         "uid", x->uid, "fieldPath", x->field, "reason", x->reason, "message",
                         x->message, "source", "component", ev->component, "host", ev->host,
                         "firstTimestamp", first, "lastTimestamp", last, "count",
                         (json_int_t) x->count, "type",
                         x->type == EVENT_NORMAL ? "Normal" : "Warning", "reportingComponent",
                         ev->component, "reportingInstance", ev->host);
}

static void events_arm(struct events *ev, uint64_t delay_usec) {
        if (!list_is_empty(&ev->waiting) && ev->n_in_flight < EVENTS_IN_FLIGHT_MAX &&
            loop_timer_due(ev->timer) == USEC_NEVER)
                loop_timer_set(ev->timer, clock_now_usec() + delay_usec);
}

static void on_sent(void *data, const struct client_answer *a) {
        struct event_entry *x = data;
        struct events *ev = x->owner;
        struct err e = { 0 };

        x->call = NULL;
        ev->n_in_flight--;
        if (client_answer_check(a, NULL, &e) < 0) {
                LOG_DEBUG(x->name, "event %s is dropped: %s", x->reason, err_text(&e));
                entry_forget(ev, x);
        } else if (x->count > x->sent_count && !x->is_waiting) {
                x->is_waiting = true;
                list_remove(&x->list);
                list_append(&ev->waiting, &x->list);
                ev->n_waiting++;
        }
        events_arm(ev, 0);
}

static int entry_send(struct events *ev, struct event_entry *x) {
        const struct client_target t = { .version = "v1",
                                         .resource = "events",
                                         .namespace_ = x->ns,
                                         .name = x->sent_count > 0 ? x->object_name : NULL };
        json_t *tree = entry_body(ev, x);
        AUTO_FREE char *body = tree ? json_dumps(tree, JSON_COMPACT) : NULL;
        AUTO_FREE char *path = client_path(&t);
        struct client_request q = { .method = x->sent_count > 0 ? CLIENT_PATCH : CLIENT_POST,
                                    .path = path };
        const struct client_handlers h = { .on_done = on_sent };
        int r;

        json_decref(tree);
        if (!body || !path)
                return -ENOMEM;
        q.body = body;
        q.body_len = strlen(body);
        q.content_type = x->sent_count > 0 ? CLIENT_TYPE_MERGE_PATCH : CLIENT_TYPE_JSON;
        r = client_start(ev->client, &q, &h, x, &x->call, NULL);
        if (r < 0)
                return r;
        ev->n_in_flight++;
        x->sent_count = x->count;
        return 0;
}

static void on_timer(struct loop_timer *t, void *userdata) {
        struct events *ev = userdata;
        (void) t;

        while (!list_is_empty(&ev->waiting) && ev->n_in_flight < EVENTS_IN_FLIGHT_MAX) {
                struct event_entry *x = CONTAINER_OF(ev->waiting.next, struct event_entry, list);

                ev->n_waiting--;
                entry_idle(ev, x);
                if (!x->call && entry_send(ev, x) < 0)
                        entry_forget(ev, x);
        }
}

int events_new(struct loop *loop, struct client *client, const char *component, const char *host,
               struct events **ret, struct err *e) {
        struct events *ev = calloc(1, sizeof(*ev));
        int r;

        if (!ev)
                return err_set(e, -ENOMEM, "out of memory");
        *ev = (struct events){
                .loop = loop, .client = client, .component = component, .host = host
        };
        list_init(&ev->waiting);
        list_init(&ev->idle);
        r = loop_timer_new(loop, 20 * USEC_PER_MSEC, on_timer, ev, &ev->timer, e);
        if (r < 0) {
                free(ev);
                return r;
        }
        *ret = ev;
        return 0;
}

void events_unref(struct events *ev) {
        if (!ev)
                return;
        loop_timer_unref(ev->timer);
        map_done(&ev->known, entry_free);
        free(ev);
}

/* Room for one more: what was idle longest goes; when all wait, the oldest of those. */
static void events_shrink(struct events *ev) {
        while (ev->known.n >= EVENTS_KNOWN_MAX || ev->n_waiting >= EVENTS_WAITING_MAX) {
                struct list *from = ev->n_waiting >= EVENTS_WAITING_MAX || list_is_empty(&ev->idle)
                                            ? &ev->waiting
                                            : &ev->idle;

                entry_forget(ev, CONTAINER_OF(from->next, struct event_entry, list));
        }
        while (!list_is_empty(&ev->idle)) {
                struct event_entry *x = CONTAINER_OF(ev->idle.next, struct event_entry, list);

                if (x->call || clock_wall_usec() < x->last_usec + EVENTS_FORGET_USEC)
                        break;
                entry_forget(ev, x);
        }
}

struct event_about {
        const char *ns, *kind, *name, *uid, *container;
};

static struct event_entry *entry_new(struct events *ev, const struct event_about *about,
                                     const char *reason, const char *message, const char *key) {
        struct event_entry *x = calloc(1, sizeof(*x));
        char suffix[17];

        if (!x)
                return NULL;
        x->owner = ev;
        list_init(&x->list);
        x->key = strdup(key);
        x->ns = strdup(about->ns);
        x->kind = strdup(about->kind);
        x->name = strdup(str_or_empty(about->name));
        x->uid = strdup(str_or_empty(about->uid));
        x->field = about->container ? str_format("spec.containers{%s}", about->container) : NULL;
        x->reason = strdup(reason);
        x->message = strdup(message);
        x->first_usec = clock_wall_usec();
        (void) snprintf(x->object_name, sizeof(x->object_name), "%.253s.%s",
                        str_or_empty(about->name), uid_suffix(suffix, 16));
        if (!x->key || !x->ns || !x->kind || !x->name || !x->uid || !x->reason || !x->message ||
            (about->container && !x->field) || map_put(&ev->known, x->key, x, NULL) < 0) {
                entry_free(x);
                return NULL;
        }
        return x;
}

static void events_add(struct events *ev, const struct event_about *about, enum event_type type,
                       const char *reason, const char *message) {
        AUTO_FREE char *key = str_format("%s %s %s %s", str_or_empty(about->uid),
                                         str_or_empty(about->container), reason, message);
        struct event_entry *x;

        if (!key)
                return;
        events_shrink(ev);
        x = map_get(&ev->known, key);
        if (!x)
                x = entry_new(ev, about, reason, message, key);
        if (!x)
                return;
        x->type = type;
        x->last_usec = clock_wall_usec();
        x->count++;
        if (!x->is_waiting && !x->call) {
                list_remove(&x->list);
                list_append(&ev->waiting, &x->list);
                x->is_waiting = true;
                ev->n_waiting++;
        }
        events_arm(ev, EVENTS_DELAY_USEC);
}

void events_pod(struct events *ev, const struct object_meta *pod, const char *container,
                enum event_type type, const char *reason, const char *fmt, ...) {
        const struct event_about about = { .ns = pod->namespace,
                                           .kind = "Pod",
                                           .name = pod->name,
                                           .uid = pod->uid,
                                           .container = container };
        char message[EVENT_MESSAGE_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        events_add(ev, &about, type, reason, message);
}

void events_node(struct events *ev, enum event_type type, const char *reason, const char *fmt,
                 ...) {
        const struct event_about about = {
                .ns = "default", .kind = "Node", .name = ev->host, .uid = ev->host
        };
        char message[EVENT_MESSAGE_MAX];
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        events_add(ev, &about, type, reason, message);
}
