#include "api/kinds/object.h"

#include "api/text/text.h"
#include "base/arena.h"
#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct object *object_ref(struct object *o) {
        o->refs++;
        return o;
}

void object_unref(struct object *o) {
        const struct kind *k;

        if (!o || --o->refs > 0)
                return;
        k = o->kind;
        arena_unref(o->arena); /* o itself lives there */
        kind_unref(k);
}

static int object_find_kind(const json_t *tree, const struct kind **ret, struct err *e) {
        const char *version = json_string_value(json_object_get(tree, "apiVersion"));
        const char *name = json_string_value(json_object_get(tree, "kind"));

        if (!version || !name)
                return err_set(e, -EINVAL, "an object needs apiVersion and kind");
        *ret = kind_find(version, name);
        if (!*ret)
                return err_set(e, -ENOENT, "no kind \"%s\" in version \"%s\"", name, version);
        return 0;
}

/* Writes the tree's text into the arena. */
static int object_keep_text(struct object *o, const json_t *tree) {
        AUTO_FREE char *dumped = NULL;
        size_t len = 0;
        char *text;

        dumped = text_json_dump(tree, &len);
        text = dumped ? arena_strndup(o->arena, dumped, len) : NULL;
        if (!text)
                return -ENOMEM;
        o->text = text;
        o->text_len = len;
        return 0;
}

/* What most objects decode into, without their text. */
#define GLANCE_BYTES 4096

/* An object whose struct is still to be filled: *ret_decoded is where. take_arena: NULL: memory is
 * out. */
static int object_begin(const struct kind *k, struct arena *take_arena, struct object **ret,
                        void **ret_decoded, struct err *e) {
        struct arena *a = take_arena;
        struct object *o = a ? arena_alloc(a, sizeof(*o)) : NULL;
        void *decoded = o ? arena_alloc(a, k->schema->size) : NULL;

        if (!decoded) {
                arena_unref(a);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *o = (struct object){ .refs = 1, .kind = kind_ref(k), .arena = a, .meta = decoded };
        *ret = o;
        *ret_decoded = decoded;
        return 0;
}

static int object_decode(const struct kind *k, const json_t *tree, size_t first_bytes,
                         struct object **ret, struct err *e) {
        struct object *o = NULL;
        void *decoded = NULL;
        int r;

        if (!k) {
                r = object_find_kind(tree, &k, e);
                if (r < 0)
                        return r;
        }
        r = object_begin(k, arena_new(first_bytes), &o, &decoded, e);
        if (r < 0)
                return r;
        r = schema_decode(k->schema, tree, o->arena, decoded, e);
        if (r < 0) {
                object_unref(o);
                return err_wrap(e, r, "%s", k->name);
        }
        *ret = o;
        return 0;
}

int object_glance(const struct kind *k, const char *json, size_t len, struct object **ret,
                  struct err *e) {
        struct object *o = NULL;
        void *decoded = NULL;
        int r;

        r = object_begin(k, arena_new(GLANCE_BYTES), &o, &decoded, e);
        if (r < 0)
                return r;
        r = schema_decode_text(k->schema, json, len, o->arena, decoded, e);
        if (r < 0) {
                object_unref(o);
                return err_wrap(e, r, "%s", k->name);
        }
        *ret = o;
        return 0;
}

int object_new_from_json(const struct kind *k, const json_t *tree, bool keep_text,
                         struct object **ret, struct err *e) {
        struct object *o = NULL;
        int r;

        r = object_decode(k, tree, 0, &o, e);
        if (r < 0)
                return r;
        if (keep_text && object_keep_text(o, tree) < 0) {
                object_unref(o);
                return err_set(e, -ENOMEM, "out of memory");
        }
        *ret = o;
        return 0;
}

/* The first try of object_new_outline(): most objects fit. */
#define OUTLINE_TRY_BYTES 4096

static int outline_decode(const struct kind *k, const json_t *tree, const char *revision,
                          size_t bytes, struct object **ret, struct err *e) {
        struct object *o = NULL;
        void *decoded = NULL;
        char *copy;
        int r;

        r = object_begin(k, arena_new_kept(bytes), &o, &decoded, e);
        if (r < 0)
                return r;
        r = schema_decode_outline(k->schema, tree, o->arena, decoded, e);
        if (r < 0) {
                object_unref(o);
                return err_wrap(e, r, "%s", k->name);
        }
        if (revision) {
                copy = arena_strdup(o->arena, revision);
                if (!copy) {
                        object_unref(o);
                        return err_set(e, -ENOMEM, "out of memory");
                }
                /* Still being made: nobody has seen it. */
                ((struct object_meta *) o->meta)->resource_version = copy;
        }
        *ret = o;
        return 0;
}

/* An arena of that many bytes holds it, and a sixteenth of them at most is wasted. */
static bool outline_fits(const struct object *o, size_t bytes) {
        size_t used = arena_used(o->arena);

        return used <= bytes && bytes - used <= used / 16;
}

int object_new_outline(const struct kind *k, const json_t *tree, const char *revision,
                       size_t *bytes, struct object **ret, struct err *e) {
        AUTO(object) struct object *first = NULL;
        size_t guess = bytes && *bytes > 0 ? *bytes : OUTLINE_TRY_BYTES, used;
        int r;

        r = outline_decode(k, tree, revision, guess, &first, e);
        if (r < 0)
                return r;
        used = arena_used(first->arena);
        /* Numbers in names grow. */
        if (bytes)
                *bytes = used + used / 64;
        if (outline_fits(first, guess)) {
                *ret = STEAL(first);
                return 0;
        }
        return outline_decode(k, tree, revision, used, ret, e);
}

int object_new_from_text(const struct kind *k, const char *text, size_t len, bool keep_text,
                         struct object **ret, struct err *e) {
        struct object *o = NULL;
        json_t *tree = NULL;
        char *copy;
        int r;

        r = text_read_json(text, len, SIZE_MAX, &tree, e);
        if (r < 0)
                return r;
        r = object_decode(k, tree, 0, &o, e);
        json_decref(tree);
        if (r < 0)
                return r;
        if (keep_text) {
                copy = arena_strndup(o->arena, text, len);
                if (!copy) {
                        object_unref(o);
                        return err_set(e, -ENOMEM, "out of memory");
                }
                o->text = copy;
                o->text_len = len;
        }
        *ret = o;
        return 0;
}

json_t *object_json(const struct object *o) {
        json_t *tree;

        if (o->text)
                return text_parse_json(o->text, o->text_len);
        tree = schema_encode(o->kind->schema, o->meta);
        if (!tree ||
            json_object_set_new(tree, "apiVersion", json_string(o->kind->api_version)) < 0 ||
            json_object_set_new(tree, "kind", json_string(o->kind->name)) < 0) {
                json_decref(tree);
                return NULL;
        }
        return tree;
}

const void *object_as(const struct object *o, const struct kind *k) {
        assert(o->kind == k);
        return o->meta;
}

char *object_key(const struct object *o, char buf[OBJECT_KEY_MAX]) {
        const char *namespace = str_or_empty(o->meta->namespace);

        (void) snprintf(buf, OBJECT_KEY_MAX, "%s%s%s", namespace, namespace[0] ? "/" : "",
                        str_or_empty(o->meta->name));
        return buf;
}
