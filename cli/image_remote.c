/* orch image pull, orch image push: nodes speak with registries, this shows how far they are. */
#include "base/clock.h"
#include "cli/credentials.h"
#include "cli/image.h"
#include "cli/layers.h"
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define ROWS_DEFAULT 24

struct remote_args {
        const char *node, *platform, *to, *creds, *auth_file;
        bool is_quiet;
};

static const struct option pull_options[] = {
        OPTION_OF_TEXT(struct remote_args, node, 0, "node", "NAME",
                       "on this node only; else on every node"),
        OPTION_OF_TEXT(struct remote_args, platform, 0, "platform", "OS/ARCH[/VARIANT]",
                       "image for another machine: linux/arm/v7"),
        OPTION_OF_TEXT(struct remote_args, creds, 0, "creds", "USER:PASSWORD",
                       "what the registry asks for"),
        OPTION_OF_TEXT(struct remote_args, auth_file, 0, "auth-file", "FILE",
                       "credentials in Docker's format"),
        OPTION_OF_FLAG(struct remote_args, is_quiet, 'q', "quiet", "print nothing"),
};

static const struct option push_options[] = {
        OPTION_OF_TEXT(struct remote_args, node, 0, "node", "NAME",
                       "from this node; else from the first that has it"),
        OPTION_OF_TEXT(struct remote_args, to, 0, "to", "REFERENCE",
                       "name at the registry; else the image's own"),
        OPTION_OF_TEXT(struct remote_args, creds, 0, "creds", "USER:PASSWORD",
                       "what the registry asks for"),
        OPTION_OF_TEXT(struct remote_args, auth_file, 0, "auth-file", "FILE",
                       "credentials in Docker's format"),
        OPTION_OF_FLAG(struct remote_args, is_quiet, 'q', "quiet", "print nothing"),
};

/* One node at work. */
struct remote_work {
        struct session *session;
        const struct remote_args *args;
        const char *verb; /* "Pulled" */
        const char *node;
        bool has_many;
        struct layers layers;
        size_t rows;
        bool has_answer;
        int code;
        struct err e;
};

static void remote_show(struct remote_work *w, const json_t *progress) {
        const struct layer_news *news = layers_take(&w->layers, progress);
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (w->args->is_quiet)
                return;
        if (w->session->out_is_terminal)
                layers_draw(&w->layers, w->rows, &b);
        else if (news)
                layers_say(news, &b);
        (void) fputs(str_or_empty(b.s), stdout);
        (void) fflush(stdout);
}

static void remote_end(struct remote_work *w) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        layers_wipe(&w->layers, &b);
        if (b.len > 0)
                (void) fputs(b.s, stdout);
}

static void remote_print(struct remote_work *w, const json_t *image) {
        const char *name = str_or_empty(json_string_value(json_object_get(image, "name")));
        char size[IMAGE_SIZE_MAX];

        w->has_answer = true;
        remote_end(w);
        if (w->args->is_quiet)
                return;
        (void) printf("%s image: %s%s%s (%s)\n", w->verb, name, w->has_many ? " on " : "",
                      w->has_many ? w->node : "",
                      image_format_size(json_integer_value(json_object_get(image, "fetchedBytes")),
                                        size));
        (void) printf("Digest: %s\n",
                      str_or_empty(json_string_value(json_object_get(image, "digest"))));
}

static enum stream_verdict remote_line(void *data, const char *line, size_t len) {
        struct remote_work *w = data;
        json_t *root = json_loadb(line, len, 0, NULL);
        const json_t *image = json_array_get(json_object_get(root, "images"), 0);
        const json_t *progress = json_object_get(root, "progress");
        const char *status = json_string_value(json_object_get(root, "status"));

        if (progress)
                remote_show(w, progress);
        else if (image)
                remote_print(w, image);
        else if (str_eq(status, "Failure"))
                w->code =
                        err_set(&w->e, -EIO, "%s",
                                str_or_empty(json_string_value(json_object_get(root, "message"))));
        json_decref(root);
        return STREAM_GO_ON;
}

