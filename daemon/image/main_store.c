#include "daemon/image/main_store.h"

#include "base/str.h"
#include "daemon/image/check.h"
#include "daemon/image/keep.h"
#include "daemon/image/layer_tar.h"
#include "daemon/image/main_answer.h"
#include "daemon/image/manage.h"
#include "daemon/image/mount.h"
#include "daemon/image/record.h"
#include "daemon/image/save.h"
#include "daemon/image/serve.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* kubelet's imageMinimumGCAge. */
#define STORE_GC_AGE_SEC 120

static int store_check(struct image_store *store, const struct store_arguments *a, struct err *e) {
        const struct image_check_options options = { .is_deep = a->is_deep,
                                                     .is_repair = a->is_repair,
                                                     .in_use = a->in_use };
        json_t *answer = NULL;
        int r = image_check(store, &options, &answer, e);

        return r < 0 ? r : main_answer(answer, NULL, e);
}

static int store_tag(struct image_store *store, const struct store_arguments *a, struct err *e) {
        int r = image_tag(store, a->operands[0], a->operands[1], e);

        return r < 0 ? r : main_answer(json_pack("{s:[s]}", "names", a->operands[1]), NULL, e);
}

static int store_inspect(struct image_store *store, const struct store_arguments *a,
                         struct err *e) {
        json_t *answer = NULL;
        int r = image_inspect(store, a->operands[0], &answer, e);

        return r < 0 ? r : main_answer(answer, NULL, e);
}

static int store_prune(struct image_store *store, const struct store_arguments *a, struct err *e) {
        json_t *answer = NULL;
        int r = image_prune(store, a->is_all, a->in_use, &answer, e);

        return r < 0 ? r : main_answer(answer, NULL, e);
}

static int store_pin(struct image_store *store, const struct store_arguments *a, struct err *e) {
        int r = image_pin(store, a->operands[0], true, e);

        return r < 0 ? r : main_answer(json_pack("{s:[s]}", "pinned", a->operands[0]), NULL, e);
}

static int store_unpin(struct image_store *store, const struct store_arguments *a, struct err *e) {
        int r = image_pin(store, a->operands[0], false, e);

        return r < 0 ? r : main_answer(json_pack("{s:[s]}", "unpinned", a->operands[0]), NULL, e);
}

