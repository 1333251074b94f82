#include "api/client/informer.h"

#include "api/client/client.h"
#include "api/client/informer_cache.h"
#include "api/client/informer_list.h"
#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#define PAGE_DEFAULT 500U
#define RELIST_DEFAULT_USEC (30 * 60 * USEC_PER_SEC)
#define BACKOFF_FIRST_USEC (50 * USEC_PER_MSEC)
#define BACKOFF_MOST_USEC (10 * USEC_PER_SEC)
#define TOMBS_MAX 256U

struct handler {
        informer_handler_fn fn;
        informer_synced_fn synced;
        void *data;
};

/*   start --> listing --complete--> watching --end--> waiting --> watching
 *                ^  |                   |                            (410, garbage, relist_usec)
 *                |  |error              +--------> waiting ---+
 *                |  v                                         |
 *                waiting <------------------------------------+
 */
enum phase { PHASE_NEW, PHASE_LISTING, PHASE_WATCHING, PHASE_WAITING };

struct informer {
        unsigned n_refs;
        struct client *client;
        struct timers *timers;
        struct informer_form form;
        char *namespace_, *label_selector, *field_selector;
        uint64_t relist_usec;
        unsigned page_size;

        struct informer_cache cache;
        struct map tombs; /* key → uint64_t *: revision of a removal, so that a late event of the
                             object is not taken for a new one */
        struct handler *handlers;
        size_t n_handlers, cap_handlers;

        enum phase phase;
        struct client_call *call; /* owned */
        struct timer *wait, *relist;
        struct informer_list list; /* so far */
        uint64_t revision;
        uint64_t random;
        uint64_t watch_since_usec;
        unsigned n_failures;
        bool has_synced, wants_list;
};

static void list_begin(struct informer *i, const char *continue_);
static void watch_begin(struct informer *i);

/* ---- making ---- */

