#include "daemon/control/events.h"

#include "api/client/client.h"
#include "api/kinds/event.h"
#include "api/kinds/object.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/control/core.h"
#include "daemon/control/request.h"
#include "daemon/plan/changes.h"

#include <string.h>

#define EVENTS_MAX 1024     /* remembered for counting */
#define EVENTS_FLYING_MAX 4 /* few: what they tell of goes first */
#define EVENTS_TRIES_MAX 3
#define SIMILAR_MAX 10 /* with different messages, before they are combined */
#define SIMILAR_USEC (600 * USEC_PER_SEC)
#define MESSAGE_MAX 1024 /* as Kubernetes */

/* One Event object, or what will be one. */
struct entry {
        struct list lru;     /* of struct events: oldest first */
        struct list waiting; /* in the queue, or alone */
        struct events *events;
        char *id; /* key in by_id, owned, as are all strings */
        char *namespace, *name, *message;
        json_t *regarding; /* owned */
        char *type, *reason;
        const char *component;
        uint64_t first_usec, last_usec;
        int64_t count, sent_count;
        unsigned n_tries;
        bool is_created;
        struct client_call *call; /* owned */
};

/* Events that differ in nothing but the message. */
struct similar {
        uint64_t since_usec;
        unsigned n;
};

struct events {
        struct core *core;
        struct map by_id;   /* → struct entry, owned */
        struct map similar; /* → struct similar, owned */
        struct list lru, waiting;
        unsigned n_flying;
};

static void events_pump(struct events *v);

int events_new(struct core *core, struct events **ret, struct err *e) {
        struct events *v = calloc(1, sizeof(*v));

        if (!v)
                return err_set(e, -ENOMEM, "out of memory for the event recorder");
        v->core = core;
        list_init(&v->lru);
        list_init(&v->waiting);
        *ret = v;
        return 0;
}

static void entry_free(void *p) {
        struct entry *it = p;

        if (!it)
                return;
        client_cancel(it->call);
        list_remove(&it->lru);
        list_remove(&it->waiting);
        json_decref(it->regarding);
        free(it->id);
        free(it->namespace);
        free(it->name);
        free(it->message);
        free(it->type);
        free(it->reason);
        free(it);
}

void events_unref(struct events *v) {
        if (!v)
                return;
        map_done(&v->by_id, entry_free);
        map_done(&v->similar, free);
        free(v);
}

bool events_are_idle(const struct events *v) {
        return v->n_flying == 0 && list_is_empty(&v->waiting);
}

/* ---- writing ---- */

static json_t *entry_create_body(const struct entry *it) {
        json_t *meta = json_pack("{s:s, s:s}", "name", it->name, "namespace", it->namespace);

        return json_pack(
                "{s:s, s:s, s:o, s:O, s:s, s:s, s:s, s:{s:s}, s:o, s:o, s:I, s:n, s:s, s:s}",
                "apiVersion", "v1", "kind", "Event", "metadata", meta, "involvedObject",
                it->regarding, "type", it->type, "reason", it->reason, "message", it->message,
                "source", "component", it->component, "firstTimestamp", tree_time(it->first_usec),
                "lastTimestamp", tree_time(it->last_usec), "count", (json_int_t) it->count,
                "eventTime", "reportingComponent", it->component, "reportingInstance", "");
}

static json_t *entry_patch_body(const struct entry *it) {
        return json_pack("{s:I, s:o, s:s}", "count", (json_int_t) it->count, "lastTimestamp",
                         tree_time(it->last_usec), "message", it->message);
}

static void entry_wait(struct entry *it) {
        list_remove(&it->waiting);
        list_append(&it->events->waiting, &it->waiting);
}

static void entry_on_done(void *data, const struct client_answer *a) {
        struct entry *it = data;
        struct events *v = it->events;
        enum client_reason reason;
        struct err e = { 0 };
        int r;

        it->call = NULL;
        v->n_flying--;
        r = client_answer_check(a, &reason, &e);
        if (r == 0 || (reason == CLIENT_REASON_ALREADY_EXISTS && it->n_tries > 0)) {
                it->is_created = true;
                it->n_tries = 0;
                if (it->count != it->sent_count)
                        entry_wait(it);
        } else if (reason == CLIENT_REASON_NOT_FOUND && it->is_created) {
                it->is_created = false; /* expired: begin anew */
                it->first_usec = it->last_usec;
                it->count = 1;
                entry_wait(it);
        } else if (reason == CLIENT_REASON_NO_ANSWER && ++it->n_tries < EVENTS_TRIES_MAX) {
                entry_wait(it);
        } else {
                LOG_DEBUG(it->name, "event dropped: %s", e.text);
                map_remove(&v->by_id, it->id);
                entry_free(it);
        }
        events_pump(v);
}

static int entry_send(struct entry *it) {
        static const struct client_handlers handlers = { .on_done = entry_on_done };
        struct change c = { .verb = it->is_created ? CHANGE_PATCH : CHANGE_CREATE,
                            .kind = &event_kind,
                            .namespace = it->namespace,
                            .name = it->name };
        struct request request = { 0 };
        int r;

        c.body = it->is_created ? entry_patch_body(it) : entry_create_body(it);
        r = c.body ? request_from_change(&c, &request) : -ENOMEM;
        json_decref(c.body);
        if (r == 0) {
                it->events->core->n_writes++;
                r = client_start(it->events->core->client, &request.r, &handlers, it, &it->call,
                                 NULL);
        }
        request_done(&request);
        return r;
}

