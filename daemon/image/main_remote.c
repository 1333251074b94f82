#include "daemon/image/main_remote.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/remote_tags.h"
#include "daemon/image/image.h"
#include "daemon/image/main_answer.h"
#include "daemon/image/main_post.h"
#include "daemon/image/pull.h"
#include "daemon/image/push.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AUTH_TEXT_MAX (4U << 20)
#define NEWS_EVERY_USEC (100 * USEC_PER_MSEC)

struct remote_arguments {
        const char *verb, *store_dir, *registries_file, *operand, *proxy;
        const char *platform_text, *to;
        const char *peers[PULL_PEERS_MAX];
        size_t n_peers;
        int64_t auth_fd, parallel, stall_sec;
        bool has_progress;
};

/* What the verbs need, read. */
struct remote_setting {
        struct registries registries;
        struct keyring keyring;
        struct platform platform;
        bool has_platform;
        uint64_t told_usec[128]; /* of each layer */
};

static void remote_setting_done(struct remote_setting *s) {
        registries_done(&s->registries);
        keyring_done(&s->keyring);
}
DEFINE_AUTO_DONE(remote_setting);

bool main_is_remote(int argc, char **argv) {
        static const char *const verbs[] = { "pull", "push", "tags", "post", NULL };

        return argc > 1 && str_is_any(argv[1], verbs);
}