static int copy_text(const char *text, char **ret) {
        if (str_is_empty(text))
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

int informer_new(struct client *client, struct timers *timers, const struct informer_options *o,
                 struct informer **ret_informer, struct err *e) {
        struct informer *i = calloc(1, sizeof(*i));

        if (!i)
                return err_errno(e, -ENOMEM, "cannot watch %s", o->kind->plural);
        i->n_refs = 1;
        i->client = client_ref(client);
        i->timers = timers;
        i->form = (struct informer_form){
                .kind = o->kind,
                .keeps_text = o->keeps_text,
                .is_outline = o->is_outline && !o->keeps_text,
        };
        i->page_size = o->page_size ? o->page_size : PAGE_DEFAULT;
        i->relist_usec = o->relist_usec ? o->relist_usec : RELIST_DEFAULT_USEC;
        i->random = o->seed;
        if (copy_text(o->namespace_, &i->namespace_) < 0 ||
            copy_text(o->label_selector, &i->label_selector) < 0 ||
            copy_text(o->field_selector, &i->field_selector) < 0) {
                informer_unref(i);
                return err_errno(e, -ENOMEM, "cannot watch %s", o->kind->plural);
        }
        *ret_informer = i;
        return 0;
}

void informer_unref(struct informer *i) {
        if (!i || --i->n_refs > 0)
                return;
        client_cancel(i->call);
        i->timers->vtable->cancel(i->timers, i->wait);
        i->timers->vtable->cancel(i->timers, i->relist);
        informer_cache_done(&i->cache);
        informer_list_reset(&i->list);
        map_done(&i->tombs, free);
        client_unref(i->client);
        free(i->handlers);
        free(i->namespace_);
        free(i->label_selector);
        free(i->field_selector);
        free(i);
}

static int handler_add(struct informer *i, struct handler h) {
        int r;

        assert(i->phase == PHASE_NEW);
        r = array_reserve(&i->handlers, &i->cap_handlers, i->n_handlers, sizeof(*i->handlers));
        if (r < 0)
                return r;
        i->handlers[i->n_handlers++] = h;
        return 0;
}

int informer_add_handler(struct informer *i, informer_handler_fn fn, void *data) {
        return handler_add(i, (struct handler){ .fn = fn, .data = data });
}

int informer_on_synced(struct informer *i, informer_synced_fn fn, void *data) {
        return handler_add(i, (struct handler){ .synced = fn, .data = data });
}

int informer_add_index(struct informer *i, const char *name, informer_index_fn fn) {
        assert(i->phase == PHASE_NEW);
        return informer_cache_add_index(&i->cache, name, fn);
}

/* ---- the cache changes ---- */

static void handlers_call(const struct informer *i, const char *key, const struct object *before,
                          const struct object *after) {
        for (size_t n = 0; n < i->n_handlers; n++)
                if (i->handlers[n].fn)
                        i->handlers[n].fn(i->handlers[n].data, key, before, after);
}

static uint64_t tomb_revision(const struct informer *i, const char *key) {
        const uint64_t *revision = map_get(&i->tombs, key);

        return revision ? *revision : 0;
}

/* Best effort: without its tomb, a late event costs a relist's time, not more. */
static void tomb_add(struct informer *i, const char *key, uint64_t revision) {
        uint64_t *value;
        void *old = NULL;

        if (i->tombs.n >= TOMBS_MAX)
                map_done(&i->tombs, free);
        value = malloc(sizeof(*value));
        if (!value)
                return;
        *value = revision;
        if (map_put(&i->tombs, key, value, &old) < 0)
                old = value;
        free(old);
}

/* Takes an object over unless the cache knows better; is_forced: unless it has this very one.
 * Returns 0 or -ENOMEM. */
static int cache_upsert(struct informer *i, const char *key, struct object *o, bool is_forced) {
        AUTO(object) struct object *before = NULL;
        const struct object *known = informer_cache_get(&i->cache, key);
        uint64_t revision = informer_object_revision(o);
        int r;

        if (known == o)
                return 0;
        if (!is_forced && known && revision <= informer_object_revision(known))
                return 0;
        if (!is_forced && revision <= tomb_revision(i, key))
                return 0;
        r = informer_cache_put(&i->cache, key, o, &before);
        if (r < 0)
                return r;
        handlers_call(i, key, before, o);
        return 0;
}

/* Removes an object unless the cache has it newer than revision. */
static void cache_delete(struct informer *i, const char *key, uint64_t revision) {
        AUTO(object) struct object *before = NULL;
        const struct object *known = informer_cache_get(&i->cache, key);

        if (known && informer_object_revision(known) > revision)
                return;
        tomb_add(i, key, MAX(revision, tomb_revision(i, key)));
        before = informer_cache_remove(&i->cache, key);
        if (before)
                handlers_call(i, key, before, NULL);
}

void informer_observe(struct informer *i, struct object *o) {
        char key[OBJECT_KEY_MAX];

        if (cache_upsert(i, object_key(o, key), o, false) < 0)
                i->wants_list = true;
}

/* ---- failure and waiting ---- */

static uint64_t now_of(struct informer *i) {
        return i->timers->vtable->now_usec(i->timers);
}

/* splitmix64 */
static uint64_t random_next(struct informer *i) {
        uint64_t z = (i->random += 0x9e3779b97f4a7c15ULL);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
}

/* usec, a quarter more or less. */
static uint64_t jitter(struct informer *i, uint64_t usec) {
        return usec - usec / 4 + random_next(i) % (usec / 2 + 1);
}

static void on_wait_over(void *data) {
        struct informer *i = data;

        i->wait = NULL;
        if (i->wants_list || !i->has_synced)
                list_begin(i, NULL);
        else
                watch_begin(i);
}

/* Tries again after a while. problem NULL: nothing went wrong, the watch just ended. */
static void wait_begin(struct informer *i, const char *problem) {
        uint64_t delay_usec = BACKOFF_FIRST_USEC << MIN(i->n_failures, 12U);
        int r;

        delay_usec = jitter(i, MIN(delay_usec, BACKOFF_MOST_USEC));
        /* The first failure is a server that is just starting: the next try, 50 ms later, settles
         * it. */
        if (problem && i->n_failures == 1)
                LOG_WARN(i->form.kind->plural, "cannot watch: %s; trying again", problem);
        i->n_failures++;
        i->phase = PHASE_WAITING;
        i->call = NULL;
        informer_list_reset(&i->list);
        r = i->timers->vtable->add(i->timers, now_of(i) + delay_usec, on_wait_over, i, &i->wait);
        if (r < 0)
                LOG_ERROR(i->form.kind->plural,
                          "watch has ended: no memory for a timer; restart this program");
}

/* ---- listing ---- */

static char *collection_path(const struct informer *i) {
        char *path = client_path(&(struct client_target){
                .group = i->form.kind->group,
                .version = i->form.kind->version,
                .resource = i->form.kind->plural,
                .namespace_ = i->namespace_,
        });

        (void) client_path_query(&path, "labelSelector", i->label_selector);
        (void) client_path_query(&path, "fieldSelector", i->field_selector);
        return path;
}

/* Removes what the complete list no longer has. Keys are gathered first: handlers may look. */
static int list_delete_absent(struct informer *i, uint64_t revision) {
        struct map gone = { 0 };
        int r = 0;

        MAP_FOREACH(entry, &i->cache.objects) {
                if (!map_has(&i->list.objects, entry->key))
                        r = map_put(&gone, entry->key, NULL, NULL);
                if (r < 0)
                        break;
        }
        if (r == 0)
                MAP_FOREACH(entry, &gone)
                        cache_delete(i, entry->key, revision);
        map_done(&gone, NULL);
        return r;
}

static int list_apply(struct informer *i, struct err *e) {
        /* Revisions that went back belong to another database: what the cache has seen counts for
         * nothing then. */
        uint64_t revision = i->list.revision;
        bool is_forced = revision < i->revision;
        int r = list_delete_absent(i, is_forced ? UINT64_MAX : revision);

        MAP_FOREACH(entry, &i->list.objects) {
                if (r < 0)
                        break;
                r = cache_upsert(i, entry->key, entry->value, is_forced);
        }
        informer_list_reset(&i->list);
        map_done(&i->tombs, free);
        if (r < 0)
                return err_errno(e, r, "cannot take the list over");
        i->revision = revision;
        i->wants_list = false;
        return 0;
}

static void synced_call(struct informer *i) {
        if (i->has_synced)
                return;
        i->has_synced = true;
        for (size_t n = 0; n < i->n_handlers; n++)
                if (i->handlers[n].synced)
                        i->handlers[n].synced(i->handlers[n].data);
}

static void on_list_done(void *data, const struct client_answer *a) {
        AUTO_FREE char *more = NULL;
        struct informer *i = data;
        struct err e = { 0 };
        int r;

        i->call = NULL;
        r = client_answer_check(a, NULL, &e);
        if (r == 0)
                r = informer_list_take_page(&i->list, &i->form, &i->cache, a, &more, &e);
        if (r == 0 && more) {
                list_begin(i, more);
                return;
        }
        if (r == 0)
                r = list_apply(i, &e);
        if (r < 0) {
                wait_begin(i, e.text);
                return;
        }
        if (i->n_failures > 1)
                LOG_NOTICE(i->form.kind->plural, "watching again");
        i->n_failures = 0;
        synced_call(i);
        watch_begin(i);
}

static const struct client_handlers list_handlers = { .on_done = on_list_done };

/* continue_ NULL: the first page. */
static void list_begin(struct informer *i, const char *continue_) {
        AUTO_FREE char *path = collection_path(i);
        char limit[16];
        struct err e = { 0 };
        int r = 0;

        if (!continue_)
                informer_list_reset(&i->list);
        i->phase = PHASE_LISTING;
        (void) snprintf(limit, sizeof(limit), "%u", i->page_size);
        if (client_path_query(&path, "limit", limit) < 0 ||
            client_path_query(&path, "continue", continue_) < 0)
                r = err_errno(&e, -ENOMEM, "cannot list");
        if (r == 0)
                r = client_start(i->client, &(struct client_request){ .path = path },
                                 &list_handlers, i, &i->call, &e);
        if (r < 0)
                wait_begin(i, e.text);
}

/* ---- watching ---- */

static void on_relist_time(void *data) {
        struct informer *i = data;

        i->relist = NULL;
        if (i->phase != PHASE_WATCHING) {
                i->wants_list = true;
                return;
        }
        client_cancel(STEAL(i->call));
        list_begin(i, NULL);
}

static void relist_arm(struct informer *i) {
        /* Without it only the repair of lost events is missing. */
        if (!i->relist && i->relist_usec != USEC_NEVER)
                (void) i->timers->vtable->add(i->timers, now_of(i) + jitter(i, i->relist_usec),
                                              on_relist_time, i, &i->relist);
}

/* Carries out a change. Returns 0 or -ENOMEM. */
static int object_apply(struct informer *i, const char *type, struct object *o) {
        char key[OBJECT_KEY_MAX];
        int r = 0;

        (void) object_key(o, key);
        if (str_eq(type, "DELETED"))
                cache_delete(i, key, informer_object_revision(o));
        else
                r = cache_upsert(i, key, o, false);
        if (r == 0)
                i->revision = MAX(i->revision, informer_object_revision(o));
        return r;
}

/* Carries out one event of the watch. Returns 0; -ESTALE: list anew; -EBADMSG or -ENOMEM: list
 * anew, something is missing now; another error: the watch is to begin again. */
static int event_apply(struct informer *i, const char *type, const json_t *tree, struct err *e) {
        AUTO(object) struct object *o = NULL;
        AUTO_FREE char *text = NULL;
        const char *revision;
        int r;

        if (str_eq(type, "BOOKMARK")) {
                revision = json_string_value(
                        json_object_get(json_object_get(tree, "metadata"), "resourceVersion"));
                if (revision)
                        i->revision = MAX(i->revision, strtoull(revision, NULL, 10));
                return 0;
        }
        if (str_eq(type, "ERROR")) {
                text = json_dumps(tree, JSON_COMPACT);
                r = text ? client_status_parse(text, strlen(text), NULL, e) : -ENOMEM;
                return r < 0 ? r : err_set(e, -EREMOTEIO, "the watch reported an error");
        }
        r = informer_form_read(&i->form, tree, &o, e);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        return object_apply(i, type, o);
}

/* What an event led to: a new list, a new watch, or nothing. */
static void event_conclude(struct informer *i, int r, const struct err *e) {
        if (r == 0) {
                i->n_failures = 0;
                return;
        }
        i->wants_list = i->wants_list || r == -ESTALE || r == -EBADMSG || r == -ENOMEM;
        client_cancel(STEAL(i->call));
        wait_begin(i, r == -ESTALE ? NULL : e->text);
}

static void on_watch_object(void *data, const char *type, struct object *o) {
        struct informer *i = data;
        struct err e = { 0 };
        int r = object_apply(i, type, o);

        if (r < 0)
                (void) err_set(&e, r, "out of memory");
        event_conclude(i, r, &e);
}

static void on_watch_line(void *data, const char *line, size_t len) {
        struct informer *i = data;
        json_t *root = text_parse_json(line, len);
        const char *type = json_string_value(json_object_get(root, "type"));
        const json_t *tree = json_object_get(root, "object");
        struct err e = { 0 };
        int r;

        if (type && json_is_object(tree))
                r = event_apply(i, type, tree, &e);
        else
                r = err_set(&e, -EBADMSG, "the watch sent a line that is no event");
        json_decref(root);
        event_conclude(i, r, &e);
}

static void on_watch_done(void *data, const struct client_answer *a) {
        struct informer *i = data;
        struct err e = { 0 };
        int r = client_answer_check(a, NULL, &e);

        i->call = NULL;
        if (now_of(i) - i->watch_since_usec > BACKOFF_MOST_USEC)
                i->n_failures = 0;
        if (r == -ESTALE || r == -EBADMSG)
                i->wants_list = true;
        wait_begin(i, r < 0 && r != -ESTALE ? e.text : NULL);
}

static void watch_begin(struct informer *i) {
        const struct client_handlers handlers = {
                .on_done = on_watch_done,
                .on_line = on_watch_line,
                .on_object = i->form.is_outline ? on_watch_object : NULL,
        };
        AUTO_FREE char *path = collection_path(i);
        char revision[24];
        struct err e = { 0 };
        int r = 0;

        i->phase = PHASE_WATCHING;
        i->watch_since_usec = now_of(i);
        relist_arm(i);
        (void) snprintf(revision, sizeof(revision), "%" PRIu64, i->revision);
        if (client_path_query(&path, "watch", "1") < 0 ||
            client_path_query(&path, "allowWatchBookmarks", "true") < 0 ||
            client_path_query(&path, "resourceVersion", revision) < 0)
                r = err_errno(&e, -ENOMEM, "cannot watch");
        if (r == 0)
                r = client_start(i->client, &(struct client_request){ .path = path }, &handlers, i,
                                 &i->call, &e);
        if (r < 0)
                wait_begin(i, e.text);
}

/* ---- looking ---- */

int informer_start(struct informer *i, struct err *e) {
        (void) e;
        assert(i->phase == PHASE_NEW);
        list_begin(i, NULL);
        return 0;
}

bool informer_has_synced(const struct informer *i) {
        return i->has_synced;
}

uint64_t informer_revision(const struct informer *i) {
        return i->revision;
}

const struct kind *informer_kind(const struct informer *i) {
        return i->form.kind;
}

struct object *informer_get(const struct informer *i, const char *key) {
        return informer_cache_get(&i->cache, key);
}

size_t informer_count(const struct informer *i) {
        return i->cache.objects.n;
}

static int each_of(const struct map *m, int (*fn)(void *data, const char *key, struct object *o),
                   void *data) {
        MAP_FOREACH(entry, m) {
                int r = fn(data, entry->key, entry->value);

                if (r != 0)
                        return r;
        }
        return 0;
}

int informer_each(const struct informer *i,
                  int (*fn)(void *data, const char *key, struct object *o), void *data) {
        return each_of(&i->cache.objects, fn, data);
}

int informer_each_in(const struct informer *i, const char *name, const char *value,
                     int (*fn)(void *data, const char *key, struct object *o), void *data) {
        const struct map *set = informer_cache_find(&i->cache, name, value);

        return set ? each_of(set, fn, data) : 0;
}
