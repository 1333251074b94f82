#include "cli/image.h"

#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/progress.h"
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TAR_TYPE "application/x-tar"
#define KIB 1024.0

struct image_args {
        const char *name, *node, *config;
        bool is_quiet;
};

static const struct option image_load_options[] = {
        OPTION_OF_TEXT(struct image_args, name, 0, "name", "REFERENCE",
                       "name to give; else the archive's own"),
        OPTION_OF_TEXT(struct image_args, node, 0, "node", "NAME",
                       "on this node only; else on every node"),
        OPTION_OF_FLAG(struct image_args, is_quiet, 'q', "quiet", "print nothing"),
};

static const struct option image_import_options[] = {
        OPTION_OF_TEXT(struct image_args, node, 0, "node", "NAME",
                       "on this node only; else on every node"),
        OPTION_OF_TEXT(struct image_args, config, 0, "config", "JSON",
                       "the image's configuration: {\"Cmd\":[\"sh\"]}"),
        OPTION_OF_FLAG(struct image_args, is_quiet, 'q', "quiet", "print nothing"),
};

static const struct option image_node_options[] = {
        OPTION_OF_TEXT(struct image_args, node, 0, "node", "NAME",
                       "on this node only; else on every node"),
};

/* ---- nodes ---- */

int image_nodes(struct session *s, const char *node, json_t **ret, struct err *e) {
        struct fetch f = { .kind = &node_kind };
        json_t *list = NULL, *item, *names = json_array();
        size_t i;
        int r = names ? 0 : err_errno(e, -ENOMEM, "cannot list nodes");

        if (r == 0 && node)
                r = json_array_append_new(names, json_string(node));
        else if (r == 0)
                r = fetch_list(s, &f, &list, e);
        json_array_foreach(json_object_get(list, "items"), i, item) {
                (void) json_array_append(
                        names, json_object_get(json_object_get(item, "metadata"), "name"));
        }
        json_decref(list);
        if (r == 0 && json_array_size(names) == 0)
                r = err_set(e, -ENOENT, "the cluster has no nodes yet; is \"orchd node\" running?");
        if (r < 0) {
                json_decref(names);
                return r;
        }
        *ret = names;
        return 0;
}

char *image_path(const char *node, const char *reference) {
        AUTO_FREE char *base = client_path(&(struct client_target){ .group = "orch.dev",
                                                                    .version = "v1",
                                                                    .resource = "nodes",
                                                                    .name = node,
                                                                    .subresource = "images" });
        AUTO_FREE char *query = NULL;

        if (!base || !reference)
                return STEAL(base);
        /* The reference may have slashes; they are encoded, so that it stays one part. */
        query = strdup("");
        if (client_path_query(&query, "", reference) < 0)
                return NULL;
        return str_format("%s/%s", base, query + strlen("?="));
}

/* ---- upload ---- */

struct upload {
        int fd;
        pid_t tar; /* 0: none */
        int64_t total, sent;
        struct progress progress;
};

static void say_progress(struct upload *u) {
        char text[128];
        double mib = (double) u->sent / KIB / KIB;

        if (u->total > 0) {
                int filled = (int) (20 * u->sent / u->total);

                (void) snprintf(text, sizeof(text), "[%.*s%*s] %.1f of %.1f MiB", filled,
                                "####################", 20 - filled, "", mib,
                                (double) u->total / KIB / KIB);
        } else {
                (void) snprintf(text, sizeof(text), "%.1f MiB sent", mib);
        }
        progress_set(&u->progress, u->sent == u->total ? "unpacking" : text);
        progress_tick(&u->progress);
}

static ssize_t upload_read(void *data, void *buf, size_t cap) {
        struct upload *u = data;
        ssize_t n;

        do
                n = read(u->fd, buf, cap);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        u->sent += n;
        say_progress(u);
        return n;
}