static void events_pump(struct events *v) {
        while (v->n_flying < EVENTS_FLYING_MAX && !list_is_empty(&v->waiting)) {
                struct entry *it = CONTAINER_OF(v->waiting.next, struct entry, waiting);

                list_remove(&it->waiting);
                it->sent_count = it->count;
                if (entry_send(it) == 0) {
                        v->n_flying++;
                        continue;
                }
                map_remove(&v->by_id, it->id);
                entry_free(it);
        }
}

/* ---- recording ---- */

/* Forgets the oldest that is neither waiting nor under way. */
static void events_make_room(struct events *v) {
        if (v->by_id.n < EVENTS_MAX)
                return;
        LIST_FOREACH(pos, &v->lru) {
                struct entry *it = CONTAINER_OF(pos, struct entry, lru);

                if (it->call || !list_is_empty(&it->waiting))
                        continue;
                map_remove(&v->by_id, it->id);
                entry_free(it);
                return;
        }
}

/* Whether there have been too many of the kind lately to write each. */
static bool events_are_similar(struct events *v, const char *group, uint64_t now_usec) {
        struct similar *s = map_get(&v->similar, group);

        if (!s) {
                if (v->similar.n >= EVENTS_MAX) {
                        map_done(&v->similar, free);
                        v->similar = (struct map){ 0 };
                }
                s = calloc(1, sizeof(*s));
                if (!s || map_put(&v->similar, group, s, NULL) < 0) {
                        free(s);
                        return false;
                }
        }
        if (s->n == 0 || now_usec - s->since_usec > SIMILAR_USEC) {
                s->since_usec = now_usec;
                s->n = 0;
        }
        return s->n >= SIMILAR_MAX || ++s->n > SIMILAR_MAX;
}

static json_t *regarding_of(const struct object *o) {
        json_t *r =
                json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", o->kind->api_version, "kind",
                          o->kind->name, "name", o->meta->name, "uid", str_or_empty(o->meta->uid));

        if (!tree_set_text(r, "namespace", o->meta->namespace) ||
            !tree_set_text(r, "resourceVersion", o->meta->resource_version)) {
                json_decref(r);
                return NULL;
        }
        return r;
}

/* take_id and take_message: owned from now on. NULL: memory is out. */
static struct entry *entry_new(struct events *v, const char *component, const struct object *about,
                               const struct change_event *event, char *take_id) {
        struct entry *it = calloc(1, sizeof(*it));

        if (!it) {
                free(take_id);
                return NULL;
        }
        list_init(&it->lru);
        list_init(&it->waiting);
        it->events = v;
        it->id = take_id;
        it->component = component;
        it->namespace =
                strdup(str_is_empty(about->meta->namespace) ? "default" : about->meta->namespace);
        it->name = str_format("%.200s.%016llx", about->meta->name,
                              (unsigned long long) core_random(v->core));
        it->regarding = regarding_of(about);
        it->type = strdup(event->type);
        it->reason = strdup(event->reason);
        if (!it->namespace || !it->name || !it->regarding || !it->type || !it->reason ||
            map_put(&v->by_id, take_id, it, NULL) < 0) {
                entry_free(it);
                return NULL;
        }
        return it;
}

/* The entry that counts this event. */
static struct entry *events_entry(struct events *v, const char *component,
                                  const struct object *about, const struct change_event *event,
                                  char **message) {
        AUTO_FREE char *group = str_format("%s|%s|%s|%s", component, str_or_empty(about->meta->uid),
                                           event->type, event->reason);
        char *id;
        struct entry *it;

        if (!group || !*message)
                return NULL;
        id = str_format("%s|%s", group, *message);
        it = id ? map_get(&v->by_id, id) : NULL;
        if (!it && id && events_are_similar(v, group, core_wall_usec(v->core))) {
                char *combined = str_format("(combined from similar events): %s", *message);

                free(*message);
                *message = combined;
                free(id);
                id = STEAL(group);
                it = map_get(&v->by_id, id);
        }
        if (it || !id || !*message) {
                free(id);
                return it;
        }
        events_make_room(v);
        return entry_new(v, component, about, event, id);
}

void events_record(struct events *v, const char *component, const struct object *about,
                   const struct change_event *event, const char *detail) {
        AUTO_FREE char *message = NULL;
        uint64_t now = core_wall_usec(v->core);
        struct entry *it;

        if (!about)
                return;
        message = str_format("%.*s%s%.*s", MESSAGE_MAX - 600, str_or_empty(event->message),
                             detail ? ": " : "", 512, str_or_empty(detail));
        it = events_entry(v, component, about, event, &message);
        if (!it)
                return;
        free(it->message);
        it->message = STEAL(message);
        if (!it->message)
                it->message = strdup("");
        it->first_usec = it->first_usec ? it->first_usec : now;
        it->last_usec = now;
        it->count++;
        list_remove(&it->lru);
        list_append(&v->lru, &it->lru);
        if (!it->call)
                entry_wait(it);
        events_pump(v);
}
