/* orch build: reads the Dockerfile, tells all that is wrong with it, sends the context to a node
 * and shows what becomes of it. */
#include "api/dockerfile/build_wire.h"
#include "api/dockerfile/dockerfile.h"
#include "api/kinds/node.h"
#include "api/kinds/object.h"
#include "api/schema/quantity.h"
#include "base/clock.h"
#include "base/fd.h"
#include "cli/build_output.h"
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/fetch.h"
#include "cli/image.h"
#include "cli/pack.h"
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

struct build_args {
        const char *file, *target, *platform, *network, *memory, *cpu, *node, *creds, *auth_file,
                *output;
        struct option_texts tags, args, secrets;
        bool has_no_cache, is_quiet;
};

static const char *const build_networks[] = { "default", "none", NULL };

static const struct option build_options[] = {
        OPTION_OF_TEXT(struct build_args, file, 'f', "file", "FILE",
                       "the Dockerfile; else CONTEXT/Dockerfile"),
        OPTION_OF_TEXTS(struct build_args, tags, 't', "tag", "NAME",
                        "name of the image: web:1.2; may be given again"),
        OPTION_OF_TEXT(struct build_args, target, 0, "target", "STAGE",
                       "stage to build; else the last"),
        OPTION_OF_TEXTS(struct build_args, args, 0, "build-arg", "NAME[=VALUE]",
                        "value of an ARG; else the environment's"),
        OPTION_OF_FLAG(struct build_args, has_no_cache, 0, "no-cache", "carry out every step anew"),
        OPTION_OF_TEXT(struct build_args, platform, 0, "platform", "OS/ARCH",
                       "what the image is for; else the node's"),
        OPTION_OF_TEXTS(struct build_args, secrets, 0, "secret", "id=NAME,src=FILE",
                        "file for RUN --mount=type=secret"),
        OPTION_OF_TEXT(struct build_args, creds, 0, "creds", "USER:PASSWORD",
                       "what the registries of FROM ask for"),
        OPTION_OF_TEXT(struct build_args, auth_file, 0, "auth-file", "FILE",
                       "credentials for FROM in Docker's format"),
        OPTION_OF_CHOICE(struct build_args, network, 0, "network", "MODE",
                         "none: RUN steps have no network", .values = build_networks),
        OPTION_OF_TEXT(struct build_args, memory, 0, "memory", "QUANTITY",
                       "most memory of a RUN step: 512Mi"),
        OPTION_OF_TEXT(struct build_args, cpu, 0, "cpu", "QUANTITY",
                       "most processor time of a RUN step: 500m"),
        OPTION_OF_TEXT(struct build_args, node, 0, "node", "NAME",
                       "where to build; needed where there are several nodes"),
        OPTION_OF_TEXT(struct build_args, output, 'o', "output", "type=oci|docker,dest=FILE",
                       "write the image into an archive, too; -: standard output"),
        OPTION_OF_FLAG(struct build_args, is_quiet, 'q', "quiet", "print the image's ID alone"),
};

struct build {
        struct session *session;
        const struct build_args *args;
        const char *context;
        char *path, *text; /* of the Dockerfile */
        size_t len;
        struct ignore ignore;
        struct build_output output;
        json_t *request;
        char *node, *auth;
        /* The upload: a child packs. */
        int fd;
        pid_t packer;
        /* The answer. */
        bool is_done, has_failed;
        int result;
        char id[80];
        struct err why;
};

/* ---- what is read here ---- */

static bool print_findings(struct diags *d) {
        bool is_wrong = d->n_errors > 0;

        for (size_t i = 0; i < d->n; i++) {
                AUTO_FREE char *line = diag_format(&d->items[i]);

                (void) fprintf(stderr, "%s: %s\n",
                               d->items[i].severity == DIAG_ERROR ? "error" : "warning",
                               str_or_empty(line));
        }
        diags_done(d);
        return is_wrong;
}

static int build_read_file(struct build *b, struct err *e) {
        AUTO(dockerfile) struct dockerfile *f = NULL;
        struct diags d = { 0 };
        int r;

        b->path = b->args->file ? strdup(b->args->file) : str_format("%s/Dockerfile", b->context);
        if (!b->path)
                return err_set(e, -ENOMEM, "out of memory");
        r = file_read(b->path, DOCKERFILE_BYTES_MAX, &b->text, &b->len, e);
        if (r < 0) {
                b->session->exit_code = EXIT_MANIFEST;
                return b->args->file ? r
                                     : err_wrap(e, r, "no Dockerfile in %s; name one with -f",
                                                b->context);
        }
        r = dockerfile_parse(b->text, b->len, b->path, &f, &d);
        if (print_findings(&d) || r < 0) {
                b->session->exit_code = EXIT_MANIFEST;
                e->text[0] = '\0'; /* told already */
                return r;
        }
        return 0;
}

