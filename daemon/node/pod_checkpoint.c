#include "api/kinds/config.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/loop/work.h"
#include "daemon/network/ipam.h"
#include "daemon/node/pod_internal.h"
#include "daemon/node/refs.h"
#include "daemon/node/sources.h"
#include "daemon/runtime/runtime.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CHECKPOINT_MAX_BYTES (1U << 20)

/* Two records of a pod:
 * - RUN_DIR/node/UID.json, in memory: what only this process knew (address, probes, hooks,
 *   back-off). For a node that was killed; a reboot makes it meaningless and takes it away.
 * - STATE_DIR/node/wanted/UID.json, on the disk: the object, and the ConfigMaps and Secrets that it
 *   names. For a start without a server. Written when the object's spec changes, never for status.
 */
static char *run_path(const struct node_pod *p) {
        return str_format("%s/node/%s.json", p->ctx->config->run_dir, p->uid);
}

static char *store_path(const struct node_pod *p) {
        return str_format("%s/node/wanted/%s.json", p->ctx->config->state_dir, p->uid);
}

static json_t *exit_pack(const struct container_exit *x) {
        return json_pack("{s:i, s:i, s:b, s:b, s:I, s:I, s:s*, s:s*}", "code", x->code, "signal",
                         x->signal, "isOom", x->is_oom, "isStartError", x->is_start_error,
                         "started", (json_int_t) x->started_wall_usec, "finished",
                         (json_int_t) x->finished_wall_usec, "message", x->message, "id", x->id);
}

static json_t *container_pack(const struct container_observed *c) {
        json_t *o = json_pack(
                "{s:I, s:I, s:b, s:b, s:b, s:b, s:i, s:i, s:i, s:I, s:I, s:I, s:s*}", "restarts",
                (json_int_t) c->restarts, "streak", (json_int_t) c->streak, "isStarted",
                c->is_started, "isProbeReady", c->is_probe_ready, "isUnhealthy", c->is_unhealthy,
                "isResizing", c->is_resizing, "postStart", (int) c->post_start, "preStop",
                (int) c->pre_stop, "stop", (int) c->stop, "stopBegan",
                (json_int_t) c->stop_began_usec, "stopGrace", (json_int_t) c->stop_grace_usec,
                "term", (json_int_t) c->term_usec, "imageID", c->image_id);

        if (o && c->has_last)
                (void) json_object_set_new(o, "last", exit_pack(&c->last));
        return o;
}

void pod_checkpoint_write(struct node_pod *p) {
        json_t *root = json_pack("{s:s, s:b, s:o*, s:o*}", "ip", p->ip_text, "isWhole",
                                 pod_resize_is_whole(p), "granted", pod_resize_pack_granted(p),
                                 "sized", pod_resize_pack_sized(p));
        json_t *list = json_object();
        AUTO_FREE char *text = NULL, *path = run_path(p);
        struct err e = { 0 };

        for (size_t i = 0; i < p->wanted.n; i++)
                (void) json_object_set_new(list, p->wanted.containers[i].name,
                                           container_pack(&p->seen.containers[i]));
        (void) json_object_set_new(root, "containers", list);
        text = root ? json_dumps(root, JSON_COMPACT) : NULL;
        json_decref(root);
        if (!text || !path || str_eq(text, p->checkpoint))
                return;
        if (file_write_atomic(path, text, strlen(text), 0600, false, &e) < 0) {
                LOG_WARN(p->key,
                         "cannot write the pod's checkpoint (%s); a restart of the node would "
                         "forget its back-off",
                         err_text(&e));
                return;
        }
        free(p->checkpoint);
        p->checkpoint = STEAL(text);
}

static int64_t number(const json_t *o, const char *key) {
        return json_integer_value(json_object_get(o, key));
}

static void exit_unpack(struct pod_slot *s, const json_t *o, struct container_observed *c) {
        if (!json_is_object(o))
                return;
        pod_text_set(&s->last.message, json_string_value(json_object_get(o, "message")));
        pod_text_set(&s->last.id, json_string_value(json_object_get(o, "id")));
        c->has_last = true;
        c->last = (struct container_exit){
                .code = (int) number(o, "code"),
                .signal = (int) number(o, "signal"),
                .is_oom = json_is_true(json_object_get(o, "isOom")),
                .is_start_error = json_is_true(json_object_get(o, "isStartError")),
                .started_wall_usec = (uint64_t) number(o, "started"),
                .finished_wall_usec = (uint64_t) number(o, "finished"),
                .message = s->last.message,
                .id = s->last.id,
        };
}

