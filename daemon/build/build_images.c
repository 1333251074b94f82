/* The images that stages begin with or copy from. */
#include "daemon/build/build_images.h"

#include "api/text/text.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/distribution/platform.h"
#include "daemon/image/record.h"
#include "daemon/image/store.h"
#include "daemon/plan/build_retry.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUILD_RECORD_MAX (4U << 20)
#define BUILD_COMPLAINT_MAX 4096

/* ---- from registries ---- */

/* What orch-image says when it fails: its first line, into text. */
static int pull_wait(pid_t pid, int fd, char text[BUILD_COMPLAINT_MAX]) {
        size_t len = 0;
        int status = 0;
        ssize_t n;

        while (len < BUILD_COMPLAINT_MAX - 1 &&
               (n = read(fd, text + len, BUILD_COMPLAINT_MAX - 1 - len)) != 0) {
                if (n < 0 && errno != EINTR)
                        break;
                len += n > 0 ? (size_t) n : 0;
        }
        text[len] = '\0';
        text[strcspn(text, "\n")] = '\0';
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EREMOTEIO;
}

static void pull_exec(const struct builder *b, const struct build_image *image, int err) {
        const char *platform = image->platform ? image->platform : b->request.options.platform;
        const char *argv[16] = { "orch-image", "pull", "--store", b->config->store_dir };
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), auth = open(b->auth, O_RDONLY);
        char auth_text[16];
        size_t n = 4;

        if (auth >= 0) {
                (void) snprintf(auth_text, sizeof(auth_text), "%d", auth);
                argv[n++] = "--auth-fd";
                argv[n++] = auth_text;
        }

        if (b->config->registries_file) {
                argv[n++] = "--registries";
                argv[n++] = b->config->registries_file;
        }
        if (platform) {
                argv[n++] = "--platform";
                argv[n++] = platform;
        }
        argv[n++] = "--";
        argv[n++] = image->reference;
        /* Standard output is the build's own; nobody waits there for the pull's answer. */
        if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
            dup2(err, STDERR_FILENO) < 0)
                _exit(1);
        (void) execv(b->config->image_program, (char *const *) argv);
        _exit(127);
}

/* What registries say is parsed by orch-image, a process of its own, as everywhere. */
static int pull_once(struct builder *b, const struct build_image *image,
                     char complaint[BUILD_COMPLAINT_MAX]) {
        AUTO_CLOSE int read_end = -1;
        int fds[2];
        pid_t pid;

        (void) snprintf(complaint, BUILD_COMPLAINT_MAX, "cannot start orch-image");
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_end = fds[0];
        pid = fork();
        if (pid == 0)
                pull_exec(b, image, fds[1]);
        (void) close(fds[1]);
        return pid < 0 ? -errno : pull_wait(pid, read_end, complaint);
}

/* Nothing else goes on yet, so waiting may block. */
static int build_pull(struct builder *b, const struct build_image *image, struct image **ret,
                      struct err *e) {
        char complaint[BUILD_COMPLAINT_MAX];
        const char *words;

        if (!b->config->image_program)
                return err_set(e, -ENOENT, "image %s is not on this node: load it first",
                               image->reference);
        for (unsigned n_failures = 1;; n_failures++) {
                int r = pull_once(b, image, complaint);
                uint64_t wait_usec;

                if (r == 0)
                        return image_find(b->store, image->reference, ret, e);
                wait_usec = build_retry_wait(complaint, n_failures, &words);
                if (wait_usec == 0)
                        return err_set(e, r,
                                       "image %s is not on this node, and can't be pulled: %s",
                                       image->reference,
                                       words[0] ? words : "orch-image failed without a word");
                builder_tell_wait(image->reference, words, wait_usec);
                (void) usleep((useconds_t) wait_usec);
        }
}

/* ---- found ---- */

static int build_read_config(struct builder *b, const char *id, json_t **ret, struct err *e) {
        AUTO_FREE char *path = image_store_record_path(b->store, id), *text = NULL;
        json_t *root = NULL;
        size_t len = 0;
        int r = path ? file_read(path, BUILD_RECORD_MAX, &text, &len, e)
                     : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                r = text_read_json(text, len, BUILD_RECORD_MAX, &root, e);
        if (r < 0)
                return r;
        *ret = json_incref(json_object_get(root, "config"));
        json_decref(root);
        return *ret ? 0 : err_set(e, -EIO, "image %s is damaged; load it again", id);
}

/* Programs of another kind of machine can be copied, but not run. */
static int build_check_platform(struct builder *b, const struct build_image *image, struct err *e) {
        const char *text = image->platform               ? image->platform
                           : b->request.options.platform ? b->request.options.platform
                                                         : b->request.options.machine;
        struct platform want, have;
        int r = platform_parse(text, &want, e);

        if (r < 0)
                return r;
        platform_set(&have, json_string_value(json_object_get(image->config, "os")),
                     json_string_value(json_object_get(image->config, "architecture")),
                     json_string_value(json_object_get(image->config, "variant")));
        return platform_fit(&want, &have) > 0
                       ? 0
                       : err_set(e, -EINVAL, "image %s on this node is not for %s: load that one",
                                 image->reference, text);
}

int build_find_image(struct builder *b, struct build_image *image, struct err *e) {
        AUTO(image) struct image *found = NULL;
        struct err why = { 0 };
        int r = image_find(b->store, image->reference, &found, &why);

        if (r == -ENOENT)
                r = build_pull(b, image, &found, &why);
        if (r < 0)
                return err_set(e, r, "%s:%u:%u: %s",
                               b->request.file ? b->request.file : "Dockerfile", image->place.line,
                               image->place.column, err_text(&why));
        image->id = strdup(found->id);
        if (!image->id)
                return err_set(e, -ENOMEM, "out of memory");
        r = build_read_config(b, image->id, &image->config, e);
        return r < 0 ? r : build_check_platform(b, image, e);
}
