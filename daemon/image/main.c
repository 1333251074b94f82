/* orch-image: takes images into the store of this machine. Run by the node for its users; reads
 * what may be hostile, so it is a process of its own. Answers one JSON document on standard output;
 * on failure one sentence on standard error, exit code 1.
 *
 *   orch-image --store DIR load [--name NAME] [PATH]      an archive on standard input, or a file
 * or layout folder orch-image --store DIR import --name NAME [--config JSON] [PATH] orch-image
 * --store DIR list orch-image --store DIR remove REFERENCE [--in-use ID]... */
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/image/image.h"
#include "daemon/image/list.h"
#include "daemon/image/load.h"
#include "daemon/image/main_answer.h"
#include "daemon/image/main_remote.h"
#include "daemon/image/main_store.h"
#include "daemon/image/mount.h"
#include "daemon/image/record.h"

#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct arguments {
        const char *store_dir;
        const char *verb;
        const char *operand;
        struct image_load_options load;
        struct image_words in_use;
        struct store_arguments store;
};

static int arguments_read(int argc, char **argv, struct arguments *ret, struct err *e) {
        static const struct option options[] = {
                { "store", required_argument, NULL, 's' },
                { "name", required_argument, NULL, 'n' },
                { "config", required_argument, NULL, 'c' },
                { "in-use", required_argument, NULL, 'u' },
                { "format", required_argument, NULL, 'f' },
                { "high", required_argument, NULL, 'H' },
                { "low", required_argument, NULL, 'L' },
                { "mounts", required_argument, NULL, 'm' },
                { "min-age", required_argument, NULL, 'A' },
                { "used", required_argument, NULL, 'U' },
                { "deep", no_argument, NULL, 'd' },
                { "repair", no_argument, NULL, 'r' },
                { "all", no_argument, NULL, 'a' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (c == 's')
                        ret->store_dir = optarg;
                else if (c == 'n')
                        ret->load.name = optarg;
                else if (c == 'c')
                        ret->load.config = optarg;
                else if (c == 'f')
                        ret->store.format = optarg;
                else if (c == 'H')
                        ret->store.high = optarg;
                else if (c == 'L')
                        ret->store.low = optarg;
                else if (c == 'm')
                        ret->store.mounts_dir = optarg;
                else if (c == 'A')
                        ret->store.min_age = optarg;
                else if (c == 'U')
                        ret->store.used_dir = optarg;
                else if (c == 'd')
                        ret->store.is_deep = true;
                else if (c == 'r')
                        ret->store.is_repair = true;
                else if (c == 'a')
                        ret->store.is_all = true;
                else if (c != 'u')
                        return err_set(e, -EINVAL,
                                       "unknown option; orchd(8) names what orch-image takes");
                else if (image_words_add(&ret->in_use, optarg) < 0)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        if (!ret->store_dir || optind >= argc ||
            (argc - optind > 2 && !main_is_store_verb(argv[optind])))
                return err_set(e, -EINVAL,
                               "usage: orch-image --store DIR load|import|list|remove [--name "
                               "NAME] [PATH|REFERENCE]");
        ret->verb = argv[optind];
        ret->operand = optind + 1 < argc ? argv[optind + 1] : NULL;
        ret->store.operands = (const char *const *) argv + optind + 1;
        ret->store.n_operands = (size_t) (argc - optind - 1);
        ret->store.in_use = &ret->in_use;
        return 0;
}

static int main_take_in(struct image_store *store, const struct arguments *args, struct err *e) {
        bool is_import = strcmp(args->verb, "import") == 0;
        AUTO_CLOSE int fd = -1;
        json_t *answer = NULL;
        struct stat st;
        int r;

        if (args->operand) {
                fd = open(args->operand, O_RDONLY | O_CLOEXEC);
                if (fd < 0 || fstat(fd, &st) < 0)
                        return err_errno(e, -errno, "cannot open %s", args->operand);
        }
        if (is_import)
                r = image_import(store, fd >= 0 ? fd : STDIN_FILENO, &args->load, &answer, e);
        else if (fd >= 0 && S_ISDIR(st.st_mode))
                r = image_load(store, -1, args->operand, &args->load, &answer, e);
        else
                r = image_load(store, fd >= 0 ? fd : STDIN_FILENO, NULL, &args->load, &answer, e);
        return r < 0 ? r : main_answer(answer, "images", e);
}

static int main_list(struct image_store *store, struct err *e) {
        json_t *answer = NULL;
        int r = image_describe_all(store, &answer, e);

        return r < 0 ? r : main_answer(answer, "images", e);
}

static int main_remove(struct image_store *store, const struct arguments *args, struct err *e) {
        int r;

        if (!args->operand)
                return err_set(e, -EINVAL, "name the image to remove");
        r = image_remove(store, args->operand, &args->in_use, e);
        return r < 0 ? r : main_answer(json_pack("[s]", args->operand), "removed", e);
}

/* Pods that don't run yet name images; what they name is in use, too. */
static int main_resolve_in_use(struct image_store *store, struct image_words *in_use,
                               struct err *e) {
        for (size_t i = 0; i < in_use->n; i++) {
                AUTO(image) struct image *image = NULL;
                char *id;

                if (image_digest_is_valid(in_use->items[i]) ||
                    image_find(store, in_use->items[i], &image, NULL) < 0)
                        continue;
                id = strdup(image->id);
                if (!id)
                        return err_set(e, -ENOMEM, "out of memory");
                free(in_use->items[i]);
                in_use->items[i] = id;
        }
        return 0;
}

/* What is mounted is in use, too. */
static int main_add_mounted(struct image_store *store, struct image_words *in_use, struct err *e) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };
        int r = image_mounts_read(store, &mounts, e);

        for (size_t i = 0; r == 0 && i < mounts.n; i++)
                r = image_words_add(in_use, mounts.items[i].id);
        return r;
}

static int main_run(struct arguments *args, struct err *e) {
        AUTO(image_store) struct image_store *store = NULL;
        int r = image_store_open(args->store_dir, &store, e);

        if (r == 0)
                r = main_resolve_in_use(store, &args->in_use, e);
        /* "remove" says itself where an image is mounted. */
        if (r == 0 && strcmp(args->verb, "remove") != 0)
                r = main_add_mounted(store, &args->in_use, e);
        if (r < 0)
                return r;
        if (strcmp(args->verb, "load") == 0 || strcmp(args->verb, "import") == 0)
                return main_take_in(store, args, e);
        if (strcmp(args->verb, "list") == 0)
                return main_list(store, e);
        if (strcmp(args->verb, "remove") == 0)
                return main_remove(store, args, e);
        if (main_is_store_verb(args->verb))
                return main_store(store, args->verb, &args->store, e);
        return err_set(e, -EINVAL, "unknown verb %s; load, import, list and remove are known",
                       args->verb);
}

int main(int argc, char **argv) {
        struct arguments args = { 0 };
        struct err e = { 0 };
        int r;

        (void) setlocale(LC_ALL, "C.UTF-8");
        log_init("orch-image", LOG_LEVEL_NOTICE);
        if (main_is_remote(argc, argv))
                return main_remote(argc, argv);
        r = arguments_read(argc, argv, &args, &e);
        if (r == 0)
                r = main_run(&args, &e);
        image_words_done(&args.in_use);
        if (r == 0)
                return 0;
        (void) fprintf(stderr, "%s\n", err_text(&e));
        return 1;
}
