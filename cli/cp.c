/* Copies through tar in the container, as kubectl does: it needs nothing else there. */
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "cli/commands.h"
#include "cli/fetch.h"
#include "cli/pods.h"
#include "cli/remote.h"
#include "cli/session.h"
#include "cli/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct cp_args {
        const char *container;
        bool is_not_preserving;
};

static const struct option cp_options[] = {
        OPTION_OF_TEXT(struct cp_args, container, 'c', "container", "NAME", "of this container"),
        OPTION_OF_FLAG(struct cp_args, is_not_preserving, 0, "no-preserve",
                       "leave owner and mode of the files behind"),
};

/* "[NAMESPACE/]POD:PATH" or a path of this machine. */
struct place {
        char *namespace_, *pod; /* owned; pod NULL: this machine */
        char *path;             /* owned; without slashes at its end */
};

static void place_done(struct place *p) {
        free(p->namespace_);
        free(p->pod);
        free(p->path);
}
DEFINE_AUTO_DONE(place);

static int place_parse(const char *text, struct place *ret, struct err *e) {
        const char *colon = strchr(text, ':'), *slash = memchr(text, '/', strcspn(text, ":"));
        const char *path = colon ? colon + 1 : text;
        size_t len;

        if (!colon || text[0] == '/' || text[0] == '.') {
                path = text;
        } else {
                const char *pod = slash ? slash + 1 : text;

                if (colon == pod || memchr(pod, '/', (size_t) (colon - pod)))
                        return err_set(e, -EINVAL, "write [NAMESPACE/]POD:PATH instead of %s",
                                       text);
                ret->pod = strndup(pod, (size_t) (colon - pod));
                ret->namespace_ = slash ? strndup(text, (size_t) (slash - text)) : NULL;
        }
        len = strlen(path);
        while (len > 1 && path[len - 1] == '/')
                len--;
        ret->path = strndup(path, len);
        if (len == 0)
                return err_set(e, -EINVAL, "%s names no path", text);
        return ret->path ? 0 : -ENOMEM;
}

/* The last part of a path; the folder before it: the caller's. */
static const char *path_split(const char *path, char **ret_folder) {
        const char *slash = strrchr(path, '/');

        if (ret_folder)
                *ret_folder = !slash          ? strdup(".")
                              : slash == path ? strdup("/")
                                              : strndup(path, (size_t) (slash - path));
        if (slash && slash[1] == '\0')
                return "."; /* "/" */
        return slash ? slash + 1 : path;
}

/* What runs in the container. */
struct command_line {
        struct session *session;
        const json_t *pod;
        const char *container;
};

/* Returns its exit code, or a negative errno. */
static int run(const struct command_line *c, const struct remote_streams *streams,
               const char *const *words, struct err *e) {
        AUTO_FREE char *path = remote_path(c->session, c->pod, c->container, "exec", streams);

        for (; *words; words++)
                (void) client_path_query(&path, "command", *words);
        return path ? remote_run(c->session, path, streams, e)
                    : err_errno(e, -ENOMEM, "cannot copy");
}

static int tar_failed(int code, struct err *e) {
        return err_set(e, -EIO, "tar in the container ended with exit code %d", code);
}

/* Waits for the process that packs or unpacks; it has said itself what was wrong. */
static int child_wait(pid_t pid, struct err *e) {
        int status = 0;

        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return err_set(e, -EIO, "the copy is not complete");
        return 0;
}

static void child_end(int r, const struct err *e) {
        if (r < 0)
                (void) fprintf(stderr, "orch: %s\n", err_text(e));
        (void) fflush(stderr);
        _exit(r < 0);
}

/* ---- there ---- */