static char *remote_path(const struct remote_work *w, const char *sub, const char *reference) {
        AUTO_FREE char *path = client_path(&(struct client_target){ .group = "orch.dev",
                                                                    .version = "v1",
                                                                    .resource = "nodes",
                                                                    .name = w->node,
                                                                    .subresource = sub });

        if (!path || client_path_query(&path, "reference", reference) < 0 ||
            client_path_query(&path, "platform", w->args->platform) < 0 ||
            client_path_query(&path, "to", w->args->to) < 0)
                return NULL;
        return STEAL(path);
}

static int remote_on_node(struct remote_work *w, const char *sub, const char *reference,
                          const char *body, struct err *e) {
        static const struct stream_handlers handlers = { .on_line = remote_line };
        AUTO_FREE char *path = remote_path(w, sub, reference);
        struct winsize size = { 0 };
        int r;

        if (!path)
                return err_set(e, -ENOMEM, "out of memory");
        w->rows = ROWS_DEFAULT;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2)
                w->rows = size.ws_row - 2U;
        r = session_stream_call(w->session,
                                &(struct client_request){ .method = CLIENT_POST,
                                                          .path = path,
                                                          .body = body,
                                                          .body_len = strlen(body) },
                                &handlers, w, USEC_NEVER, e);
        remote_end(w);
        if (r < 0)
                return r;
        if (w->code < 0)
                return err_set(e, w->code, "%s", err_text(&w->e));
        return w->has_answer ? 0
                             : err_set(e, -EPIPE,
                                       "node %s broke off; the same command goes on where "
                                       "it was",
                                       w->node);
}

static int remote_run(struct session *s, const struct remote_args *a, bool is_push,
                      const char *reference, struct err *e) {
        const char *sub = is_push ? "pushes" : "pulls", *verb = is_push ? "Pushed" : "Pulled";
        AUTO_FREE char *body = NULL;
        json_t *nodes = NULL, *node;
        size_t i;
        int r = credentials_read(a->creds, a->auth_file, &body, e);

        if (r == 0)
                r = image_nodes(s, a->node, &nodes, e);
        json_array_foreach(nodes, i, node) {
                AUTO_FREE struct remote_work *w = calloc(1, sizeof(*w));

                if (!w) {
                        r = err_set(e, -ENOMEM, "out of memory");
                        break;
                }
                w->session = s;
                w->args = a;
                w->verb = verb;
                w->node = json_string_value(node);
                w->has_many = json_array_size(nodes) > 1;
                r = remote_on_node(w, sub, reference, body, e);
                /* Every node pulls; one pushes, the first that has the image. */
                if (is_push ? r != -ENOENT : r < 0)
                        break;
        }
        json_decref(nodes);
        return r;
}

static int pull_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct remote_args *a = raw;
        int r = 0;

        if (words->n == 0)
                return session_usage(s, e, "name the image: orch image pull HOST/NAME:TAG");
        for (size_t i = 0; i < words->n && r == 0; i++)
                r = remote_run(s, a, false, words->items[i], e);
        return r;
}

static int push_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        if (words->n != 1)
                return session_usage(
                        s, e, "name one image: orch image push NAME:TAG [--to HOST/NAME:TAG]");
        return remote_run(s, raw, true, words->items[0], e);
}

const struct command image_push_command = {
        .name = "push",
        .usage = "image push REFERENCE [--to REFERENCE]",
        .summary = "Bring an image to a registry",
        .options = push_options,
        .n_options = ARRAY_SIZE(push_options),
        .args_size = sizeof(struct remote_args),
        .run = push_run,
};

const struct command image_pull_command = {
        .name = "pull",
        .usage = "image pull REFERENCE... [--platform OS/ARCH]",
        .summary = "Bring images from registries",
        .options = pull_options,
        .n_options = ARRAY_SIZE(pull_options),
        .args_size = sizeof(struct remote_args),
        .run = pull_run,
};
