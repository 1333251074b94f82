#include "daemon/node/pods.h"

#include "api/client/informer.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/timer.h"
#include "daemon/node/context.h"
#include "daemon/node/pod.h"
#include "daemon/node/refs.h"
#include "daemon/node/sources.h"
#include "daemon/runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#define STORE_MAX_BYTES (16U << 20)

struct pods {
        struct context *ctx;
        struct map by_uid;  /* -> struct node_pod */
        struct map orphans; /* uid -> struct runtime_pod that runs without being remembered */
        struct informer *informer;
        struct loop_timer *reaper, *room;
        struct node_pod **over; /* to be freed when the loop turns */
        size_t n_over, cap_over;
        void (*on_synced)(void *userdata);
        void *userdata;
};

static void free_pod(void *p) {
        node_pod_unref(p);
}

static void reap(struct pods *p) {
        for (size_t i = 0; i < p->n_over; i++)
                node_pod_unref(p->over[i]);
        p->n_over = 0;
}

static void on_reap(struct loop_timer *t, void *userdata) {
        (void) t;
        reap(userdata);
}

static void tell_room(void *data, struct node_pod *pod) {
        (void) data;
        node_pod_room_changed(pod);
}

static void on_room_timer(struct loop_timer *t, void *userdata) {
        (void) t;
        pods_each(userdata, tell_room, NULL);
}

static void on_room(void *userdata) {
        struct pods *p = userdata;

        loop_timer_set(p->room, 0);
}

static void sum_others(void *userdata, const struct node_pod *pod, int64_t *cpu_milli,
                       int64_t *memory_bytes) {
        const struct pods *p = userdata;

        MAP_FOREACH(i, &p->by_uid) {
                if (i->value != pod)
                        node_pod_held(i->value, cpu_milli, memory_bytes);
        }
}

int pods_new(struct context *ctx, void (*on_synced)(void *userdata), void *userdata,
             struct pods **ret) {
        struct pods *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        *p = (struct pods){ .ctx = ctx, .on_synced = on_synced, .userdata = userdata };
        r = loop_timer_new(ctx->loop, 0, on_reap, p, &p->reaper, NULL);
        if (r == 0)
                r = loop_timer_new(ctx->loop, 0, on_room_timer, p, &p->room, NULL);
        if (r < 0) {
                loop_timer_unref(p->reaper);
                free(p);
                return r;
        }
        *ret = p;
        return 0;
}

void pods_unref(struct pods *p) {
        if (!p)
                return;
        informer_unref(p->informer);
        reap(p);
        map_done(&p->by_uid, free_pod);
        map_done(&p->orphans, NULL);
        loop_timer_unref(p->reaper);
        loop_timer_unref(p->room);
        free(p->over);
        free(p);
}

static void on_over(void *userdata, struct node_pod *pod) {
        struct pods *p = userdata;

        (void) map_remove(&p->by_uid, node_pod_uid(pod));
        if (p->n_over == p->cap_over) {
                size_t cap = p->cap_over ? p->cap_over * 2 : 16;
                struct node_pod **fresh = realloc(p->over, cap * sizeof(*fresh));

                /* Out of memory: it stays, forgotten. Better than freeing it under its own feet. */
                if (!fresh)
                        return;
                p->over = fresh;
                p->cap_over = cap;
        }
        p->over[p->n_over++] = pod;
        loop_timer_set(p->reaper, 0);
}

