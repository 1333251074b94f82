#include "cli/kubeconfig.h"

#include "api/schema/base64.h"
#include "api/text/text.h"
#include "base/diag.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 16
#define FILE_MAX_BYTES (1U << 20)

void kubeconfig_done(struct kubeconfig *k) {
        free(k->server);
        free(k->server_name);
        free(k->namespace_);
        free(k->token);
        free(k->ca_pem);
        free(k->cert_pem);
        free(k->key_pem);
        *k = (struct kubeconfig){ 0 };
}

struct file {
        char *path;   /* owned */
        json_t *tree; /* owned */
};

struct files {
        struct file items[FILES_MAX];
        size_t n;
        kubeconfig_read_fn read;
};

static void files_done(struct files *f) {
        for (size_t i = 0; i < f->n; i++) {
                free(f->items[i].path);
                json_decref(f->items[i].tree);
        }
}
DEFINE_AUTO_DONE(files);

static int read_from_disk(const char *path, char **ret_text, struct err *e) {
        return file_read(path, FILE_MAX_BYTES, ret_text, NULL, e);
}

static int tree_read(const char *path, const char *text, json_t **ret, struct err *e) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        int r = text_read_yaml(text, strlen(text), path, FILE_MAX_BYTES, &docs, &d);

        if (r == 0 && (docs.n != 1 || !json_is_object(docs.items[0].tree)))
                r = err_set(e, -EINVAL, "%s is no kubeconfig", path);
        else if (r < 0)
                r = err_set(e, r, "%s can't be read: %s", path,
                            d.n > 0 ? str_or_empty(d.items[0].text) : "memory is out");
        diags_done(&d);
        if (r == 0)
                *ret = json_incref(docs.items[0].tree);
        return r;
}

/* One that isn't there among several is left out. */
static int file_add(struct files *f, const char *path, bool is_alone, struct err *e) {
        AUTO_FREE char *text = NULL;
        struct file *file = &f->items[f->n];
        int r;

        r = f->read(path, &text, e);
        if (r == -ENOENT && !is_alone)
                return 0;
        if (r < 0)
                return r;
        r = tree_read(path, text, &file->tree, e);
        if (r < 0)
                return r;
        file->path = strdup(path);
        f->n++;
        return file->path ? 0 : err_set(e, -ENOMEM, "memory is out");
}

static int files_read(struct files *f, const char *paths, struct err *e) {
        AUTO_FREE char *copy = strdup(paths);
        char *rest = copy, *path;
        bool is_alone = !strchr(paths, ':');
        int r = copy ? 0 : -ENOMEM;

        while (r == 0 && (path = strsep(&rest, ":"))) {
                if (*path == '\0')
                        continue;
                if (f->n == FILES_MAX)
                        return err_set(e, -EINVAL, "more than %d kubeconfig files", FILES_MAX);
                r = file_add(f, path, is_alone, e);
        }
        if (r == 0 && f->n == 0)
                return err_set(e, -ENOENT, "there is no kubeconfig at %s", paths);
        return r;
}

/* ---- what is in them ---- */

static const char *text_of(const json_t *tree, const char *key) {
        return json_string_value(json_object_get(tree, key));
}

/* The "cluster" of clusters' item of that name, and its file. */
static const json_t *item_find(const struct files *f, const char *list, const char *member,
                               const char *name, const struct file **ret_file) {
        const json_t *one;
        size_t i;

        for (size_t n = 0; n < f->n; n++)
                json_array_foreach(json_object_get(f->items[n].tree, list), i, one) {
                        if (!str_eq(text_of(one, "name"), name))
                                continue;
                        *ret_file = &f->items[n];
                        return json_object_get(one, member);
                }
        return NULL;
}

static const char *current_context(const struct files *f) {
        for (size_t i = 0; i < f->n; i++)
                if (!str_is_empty(text_of(f->items[i].tree, "current-context")))
                        return text_of(f->items[i].tree, "current-context");
        return NULL;
}

/* ret stays NULL for an absent text. */
static int take_text(const json_t *tree, const char *key, char **ret, struct err *e) {
        const char *text = text_of(tree, key);

        if (str_is_empty(text))
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : err_set(e, -ENOMEM, "memory is out");
}

static char *path_beside(const struct file *file, const char *path) {
        const char *slash = strrchr(file->path, '/');

        if (*path == '/' || !slash)
                return strdup(path);
        return str_format("%.*s/%s", (int) (slash - file->path), file->path, path);
}

static int data_decode(const char *key, const char *data, char **ret, struct err *e) {
        size_t len = strlen(data);
        AUTO_FREE char *text = malloc(base64_decoded_max(len) + 1);

        if (!text)
                return err_set(e, -ENOMEM, "memory is out");
        if (base64_decode(data, len, (uint8_t *) text, &len) < 0)
                return err_set(e, -EINVAL, "%s of the kubeconfig is no base64", key);
        text[len] = '\0';
        *ret = STEAL(text);
        return 0;
}