static int upload(const struct command_line *c, const struct cp_args *a, const char *from,
                  const char *to, struct err *e) {
        const struct remote_streams silent = { .in = -1, .out = -1, .err = -1 };
        const char *const test[] = { "test", "-d", to, NULL };
        AUTO_FREE char *inside = NULL, *folder = NULL;
        AUTO_CLOSE int in = -1;
        struct remote_streams streams = { .out = -1, .err = STDERR_FILENO };
        const char *name;
        int fds[2], r = run(c, &silent, test, e);
        pid_t pid;

        if (r < 0)
                return r;
        inside = r == 0 ? str_format("%s/%s", to, path_split(from, NULL)) : strdup(to);
        name = inside ? path_split(inside, &folder) : NULL;
        if (!name || !folder)
                return err_errno(e, -ENOMEM, "cannot copy");
        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        pid = fork();
        if (pid == 0) {
                struct err e2 = { 0 };

                (void) close(fds[0]);
                (void) signal(SIGPIPE, SIG_DFL); /* tar over there ended: it has said why */
                child_end(tar_pack(fds[1], from, name, &e2), &e2);
        }
        streams.in = in = fds[0];
        (void) close(fds[1]);
        if (pid < 0)
                return err_errno(e, -errno, "cannot start a process");
        r = run(c, &streams,
                (const char *const[]){ "tar", "-xmf", "-", "-C", folder,
                                       a->is_not_preserving ? "--no-same-owner" : NULL,
                                       "--no-same-permissions", NULL },
                e);
        (void) close(STEAL_FD(in)); /* so that a child which still writes ends */
        if (r < 0) {
                (void) waitpid(pid, NULL, 0);
                return r;
        }
        if (r > 0) {
                (void) waitpid(pid, NULL, 0);
                return tar_failed(r, e);
        }
        return child_wait(pid, e);
}

/* ---- and back ---- */

static int download(const struct command_line *c, const char *from, const char *to, struct err *e) {
        AUTO_FREE char *folder = NULL;
        const char *name = path_split(from, &folder);
        AUTO_CLOSE int out = -1;
        struct remote_streams streams = { .in = -1, .err = STDERR_FILENO };
        int fds[2], r, code;
        pid_t pid;

        if (!folder)
                return err_errno(e, -ENOMEM, "cannot copy");
        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot make a pipe");
        pid = fork();
        if (pid == 0) {
                struct err e2 = { 0 };

                (void) close(fds[1]);
                r = tar_unpack(fds[0], to, &e2);
                if (r == -ENOENT) /* tar over there has said why */
                        _exit(1);
                child_end(r, &e2);
        }
        streams.out = out = fds[1];
        (void) close(fds[0]);
        if (pid < 0)
                return err_errno(e, -errno, "cannot start a process");
        code = run(c, &streams, (const char *const[]){ "tar", "cf", "-", "-C", folder, name, NULL },
                   e);
        (void) close(STEAL_FD(out));
        r = child_wait(pid, code < 0 ? NULL : e);
        if (code < 0)
                return code;
        return code > 0 ? tar_failed(code, e) : r;
}

static int cp_places(struct session *s, const struct cp_args *a, const struct place *from,
                     const struct place *to, struct err *e) {
        const struct place *there = from->pod ? from : to;
        struct command_line c = { .session = s };
        json_t *pod = NULL;
        int r = fetch_object(s, &pod_kind, there->namespace_, there->pod, &pod, e);

        c.pod = pod;
        if (r == 0)
                r = pods_container(pod, a->container, &c.container, e);
        if (r == 0 && from->pod)
                r = download(&c, from->path, to->path, e);
        else if (r == 0)
                r = upload(&c, a, from->path, to->path, e);
        json_decref(pod);
        return r;
}

static int cp_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_DONE(place) struct place from = { 0 }, to = { 0 };
        struct stat st;
        int r;

        if (words->n != 2)
                return session_usage(s, e, "name two places: orch cp FILE POD:PATH, or back");
        r = place_parse(words->items[0], &from, e);
        if (r == 0)
                r = place_parse(words->items[1], &to, e);
        if (r < 0)
                return session_usage(s, e, "%s", err_text(e));
        if (!from.pod == !to.pod)
                return session_usage(
                        s, e, "one of both is of a pod, POD:PATH, the other of this machine");
        if (!from.pod && lstat(from.path, &st) < 0)
                return err_errno(e, -errno, "cannot read %s", from.path);
        (void) signal(SIGPIPE, SIG_IGN); /* a child that has ended is told by its exit code */
        return cp_places(s, raw, &from, &to, e);
}

const struct command cp_command = {
        .name = "cp",
        .usage = "cp FILE POD:PATH | POD:PATH FILE [-c CONTAINER]",
        .summary = "Copy files and folders to and from a container",
        .details = "The container needs tar. Links are not copied from a container.\n\n"
                   "  orch cp settings.json web-1:/etc/app/\n  orch cp web-1:/var/log ./log\n",
        .options = cp_options,
        .n_options = ARRAY_SIZE(cp_options),
        .args_size = sizeof(struct cp_args),
        .run = cp_run,
};