/* FILE.dockerignore goes before CONTEXT/.dockerignore. */
static int build_read_ignore(struct build *b, struct err *e) {
        AUTO_FREE char *own = str_format("%s.dockerignore", b->path), *text = NULL;
        AUTO_FREE char *general = str_format("%s/.dockerignore", b->context);
        struct diags d = { 0 };
        const char *path = own;
        size_t len = 0;
        int r;

        if (!own || !general)
                return err_set(e, -ENOMEM, "out of memory");
        if (access(own, F_OK) < 0)
                path = general;
        if (access(path, F_OK) < 0)
                return 0;
        r = file_read(path, IGNORE_BYTES_MAX, &text, &len, e);
        if (r < 0)
                return r;
        r = ignore_parse(text, len, path, &b->ignore, &d);
        if (print_findings(&d) || r < 0) {
                b->session->exit_code = EXIT_MANIFEST;
                e->text[0] = '\0';
                return r;
        }
        return 0;
}

/* ---- the request ---- */

static int request_quantity(struct build *b, const char *key, const char *text, bool is_milli,
                            struct err *e) {
        struct quantity q;

        if (!text)
                return 0;
        if (quantity_parse(text, &q) < 0 || q.milli <= 0)
                return session_usage(b->session, e, "\"%s\" is no quantity: write 512Mi or 500m",
                                     text);
        return json_object_set_new(b->request, key,
                                   json_integer(is_milli ? q.milli : quantity_value(q)));
}

static int request_args(struct build *b, struct err *e) {
        json_t *args = json_object();
        int r = args ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < b->args->args.n; i++) {
                const char *text = b->args->args.items[i], *equals = strchr(text, '=');
                AUTO_FREE char *name = equals ? strndup(text, (size_t) (equals - text)) : NULL;
                const char *value = equals ? equals + 1 : getenv(text);

                /* Without a value the environment's; where that has none, the file's default. */
                if (value && json_object_set_new(args, name ? name : text, json_string(value)) < 0)
                        r = session_usage(b->session, e, "--build-arg %s is no UTF-8 text", text);
        }
        if (r == 0)
                r = json_object_set(b->request, BUILD_WIRE_ARGS, args);
        json_decref(args);
        return r;
}

static int request_epoch(struct build *b, struct err *e) {
        const char *text = json_string_value(
                json_object_get(json_object_get(b->request, BUILD_WIRE_ARGS), "SOURCE_DATE_EPOCH"));
        int64_t epoch;

        if (!text)
                text = getenv("SOURCE_DATE_EPOCH");
        if (str_is_empty(text))
                return 0;
        if (str_to_int64(text, 0, INT32_MAX * 16LL, &epoch) < 0)
                return session_usage(b->session, e,
                                     "SOURCE_DATE_EPOCH=%s is no number of seconds since 1970",
                                     text);
        return json_object_set_new(b->request, BUILD_WIRE_EPOCH, json_integer(epoch));
}

static int build_make_request(struct build *b, struct err *e) {
        const struct build_args *a = b->args;
        json_t *tags = json_array();
        int r;

        b->request =
                json_pack("{s:s, s:s*, s:s*, s:b, s:s*}", BUILD_WIRE_NAME, b->path,
                          BUILD_WIRE_TARGET, a->target, BUILD_WIRE_PLATFORM, a->platform,
                          BUILD_WIRE_NO_CACHE, a->has_no_cache, BUILD_WIRE_NETWORK, a->network);
        for (size_t i = 0; i < a->tags.n; i++)
                (void) json_array_append_new(tags, json_string(a->tags.items[i]));
        r = b->request ? json_object_set_new(b->request, BUILD_WIRE_TAGS, tags) : -ENOMEM;
        if (r == 0)
                r = request_args(b, e);
        if (r == 0)
                r = request_epoch(b, e);
        if (r == 0)
                r = request_quantity(b, BUILD_WIRE_MEMORY, a->memory, false, e);
        if (r == 0)
                r = request_quantity(b, BUILD_WIRE_CPU, a->cpu, true, e);
        if (r == -ENOMEM || r == -1)
                return err_set(e, -ENOMEM, "out of memory");
        return r;
}

