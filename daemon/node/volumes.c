#include "daemon/node/volumes.h"

#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/schema/quantity.h"
#include "base/arena.h"
#include "base/array.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/node/context.h"
#include "daemon/node/volume_files.h"
#include "daemon/runtime/runtime.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TOKEN_MAX_BYTES 16384U

/* The files of one volume, gathered from its sources. */
struct gather {
        struct arena *a;
        const struct context *ctx;
        const struct pod *pod;
        const struct pod_facts *facts; /* NULL: only check */
        struct volume_file *files;
        size_t n, cap, bytes;
        mode_t default_mode;
        const char *dir; /* where the files are from before, perhaps */
};

static int gather_add(struct gather *g, const char *path, const void *data, size_t len,
                      const struct opt_int *mode, struct err *e) {
        int r = array_reserve(&g->files, &g->cap, g->n, sizeof(*g->files));

        if (r < 0)
                return r;
        g->bytes += len;
        if (g->bytes > VOLUMES_CONTENT_MAX)
                return err_set(e, -E2BIG, "a volume of more than %u bytes: split it",
                               VOLUMES_CONTENT_MAX);
        if (!volume_file_path_is_valid(path))
                return err_set(e, -EINVAL,
                               "invalid path %s in a volume: use a relative path without ..", path);
        g->files[g->n++] =
                (struct volume_file){ .path = path,
                                      .data = data,
                                      .len = len,
                                      .mode = mode && mode->is_set ? (mode_t) mode->value & 0777
                                                                   : g->default_mode };
        return 0;
}

/* A ConfigMap's or Secret's keys by one face. */
struct keyed {
        const struct string_map *text;
        const struct bytes_map *bytes;
        const char *what, *name;
};

static int gather_key(struct gather *g, const struct keyed *k, const struct key_to_path *item,
                      bool is_optional, struct err *e) {
        const char *key = str_or_empty(item->key);
        const char *text = k->text ? string_map_get(k->text, key) : NULL;
        const struct bytes_pair *b = text || !k->bytes ? NULL : bytes_map_get(k->bytes, key);

        if (text)
                return gather_add(g, str_or_empty(item->path), text, strlen(text), &item->mode, e);
        if (b)
                return gather_add(g, str_or_empty(item->path), b->data, b->len, &item->mode, e);
        if (is_optional)
                return 0;
        return err_set(e, -ENOENT, "references non-existent %s key: %s", k->what, key);
}

static int gather_keyed(struct gather *g, const struct keyed *k,
                        const struct key_to_path_list *items, bool is_optional, struct err *e) {
        int r = 0;

        for (size_t i = 0; i < items->n && r == 0; i++)
                r = gather_key(g, k, &items->items[i], is_optional, e);
        if (items->n > 0)
                return r;
        for (size_t i = 0; k->text && i < k->text->n && r == 0; i++)
                r = gather_add(g, k->text->items[i].key, k->text->items[i].value,
                               strlen(k->text->items[i].value), NULL, e);
        for (size_t i = 0; k->bytes && i < k->bytes->n && r == 0; i++)
                r = gather_add(g, k->bytes->items[i].key, k->bytes->items[i].data,
                               k->bytes->items[i].len, NULL, e);
        return r;
}

static bool is_true(const struct opt_bool *b) {
        return b->is_set && b->value;
}

static int gather_missing(int r, const char *what, const char *name, bool is_optional,
                          struct err *e) {
        if (r == -ENOENT && is_optional)
                return 0;
        if (r == -EAGAIN)
                return err_set(e, r, "%s \"%s\" is not known yet", what, name);
        return err_set(e, r, "%s \"%s\" not found", what, name);
}

static int gather_config_map(struct gather *g, const char *name,
                             const struct key_to_path_list *items, bool is_optional,
                             struct err *e) {
        const struct pod_sources *s = &g->ctx->pod_sources;
        const struct config_map *m = NULL;
        int r = s->config_map(s->data, g->pod->metadata.namespace, str_or_empty(name), &m);

        if (r < 0)
                return gather_missing(r, "configmap", str_or_empty(name), is_optional, e);
        return gather_keyed(
                g, &(struct keyed){ .text = &m->data, .bytes = &m->binary_data, .what = "config" },
                items, is_optional, e);
}

static int gather_secret(struct gather *g, const char *name, const struct key_to_path_list *items,
                         bool is_optional, struct err *e) {
        const struct pod_sources *s = &g->ctx->pod_sources;
        const struct secret *m = NULL;
        int r = s->secret(s->data, g->pod->metadata.namespace, str_or_empty(name), &m);

        if (r < 0)
                return gather_missing(r, "secret", str_or_empty(name), is_optional, e);
        return gather_keyed(g, &(struct keyed){ .bytes = &m->data, .what = "secret" }, items,
                            is_optional, e);
}

