#include "api/client/informer_list.h"

#include "api/client/client.h"
#include "api/client/informer_cache.h"
#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_object(void *o) {
        object_unref(o);
}

void informer_list_reset(struct informer_list *l) {
        map_done(&l->objects, free_object);
        l->revision = 0;
}

int informer_form_read(const struct informer_form *form, const json_t *tree, struct object **ret,
                       struct err *e) {
        if (form->is_outline)
                return object_new_outline(form->kind, tree, NULL, NULL, ret, e);
        return object_new_from_json(form->kind, tree, form->keeps_text, ret, e);
}

/* Puts one item into the list. One that cannot be decoded stays as the cache has it. */
static int list_take_item(struct informer_list *l, const struct informer_form *form,
                          const struct informer_cache *cache, const json_t *item, struct err *e) {
        AUTO(object) struct object *o = NULL;
        AUTO_FREE char *key = NULL;
        const json_t *meta = json_object_get(item, "metadata");
        const char *name = json_string_value(json_object_get(meta, "name"));
        const char *revision = json_string_value(json_object_get(meta, "resourceVersion"));
        const char *uid = json_string_value(json_object_get(meta, "uid"));
        struct object *known;
        struct err why = { 0 };
        void *old = NULL;
        int r;

        if (!name)
                return err_set(e, -EBADMSG, "an item of the list has no name");
        key = client_key(json_string_value(json_object_get(meta, "namespace")), name);
        if (!key)
                return err_errno(e, -ENOMEM, "cannot read the list");

        known = informer_cache_get(cache, key);
        if (known && str_eq(known->meta->resource_version, revision) &&
            str_eq(known->meta->uid, uid)) {
                o = object_ref(known);
        } else {
                r = informer_form_read(form, item, &o, &why);
                if (r == -ENOMEM)
                        return err_errno(e, r, "cannot read the list");
                if (r < 0) {
                        LOG_WARN(key, "cannot read this %s (%s); it is left as it was",
                                 form->kind->name, why.text);
                        o = object_ref(known);
                }
        }
        if (!o)
                return 0;
        r = map_put(&l->objects, key, o, &old);
        if (r < 0)
                return err_errno(e, r, "cannot read the list");
        (void) STEAL(o);
        object_unref(old);
        return 0;
}

int informer_list_take_page(struct informer_list *l, const struct informer_form *form,
                            const struct informer_cache *cache, const struct client_answer *a,
                            char **ret_continue, struct err *e) {
        json_t *root = text_parse_json(a->body, a->body_len), *item;
        const json_t *meta = json_object_get(root, "metadata");
        const json_t *items = json_object_get(root, "items");
        const char *revision = json_string_value(json_object_get(meta, "resourceVersion"));
        const char *more = json_string_value(json_object_get(meta, "continue"));
        size_t n;
        int r = 0;

        if (!revision || !(json_is_array(items) || json_is_null(items)))
                r = err_set(e, -EBADMSG, "the server's answer is no list");
        if (r == 0 && l->revision == 0)
                l->revision = strtoull(revision, NULL, 10);
        if (r == 0) {
                json_array_foreach(items, n, item) {
                        r = list_take_item(l, form, cache, item, e);
                        if (r < 0)
                                break;
                }
        }
        if (r == 0 && !str_is_empty(more)) {
                *ret_continue = strdup(more);
                if (!*ret_continue)
                        r = err_errno(e, -ENOMEM, "cannot read the list");
        }
        json_decref(root);
        return r;
}
