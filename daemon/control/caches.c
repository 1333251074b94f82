#include "daemon/control/caches.h"

#include "api/client/client.h"
#include "api/kinds/event.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/workload.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/control/core.h"

struct cache {
        const struct kind *kind;
        struct informer *informer;
        bool keeps_text, is_late; /* late: made by a definition */
};

struct kind_handler {
        caches_kind_fn fn;
        void *data;
};

struct caches {
        struct core *core;
        struct cache *items;
        size_t n, cap;
        struct kind_handler handlers[4];
        size_t n_handlers;
        bool has_started;
        struct map buried; /* uid → caches (a mark): deleted, but the watch hasn't told yet */
};

void objects_done(struct objects *o) {
        free(o->items);
        *o = (struct objects){ 0 };
}

/* ---- indexes ---- */

#define CACHE_ORPHAN_MAX 300

/* Orphans are filed by namespace: no uid looks like this. */
static const char *cache_orphan_key(const char *ns, char *buf) {
        (void) snprintf(buf, CACHE_ORPHAN_MAX, "orphan/%s", str_or_empty(ns));
        return buf;
}

static void index_namespace(const struct object *o, void (*add)(void *add_data, const char *value),
                            void *add_data) {
        add(add_data, str_or_empty(o->meta->namespace));
}

static void index_owner(const struct object *o, void (*add)(void *add_data, const char *value),
                        void *add_data) {
        char orphan[CACHE_ORPHAN_MAX];

        if (o->meta->owner_references.n == 0)
                add(add_data, cache_orphan_key(o->meta->namespace, orphan));
        for (size_t i = 0; i < o->meta->owner_references.n; i++)
                add(add_data, str_or_empty(o->meta->owner_references.items[i].uid));
}

static void index_node(const struct object *o, void (*add)(void *add_data, const char *value),
                       void *add_data) {
        add(add_data, str_or_empty(OBJECT_AS(pod, o)->spec.node_name));
}

static int cache_add_indexes(struct cache *it) {
        int r = informer_add_index(it->informer, CACHE_NAMESPACE, index_namespace);

        if (r == 0)
                r = informer_add_index(it->informer, CACHE_OWNER, index_owner);
        if (r == 0 && it->kind == &pod_kind)
                r = informer_add_index(it->informer, CACHE_NODE, index_node);
        return r;
}

/* ---- making ---- */

/* Templates are carried on as JSON, so that nothing is lost which orch doesn't act on. */
static bool kind_keeps_text(const struct kind *k) {
        return k == &deployment_kind || k == &replica_set_kind;
}

static void caches_on_change(void *data, const char *key, const struct object *before,
                             const struct object *after) {
        struct caches *c = data;

        if (before && (!after || after->meta->deletion_timestamp != 0 ||
                       !str_eq(before->meta->uid, after->meta->uid)))
                (void) map_remove(&c->buried, str_or_empty(before->meta->uid));
}

static int cache_init(struct caches *c, struct cache *it, struct core *core, struct err *e) {
        struct informer_options options = { .kind = it->kind,
                                            .keeps_text = kind_keeps_text(it->kind),
                                            .is_outline = !kind_keeps_text(it->kind),
                                            .seed = core_random(core) };
        int r;

        it->keeps_text = options.keeps_text;
        r = informer_new(core->client, core->timers, &options, &it->informer, e);
        if (r < 0)
                return r;
        r = cache_add_indexes(it);
        if (r == 0)
                r = informer_add_handler(it->informer, caches_on_change, c);
        return r < 0 ? err_set(e, r, "out of memory for the cache of %s", it->kind->plural) : 0;
}

static int cache_add(struct caches *c, const struct kind *k, struct err *e) {
        if (array_reserve(&c->items, &c->cap, c->n, sizeof(*c->items)) < 0)
                return err_set(e, -ENOMEM, "out of memory for the controllers' caches");
        c->items[c->n++] = (struct cache){ .kind = kind_ref(k), .is_late = k->custom };
        return cache_init(c, &c->items[c->n - 1], c->core, e);
}