static void container_unpack(struct pod_slot *s, const json_t *o) {
        struct container_observed *c = &s->pod->seen.containers[s->index];

        if (!json_is_object(o))
                return;
        c->restarts = (unsigned) number(o, "restarts");
        c->streak = (unsigned) number(o, "streak");
        c->is_started = json_is_true(json_object_get(o, "isStarted"));
        c->is_probe_ready = json_is_true(json_object_get(o, "isProbeReady"));
        c->is_unhealthy = json_is_true(json_object_get(o, "isUnhealthy"));
        c->is_resizing = json_is_true(json_object_get(o, "isResizing"));
        c->post_start = (enum hook_life) number(o, "postStart");
        c->pre_stop = (enum hook_life) number(o, "preStop");
        c->stop = (enum stop_stage) number(o, "stop");
        c->stop_began_usec = (uint64_t) number(o, "stopBegan");
        c->stop_grace_usec = (uint64_t) number(o, "stopGrace");
        c->term_usec = (uint64_t) number(o, "term");
        /* A hook that ran under the last process answers nobody any more. */
        if (c->pre_stop == HOOK_RUNNING)
                c->pre_stop = HOOK_FAILED;
        if (c->post_start == HOOK_RUNNING)
                c->post_start = HOOK_DONE;
        pod_text_set(&s->image_id, json_string_value(json_object_get(o, "imageID")));
        c->image_id = s->image_id;
        exit_unpack(s, json_object_get(o, "last"), c);
}

static void take_ip(struct node_pod *p, const struct ip_addr *ip) {
        if (ip->family == IP_NONE || ipam_mark(p->ctx->ipam, ip) < 0)
                return;
        p->ip = *ip;
        ip_format(ip, p->ip_text);
}

/* The file is lost or damaged, the pod runs: its address is asked of its network namespace, and
 * what can't be known any more (hooks, a startup probe that succeeded) counts as over. Probes tell
 * the rest anew. */
static void checkpoint_miss(struct node_pod *p, const char *why) {
        struct ip_addr ip = { 0 };

        LOG_WARN(p->key,
                 "the pod's checkpoint can't be read (%s); it runs on, its back-off starts afresh",
                 why);
        if (!p->spec->spec.host_network) {
                AUTO_FREE char *path =
                        str_format("/proc/%d/net/fib_trie", (int) runtime_pod_pid(p->rt));
                AUTO_FREE char *text = NULL;

                if (path && file_read(path, CHECKPOINT_MAX_BYTES, &text, NULL, NULL) == 0)
                        ip = pod_ip_in_trie(text, &p->ctx->config->network.pod_cidr);
        }
        take_ip(p, &ip);
        for (size_t i = 0; i < p->wanted.n; i++) {
                p->seen.containers[i].is_started = true;
                p->seen.containers[i].post_start = HOOK_DONE;
                p->seen.containers[i].is_probe_ready = !pod_probes_has_readiness(p->slots[i]);
        }
}

struct ip_addr pod_ip_in_trie(const char *text, const struct ip_prefix *within) {
        static const char leaf[] = "|-- ";
        struct ip_addr ip = { 0 };

        /* "     |-- 10.244.0.7\n        /32 host LOCAL\n" */
        for (const char *p = strstr(text, leaf); p; p = strstr(p, leaf)) {
                char word[IP_TEXT_MAX];
                const char *end;

                p += strlen(leaf);
                end = p + strcspn(p, "\n");
                if ((size_t) (end - p) >= sizeof(word))
                        continue;
                memcpy(word, p, (size_t) (end - p));
                word[end - p] = '\0';
                end += strspn(end, " \n");
                if (strncmp(end, "/32 host LOCAL", 14) == 0 && ip_parse(word, &ip) == 0 &&
                    ip_prefix_contains(within, &ip))
                        return ip;
        }
        return (struct ip_addr){ 0 };
}

void pod_checkpoint_read(struct node_pod *p) {
        AUTO_FREE char *path = run_path(p), *text = NULL;
        struct err e = { 0 };
        struct ip_addr ip = { 0 };
        json_t *root;
        size_t len;

        if (!path || file_read(path, CHECKPOINT_MAX_BYTES, &text, &len, &e) < 0) {
                checkpoint_miss(p, err_text(&e));
                return;
        }
        root = json_loadb(text, len, 0, NULL);
        if (!root || !json_is_object(json_object_get(root, "containers"))) {
                json_decref(root);
                checkpoint_miss(p, "it is damaged");
                return;
        }
        if (ip_parse(str_or_empty(json_string_value(json_object_get(root, "ip"))), &ip) == 0)
                take_ip(p, &ip);
        for (size_t i = 0; i < p->wanted.n; i++)
                container_unpack(p->slots[i], json_object_get(json_object_get(root, "containers"),
                                                              p->wanted.containers[i].name));
        pod_resize_unpack_granted(p, json_object_get(root, "granted"));
        pod_resize_unpack_sized(p, json_object_get(root, "sized"),
                                json_is_true(json_object_get(root, "isWhole")));
        json_decref(root);
        p->checkpoint = STEAL(text);
}