static int pods_add(struct pods *p, struct object *o, struct node_pod **ret, struct err *e) {
        const struct node_pod_events events = {
                .on_over = on_over, .others = sum_others, .on_room = on_room, .userdata = p
        };
        AUTO(node_pod) struct node_pod *pod = NULL;
        int r = node_pod_new(p->ctx, o, &events, &pod, e);

        if (r == 0 && map_put(&p->by_uid, node_pod_uid(pod), pod, NULL) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        if (r < 0)
                return r;
        *ret = STEAL(pod);
        return 0;
}

/* ---- what is on the disk and in the kernel ---- */

static void seed_sources(struct pods *p, const json_t *list) {
        size_t i;
        json_t *tree;

        json_array_foreach((json_t *) list, i, tree) {
                AUTO(object) struct object *o = NULL;

                if (object_new_from_json(NULL, tree, true, &o, NULL) == 0)
                        sources_seed(p->ctx->sources, o);
        }
}

static int load_one(struct pods *p, const char *path, struct err *e) {
        AUTO_FREE char *text = NULL;
        AUTO(object) struct object *o = NULL;
        struct node_pod *pod = NULL;
        json_t *root;
        size_t len;
        int r = file_read(path, STORE_MAX_BYTES, &text, &len, e);

        if (r < 0)
                return r;
        root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        r = root ? object_new_from_json(&pod_kind, json_object_get(root, "pod"), true, &o, e)
                 : err_set(e, -EINVAL, "is no JSON");
        if (r == 0 && (str_is_empty(o->meta->uid) || !o->meta->namespace || !o->meta->name))
                r = err_set(e, -EINVAL, "names no pod");
        if (r == 0 && !map_has(&p->by_uid, o->meta->uid))
                r = pods_add(p, o, &pod, e);
        if (r == 0)
                seed_sources(p, json_object_get(root, "objects"));
        if (pod)
                node_pod_seed_granted(pod, json_object_get(root, "granted"));
        json_decref(root);
        return r;
}

static int load_all(struct pods *p, struct err *e) {
        AUTO_FREE char *dir = str_format("%s/node/wanted", p->ctx->config->state_dir);
        struct dirent *x;
        DIR *d;
        int r;

        if (!dir)
                return err_set(e, -ENOMEM, "out of memory");
        r = dir_make_all(dir, 0700, e);
        if (r < 0)
                return r;
        d = opendir(dir);
        if (!d)
                return err_errno(e, -errno, "cannot read %s", dir);
        while ((x = readdir(d))) {
                AUTO_FREE char *path = str_format("%s/%s", dir, x->d_name);
                struct err e2 = { 0 };

                if (!path || !str_ends_with(x->d_name, ".json"))
                        continue;
                r = load_one(p, path, &e2);
                if (r < 0)
                        LOG_WARN(path,
                                 "a remembered pod can't be read (%s); the server will tell of it "
                                 "again",
                                 err_text(&e2));
        }
        (void) closedir(d);
        return 0;
}

static void found_pod(void *userdata, struct runtime_pod *rt) {
        struct pods *p = userdata;
        struct node_pod *pod = map_get(&p->by_uid, runtime_pod_uid(rt));

        if (pod)
                node_pod_adopt(pod, rt);
        else
                (void) map_put(&p->orphans, runtime_pod_uid(rt), rt, NULL);
}

static void found_container(void *userdata, struct runtime_pod *rt,
                            const struct runtime_container_status *status) {
        struct pods *p = userdata;
        struct node_pod *pod = map_get(&p->by_uid, runtime_pod_uid(rt));

        if (pod)
                node_pod_adopt_container(pod, status);
}

static void run_one(void *data, struct node_pod *pod) {
        (void) data;
        node_pod_run(pod);
}

int pods_recover(struct pods *p, struct err *e) {
        const struct runtime_found found = { .on_pod = found_pod, .on_container = found_container };
        int r = load_all(p, e);

        if (r < 0)
                return r;
        r = runtime_recover(p->ctx->runtime, &found, e);
        if (r < 0)
                return r;
        if (r > 0)
                LOG_NOTICE(NULL, "found %d pods running", r);
        pods_each(p, run_one, NULL);
        return 0;
}

/* ---- what the server wants ---- */

/* It runs, but its file was lost. */
static void adopt_orphan(struct pods *p, struct node_pod *pod) {
        struct runtime_pod *rt = map_remove(&p->orphans, node_pod_uid(pod));
        const char *name;
        bool is_running;

        if (!rt)
                return;
        node_pod_adopt(pod, rt);
        node_pod_remember(pod);
        for (size_t i = 0; node_pod_container(pod, i, &name, &is_running); i++) {
                struct runtime_container_status status;

                if (runtime_pod_container(rt, name, &status))
                        node_pod_adopt_container(pod, &status);
        }
}

static void on_orphan_removed(void *userdata, int r, const struct err *e) {
        (void) userdata;
        if (r < 0)
                LOG_WARN(NULL, "remains of an unknown pod are left (%s)", err_text(e));
}

/* After the server's whole list: nobody wants these. */
static void remove_orphans(struct pods *p) {
        MAP_FOREACH(i, &p->orphans) {
                struct err e = { 0 };

                LOG_NOTICE(i->key, "an unknown pod runs here; it is removed");
                if (runtime_pod_remove(i->value, on_orphan_removed, p, &e) < 0)
                        LOG_WARN(i->key, "it can't be removed (%s)", err_text(&e));
        }
        map_done(&p->orphans, NULL);
        p->orphans = (struct map){ 0 };
}

static void on_object(void *data, const char *key, const struct object *before,
                      const struct object *after) {
        struct pods *p = data;
        struct object *o = informer_get(p->informer, key);
        struct node_pod *pod;
        struct err e = { 0 };

        /* The same name with another uid is another pod: the one before is gone. */
        if (before && (!after || !str_eq(before->meta->uid, after->meta->uid))) {
                pod = map_get(&p->by_uid, before->meta->uid);
                if (pod)
                        node_pod_gone(pod);
        }
        if (!after || !o || str_is_empty(o->meta->uid))
                return;
        pod = map_get(&p->by_uid, o->meta->uid);
        if (pod) {
                node_pod_update(pod, o);
                return;
        }
        if (pods_add(p, o, &pod, &e) < 0) {
                LOG_ERROR(key, "the pod can't be run (%s)", err_text(&e));
                return;
        }
        adopt_orphan(p, pod);
        node_pod_run(pod);
}

static void drop_unlisted(void *data, struct node_pod *pod) {
        struct pods *p = data;
        const struct object *o = informer_get(p->informer, node_pod_key(pod));

        if (o && str_eq(o->meta->uid, node_pod_uid(pod)))
                return;
        LOG_NOTICE(node_pod_key(pod), "the server knows this pod no more; it is stopped");
        node_pod_gone(pod);
}

static void on_synced(void *data) {
        struct pods *p = data;

        pods_each(p, drop_unlisted, p);
        remove_orphans(p);
        p->on_synced(p->userdata);
}

int pods_watch(struct pods *p, struct timers *timers, struct err *e) {
        AUTO_FREE char *selector = str_format("spec.nodeName=%s", p->ctx->config->name);
        const struct informer_options o = { .kind = &pod_kind,
                                            .field_selector = selector,
                                            .seed = map_hash(p->ctx->config->name,
                                                             strlen(p->ctx->config->name)) };
        int r;

        if (!selector)
                return err_set(e, -ENOMEM, "out of memory");
        r = informer_new(p->ctx->client, timers, &o, &p->informer, e);
        if (r == 0 && (informer_add_handler(p->informer, on_object, p) < 0 ||
                       informer_on_synced(p->informer, on_synced, p) < 0))
                r = err_set(e, -ENOMEM, "out of memory");
        return r < 0 ? r : informer_start(p->informer, e);
}

struct node_pod *pods_find(const struct pods *p, const char *ns, const char *name,
                           const char *uid) {
        if (!str_is_empty(uid))
                return map_get(&p->by_uid, uid);
        MAP_FOREACH(i, &p->by_uid) {
                const struct object_meta *m = node_pod_object(i->value)->meta;

                if (str_eq(m->namespace, ns) && str_eq(m->name, name))
                        return i->value;
        }
        return NULL;
}

size_t pods_count(const struct pods *p) {
        return p->by_uid.n;
}

/* Plans may end pods, never add any: the map may be walked meanwhile. */
void pods_each(const struct pods *p, void (*fn)(void *data, struct node_pod *pod), void *data) {
        MAP_FOREACH(i, &p->by_uid)
                fn(data, i->value);
}

struct source_change {
        const struct kind *kind;
        const char *ns, *name;
};

static void tell_source(void *data, struct node_pod *pod) {
        const struct source_change *c = data;

        if (refs_has((const struct pod *) node_pod_object(pod)->meta, c->kind, c->ns, c->name))
                node_pod_source_changed(pod);
}

void pods_source_changed(struct pods *p, const struct kind *kind, const char *ns,
                         const char *name) {
        pods_each(p, tell_source, &(struct source_change){ kind, ns, name });
}

void pods_token_changed(struct pods *p, const char *uid) {
        struct node_pod *pod = map_get(&p->by_uid, uid);

        if (pod)
                node_pod_source_changed(pod);
}

static void tell_image(void *data, struct node_pod *pod) {
        (void) data;
        node_pod_image_changed(pod);
}

void pods_images_changed(struct pods *p) {
        pods_each(p, tell_image, NULL);
}

struct uid_list {
        const char *const *uids;
        size_t n;
};

static int compare_uid(const void *key, const void *item) {
        return strcmp(key, *(const char *const *) item);
}

static void tell_rules(void *data, struct node_pod *pod) {
        const struct uid_list *l = data;

        node_pod_rules_changed(pod, l->n > 0 && bsearch(node_pod_uid(pod), l->uids, l->n,
                                                        sizeof(*l->uids), compare_uid) != NULL);
}

void pods_rules_changed(struct pods *p, const char *const *uids, size_t n) {
        pods_each(p, tell_rules, &(struct uid_list){ uids, n });
}

void pods_container_exited(struct pods *p, const struct runtime_container_status *status) {
        struct node_pod *pod = map_get(&p->by_uid, status->pod_uid);

        if (pod)
                node_pod_exited(pod, status);
}

void pods_pod_lost(struct pods *p, const char *uid) {
        struct node_pod *pod = map_get(&p->by_uid, uid);

        if (pod)
                node_pod_lost(pod);
}
