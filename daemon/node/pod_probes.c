#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/node/events.h"
#include "daemon/node/image_probe.h"
#include "daemon/node/pod_internal.h"
#include "daemon/node/prober.h"

#include <string.h>

static const char *const kind_words[] = { "Startup", "Liveness", "Readiness" };
static const char *const kind_lower[] = { "startup", "liveness", "readiness" };

static struct container_observed *seen_of(struct pod_slot *s) {
        return &s->pod->seen.containers[s->index];
}

static const struct probe *probe_of(const struct pod_slot *s, enum probe_kind kind) {
        const struct container *c = s->spec;

        switch (kind) {
        case PROBE_STARTUP:
                return c->startup_probe;
        case PROBE_LIVENESS:
                return c->liveness_probe;
        default:
                return !c->readiness_probe && s->health ? &s->health->probe : c->readiness_probe;
        }
}

static void probe_add(struct pod_slot *s, enum probe_kind kind, bool is_passing);

/* Liveness and readiness begin when startup has passed. */
static void probes_begin(struct pod_slot *s, bool is_adopted) {
        probe_add(s, PROBE_LIVENESS, is_adopted);
        probe_add(s, PROBE_READINESS, is_adopted && seen_of(s)->is_probe_ready);
}

static void tell_failure(struct pod_slot *s, enum probe_kind kind, const char *text) {
        events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name, EVENT_WARNING,
                   "Unhealthy", "%s probe failed: %s", kind_words[kind], text);
}

static void on_outcome(void *userdata, struct probe_target *t, enum probe_kind kind,
                       const struct probe_outcome *o, const char *text) {
        struct pod_slot *s = userdata;
        struct container_observed *c = seen_of(s);
        (void) t;

        if (o->is_counted)
                tell_failure(s, kind, text);
        if (o->verdict == PROBE_UNDECIDED)
                return;
        if (o->verdict == PROBE_PASSED && kind == PROBE_STARTUP) {
                prober_remove(STEAL(s->probes[kind]));
                c->is_started = true;
                probes_begin(s, false);
        } else if (kind == PROBE_READINESS) {
                c->is_probe_ready = o->verdict == PROBE_PASSED;
        } else if (o->verdict == PROBE_FAILED) {
                events_pod(s->pod->ctx->events, &s->pod->spec->metadata, s->spec->name,
                           EVENT_NORMAL, "Killing",
                           "Container %s failed %s probe, will be restarted", s->spec->name,
                           kind_lower[kind]);
                c->is_unhealthy = true;
                pod_probes_stop(s);
        }
        node_pod_run(s->pod);
}

static void probe_add(struct pod_slot *s, enum probe_kind kind, bool is_passing) {
        struct node_pod *p = s->pod;
        struct probe_target_spec spec = {
                .kind = kind,
                .probe = probe_of(s, kind),
                .container = s->spec,
                .pod = p->rt,
                .addr = p->ip,
                .started_usec = seen_of(s)->started_usec,
                .seed = map_hash(p->uid, strlen(p->uid)),
                .is_passing = is_passing,
        };
        struct err e = { 0 };

        if (!spec.probe || s->probes[kind])
                return;
        if (spec.addr.family == IP_NONE)
                (void) ip_parse("127.0.0.1", &spec.addr); /* a pod on the machine's own network */
        if (prober_add(p->ctx->prober, &spec, on_outcome, s, &s->probes[kind], &e) < 0)
                LOG_WARN(p->key, "container %s is not probed (%s)", s->spec->name, err_text(&e));
}

/* An init container, a guest, and whoever has a probe of their own don't need the image's. */
static bool may_have_health(const struct pod_slot *s) {
        const struct container_wanted *w = &s->pod->wanted.containers[s->index];
        const char *text =
                string_map_get(&s->pod->spec->metadata.annotations, IMAGE_PROBE_ANNOTATION);

        return !w->has_readiness && !w->is_guest && (!w->is_init || w->is_sidecar) &&
               !str_eq(text, IMAGE_PROBE_IGNORE);
}

/* A container that was adopted has no image at hand. */
static void find_health(struct pod_slot *s) {
        AUTO(image) struct image *found = NULL;
        struct image *image = s->image;

        if (!image &&
            image_find(s->pod->ctx->images,
                       s->image_id ? s->image_id : str_or_empty(s->spec->image), &found, NULL) == 0)
                image = found;
        if (image && image_probe_new(image, &s->health) < 0)
                LOG_WARN(s->pod->key,
                         "container %s: the image's HEALTHCHECK is not looked at: out "
                         "of memory",
                         s->spec->name);
}

bool pod_probes_has_readiness(struct pod_slot *s) {
        if (s->pod->wanted.containers[s->index].has_readiness)
                return true;
        if (!s->health && may_have_health(s))
                find_health(s);
        return s->health != NULL;
}

void pod_probes_start(struct pod_slot *s, bool is_adopted) {
        const struct container_wanted *w = &s->pod->wanted.containers[s->index];
        struct container_observed *c = seen_of(s);

        if ((w->is_init && !w->is_sidecar) || c->is_unhealthy || c->stop != STOP_NONE)
                return;
        if (!s->pinned)
                s->pinned = object_ref(s->pod->object);
        if (w->has_startup && !c->is_started)
                probe_add(s, PROBE_STARTUP, false);
        else
                probes_begin(s, is_adopted);
}

void pod_probes_stop(struct pod_slot *s) {
        for (size_t i = 0; i < PROBE_KIND_MAX_; i++)
                prober_remove(STEAL(s->probes[i]));
        image_probe_unref(STEAL(s->health));
        object_unref(STEAL(s->pinned));
}