/* The node that was named, or the only one. */
static int build_find_node(struct build *b, struct err *e) {
        struct fetch f = { .kind = &node_kind };
        json_t *list = NULL, *items;
        const char *name;
        int r;

        if (b->args->node) {
                b->node = strdup(b->args->node);
                return b->node ? 0 : err_set(e, -ENOMEM, "out of memory");
        }
        r = fetch_list(b->session, &f, &list, e);
        if (r < 0)
                return r;
        items = json_object_get(list, "items");
        name = json_string_value(
                json_object_get(json_object_get(json_array_get(items, 0), "metadata"), "name"));
        if (json_array_size(items) > 1)
                r = session_usage(b->session, e,
                                  "there are several nodes: say where to build with "
                                  "--node NAME");
        else if (!name)
                r = err_set(e, -ENOENT, "the cluster has no nodes yet; is \"orchd node\" running?");
        else if (!(b->node = strdup(name)))
                r = err_set(e, -ENOMEM, "out of memory");
        json_decref(list);
        return r;
}

/* ---- the upload ---- */

static int build_start_packer(struct build *b, struct err *e) {
        const struct pack pack = {
                .request = b->request,
                .file_text = b->text,
                .file_len = b->len,
                .context = b->context,
                .ignore = &b->ignore,
                .secrets = b->args->secrets.items,
                .n_secrets = b->args->secrets.n,
                .auth = b->auth,
        };
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_errno(e, -errno, "cannot pack the context");
        (void) fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
        b->packer = fork();
        if (b->packer == 0) {
                struct err why = { 0 };

                (void) close(fds[0]);
                (void) signal(SIGPIPE, SIG_DFL);
                if (pack_write(&pack, fds[1], &why) == 0)
                        _exit(0);
                (void) fprintf(stderr, "error: %s\n", err_text(&why));
                _exit(1);
        }
        (void) close(fds[1]);
        b->fd = fds[0];
        return b->packer < 0 ? err_errno(e, -errno, "cannot pack the context") : 0;
}