int caches_new(struct core *core, struct caches **ret, struct err *e) {
        AUTO(caches) struct caches *c = calloc(1, sizeof(*c));
        const struct kind *const *all = kind_all();
        int r;

        if (!c)
                return err_set(e, -ENOMEM, "out of memory for the controllers' caches");
        c->core = core;
        for (size_t i = 0; all[i]; i++) {
                if (all[i] == &event_kind || all[i]->stored_as)
                        continue;
                r = cache_add(c, all[i], e);
                if (r < 0)
                        return r;
        }
        *ret = STEAL(c);
        return 0;
}

static void cache_done(struct cache *it) {
        informer_unref(it->informer);
        kind_unref(it->kind);
}

void caches_unref(struct caches *c) {
        if (!c)
                return;
        for (size_t i = 0; i < c->n; i++)
                cache_done(&c->items[i]);
        map_done(&c->buried, NULL);
        free(c->items);
        free(c);
}

int caches_start(struct caches *c, struct err *e) {
        c->has_started = true;
        for (size_t i = 0; i < c->n; i++) {
                int r = informer_start(c->items[i].informer, e);

                if (r < 0)
                        return r;
        }
        return 0;
}

int caches_on_synced(struct caches *c, informer_synced_fn fn, void *data) {
        int r = 0;

        for (size_t i = 0; i < c->n && r == 0; i++)
                r = informer_on_synced(c->items[i].informer, fn, data);
        return r;
}

bool caches_have_synced(const struct caches *c) {
        for (size_t i = 0; i < c->n; i++)
                if (!c->items[i].is_late && !informer_has_synced(c->items[i].informer))
                        return false;
        return true;
}

/* ---- kinds ---- */

int caches_on_kind(struct caches *c, caches_kind_fn fn, void *data) {
        int r = 0;

        if (c->n_handlers == ARRAY_SIZE(c->handlers))
                return -ENOMEM;
        c->handlers[c->n_handlers++] = (struct kind_handler){ fn, data };
        for (size_t i = 0; i < c->n && r == 0; i++)
                r = fn(data, c->items[i].kind);
        return r;
}

int caches_add_kind(struct caches *c, const struct kind *k, struct err *e) {
        int r = cache_add(c, k, e);

        for (size_t i = 0; i < c->n_handlers && r == 0; i++)
                r = c->handlers[i].fn(c->handlers[i].data, k);
        if (r == 0 && c->has_started)
                r = informer_start(c->items[c->n - 1].informer, e);
        if (r < 0)
                caches_remove_kind(c, k);
        return r;
}

void caches_remove_kind(struct caches *c, const struct kind *k) {
        for (size_t i = 0; i < c->n; i++) {
                if (c->items[i].kind != k)
                        continue;
                cache_done(&c->items[i]);
                memmove(&c->items[i], &c->items[i + 1], (c->n - i - 1) * sizeof(*c->items));
                c->n--;
                return;
        }
}

const struct kind *caches_kind(const struct caches *c, size_t i) {
        return i < c->n ? c->items[i].kind : NULL;
}

const struct kind *caches_find_kind(const struct caches *c, const char *api_version,
                                    const char *name) {
        const struct kind *k = kind_find(api_version, name);
        const char *slash = strchr(str_or_empty(api_version), '/');

        for (size_t i = 0; !k && slash && i < c->n; i++) {
                const struct kind *one = c->items[i].kind;

                if (one->custom && str_eq(one->name, name) &&
                    strlen(one->group) == (size_t) (slash - api_version) &&
                    str_starts_with(api_version, one->group))
                        k = one;
        }
        return k;
}

const struct kind *caches_find_resource(const struct caches *c, const char *word) {
        size_t len = strcspn(word, ".");

        for (size_t i = 0; i < c->n; i++) {
                const struct kind *k = c->items[i].kind;

                if (strlen(k->plural) == len && str_starts_with(word, k->plural) &&
                    str_eq(word[len] ? word + len + 1 : "", k->group))
                        return k;
        }
        return NULL;
}

/* ---- looking ---- */