/* A layout directory goes through tar: one program that every machine with images has. */
static int upload_open_dir(const char *path, struct upload *u, struct err *e) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot pack %s", path);
        u->tar = fork();
        if (u->tar == 0) {
                (void) dup2(fds[1], STDOUT_FILENO);
                (void) execlp("tar", "tar", "-C", path, "-cf", "-", ".", (char *) NULL);
                _exit(127);
        }
        (void) close(fds[1]);
        u->fd = fds[0];
        return u->tar < 0 ? err_errno(e, -errno, "cannot pack %s", path) : 0;
}

static int upload_open(const char *path, struct upload *u, struct err *e) {
        struct stat st;

        u->total = -1;
        if (str_eq(path, "-")) {
                u->fd = STDIN_FILENO;
                return 0;
        }
        u->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (u->fd < 0 || fstat(u->fd, &st) < 0)
                return err_errno(e, -errno, "cannot open %s", path);
        if (S_ISDIR(st.st_mode)) {
                (void) close(u->fd);
                return upload_open_dir(path, u, e);
        }
        if (S_ISREG(st.st_mode))
                u->total = st.st_size;
        return 0;
}

/* Returns 0, or what tar failed with. */
static int upload_close(struct upload *u, struct err *e) {
        int status = 0;

        progress_done(&u->progress);
        if (u->fd > STDIN_FILENO)
                (void) close(u->fd);
        if (u->tar <= 0)
                return 0;
        if (waitpid(u->tar, &status, 0) < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
                return err_set(e, -ENOENT,
                               "the program tar is missing; pack the directory yourself: tar -cf "
                               "image.tar -C DIR .");
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return err_set(e, -EIO, "tar could not read the directory");
        return 0;
}

static void print_loaded(const json_t *answer, const char *node, bool has_many) {
        const json_t *image, *name;
        size_t i, n;

        json_array_foreach(json_object_get(answer, "images"), i, image) {
                json_array_foreach(json_object_get(image, "names"), n, name)
                        (void) printf("Loaded image: %s%s%s\n",
                                      str_or_empty(json_string_value(name)), has_many ? " on " : "",
                                      has_many ? node : "");
        }
}

/* What goes to each node. */
struct upload_plan {
        const char *verb, *file;
        const struct image_args *args;
        bool has_many; /* nodes */
};

static int upload_to(struct session *s, const char *node, const struct upload_plan *plan,
                     struct err *e) {
        struct upload u = { .fd = -1 };
        struct client_source source = { .read = upload_read, .data = &u };
        AUTO_DONE(reply) struct reply reply = { .fd = -1 };
        AUTO_FREE char *path = image_path(node, NULL);
        struct err why = { 0 };
        int r = upload_open(plan->file, &u, e), closed;

        progress_init(&u.progress, s);
        (void) client_path_query(&path, "name", plan->args->name);
        (void) client_path_query(&path, "config", plan->args->config);
        if (str_eq(plan->verb, "import"))
                (void) client_path_query(&path, "import", "true");
        source.len = u.total;
        if (r == 0 && !path)
                r = err_errno(e, -ENOMEM, "cannot send the image");
        if (r == 0)
                r = session_call(s,
                                 &(struct client_request){ .method = CLIENT_POST,
                                                           .path = path,
                                                           .content_type = TAR_TYPE,
                                                           .source = &source },
                                 &reply, e);
        closed = upload_close(&u, &why);
        if (closed < 0)
                return err_set(e, closed, "%s", why.text);
        if (r == 0 && !plan->args->is_quiet)
                print_loaded(reply.json, node, plan->has_many);
        return r;
}

static int upload_run(struct session *s, const char *verb, const char *file,
                      const struct image_args *a, struct err *e) {
        struct upload_plan plan = { .verb = verb, .file = file, .args = a };
        json_t *nodes = NULL, *node;
        size_t i;
        int r = image_nodes(s, a->node, &nodes, e);

        plan.has_many = json_array_size(nodes) > 1;
        if (r == 0 && plan.has_many && str_eq(file, "-")) {
                json_decref(nodes);
                return session_usage(s, e,
                                     "standard input can be sent to one node only: add --node");
        }
        json_array_foreach(nodes, i, node) {
                if (r == 0)
                        r = upload_to(s, json_string_value(node), &plan, e);
        }
        json_decref(nodes);
        return r;
}

static int load_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        if (words->n != 1)
                return session_usage(
                        s, e, "name one archive, layout directory or -: orch image load FILE");
        return upload_run(s, "load", words->items[0], raw, e);
}

