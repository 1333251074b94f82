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
        bool keeps_text;
};

struct caches {
        struct cache *items;
        size_t n;
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

int caches_new(struct core *core, struct caches **ret, struct err *e) {
        AUTO(caches) struct caches *c = calloc(1, sizeof(*c));
        const struct kind *const *all = kind_all();
        size_t n = 0;
        int r;

        while (all[n])
                n++;
        if (c)
                c->items = calloc(n, sizeof(*c->items));
        if (!c || !c->items)
                return err_set(e, -ENOMEM, "out of memory for the controllers' caches");
        for (size_t i = 0; i < n; i++) {
                if (all[i] == &event_kind || all[i]->stored_as)
                        continue;
                c->items[c->n++].kind = all[i];
                r = cache_init(c, &c->items[c->n - 1], core, e);
                if (r < 0)
                        return r;
        }
        *ret = STEAL(c);
        return 0;
}

void caches_unref(struct caches *c) {
        if (!c)
                return;
        for (size_t i = 0; i < c->n; i++)
                informer_unref(c->items[i].informer);
        map_done(&c->buried, NULL);
        free(c->items);
        free(c);
}

int caches_start(struct caches *c, struct err *e) {
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
                if (!informer_has_synced(c->items[i].informer))
                        return false;
        return true;
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
        r = object_new_kept(it->kind, tree, NULL, ret, NULL);
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