static int gather_downward(struct gather *g, const struct downward_api_file_list *list,
                           struct err *e) {
        static const struct pod_facts nothing;
        const struct downward_subject subject = { .pod = g->pod,
                                                  .facts = g->facts ? g->facts : &nothing };

        for (size_t i = 0; i < list->n; i++) {
                const struct downward_api_volume_file *f = &list->items[i];
                const char *value = "";
                int r = 0;

                if (f->field_ref)
                        r = downward_field(g->a, &subject, f->field_ref->field_path, &value, e);
                else if (f->resource_field_ref)
                        r = downward_resource(g->a, &subject, f->resource_field_ref, &value, e);
                if (r == 0)
                        r = gather_add(g, str_or_empty(f->path), value, strlen(value), &f->mode, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static gid_t fs_group(const struct pod *pod) {
        const struct pod_security_context *c = pod->spec.security_context;

        return c && c->fs_group.is_set ? (gid_t) c->fs_group.value : (gid_t) -1;
}

/* Whom all containers run as, or nobody in particular. */
static bool fs_user(const struct pod *pod, uid_t *ret) {
        const struct pod_security_context *own = pod->spec.security_context;
        const struct containers *lists[] = { &pod->spec.init_containers, &pod->spec.containers };
        bool has_one = false;

        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++) {
                        const struct security_context *c = lists[l]->items[i].security_context;
                        const struct opt_int *user = c && c->run_as_user.is_set ? &c->run_as_user
                                                     : own                      ? &own->run_as_user
                                                                                : NULL;

                        if (!user || !user->is_set || (has_one && *ret != (uid_t) user->value))
                                return false;
                        *ret = (uid_t) user->value;
                        has_one = true;
                }
        return has_one;
}

/* Without an answer the last token stays; with no answer for long a pod does without. */
static int gather_last_token(struct gather *g, const char *path, int r, const char **ret_token) {
        AUTO_FREE char *file = str_format("%s/%s", g->dir, path), *text = NULL;

        if (file && file_read(file, TOKEN_MAX_BYTES, &text, NULL, NULL) == 0)
                *ret_token = arena_strdup(g->a, text);
        return *ret_token ? 0 : r;
}

/* A token is for its pod's programs only: for the user that all run as, or the pod's group
 * (k8s.io/kubernetes/pkg/volume/projected). */
static int gather_token(struct gather *g, const struct service_account_token_projection *p,
                        struct err *e) {
        const struct pod_sources *s = &g->ctx->pod_sources;
        const char *path = str_or_empty(p->path), *token = NULL;
        bool has_user, has_group = fs_group(g->pod) != (gid_t) -1;
        struct opt_int mode = { 0 };
        uid_t user = 0;
        int r = s->token ? s->token(s->data, g->pod, p, &token, e) : -EHOSTDOWN;

        if (r == -EAGAIN || r == -EHOSTDOWN)
                r = gather_last_token(g, path, r, &token);
        if (r < 0)
                return r == -EHOSTDOWN ? 0 : r;
        has_user = fs_user(g->pod, &user);
        if (has_user || has_group)
                mode = (struct opt_int){ .is_set = true, .value = 0600 };
        r = gather_add(g, path, token, strlen(token), &mode, e);
        if (r == 0 && has_user)
                g->files[g->n - 1].uid = user;
        return r;
}

static int gather_projected(struct gather *g, const struct projected_volume_source *p,
                            struct err *e) {
        int r = 0;

        for (size_t i = 0; i < p->sources.n && r == 0; i++) {
                const struct volume_projection *s = &p->sources.items[i];

                if (s->config_map)
                        r = gather_config_map(g, s->config_map->name, &s->config_map->items,
                                              is_true(&s->config_map->optional), e);
                else if (s->secret)
                        r = gather_secret(g, s->secret->name, &s->secret->items,
                                          is_true(&s->secret->optional), e);
                else if (s->downward_api)
                        r = gather_downward(g, &s->downward_api->items, e);
                else if (s->service_account_token)
                        r = gather_token(g, s->service_account_token, e);
        }
        return r;
}

static bool has_content(const struct volume *v) {
        return v->config_map || v->secret || v->downward_api || v->projected;
}

static int gather_volume(struct gather *g, const struct volume *v, struct err *e) {
        const struct opt_int *mode = v->config_map     ? &v->config_map->default_mode
                                     : v->secret       ? &v->secret->default_mode
                                     : v->downward_api ? &v->downward_api->default_mode
                                                       : &v->projected->default_mode;

        g->default_mode = mode->is_set ? (mode_t) mode->value & 0777 : 0644;
        if (v->config_map)
                return gather_config_map(g, v->config_map->name, &v->config_map->items,
                                         is_true(&v->config_map->optional), e);
        if (v->secret)
                return gather_secret(g, v->secret->secret_name, &v->secret->items,
                                     is_true(&v->secret->optional), e);
        if (v->downward_api)
                return gather_downward(g, &v->downward_api->items, e);
        return gather_projected(g, v->projected, e);
}

static int host_path_make(const char *path, bool is_file, struct err *e) {
        AUTO_CLOSE int fd = -1;

        if (!is_file)
                return dir_make_all(path, 0755, e);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
        return fd < 0 ? err_errno(e, -errno, "cannot create %s", path) : 0;
}

static int host_path_check(const struct host_path_volume_source *h, struct err *e) {
        static const struct {
                const char *type;
                mode_t mode;
        } types[] = { { "Directory", S_IFDIR },  { "DirectoryOrCreate", S_IFDIR },
                      { "File", S_IFREG },       { "FileOrCreate", S_IFREG },
                      { "Socket", S_IFSOCK },    { "CharDevice", S_IFCHR },
                      { "BlockDevice", S_IFBLK } };
        const char *path = str_or_empty(h->path), *type = str_or_empty(h->type);
        struct stat st;

        if (path[0] != '/')
                return err_set(e, -EINVAL, "hostPath %s is not absolute", path);
        if (type[0] == '\0')
                return stat(path, &st) < 0 && errno == ENOENT ? host_path_make(path, false, e) : 0;
        if (stat(path, &st) < 0) {
                if (errno == ENOENT && str_ends_with(type, "OrCreate"))
                        return host_path_make(path, str_starts_with(type, "File"), e);
                return err_errno(e, -errno, "hostPath type check failed: %s", path);
        }
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_eq(type, types[i].type) && (st.st_mode & S_IFMT) == types[i].mode)
                        return 0;
        return err_set(e, -EINVAL, "hostPath type check failed: %s is not a %s", path, type);
}

static int volume_write(const struct context *ctx, const struct pod *pod, const struct volume *v,
                        const struct pod_facts *facts, struct err *e) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct gather g = { .a = a, .ctx = ctx, .pod = pod, .facts = facts };
        AUTO_FREE char *all = str_format("%s/volumes", ctx->config->run_dir);
        AUTO_FREE char *dir =
                str_format("%s/volumes/%s/%s", ctx->config->run_dir, pod->metadata.uid, v->name);
        int r;

        if (!a || !all || !dir)
                return err_set(e, -ENOMEM, "out of memory");
        g.dir = dir;
        r = gather_volume(&g, v, e);
        /* What a secret holds is for its pod only, whatever mode its files have. */
        if (r == 0 && facts)
                r = dir_make_all(all, 0700, e);
        if (r == 0 && facts)
                r = dir_make_all(dir, 0755, e);
        if (r == 0 && facts)
                r = volume_files_write(dir, g.files, g.n, fs_group(pod), e);
        free(g.files);
        return MIN(r, 0);
}

