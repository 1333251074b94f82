/* What quotas have counted, on its way to their status. */
#include "api/client/timer.h"
#include "api/kinds/object.h"
#include "api/kinds/quota.h"
#include "api/schema/quantity.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/registry/quota_count.h"
#include "daemon/registry/record.h"
#include "daemon/registry/rest.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Changes of so long a time are one write. */
#define DELAY_USEC (200 * USEC_PER_MSEC)
#define RETRY_USEC (2 * USEC_PER_SEC)

static void status_due(void *data);

static void status_at(struct quotas *q, uint64_t delay_usec) {
        struct timers *t = q->registry->timers;

        if (q->timer || q->registry->has_stopped)
                return;
        (void) t->vtable->add(t, t->vtable->now_usec(t) + delay_usec, status_due, q, &q->timer);
}

static bool has_dirty(const struct quotas *q) {
        MAP_FOREACH(i, &q->spaces) {
                const struct quota_space *s = i->value;

                for (size_t k = 0; k < s->n; k++)
                        if (s->items[k]->is_dirty)
                                return true;
        }
        return false;
}

void quota_status_soon(struct quotas *q) {
        if (!q->timer && has_dirty(q))
                status_at(q, DELAY_USEC);
}

void quota_status_done(struct quotas *q) {
        if (q->timer)
                q->registry->timers->vtable->cancel(q->registry->timers, q->timer);
        q->timer = NULL;
}

/* ---- what it says ---- */

static bool is_same(const struct quantity_map *map, const struct resource_quota_spec *spec,
                    const struct quantity *amounts) {
        if (map->n != spec->hard.n)
                return false;
        for (size_t i = 0; i < spec->hard.n; i++) {
                struct quantity q = quantity_map_get(map, spec->hard.items[i].key);

                if (!q.is_set ||
                    q.milli != (amounts ? amounts[i].milli : spec->hard.items[i].value.milli))
                        return false;
        }
        return true;
}

/* Whether the stored status says what is counted. */
static bool is_current(const struct quota_count *c, const struct record *r) {
        AUTO(object) struct object *o = NULL;
        const struct resource_quota_status *status;

        if (object_glance(&resource_quota_kind, r->json, r->json_len, &o, NULL) < 0)
                return false;
        status = &OBJECT_AS(resource_quota, o)->status;
        return is_same(&status->hard, quota_count_spec(c), NULL) &&
               is_same(&status->used, quota_count_spec(c), c->used);
}

static json_t *amounts_json(const struct resource_quota_spec *spec,
                            const struct quantity *amounts) {
        json_t *out = json_object();
        char text[QUANTITY_TEXT_MAX];

        for (size_t i = 0; out && i < spec->hard.n; i++)
                if (json_object_set_new(
                            out, spec->hard.items[i].key,
                            json_string(quantity_format(
                                    amounts ? amounts[i] : spec->hard.items[i].value, text))) < 0) {
                        json_decref(out);
                        return NULL;
                }
        return out;
}

/* The patch that makes it so, the caller's; NULL: memory is out. */
static char *patch_of(const struct quota_count *c) {
        const struct resource_quota_spec *spec = quota_count_spec(c);
        json_t *patch =
                json_pack("[{s:s,s:s,s:{s:o,s:o}}]", "op", "add", "path", "/status", "value",
                          "hard", amounts_json(spec, NULL), "used", amounts_json(spec, c->used));
        char *text = patch ? text_json_dump(patch, NULL) : NULL;

        json_decref(patch);
        return text;
}

/* ---- writing it ---- */

/* A write under way; the quota may be gone when the answer comes. */
struct writing {
        struct quotas *quotas;
        char *namespace_, *name; /* owned */
};

static void writing_free(struct writing *w) {
        free(w->namespace_);
        free(w->name);
        free(w);
}

static struct writing *writing_new(struct quotas *q, const struct quota_space *s,
                                   const struct quota_count *c) {
        struct writing *w = calloc(1, sizeof(*w));

        if (!w)
                return NULL;
        w->quotas = q;
        w->namespace_ = strdup(s->namespace_);
        w->name = strdup(c->name);
        if (w->namespace_ && w->name)
                return w;
        writing_free(w);
        return NULL;
}

static struct quota_count *writing_find(const struct writing *w) {
        struct quota_space *s = map_get(&w->quotas->spaces, w->namespace_);

        for (size_t i = 0; s && i < s->n; i++)
                if (str_eq(s->items[i]->name, w->name))
                        return s->items[i];
        return NULL;
}

static void written(void *data, struct rest_response *take_response) {
        struct writing *w = data;
        struct quotas *q = w->quotas;
        struct quota_count *c = writing_find(w);
        bool has_failed = take_response->status >= 300 && take_response->status != 404;

        if (c) {
                c->is_writing = false;
                c->is_dirty |= has_failed;
        }
        if (has_failed)
                LOG_WARN(w->name, "the status of this quota could not be written (%u); tried again",
                         take_response->status);
        rest_response_done(take_response);
        writing_free(w);
        q->has_failed |= has_failed;
        if (has_failed)
                status_at(q, RETRY_USEC);
        else
                quota_status_soon(q);
}

/* Returns 0 or -ENOMEM. */
static int status_write(struct quotas *q, struct quota_space *s, struct quota_count *c) {
        static const struct rest_sink SINK = { .respond = written };
        AUTO_FREE char *body = patch_of(c);
        AUTO_FREE char *path = str_format("/api/v1/namespaces/%s/resourcequotas/%s/status",
                                          s->namespace_, c->name);
        struct writing *w = body && path ? writing_new(q, s, c) : NULL;
        const struct rest_request request = {
                .method = "PATCH",
                .path = path,
                .content_type = "application/json-patch+json",
                .user = &REGISTRY_USER,
                .body = body,
                .body_len = body ? strlen(body) : 0,
        };

        if (!w)
                return -ENOMEM;
        c->is_dirty = false;
        c->is_writing = true;
        rest_handle(q->registry, &request, &SINK, w);
        return 0;
}

/* The next one with something to say, brought up to date as far as that is possible. NULL: none. */
static struct quota_count *next_due(struct quotas *q, struct quota_space **ret_space) {
        MAP_FOREACH(i, &q->spaces) {
                struct quota_space *s = i->value;

                for (size_t k = 0; k < s->n; k++) {
                        struct quota_count *c = s->items[k];
                        struct record *r;

                        if (!c->is_dirty || c->is_writing)
                                continue;
                        r = registry_find(q->registry, "", resource_quota_kind.plural,
                                          s->namespace_, c->name);
                        if (quota_count_ensure(s, c) < 0)
                                continue;
                        if (!r || is_current(c, r)) {
                                c->is_dirty = false;
                                continue;
                        }
                        *ret_space = s;
                        return c;
                }
        }
        return NULL;
}

/* Looks for the next one from the start: a write may be answered, and quotas go, at once. */
static void status_due(void *data) {
        struct quotas *q = data;
        struct quota_space *s = NULL;
        struct quota_count *c;

        q->timer = NULL;
        if (!q->registry->is_ready) {
                status_at(q, DELAY_USEC);
                return;
        }
        q->has_failed = false;
        while (!q->has_failed && (c = next_due(q, &s)))
                if (status_write(q, s, c) < 0)
                        break;
        if (has_dirty(q))
                status_at(q, DELAY_USEC);
}