static ssize_t packed_read(void *data, void *buf, size_t cap) {
        struct build *b = data;
        int status = 0;
        ssize_t n;

        do
                n = read(b->fd, buf, cap);
        while (n < 0 && errno == EINTR);
        if (n != 0)
                return n < 0 ? -errno : n;
        /* A context that isn't whole must not be taken for one. */
        while (waitpid(b->packer, &status, 0) < 0 && errno == EINTR)
                ;
        b->packer = 0;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

/* ---- the answer ---- */

static void show_log(const char *text) {
        while (*text) {
                size_t len = strcspn(text, "\n");

                (void) fprintf(stderr, "   %.*s\n", (int) len, text);
                text += len + (text[len] ? 1 : 0);
        }
}

static void show_step(const json_t *line, const char *state) {
        const char *stage = str_or_empty(json_string_value(json_object_get(line, "stage")));
        const char *title = str_or_empty(json_string_value(json_object_get(line, "title")));
        long long step = json_integer_value(json_object_get(line, "step"));
        long long of = json_integer_value(json_object_get(line, "of"));

        if (str_eq(state, BUILD_STATE_DONE))
                (void) fprintf(stderr, "[%s %lld/%lld] done in %.2f s\n", stage, step, of,
                               json_number_value(json_object_get(line, "seconds")));
        else if (str_eq(state, BUILD_STATE_STARTED))
                (void) fprintf(stderr, "[%s %lld/%lld] %s\n", stage, step, of, title);
        else
                (void) fprintf(stderr, "[%s %lld/%lld] %s %s\n", stage, step, of, state, title);
}

static void show_image(struct build *b, const json_t *image) {
        const json_t *names = json_object_get(image, "names"), *name;
        FILE *to = str_eq(b->output.dest, "-") ? stderr : stdout;
        size_t i;

        (void) snprintf(b->id, sizeof(b->id), "%s",
                        str_or_empty(json_string_value(json_object_get(image, "id"))));
        if (b->args->is_quiet) {
                (void) fprintf(to, "%s\n", b->id);
                return;
        }
        json_array_foreach(names, i, name) {
                (void) fprintf(to, "Built image: %s\n", str_or_empty(json_string_value(name)));
        }
        if (json_array_size(names) == 0)
                (void) fprintf(to, "Built %s; it was not kept: give it a name with -t\n", b->id);
}

static void on_line(void *data, const char *text, size_t len) {
        struct build *b = data;
        json_t *line = json_loadb(text, len, 0, NULL);
        const char *state = json_string_value(json_object_get(line, "state"));
        const char *log = json_string_value(json_object_get(line, "log"));

        if (str_eq(json_string_value(json_object_get(line, "kind")), "Status"))
                b->result = client_status_parse(text, len, NULL, &b->why);
        else if (json_object_get(line, "image"))
                show_image(b, json_object_get(line, "image"));
        else if (log && !b->args->is_quiet)
                show_log(log);
        else if (state && !b->args->is_quiet)
                show_step(line, state);
        json_decref(line);
}

static void on_done(void *data, const struct client_answer *a) {
        struct build *b = data;
        int r = client_answer_check(a, &b->session->reason, b->why.code ? NULL : &b->why);

        if (b->result == 0)
                b->result = r;
        b->is_done = true;
}

static int build_call(struct build *b, struct err *e) {
        static const struct client_handlers handlers = { .on_done = on_done, .on_line = on_line };
        const struct client_source source = { .read = packed_read, .data = b, .len = -1 };
        AUTO_FREE char *path = client_path(&(struct client_target){ .group = "orch.dev",
                                                                    .version = "v1",
                                                                    .resource = "nodes",
                                                                    .name = b->node,
                                                                    .subresource = "builds" });
        int r = path ? session_connect(b->session, e) : err_set(e, -ENOMEM, "out of memory");

        if (r == 0)
                r = client_start(b->session->client,
                                 &(struct client_request){ .method = CLIENT_POST,
                                                           .path = path,
                                                           .content_type = "application/x-tar",
                                                           .source = &source,
                                                           .timeout_usec = USEC_NEVER },
                                 &handlers, b, NULL, e);
        while (r >= 0 && !b->is_done)
                r = sd_event_run(b->session->loop, UINT64_MAX);
        if (r < 0)
                return r;
        if (b->result < 0)
                return err_set(e, b->result, "%s", err_text(&b->why));
        return b->id[0] ? 0 : err_set(e, -EREMOTEIO, "the node broke the build off; try again");
}

static void build_done(struct build *b) {
        if (b->fd >= 0)
                (void) close(b->fd);
        if (b->packer > 0) {
                (void) kill(b->packer, SIGKILL);
                (void) waitpid(b->packer, NULL, 0);
        }
        ignore_done(&b->ignore);
        json_decref(b->request);
        free(b->path);
        free(b->text);
        free(b->node);
        free(b->auth);
        build_output_done(&b->output);
}
DEFINE_AUTO_DONE(build);

static int build_read_output(struct build *b, struct err *e) {
        struct err why = { 0 };

        if (!b->args->output)
                return 0;
        if (build_output_parse(b->args->output, &b->output, &why) < 0)
                return session_usage(b->session, e, "%s", err_text(&why));
        if (b->args->tags.n == 0)
                return session_usage(b->session, e,
                                     "an archive is of an image with a name: add -t NAME");
        if (str_eq(b->output.dest, "-") && b->session->out_is_terminal)
                return session_usage(b->session, e, "an archive isn't for a terminal");
        return 0;
}

static int build_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        AUTO_DONE(build) struct build b = { .session = s, .args = raw, .fd = -1 };
        int r;

        if (words->n != 1)
                return session_usage(s, e, "name one context folder: orch build -t web:1 .");
        b.context = words->items[0];
        r = build_read_output(&b, e);
        if (r == 0)
                r = build_read_file(&b, e);
        if (r == 0)
                r = build_read_ignore(&b, e);
        if (r == 0)
                r = build_make_request(&b, e);
        if (r == 0 && (b.args->creds || b.args->auth_file))
                r = credentials_read(b.args->creds, b.args->auth_file, &b.auth, e);
        if (r == 0)
                r = build_find_node(&b, e);
        if (r == 0)
                r = build_start_packer(&b, e);
        if (r == 0)
                r = build_call(&b, e);
        if (r == 0 && b.output.dest)
                r = image_save_to(s, b.node, b.args->tags.items[0], b.output.format, b.output.dest,
                                  e);
        return r;
}

const struct command build_command = {
        .name = "build",
        .usage = "build -t NAME [-f FILE] CONTEXT",
        .summary = "Build an image from a Dockerfile, on a node",
        .details = "The context without what .dockerignore leaves out goes to the node, whose "
                   "sandbox\n"
                   "for pods runs the steps. Steps that are known already come from the node's "
                   "cache;\n"
                   "a build that failed goes on at the step that failed. With SOURCE_DATE_EPOCH in "
                   "the\n"
                   "environment equal files make an equal image.\n"
                   "\n"
                   "  orch build -t web:1 .\n"
                   "  orch build -t web:1 -f deploy/Dockerfile --target test --build-arg V=2 .\n",
        .options = build_options,
        .n_options = ARRAY_SIZE(build_options),
        .args_size = sizeof(struct build_args),
        .run = build_run,
};