static int arguments_read(int argc, char **argv, struct remote_arguments *ret, struct err *e) {
        static const struct option options[] = {
                { "store", required_argument, NULL, 's' },
                { "registries", required_argument, NULL, 'r' },
                { "auth-fd", required_argument, NULL, 'a' },
                { "platform", required_argument, NULL, 'p' },
                { "proxy", required_argument, NULL, 'x' },
                { "parallel", required_argument, NULL, 'n' },
                { "stall", required_argument, NULL, 't' },
                { "to", required_argument, NULL, 'o' },
                { "peer", required_argument, NULL, 'e' },
                { "progress", no_argument, NULL, 'g' },
                { 0 },
        };
        static const char *const storeless[] = { "tags", "post", NULL };
        int c, r = 0;

        *ret = (struct remote_arguments){ .verb = argv[1], .auth_fd = -1 };
        while (r == 0 && (c = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
                if (c == 's')
                        ret->store_dir = optarg;
                else if (c == 'r')
                        ret->registries_file = optarg;
                else if (c == 'a')
                        r = str_to_int64(optarg, 0, 1 << 20, &ret->auth_fd);
                else if (c == 'p')
                        ret->platform_text = optarg;
                else if (c == 'x')
                        ret->proxy = optarg;
                else if (c == 'n')
                        r = str_to_int64(optarg, 1, PULL_PARALLEL_MAX, &ret->parallel);
                else if (c == 't')
                        r = str_to_int64(optarg, 1, 86400, &ret->stall_sec);
                else if (c == 'o')
                        ret->to = optarg;
                else if (c == 'e' && ret->n_peers < PULL_PEERS_MAX)
                        ret->peers[ret->n_peers++] = optarg;
                else if (c == 'g')
                        ret->has_progress = true;
                else
                        r = -EINVAL;
        }
        if (r == 0 && argc - 1 - optind == 1)
                ret->operand = argv[1 + optind];
        if (r < 0 || !ret->operand || (!ret->store_dir && !str_is_any(ret->verb, storeless)))
                return err_set(
                        e, -EINVAL,
                        "usage: orch-image pull --store DIR [--registries FILE] [--auth-fd N] "
                        "[--platform P] [--proxy URL] [--parallel N] [--stall SECONDS] "
                        "[--peer SOCKET]... [--progress] REFERENCE");
        return 0;
}

/* {"user", "password"}: for the registry that is asked, whatever it is called. */
static int setting_add_user(struct remote_setting *s, const char *reference, const json_t *root,
                            struct err *e) {
        const char *user = json_string_value(json_object_get(root, "user"));
        const char *password = json_string_value(json_object_get(root, "password"));
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        int r;

        if (!user || !password)
                return 0;
        r = registries_name(&s->registries, reference, &ref, e);
        if (r == 0 && keyring_add_password(&s->keyring, ref.host, user, password) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        return r;
}

static int setting_add_fd(struct remote_setting *s, int fd, const char *reference, struct err *e) {
        AUTO_FREE char *text = NULL;
        const json_t *source;
        json_t *root;
        size_t len = 0, i;
        int r = fd_read_all(fd, AUTH_TEXT_MAX, &text, &len, e);

        if (r < 0)
                return err_wrap(e, r, "credentials");
        root = json_loadb(text, len, 0, NULL);
        r = setting_add_user(s, reference, root, e);
        json_array_foreach(json_object_get(root, "sources"), i, source) {
                AUTO_FREE char *one = json_dumps(source, JSON_COMPACT);

                /* One that is damaged doesn't spoil the others: the registry will say so. */
                if (one && keyring_add(&s->keyring, one, strlen(one), e) == -ENOMEM)
                        r = -ENOMEM;
        }
        if (r == 0 && !json_is_object(root))
                r = err_set(e, -EINVAL, "credentials: {\"sources\": […]} is wanted");
        json_decref(root);
        return r;
}

/* The machine's own credentials come last; a missing file is a mistake worth telling. */
static int setting_add_file(struct remote_setting *s, struct err *e) {
        AUTO_FREE char *text = NULL;
        size_t len = 0;
        int r;

        if (str_is_empty(s->registries.auth_file))
                return 0;
        r = file_read(s->registries.auth_file, AUTH_TEXT_MAX, &text, &len, e);
        if (r == 0)
                r = keyring_add(&s->keyring, text, len, e);
        return r < 0 ? err_wrap(e, r, "%s", s->registries.auth_file) : 0;
}

static int setting_read(const struct remote_arguments *args, struct remote_setting *s,
                        struct err *e) {
        int r = args->registries_file
                        ? registries_read(args->registries_file, true, &s->registries, e)
                        : registries_parse("", 0, "", &s->registries, e);

        if (r == 0 && args->auth_fd >= 0)
                r = setting_add_fd(s, (int) args->auth_fd, args->to ? args->to : args->operand, e);
        if (r == 0)
                r = setting_add_file(s, e);
        if (r == 0 && args->platform_text) {
                s->has_platform = true;
                r = platform_parse(args->platform_text, &s->platform, e);
        }
        return r;
}

static void remote_tell(void *userdata, const struct pull_news *news) {
        static const char *const words[] = { "waiting", "downloading", "unpacking",
                                             "done",    "exists",      "uploading" };
        struct remote_setting *s = userdata;
        uint64_t now = clock_now_usec();
        uint64_t *told = &s->told_usec[news->layer % ARRAY_SIZE(s->told_usec)];

        /* Bytes are told now and then, changes of state always. */
        if ((news->state == PULL_DOWNLOADING || news->state == PULL_UPLOADING) && news->bytes > 0 &&
            now < *told + NEWS_EVERY_USEC)
                return;
        *told = now;
        (void) main_answer(json_pack("{s:I, s:I, s:s, s:s, s:I, s:I}", "layer",
                                     (json_int_t) news->layer + 1, "of",
                                     (json_int_t) news->n_layers, "digest", news->digest, "state",
                                     words[news->state], "bytes", (json_int_t) news->bytes, "size",
                                     (json_int_t) news->size_bytes),
                           "progress", NULL);
}

static int remote_pull(const struct remote_arguments *args, struct remote_setting *s,
                       struct err *e) {
        AUTO(image_store) struct image_store *store = NULL;
        json_t *answer = NULL;
        int r = image_store_open(args->store_dir, &store, e);

        if (r == 0)
                r = image_pull(store,
                               &(struct image_pull_options){
                                       .reference = args->operand,
                                       .registries = &s->registries,
                                       .keyring = &s->keyring,
                                       .platform = s->has_platform ? &s->platform : NULL,
                                       .proxy = args->proxy,
                                       .peers = args->peers,
                                       .n_peers = args->n_peers,
                                       .parallel = (unsigned) args->parallel,
                                       .stall_usec = (uint64_t) args->stall_sec * USEC_PER_SEC,
                                       .on_news = args->has_progress ? remote_tell : NULL,
                                       .userdata = s,
                               },
                               &answer, e);
        return r < 0 ? r : main_answer(json_pack("[o]", answer), "images", e);
}

static int remote_push(const struct remote_arguments *args, struct remote_setting *s,
                       struct err *e) {
        AUTO(image_store) struct image_store *store = NULL;
        json_t *answer = NULL;
        int r = image_store_open(args->store_dir, &store, e);

        if (r == 0)
                r = image_push(store,
                               &(struct image_push_options){
                                       .reference = args->operand,
                                       .to = args->to,
                                       .registries = &s->registries,
                                       .keyring = &s->keyring,
                                       .proxy = args->proxy,
                                       .stall_usec = (uint64_t) args->stall_sec * USEC_PER_SEC,
                                       .on_news = args->has_progress ? remote_tell : NULL,
                                       .userdata = s,
                               },
                               &answer, e);
        return r < 0 ? r : main_answer(json_pack("[o]", answer), "images", e);
}

static int remote_tags(const struct remote_arguments *args, const struct remote_setting *s,
                       struct err *e) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        AUTO(http) struct http *http = NULL;
        AUTO(remote) struct remote *remote = NULL;
        json_t *answer = NULL;
        int r = registries_name(&s->registries, args->operand, &ref, e);

        if (r == 0)
                r = http_new(&(struct http_options){ .proxy = args->proxy }, &http, e);
        if (r == 0)
                r = remote_new(&(struct remote_options){ .http = http,
                                                         .registries = &s->registries,
                                                         .keyring = &s->keyring },
                               &ref, &remote, e);
        if (r == 0)
                r = remote_tags_list(remote, &answer, e);
        return r < 0 ? r : main_answer(answer, "tags", e);
}

static int remote_verb(const struct remote_arguments *args, struct remote_setting *s,
                       struct err *e) {
        if (strcmp(args->verb, "pull") == 0)
                return remote_pull(args, s, e);
        if (strcmp(args->verb, "post") == 0)
                return main_post(args->operand, STDIN_FILENO, e);
        return strcmp(args->verb, "push") == 0 ? remote_push(args, s, e) : remote_tags(args, s, e);
}

int main_remote(int argc, char **argv) {
        AUTO_DONE(remote_setting) struct remote_setting setting = { 0 };
        struct remote_arguments args;
        struct err e = { 0 };
        int r = arguments_read(argc, argv, &args, &e);

        if (r == 0)
                r = setting_read(&args, &setting, &e);
        if (r == 0)
                r = remote_verb(&args, &setting, &e);
        if (r == 0)
                return 0;
        (void) fprintf(stderr, "%s %s\n", str_or_empty(strerrorname_np(-r)), err_text(&e));
        return 1;
}
