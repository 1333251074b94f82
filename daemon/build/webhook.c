#include "daemon/build/webhook.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WEBHOOK_WORDS_MAX 512

static char *webhook_text(const struct builder *b, const char *message) {
        json_t *names = json_array(), *root;
        char now[32], *text;

        (void) clock_format(clock_wall_usec(), now);
        for (size_t i = 0; i < b->request.n_tags; i++)
                (void) json_array_append_new(names, json_string(b->request.tags[i]));
        root = json_pack("{s:s, s:s*, s:o, s:s*, s:s, s:s}", "event", "BuildFailed", "node",
                         b->config->node_name, "names", names, "file", b->request.file, "message",
                         message, "time", now);
        text = root ? json_dumps(root, JSON_COMPACT) : NULL;
        json_decref(root);
        return text;
}

static void webhook_exec(const struct builder *b, int body, int err) {
        const char *argv[] = { "orch-image", "post", "--", b->config->webhook, NULL };
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (dup2(body, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
            dup2(err, STDERR_FILENO) < 0)
                _exit(1);
        (void) execv(b->config->image_program, (char *const *) argv);
        _exit(127);
}

/* Returns whether it came there; words: else why. */
static bool webhook_post(const struct builder *b, int body, char words[WEBHOOK_WORDS_MAX]) {
        AUTO_CLOSE int err = memfd_create("orch-webhook", MFD_CLOEXEC);
        int status = 0;
        ssize_t n;
        pid_t pid = err < 0 ? -1 : fork();

        if (pid == 0)
                webhook_exec(b, body, err);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return true;
        n = pid > 0 ? pread(err, words, WEBHOOK_WORDS_MAX - 1, 0) : 0;
        words[n > 0 ? (size_t) n : 0] = '\0';
        words[strcspn(words, "\n")] = '\0';
        return false;
}

void build_webhook_tell(const struct builder *b, struct err *e) {
        AUTO_CLOSE int body = -1;
        AUTO_FREE char *text = NULL, *own = NULL;
        char words[WEBHOOK_WORDS_MAX] = "";
        const char *space;

        if (!b->config->webhook || !b->config->image_program)
                return;
        text = webhook_text(b, err_text(e));
        own = strdup(err_text(e));
        body = memfd_create("orch-webhook", MFD_CLOEXEC);
        if (text && own && body >= 0 && fd_write_all(body, text, strlen(text)) == 0 &&
            lseek(body, 0, SEEK_SET) == 0 && webhook_post(b, body, words))
                return;
        /* "ECONNREFUSED words" */
        space = strchr(words, ' ');
        (void) err_set(e, e->code, "%s (and the webhook %s was not told: %s)", str_or_empty(own),
                       b->config->webhook, space ? space + 1 : "orch-image failed");
}