static struct cache *caches_of(const struct caches *c, const struct kind *k) {
        for (size_t i = 0; i < c->n; i++)
                if (c->items[i].kind == k)
                        return &c->items[i];
        return NULL;
}

struct informer *caches_informer(const struct caches *c, const struct kind *k) {
        const struct cache *it = caches_of(c, k);

        return it ? it->informer : NULL;
}

int caches_watch(struct caches *c, const struct kind *k, informer_handler_fn fn, void *data) {
        return informer_add_handler(caches_of(c, k)->informer, fn, data);
}

static bool caches_is_buried(const struct caches *c, const struct object *o) {
        return c->buried.n > 0 && map_has(&c->buried, str_or_empty(o->meta->uid));
}

const struct object *caches_get(const struct caches *c, const struct kind *k, const char *key) {
        const struct cache *it = caches_of(c, k);
        const struct object *o = it ? informer_get(it->informer, key) : NULL;

        return o && !caches_is_buried(c, o) ? o : NULL;
}

const struct object *caches_find(const struct caches *c, const struct kind *k, const char *ns,
                                 const char *name) {
        char key[OBJECT_KEY_MAX];

        if (k->is_namespaced)
                (void) snprintf(key, sizeof(key), "%s/%s", str_or_empty(ns), str_or_empty(name));
        else
                (void) snprintf(key, sizeof(key), "%s", str_or_empty(name));
        return caches_get(c, k, key);
}

struct caches_pick {
        const struct caches *caches;
        struct objects *to;
};

static int caches_pick_one(void *data, const char *key, struct object *o) {
        struct caches_pick *p = data;

        if (caches_is_buried(p->caches, o))
                return 0;
        if (array_reserve(&p->to->items, &p->to->cap, p->to->n, sizeof(*p->to->items)) < 0)
                return -ENOMEM;
        p->to->items[p->to->n++] = o;
        return 0;
}

int caches_list(const struct caches *c, const struct kind *k, const char *index, const char *value,
                struct objects *to) {
        struct caches_pick p = { .caches = c, .to = to };
        const struct cache *it = caches_of(c, k);

        if (!it)
                return 0;
        return index ? informer_each_in(it->informer, index, value, caches_pick_one, &p)
                     : informer_each(it->informer, caches_pick_one, &p);
}

int caches_list_dependents(const struct caches *c, const struct kind *k, const struct object *owner,
                           struct objects *to) {
        char orphan[CACHE_ORPHAN_MAX];
        size_t kept = to->n;
        int r;

        r = caches_list(c, k, CACHE_OWNER, str_or_empty(owner->meta->uid), to);
        for (size_t i = to->n; i-- > kept;)
                if (!str_eq(str_or_empty(to->items[i]->meta->namespace),
                            str_or_empty(owner->meta->namespace)))
                        to->items[i] = to->items[--to->n];
        if (r == 0)
                r = caches_list(c, k, CACHE_OWNER, cache_orphan_key(owner->meta->namespace, orphan),
                                to);
        return r;
}

/* ---- own writes ---- */

/* As the informer of that kind would read it. */
static int object_read(const struct cache *it, const char *text, size_t len, struct object **ret) {
        json_t *tree;
        int r;

        if (it->keeps_text)
                return object_new_from_text(it->kind, text, len, true, ret, NULL);
        tree = text_parse_json(text, len);
        if (!tree)
                return -EINVAL;
        r = object_new_outline(it->kind, tree, NULL, NULL, ret, NULL);
        json_decref(tree);
        return r;
}

int caches_observe(struct caches *c, const struct kind *k, const char *text, size_t len) {
        const struct cache *it = caches_of(c, k);
        AUTO(object) struct object *o = NULL;
        int r;

        if (!it)
                return 0;
        r = object_read(it, text, len, &o);
        if (r < 0)
                return r;
        informer_observe(it->informer, o);
        return 0;
}

int caches_bury(struct caches *c, const char *uid) {
        if (str_is_empty(uid))
                return 0;
        return map_put(&c->buried, uid, c, NULL);
}
