#include "daemon/build/cache.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/digest.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_ENTRY_MAX 4096
/* Changed when steps come to something else with the same recipe. */
#define CACHE_VERSION "1"

static void key_add(struct digest *d, const char *name, const char *text) {
        AUTO_FREE char *head = str_format("%s %zu:", name, strlen(text));

        (void) digest_add(d, str_or_empty(head), strlen(str_or_empty(head)));
        (void) digest_add(d, text, strlen(text));
}

int cache_key(const struct image_words *diff_ids, const char *recipe, const char *content,
              const char *epoch, char **ret, struct err *e) {
        char text[DIGEST_TEXT_MAX];
        struct digest *d = NULL;
        int r = digest_new(&d, e);

        if (r < 0)
                return r;
        key_add(d, "version", CACHE_VERSION);
        for (size_t i = 0; i < diff_ids->n; i++)
                key_add(d, "layer", diff_ids->items[i]);
        key_add(d, "recipe", recipe);
        key_add(d, "content", content);
        key_add(d, "epoch", epoch);
        digest_end(d, text);
        *ret = strdup(text + strlen("sha256:"));
        return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static char *cache_path(const struct image_store *store, const char *key) {
        return str_format("%s/builds/steps/%s.json", image_store_dir(store), key);
}

int cache_find(const struct image_store *store, const char *key, char **ret_diff_id) {
        AUTO_FREE char *path = cache_path(store, key), *text = NULL;
        const char *layer;
        json_t *root;
        int r = 0;

        *ret_diff_id = NULL;
        if (!path || file_read(path, CACHE_ENTRY_MAX, &text, NULL, NULL) < 0)
                return 0;
        root = json_loads(text, 0, NULL);
        layer = json_string_value(json_object_get(root, "layer"));
        if (json_is_null(json_object_get(root, "layer")))
                r = 1;
        else if (layer && image_digest_is_valid(layer) && image_store_has_layer(store, layer)) {
                *ret_diff_id = strdup(layer);
                r = *ret_diff_id ? 1 : 0;
        }
        json_decref(root);
        return r;
}

void cache_store(const struct image_store *store, const char *key, const char *diff_id) {
        AUTO_FREE char *path = cache_path(store, key), *dir = NULL;
        AUTO_FREE char *text = diff_id ? str_format("{\"layer\":\"%s\"}\n", diff_id)
                                       : strdup("{\"layer\":null}\n");

        dir = str_format("%s/builds/steps", image_store_dir(store));
        if (path && dir && text && dir_make_all(dir, 0700, NULL) == 0)
                (void) file_write_atomic(path, text, strlen(text), 0600, false, NULL);
}

int cache_folder(const struct image_store *store, const char *id, unsigned n, char **ret,
                 struct err *e) {
        char digest[DIGEST_TEXT_MAX];
        int r = digest_of(id, strlen(id), digest, e);

        if (r < 0)
                return r;
        *ret = str_format("%s/builds/caches/%s-%u", image_store_dir(store),
                          digest + strlen("sha256:"), n);
        return *ret ? dir_make_all(*ret, 0755, e) : err_set(e, -ENOMEM, "out of memory");
}