/* Goes on after a failure: one volume whose object is gone mustn't keep the others from changing.
 */
static int volumes_visit(const struct context *ctx, const struct pod *pod,
                         const struct pod_facts *facts, struct err *e) {
        int first = 0;

        for (size_t i = 0; i < pod->spec.volumes.n; i++) {
                const struct volume *v = &pod->spec.volumes.items[i];
                struct err own = { 0 };
                int r = 0;

                if (has_content(v))
                        r = volume_write(ctx, pod, v, facts, &own);
                else if (v->host_path && !facts)
                        r = host_path_check(v->host_path, &own);
                if (r < 0 && first == 0)
                        first = err_set(e, r, "MountVolume.SetUp failed for volume \"%s\": %s",
                                        v->name, err_text(&own));
        }
        return first;
}

int volumes_check(const struct context *ctx, const struct pod *pod, struct err *e) {
        return volumes_visit(ctx, pod, NULL, e);
}

int volumes_write(const struct context *ctx, const struct pod *pod, const struct pod_facts *facts,
                  struct err *e) {
        return volumes_visit(ctx, pod, facts, e);
}

static bool is_memory(const struct volume *v) {
        return v->empty_dir && str_eq(v->empty_dir->medium, "Memory");
}

int volumes_tmpfs(struct arena *a, const struct pod *pod, struct runtime_tmpfs **ret,
                  size_t *ret_n) {
        struct runtime_tmpfs *items = arena_alloc_n(a, pod->spec.volumes.n, sizeof(*items));
        size_t n = 0;

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < pod->spec.volumes.n; i++)
                if (is_memory(&pod->spec.volumes.items[i]))
                        items[n++] = (struct runtime_tmpfs){
                                .name = pod->spec.volumes.items[i].name,
                                .size_bytes = quantity_value(
                                        pod->spec.volumes.items[i].empty_dir->size_limit),
                                .has_gid = fs_group(pod) != (gid_t) -1,
                                .gid = fs_group(pod),
                        };
        *ret = items;
        *ret_n = n;
        return 0;
}

