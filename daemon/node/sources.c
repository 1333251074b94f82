#include "daemon/node/sources.h"

#include "api/client/informer.h"
#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/node/refs.h"

#include <errno.h>

struct source {
        struct sources *owner;
        const struct kind *kind;
        char *ns, *name;
        unsigned n_wanted;
        struct informer *informer;
        struct object *seed; /* until the informer has synced */
};

struct sources {
        struct client *client; /* borrowed: outlives us */
        struct timers *timers;
        sources_change_fn on_change;
        void *userdata;
        struct map items; /* "Kind ns/name" -> struct source */
};

static void source_free(void *data) {
        struct source *s = data;

        if (!s)
                return;
        informer_unref(s->informer);
        object_unref(s->seed);
        free(s->ns);
        free(s->name);
        free(s);
}

int sources_new(struct client *client, struct timers *timers, sources_change_fn on_change,
                void *userdata, struct sources **ret) {
        struct sources *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (struct sources){
                .client = client, .timers = timers, .on_change = on_change, .userdata = userdata
        };
        *ret = s;
        return 0;
}

void sources_unref(struct sources *s) {
        if (!s)
                return;
        map_done(&s->items, source_free);
        free(s);
}

static char *source_key(const struct kind *kind, const char *ns, const char *name) {
        return str_format("%s %s/%s", kind->name, ns, name);
}

static struct source *source_find(const struct sources *s, const struct kind *kind, const char *ns,
                                  const char *name) {
        AUTO_FREE char *key = source_key(kind, ns, name);

        return key ? map_get(&s->items, key) : NULL;
}

static void source_changed(struct source *src) {
        src->owner->on_change(src->owner->userdata, src->kind, src->ns, src->name);
}

static void on_object(void *data, const char *key, const struct object *before,
                      const struct object *after) {
        struct source *src = data;
        (void) key;
        (void) before;
        (void) after;

        if (informer_has_synced(src->informer))
                source_changed(src);
}

static void on_synced(void *data) {
        struct source *src = data;

        object_unref(STEAL(src->seed));
        source_changed(src);
}

static int source_watch(struct source *src, struct err *e) {
        AUTO_FREE char *selector = str_format("metadata.name=%s", src->name);
        const struct informer_options o = { .kind = src->kind,
                                            .namespace_ = src->ns,
                                            .field_selector = selector,
                                            .seed = map_hash(src->name, strlen(src->name)) };
        int r;

        if (!selector)
                return -ENOMEM;
        r = informer_new(src->owner->client, src->owner->timers, &o, &src->informer, e);
        if (r == 0)
                r = informer_add_handler(src->informer, on_object, src);
        if (r == 0)
                r = informer_on_synced(src->informer, on_synced, src);
        return r < 0 ? r : informer_start(src->informer, e);
}

static int source_add(struct sources *s, const struct kind *kind, const char *ns,
                      const char *name) {
        AUTO_FREE char *key = source_key(kind, ns, name);
        struct source *src = key ? calloc(1, sizeof(*src)) : NULL;
        int r;

        if (!src)
                return -ENOMEM;
        *src = (struct source){
                .owner = s, .kind = kind, .ns = strdup(ns), .name = strdup(name), .n_wanted = 1
        };
        r = src->ns && src->name ? source_watch(src, NULL) : -ENOMEM;
        if (r == 0)
                r = map_put(&s->items, key, src, NULL);
        if (r < 0)
                source_free(src);
        return r;
}

struct sources_walk {
        struct sources *s;
        int r;
};

static void want_one(void *data, const struct kind *kind, const char *ns, const char *name) {
        struct sources_walk *w = data;
        struct source *src = source_find(w->s, kind, ns, name);
        int r;

        if (src) {
                src->n_wanted++;
                return;
        }
        r = source_add(w->s, kind, ns, name);
        if (r < 0)
                w->r = r;
}

int sources_want(struct sources *s, const struct pod *pod, struct err *e) {
        struct sources_walk w = { .s = s };

        refs_each(pod, want_one, &w);
        return w.r < 0 ? err_set(e, w.r, "cannot watch the pod's configmaps and secrets") : 0;
}

static void unwant_one(void *data, const struct kind *kind, const char *ns, const char *name) {
        struct sources *s = data;
        AUTO_FREE char *key = source_key(kind, ns, name);
        struct source *src = key ? map_get(&s->items, key) : NULL;

        if (!src || --src->n_wanted > 0)
                return;
        source_free(map_remove(&s->items, key));
}

void sources_unwant(struct sources *s, const struct pod *pod) {
        refs_each(pod, unwant_one, s);
}

void sources_seed(struct sources *s, struct object *o) {
        struct source *src = source_find(s, o->kind, str_or_empty(o->meta->namespace),
                                         str_or_empty(o->meta->name));

        if (!src || informer_has_synced(src->informer))
                return;
        object_unref(src->seed);
        src->seed = object_ref(o);
}

int sources_get(const struct sources *s, const struct kind *kind, const char *ns, const char *name,
                struct object **ret) {
        const struct source *src = source_find(s, kind, ns, name);
        AUTO_FREE char *key = NULL;

        if (!src)
                return -EAGAIN;
        if (src->seed && !informer_has_synced(src->informer)) {
                *ret = src->seed;
                return 0;
        }
        if (!informer_has_synced(src->informer))
                return -EAGAIN;
        key = str_format("%s/%s", ns, name);
        if (!key)
                return -EAGAIN;
        *ret = informer_get(src->informer, key);
        return *ret ? 0 : -ENOENT;
}
