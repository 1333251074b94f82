#include "daemon/plan/changes.h"

#include "api/kinds/object.h"
#include "base/arena.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#define CHANGES_ARENA_BYTES 2048

static void change_done(struct change *it) {
        json_decref(it->body);
        kind_unref(it->kind);
}

void changes_done(struct changes *c) {
        for (size_t i = 0; i < c->n; i++)
                change_done(&c->items[i]);
        free(c->items);
        arena_unref(c->arena);
        *c = (struct changes){ 0 };
}

int changes_check(const struct changes *c, struct err *e) {
        if (c->has_failed)
                return err_set(e, -ENOMEM, "out of memory while planning");
        return 0;
}

void changes_again(struct changes *c, uint64_t wall_usec) {
        if (c->again_usec == 0 || wall_usec < c->again_usec)
                c->again_usec = wall_usec;
}

static bool changes_has_arena(struct changes *c) {
        if (!c->arena)
                c->arena = arena_new(CHANGES_ARENA_BYTES);
        if (!c->arena)
                c->has_failed = true;
        return c->arena;
}

const char *changes_text(struct changes *c, const char *fmt, ...) {
        AUTO_FREE char *text = NULL;
        const char *copy = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        else if (changes_has_arena(c))
                copy = arena_strndup(c->arena, text, (size_t) n);
        if (!copy)
                c->has_failed = true;
        return copy ? copy : "";
}

static const char *changes_copy(struct changes *c, const char *text) {
        return text ? changes_text(c, "%s", text) : NULL;
}

static struct change *changes_add(struct changes *c, enum change_verb verb,
                                  const struct kind *kind) {
        struct change *it;

        if (c->has_failed || !changes_has_arena(c) ||
            array_reserve(&c->items, &c->cap, c->n, sizeof(*c->items)) < 0) {
                c->has_failed = true;
                return NULL;
        }
        it = &c->items[c->n++];
        *it = (struct change){ .verb = verb, .kind = kind_ref(kind), .grace_s = -1 };
        return it;
}

static struct change *changes_add_for(struct changes *c, enum change_verb verb,
                                      const struct object *o, const char *subresource) {
        struct change *it = changes_add(c, verb, o->kind);

        if (!it)
                return NULL;
        it->namespace = changes_copy(c, str_or_empty(o->meta->namespace));
        it->name = changes_copy(c, o->meta->name);
        it->subresource = changes_copy(c, subresource);
        it->about = o;
        return it;
}

/* Takes the body; without one the list has failed and the change goes. */
static struct change *changes_finish(struct changes *c, struct change *it, json_t *take_body) {
        if (!it || !take_body) {
                json_decref(take_body);
                if (it)
                        c->n--;
                c->has_failed = true;
                return NULL;
        }
        it->body = take_body;
        return it;
}

struct change *changes_create(struct changes *c, const struct kind *k, json_t *take_body) {
        struct change *it = changes_add(c, CHANGE_CREATE, k);
        const json_t *meta = json_object_get(take_body, "metadata");

        if (it) {
                it->namespace = changes_copy(
                        c, str_or_empty(json_string_value(json_object_get(meta, "namespace"))));
                it->name = changes_copy(
                        c, str_or_empty(json_string_value(json_object_get(meta, "name"))));
        }
        return changes_finish(c, it, take_body);
}

struct change *changes_patch(struct changes *c, const struct object *o, const char *subresource,
                             json_t *take_body) {
        struct change *it = changes_add_for(c, CHANGE_PATCH, o, subresource);
        json_t *meta = json_object_get(take_body, "metadata");

        if (take_body && !meta) {
                (void) tree_set(take_body, "metadata", json_object());
                meta = json_object_get(take_body, "metadata");
        }
        if (!tree_set(meta, "resourceVersion",
                      json_string(str_or_empty(o->meta->resource_version))))
                c->has_failed = true;
        return changes_finish(c, it, take_body);
}

struct change *changes_sub(struct changes *c, enum change_verb verb, const struct object *o,
                           const char *subresource, json_t *take_body) {
        return changes_finish(c, changes_add_for(c, verb, o, subresource), take_body);
}

struct change *changes_delete(struct changes *c, const struct object *o, const char *propagation) {
        struct change *it = changes_add_for(c, CHANGE_DELETE, o, NULL);

        if (!it)
                return NULL;
        it->uid = changes_copy(c, o->meta->uid);
        it->propagation = changes_copy(c, propagation);
        return it;
}

struct change *changes_delete_all(struct changes *c, const struct kind *k, const char *ns) {
        struct change *it = changes_add(c, CHANGE_DELETE, k);

        if (it)
                it->namespace = changes_copy(c, ns);
        return it;
}

struct change *changes_event(struct changes *c, const struct object *o, struct change_event event) {
        struct change *it = changes_add_for(c, CHANGE_EVENT, o, NULL);

        change_on_done(c, it, o, event);
        return it;
}

static struct change_event changes_copy_event(struct changes *c, struct change_event event) {
        return (struct change_event){ .type = changes_copy(c, event.type),
                                      .reason = changes_copy(c, event.reason),
                                      .message = changes_copy(c, event.message) };
}

void change_on_done(struct changes *c, struct change *it, const struct object *about,
                    struct change_event event) {
        if (!it)
                return;
        it->about = about;
        it->done = changes_copy_event(c, event);
}

void change_on_failed(struct changes *c, struct change *it, const struct object *about,
                      struct change_event event) {
        if (!it)
                return;
        it->about = about;
        it->failed = changes_copy_event(c, event);
}

bool tree_set(json_t *object, const char *key, json_t *take_value) {
        return json_object_set_new(object, key, take_value) == 0;
}

json_t *tree_time(uint64_t wall_usec) {
        char buf[CLOCK_TEXT_MAX];

        if (wall_usec == 0)
                return json_null();
        return json_string(clock_format(wall_usec, buf));
}

json_t *tree_owner(const struct object *o) {
        return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "apiVersion", o->kind->api_version,
                         "kind", o->kind->name, "name", o->meta->name, "uid",
                         str_or_empty(o->meta->uid), "controller", 1, "blockOwnerDeletion", 1);
}

bool tree_set_text(json_t *object, const char *key, const char *text) {
        return str_is_empty(text) || tree_set(object, key, json_string(text));
}
