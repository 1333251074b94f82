#include "daemon/node/pull_secrets.h"

#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/node/sources.h"

#include <jansson.h>
#include <string.h>

json_t *pull_secrets_file(const struct secret *secret) {
        static const char *const keys[] = { ".dockerconfigjson", ".dockercfg" };

        for (size_t i = 0; i < secret->data.n; i++)
                for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
                        const struct bytes_pair *pair = &secret->data.items[i];
                        json_t *file = NULL;

                        if (strcmp(pair->key, keys[k]) == 0)
                                file = json_loadb((const char *) pair->data, pair->len, 0, NULL);
                        if (json_is_object(file))
                                return file;
                        json_decref(file);
                }
        return NULL;
}

int pull_secrets_read(const struct sources *sources, const struct pod *pod, char **ret,
                      struct err *e) {
        json_t *list = json_array(), *root;
        AUTO_DONE(strbuf) struct strbuf missing = { 0 };
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < pod->spec.image_pull_secrets.n; i++) {
                const char *name = str_or_empty(pod->spec.image_pull_secrets.items[i].name);
                struct object *o = NULL;
                json_t *file = NULL;

                r = sources_get(sources, &secret_kind, pod->metadata.namespace, name, &o);
                if (r == 0)
                        file = pull_secrets_file((const struct secret *) o->meta);
                if (r == -ENOENT)
                        r = 0;
                if (r == 0 && !file)
                        strbuf_addf(&missing, "%s%s", missing.len ? ", " : "", name);
                if (r == 0 && file)
                        r = json_array_append_new(list, file) < 0 ? -ENOMEM : 0;
        }
        if (r == 0 && json_array_size(list) > 0) {
                root = json_pack("{s:O}", "sources", list);
                *ret = root ? json_dumps(root, JSON_COMPACT) : NULL;
                r = *ret ? 0 : -ENOMEM;
                json_decref(root);
        }
        json_decref(list);
        if (r < 0)
                return err_set(
                        e, r, r == -EAGAIN ? "imagePullSecrets aren't known yet" : "out of memory");
        if (missing.len == 0)
                return 0;
        (void) err_set(e, -ENOENT,
                       "Unable to retrieve some image pull secrets (%s); attempting to pull the "
                       "image may not succeed.",
                       missing.s);
        return 1;
}