static bool is_disk(const struct volume *v) {
        return !has_content(v) && !v->host_path && !is_memory(v);
}

int volumes_make(const struct pod *pod, struct runtime_pod *rt, struct err *e) {
        for (size_t i = 0; i < pod->spec.volumes.n; i++) {
                const struct volume *v = &pod->spec.volumes.items[i];
                AUTO_FREE char *path = NULL;
                int r;

                if (!is_disk(v))
                        continue;
                r = runtime_pod_volume(rt, v->name, 0777, &path, e);
                if (r < 0)
                        return err_wrap(e, r, "MountVolume.SetUp failed for volume \"%s\"",
                                        v->name);
                if (r == 0 || fs_group(pod) == (gid_t) -1)
                        continue;
                if (chown(path, (uid_t) -1, fs_group(pod)) < 0 || chmod(path, 02777) < 0)
                        return err_errno(e, -errno, "cannot give volume %s to group %u", v->name,
                                         (unsigned) fs_group(pod));
        }
        return 0;
}

/* orch-pod decides when it mounts; what is wrong already is told here, before the container is
 * made. */
static int sub_path_check(const char *root, const char *sub, struct err *e) {
        const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
        AUTO_CLOSE int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

        if (dir < 0)
                return err_errno(e, -errno, "cannot open volume %s", root);
        fd = (int) syscall(SYS_openat2, dir, sub, &how, sizeof(how));
        if (fd >= 0 || errno == ENOENT || errno == ENOSYS)
                return 0;
        if (errno == EXDEV || errno == ELOOP)
                return err_set(e, -errno,
                               "subPath %s leads out of its volume: remove the link in it", sub);
        return err_errno(e, -errno, "cannot open subPath %s", sub);
}

static const struct volume *find_volume(const struct pod *pod, const char *name) {
        for (size_t i = 0; i < pod->spec.volumes.n; i++)
                if (str_eq(pod->spec.volumes.items[i].name, name))
                        return &pod->spec.volumes.items[i];
        return NULL;
}

int volumes_source(const struct context *ctx, const struct pod *pod, struct runtime_pod *rt,
                   const struct volume_use *use, char **ret_path, struct err *e) {
        const struct volume *v = find_volume(pod, use->mount->name);
        AUTO_FREE char *root = NULL;
        int r = 0;

        if (!v)
                return err_set(e, -EINVAL, "the pod has no volume \"%s\"",
                               str_or_empty(use->mount->name));
        if (has_content(v))
                root = str_format("%s/volumes/%s/%s", ctx->config->run_dir, pod->metadata.uid,
                                  v->name);
        else if (v->host_path)
                root = strdup(v->host_path->path);
        else if (is_memory(v))
                root = runtime_pod_tmpfs_path(rt, v->name);
        else
                r = runtime_pod_volume(rt, v->name, 0777, &root, e);
        if (r < 0)
                return r;
        if (!root)
                return err_set(e, -ENOMEM, "out of memory");
        if (!str_is_empty(use->sub_path)) {
                if (!volume_file_path_is_valid(use->sub_path))
                        return err_set(e, -EINVAL, "subPath %s must be relative, without ..",
                                       use->sub_path);
                /* What is in memory is in sight of the pod only. */
                r = is_memory(v) ? 0 : sub_path_check(root, use->sub_path, e);
                if (r < 0)
                        return r;
        }
        *ret_path = STEAL(root);
        return 0;
}

bool volumes_is_read_only(const struct pod *pod, const struct volume_mount *mount) {
        const struct volume *v = find_volume(pod, mount->name);

        return mount->read_only || (v && has_content(v));
}

int volumes_remove(const struct context *ctx, const char *uid, struct err *e) {
        AUTO_FREE char *dir = str_format("%s/volumes/%s", ctx->config->run_dir, uid);

        return dir ? dir_remove_all(AT_FDCWD, dir, e) : -ENOMEM;
}