void pod_checkpoint_remove(struct node_pod *p) {
        AUTO_FREE char *path = run_path(p);

        if (path)
                (void) unlink(path);
}

/* One write of a pod's file is under way at a time. */
struct pod_store_job {
        struct node_pod *pod; /* weak: not touched after -ECANCELED */
        char *path, *text;
        struct err err;
        bool is_forgotten; /* loop thread: the file must not stay */
};

static void store_job_free(struct pod_store_job *j) {
        free(j->path);
        free(j->text);
        free(j);
}

static int store_run(void *data) {
        struct pod_store_job *j = data;

        return file_write_atomic(j->path, j->text, strlen(j->text), 0600, true, &j->err);
}

static void store_done(void *data, int r) {
        struct pod_store_job *j = data;
        struct node_pod *p = r == -ECANCELED ? NULL : j->pod;

        if (r < 0 && r != -ECANCELED)
                LOG_ERROR(j->path,
                          "a pod is not remembered for a start without server (%s): check the disk",
                          err_text(&j->err));
        if (j->is_forgotten)
                (void) unlink(j->path);
        store_job_free(j);
        if (!p)
                return;
        p->store_job = NULL;
        if (p->must_store)
                pod_store_write(p);
}

struct store_walk {
        struct node_pod *p;
        json_t *list;
};

static void store_ref(void *data, const struct kind *kind, const char *ns, const char *name) {
        struct store_walk *w = data;
        struct object *o = NULL;

        if (sources_get(w->p->ctx->sources, kind, ns, name, &o) == 0)
                (void) json_array_append_new(w->list, object_json(o));
}

static char *store_text(struct node_pod *p) {
        struct store_walk w = { .p = p, .list = json_array() };
        json_t *root = json_object(), *pod = object_json(p->object);
        char *text;

        (void) json_object_del(json_object_get(pod, "metadata"), "managedFields");
        if (p->status.last_words)
                (void) json_object_set_new(pod, "status",
                                           json_loads(p->status.last_words, 0, NULL));
        refs_each(p->spec, store_ref, &w);
        (void) json_object_set_new(root, "pod", pod);
        (void) json_object_set_new(root, "objects", w.list);
        if (p->resize.granted != p->object)
                (void) json_object_set_new(root, "granted", pod_resize_pack_granted(p));
        text = root ? json_dumps(root, JSON_COMPACT) : NULL;
        json_decref(root);
        return text;
}

void pod_store_write(struct node_pod *p) {
        struct pod_store_job *j;

        p->must_store = p->store_job != NULL;
        if (p->must_store)
                return;
        j = calloc(1, sizeof(*j));
        if (!j)
                return;
        j->pod = p;
        j->path = store_path(p);
        j->text = store_text(p);
        if (!j->path || !j->text || work_submit_for(p->work, store_run, store_done, j) < 0)
                store_job_free(j);
        else
                p->store_job = j;
}

void pod_store_remove(struct node_pod *p) {
        AUTO_FREE char *path = store_path(p);

        p->must_store = false;
        if (p->store_job)
                p->store_job->is_forgotten = true;
        if (path)
                (void) unlink(path);
}

struct logs_job {
        char *dir, *ns, *name, *uid;
};

static void logs_job_free(struct logs_job *j) {
        free(j->dir);
        free(j->ns);
        free(j->name);
        free(j->uid);
        free(j);
}

static int logs_run(void *data) {
        struct logs_job *j = data;

        return runtime_pod_remove_logs(j->dir, j->ns, j->name, j->uid, NULL);
}

static void logs_done(void *data, int r) {
        struct logs_job *j = data;

        if (r < 0 && r != -ECANCELED)
                LOG_WARN(j->name, "the pod's logs are left behind (%s)", strerror(-r));
        logs_job_free(j);
}

void pod_logs_remove(struct node_pod *p) {
        struct logs_job *j = calloc(1, sizeof(*j));

        if (!j)
                return;
        j->dir = str_format("%s/logs", p->ctx->config->state_dir);
        j->ns = strdup(p->spec->metadata.namespace);
        j->name = strdup(p->spec->metadata.name);
        j->uid = strdup(p->uid);
        /* Not under the pod's flag: the pod is about to be forgotten. */
        if (!j->dir || !j->ns || !j->name || !j->uid ||
            work_submit(p->ctx->loop, logs_run, logs_done, j) < 0)
                logs_job_free(j);
}