/* "certificate-authority-data", else the file that "certificate-authority" names. */
static int take_pem(const struct files *f, const struct file *file, const json_t *tree,
                    const char *key, char **ret, struct err *e) {
        AUTO_FREE char *data_key = str_format("%s-data", key), *path = NULL;
        const char *data = data_key ? text_of(tree, data_key) : NULL, *name = text_of(tree, key);

        if (!str_is_empty(data))
                return data_decode(data_key, data, ret, e);
        if (str_is_empty(name))
                return 0;
        path = path_beside(file, name);
        return path ? f->read(path, ret, e) : err_set(e, -ENOMEM, "memory is out");
}

static int cluster_take(const struct files *f, const char *name, struct kubeconfig *k,
                        struct err *e) {
        const struct file *file = NULL;
        const json_t *cluster = item_find(f, "clusters", "cluster", name, &file);
        int r;

        if (!cluster)
                return err_set(e, -ENOENT, "the kubeconfig has no cluster \"%s\"", name);
        if (!str_is_empty(text_of(cluster, "proxy-url")))
                return err_set(e, -EINVAL,
                               "cluster \"%s\" of the kubeconfig is behind a proxy, "
                               "which orch doesn't use; use kubectl",
                               name);
        k->is_insecure = json_is_true(json_object_get(cluster, "insecure-skip-tls-verify"));
        r = take_text(cluster, "server", &k->server, e);
        if (r == 0 && !k->server)
                r = err_set(e, -EINVAL, "cluster \"%s\" of the kubeconfig has no server", name);
        if (r == 0)
                r = take_text(cluster, "tls-server-name", &k->server_name, e);
        return r == 0 ? take_pem(f, file, cluster, "certificate-authority", &k->ca_pem, e) : r;
}

static int token_take(const struct files *f, const struct file *file, const json_t *user,
                      struct kubeconfig *k, struct err *e) {
        const char *name = text_of(user, "tokenFile");
        AUTO_FREE char *path = NULL;
        int r;

        if (str_is_empty(name))
                return take_text(user, "token", &k->token, e);
        path = path_beside(file, name);
        r = path ? f->read(path, &k->token, e) : err_set(e, -ENOMEM, "memory is out");
        if (r == 0)
                k->token[strcspn(k->token, "\r\n")] = '\0';
        return r;
}

static int user_take(const struct files *f, const char *name, struct kubeconfig *k, struct err *e) {
        static const char *const STRANGE[] = { "exec", "auth-provider", "username" };
        const struct file *file = NULL;
        const json_t *user = item_find(f, "users", "user", name, &file);
        int r;

        if (!user)
                return err_set(e, -ENOENT, "the kubeconfig has no user \"%s\"", name);
        for (size_t i = 0; i < ARRAY_SIZE(STRANGE); i++)
                if (json_object_get(user, STRANGE[i]))
                        return err_set(e, -EINVAL,
                                       "user \"%s\" of the kubeconfig proves who it is by \"%s\"; "
                                       "orch knows certificates and tokens",
                                       name, STRANGE[i]);
        r = take_pem(f, file, user, "client-certificate", &k->cert_pem, e);
        if (r == 0)
                r = take_pem(f, file, user, "client-key", &k->key_pem, e);
        return r == 0 ? token_take(f, file, user, k, e) : r;
}

static int context_take(const struct files *f, const char *name, struct kubeconfig *k,
                        struct err *e) {
        const struct file *file = NULL;
        const json_t *context;
        int r;

        if (!name)
                name = current_context(f);
        if (!name)
                return err_set(e, -ENOENT, "the kubeconfig has no current context; give --context");
        context = item_find(f, "contexts", "context", name, &file);
        if (!context)
                return err_set(e, -ENOENT, "the kubeconfig has no context \"%s\"", name);
        r = take_text(context, "namespace", &k->namespace_, e);
        if (r == 0)
                r = cluster_take(f, str_or_empty(text_of(context, "cluster")), k, e);
        if (r == 0 && !str_is_empty(text_of(context, "user")))
                r = user_take(f, text_of(context, "user"), k, e);
        return r;
}

int kubeconfig_load(const char *paths, const char *context, kubeconfig_read_fn read,
                    struct kubeconfig *ret, struct err *e) {
        AUTO_DONE(files) struct files files = { .read = read ? read : read_from_disk };
        AUTO_DONE(kubeconfig) struct kubeconfig k = { 0 };
        int r;

        r = files_read(&files, paths, e);
        if (r == 0)
                r = context_take(&files, context, &k, e);
        if (r < 0)
                return r;
        *ret = k;
        k = (struct kubeconfig){ 0 };
        return 0;
}