static int store_save(struct image_store *store, const struct store_arguments *a, struct err *e) {
        AUTO_DONE(image_words) struct image_words references = { 0 };
        bool is_oci = str_eq(a->format, "oci-archive");

        if (a->format && !is_oci && !str_eq(a->format, "docker-archive"))
                return err_set(e, -EINVAL,
                               "unknown format %s; docker-archive and oci-archive are known",
                               a->format);
        for (size_t i = 0; i < a->n_operands; i++)
                if (image_words_add(&references, a->operands[i]) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        return image_save(store, is_oci ? IMAGE_ARCHIVE_OCI : IMAGE_ARCHIVE_DOCKER, &references,
                          STDOUT_FILENO, e);
}

static int store_gc(struct image_store *store, const struct store_arguments *a, struct err *e) {
        int64_t high = 0, low = 0, age = STORE_GC_AGE_SEC;
        json_t *answer = NULL;
        int r;

        if (!a->high || !a->low || str_to_int64(a->high, 0, 100, &high) < 0 ||
            str_to_int64(a->low, 0, high, &low) < 0)
                return err_set(e, -EINVAL, "--high and --low are percents, the higher one first");
        if (a->min_age && str_to_int64(a->min_age, 0, INT64_MAX, &age) < 0)
                return err_set(e, -EINVAL, "--min-age is a number of seconds");
        r = image_gc(store,
                     &(struct image_gc_options){ .high_pct = (unsigned) high,
                                                 .low_pct = (unsigned) low,
                                                 .min_age_sec = (uint64_t) age,
                                                 .used_dir = a->used_dir,
                                                 .in_use = a->in_use },
                     &answer, e);
        return r < 0 ? r : main_answer(answer, NULL, e);
}

static int store_mount(struct image_store *store, const struct store_arguments *a, struct err *e) {
        AUTO_FREE char *path = NULL;
        int r;

        if (!a->mounts_dir || a->mounts_dir[0] != '/')
                return err_set(e, -EINVAL, "--mounts is missing: an absolute path");
        r = image_mount(store, a->operands[0], a->mounts_dir, &path, e);
        return r < 0 ? r : main_answer(json_pack("{s:s}", "path", path), NULL, e);
}

static int store_unmount(struct image_store *store, const struct store_arguments *a,
                         struct err *e) {
        AUTO_DONE(image_words) struct image_words paths = { 0 };
        json_t *list;
        int r;

        if (!a->mounts_dir || a->mounts_dir[0] != '/')
                return err_set(e, -EINVAL, "--mounts is missing: an absolute path");
        r = image_unmount(store, a->operands[0], a->mounts_dir, &paths, e);
        list = json_array();
        for (size_t i = 0; i < paths.n; i++)
                (void) json_array_append_new(list, json_string(paths.items[i]));
        if (r < 0) {
                json_decref(list);
                return r;
        }
        return main_answer(json_pack("{s:o}", "unmounted", list), NULL, e);
}

static int store_sync(struct image_store *store, const struct store_arguments *a, struct err *e) {
        json_t *answer = NULL;
        int r = image_sync_folder(store, a->operands[0], &answer, e);

        return r < 0 ? r : main_answer(answer, NULL, e);
}

static int store_tar(struct image_store *store, const struct store_arguments *a, struct err *e) {
        if (!image_digest_is_valid(a->operands[0]))
                return err_set(e, -EINVAL, "%s is no diff ID (sha256:…)", a->operands[0]);
        return layer_tar_write(store, a->operands[0], STDOUT_FILENO, e);
}

static int store_serve(struct image_store *store, const struct store_arguments *a, struct err *e) {
        return image_serve(store, a->operands[0], e);
}

static const struct store_verb {
        const char *name;
        size_t least, most; /* operands */
        int (*run)(struct image_store *store, const struct store_arguments *a, struct err *e);
        const char *usage;
} store_verbs[] = {
        { "check", 0, 0, store_check, "check [--deep] [--repair]" },
        { "tag", 2, 2, store_tag, "tag REFERENCE NAME" },
        { "inspect", 1, 1, store_inspect, "inspect REFERENCE" },
        { "prune", 0, 0, store_prune, "prune [--all]" },
        { "pin", 1, 1, store_pin, "pin REFERENCE" },
        { "unpin", 1, 1, store_unpin, "unpin REFERENCE" },
        { "save", 1, 1000, store_save, "save [--format FORMAT] REFERENCE..." },
        { "gc", 0, 0, store_gc, "gc --high PCT --low PCT [--min-age SECONDS] [--used DIR]" },
        { "mount", 1, 1, store_mount, "--mounts DIR mount REFERENCE" },
        { "unmount", 1, 1, store_unmount, "--mounts DIR unmount REFERENCE|PATH" },
        { "sync", 1, 1, store_sync, "sync FOLDER" },
        { "tar", 1, 1, store_tar, "tar DIFF_ID" },
        { "serve", 1, 1, store_serve, "serve SOCKET" },
};

static const struct store_verb *store_verb_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(store_verbs); i++)
                if (strcmp(store_verbs[i].name, name) == 0)
                        return &store_verbs[i];
        return NULL;
}

bool main_is_store_verb(const char *verb) {
        return store_verb_find(verb) != NULL;
}

int main_store(struct image_store *store, const char *verb, const struct store_arguments *args,
               struct err *e) {
        const struct store_verb *v = store_verb_find(verb);

        if (args->n_operands < v->least || args->n_operands > v->most)
                return err_set(e, -EINVAL, "usage: orch-image --store DIR %s", v->usage);
        return v->run(store, args, e);
}