static int import_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        struct image_args a = *(const struct image_args *) raw;

        if (words->n != 2)
                return session_usage(
                        s, e,
                        "give a tar of a root file system and a name: orch image import FILE NAME");
        a.name = words->items[1];
        return upload_run(s, "import", words->items[0], &a, e);
}

char *image_format_size(int64_t bytes, char buf[IMAGE_SIZE_MAX]) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double value = (double) bytes;
        size_t i = 0;

        while (value >= KIB && i + 1 < ARRAY_SIZE(units)) {
                value /= KIB;
                i++;
        }
        (void) snprintf(buf, IMAGE_SIZE_MAX, i && value < 100 ? "%.1f %s" : "%.0f %s", value,
                        units[i]);
        return buf;
}

/* ---- remove ---- */

static int remove_run(struct session *s, const void *raw, const struct words *words,
                      struct err *e) {
        const struct image_args *a = raw;
        json_t *nodes = NULL, *node;
        size_t i;
        int r;

        if (words->n == 0)
                return session_usage(s, e, "name the images to remove");
        r = image_nodes(s, a->node, &nodes, e);
        for (size_t w = 0; w < words->n && r == 0; w++) {
                json_array_foreach(nodes, i, node) {
                        if (r == 0)
                                r = session_delete(
                                        s, image_path(json_string_value(node), words->items[w]),
                                        NULL, NULL, e);
                }
                if (r == 0)
                        (void) printf("Removed image: %s\n", words->items[w]);
        }
        json_decref(nodes);
        return r;
}

static const struct command load_command = {
        .name = "load",
        .usage = "image load FILE|DIRECTORY|- [--name REFERENCE]",
        .summary = "Take an image in: OCI archive, OCI layout directory, docker save",
        .options = image_load_options,
        .n_options = ARRAY_SIZE(image_load_options),
        .args_size = sizeof(struct image_args),
        .run = load_run,
};

static const struct command import_command = {
        .name = "import",
        .usage = "image import FILE|- REFERENCE",
        .summary = "Make an image from a root file system's tar",
        .options = image_import_options,
        .n_options = ARRAY_SIZE(image_import_options),
        .args_size = sizeof(struct image_args),
        .run = import_run,
};

static const struct command remove_command = {
        .name = "rm",
        .usage = "image rm REFERENCE...",
        .summary = "Remove images",
        .options = image_node_options,
        .n_options = ARRAY_SIZE(image_node_options),
        .args_size = sizeof(struct image_args),
        .run = remove_run,
};

static const struct command *const image_commands[] = { &image_pull_command,
                                                        &image_push_command,
                                                        &load_command,
                                                        &import_command,
                                                        &image_list_command,
                                                        &remove_command,
                                                        &image_save_command,
                                                        &image_tag_command,
                                                        &image_inspect_command,
                                                        &image_history_command,
                                                        &image_prune_command,
                                                        &image_pin_command,
                                                        &image_unpin_command,
                                                        &image_check_command,
                                                        &image_mount_command,
                                                        &image_unmount_command,
                                                        NULL };

const struct command image_command = {
        .name = "image",
        .usage = "image pull|push|load|import|ls|rm|save|tag|inspect|history|prune|pin|unpin|check|"
                 "mount|unmount ...",
        .summary = "Manage the images of the nodes",
        .subcommands = image_commands,
};
