/* orch image inspect, history, tag, pin, unpin, prune, check, save: what is done with images that
 * nodes have. */
#include "base/clock.h"
#include "base/fd.h"
#include "cli/fetch.h"
#include "cli/image.h"
#include "cli/session.h"
#include "cli/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CREATED_BY_MAX 45
/* Of an archive's last bytes: a failure is told there. */
#define TAIL_BYTES 4096
#define ARCHIVE_END_BYTES 1024

struct manage_args {
        const char *node, *format, *output;
        bool is_all, is_forced, is_deep, is_repair;
};

#define NODE_OPTION                                                                                \
        OPTION_OF_TEXT(struct manage_args, node, 0, "node", "NAME",                                \
                       "on this node only; else on every node")

static const struct option node_options[] = { NODE_OPTION };

static const struct option prune_options[] = {
        NODE_OPTION,
        OPTION_OF_FLAG(struct manage_args, is_all, 'a', "all",
                       "also images with a name that no pod uses"),
        OPTION_OF_FLAG(struct manage_args, is_forced, 'f', "force", "accepted: nothing is asked"),
};

static const struct option check_options[] = {
        NODE_OPTION,
        OPTION_OF_FLAG(struct manage_args, is_deep, 0, "deep", "read every byte"),
        OPTION_OF_FLAG(struct manage_args, is_repair, 0, "repair",
                       "take damaged layers away, so that they are pulled again"),
};

static const struct option save_options[] = {
        NODE_OPTION,
        OPTION_OF_TEXT(struct manage_args, output, 'o', "output", "FILE", "else standard output"),
        OPTION_OF_TEXT(struct manage_args, format, 0, "format", "FORMAT",
                       "docker-archive (default) or oci-archive"),
};

/* ---- one answer from each node ---- */

/* What is done with a node's answer. */
struct manage_answer {
        void (*print)(const json_t *answer, const char *node, bool has_many);
        bool is_first_enough; /* an image is the same on every node that has it */
};

static int manage_ask(struct session *s, const char *node, const char *reference, const char *query,
                      json_t **ret, struct err *e) {
        AUTO_FREE char *path = image_path(node, reference);

        if (!query)
                return session_get(s, STEAL(path), ret, e);
        return session_patch(s, path ? str_format("%s?%s", path, query) : NULL,
                             "application/merge-patch+json", NULL, ret, e);
}

/* query: NULL: GET. */
static int manage_each(struct session *s, const struct manage_args *a, const char *reference,
                       const char *query, const struct manage_answer *how, struct err *e) {
        json_t *nodes = NULL, *node;
        bool is_done = false;
        size_t i;
        int r = image_nodes(s, a->node, &nodes, e);

        json_array_foreach(nodes, i, node) {
                json_t *answer = NULL;

                if (r < 0 || is_done)
                        break;
                r = manage_ask(s, json_string_value(node), reference, query, &answer, e);
                /* Another node may have it. */
                if (r < 0 && how->is_first_enough && i + 1 < json_array_size(nodes)) {
                        *e = (struct err){ 0 };
                        r = 0;
                } else if (r == 0) {
                        how->print(answer, json_string_value(node), json_array_size(nodes) > 1);
                        is_done = how->is_first_enough;
                }
                json_decref(answer);
        }
        json_decref(nodes);
        return r;
}

/* ---- inspect, history ---- */

static void print_json(const json_t *answer, const char *node, bool has_many) {
        json_t *list = json_pack("[O]", answer);
        AUTO_FREE char *text = json_dumps(list, JSON_INDENT(4));
        (void) node;
        (void) has_many;

        json_decref(list);
        (void) printf("%s\n", str_or_empty(text));
}

static int inspect_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        const struct manage_answer how = { .print = print_json, .is_first_enough = true };
        int r = 0;

        if (words->n == 0)
                return session_usage(s, e, "name the image: orch image inspect NAME");
        for (size_t i = 0; r == 0 && i < words->n; i++)
                r = manage_each(s, raw, words->items[i], NULL, &how, e);
        return r;
}

/* Newest first, as docker and podman show it. */
static void print_history(const json_t *answer, const char *node, bool has_many) {
        const json_t *history = json_object_get(answer, "History");
        AUTO_DONE(table) struct table t = { 0 };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        (void) node;
        (void) has_many;

        table_init(&t, 3);
        table_add(&t, "CREATED");
        table_add(&t, "CREATED BY");
        table_add(&t, "COMMENT");
        for (size_t i = json_array_size(history); i > 0; i--) {
                const json_t *step = json_array_get(history, i - 1);

                table_addf(&t, "%.19s", tree_text(step, "created", NULL));
                table_addf(&t, "%.*s", CREATED_BY_MAX, tree_text(step, "created_by", NULL));
                table_add(&t, tree_text(step, "comment", NULL));
        }
        if (table_print(&t, 0, false, &b) == 0)
                (void) fputs(str_or_empty(b.s), stdout);
}

static int history_run(struct session *s, const void *raw, const struct words *words,
                       struct err *e) {
        const struct manage_answer how = { .print = print_history, .is_first_enough = true };

        if (words->n != 1)
                return session_usage(s, e, "name one image: orch image history NAME");
        return manage_each(s, raw, words->items[0], NULL, &how, e);
}

/* ---- tag, pin, unpin ---- */

static void print_nothing(const json_t *answer, const char *node, bool has_many) {
        (void) answer;
        (void) node;
        (void) has_many;
}

static int tag_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct manage_answer how = { .print = print_nothing };
        AUTO_FREE char *query = strdup("?action=tag");

        if (words->n != 2)
                return session_usage(s, e,
                                     "give an image and its new name: orch image tag NAME NEW");
        if (!query || client_path_query(&query, "name", words->items[1]) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        return manage_each(s, raw, words->items[0], query + 1, &how, e);
}

static int pin_each(struct session *s, const void *raw, const struct words *words,
                    const char *query, struct err *e) {
        const struct manage_answer how = { .print = print_nothing };
        int r = 0;

        if (words->n == 0)
                return session_usage(s, e, "name the images");
        for (size_t i = 0; r == 0 && i < words->n; i++)
                r = manage_each(s, raw, words->items[i], query, &how, e);
        return r;
}

static int pin_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        return pin_each(s, raw, words, "action=pin", e);
}

static int unpin_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        return pin_each(s, raw, words, "action=unpin", e);
}

/* ---- prune, check ---- */

static void print_pruned(const json_t *answer, const char *node, bool has_many) {
        const json_t *name;
        char size[IMAGE_SIZE_MAX];
        size_t i;

        json_array_foreach(json_object_get(answer, "removed"), i, name)
                (void) printf("Removed image: %s%s%s\n", str_or_empty(json_string_value(name)),
                              has_many ? " on " : "", has_many ? node : "");
        (void) printf("Total reclaimed space%s%s: %s\n", has_many ? " on " : "",
                      has_many ? node : "",
                      image_format_size(tree_number(answer, "freedBytes", NULL), size));
}

static int prune_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct manage_answer how = { .print = print_pruned };
        const struct manage_args *a = raw;

        if (words->n > 0)
                return session_usage(s, e,
                                     "prune takes no names; remove one image with: orch image rm");
        return manage_each(s, a, NULL, a->is_all ? "action=prune&all=true" : "action=prune", &how,
                           e);
}

static void print_checked(const json_t *answer, const char *node, bool has_many) {
        const json_t *damage;
        size_t i;

        json_array_foreach(json_object_get(answer, "damaged"), i, damage) {
                const char *layer = tree_text(damage, "layer", NULL);

                (void) printf("Damaged %s %.19s%s%s: %s\n", layer[0] ? "layer" : "image",
                              layer[0] ? layer : tree_text(damage, "image", NULL),
                              has_many ? " on " : "", has_many ? node : "",
                              tree_text(damage, "reason", NULL));
        }
        (void) printf("%s%s%lld images, %lld layers, %zu damaged, %lld without a recipe\n",
                      has_many ? node : "", has_many ? ": " : "",
                      (long long) tree_number(answer, "images", NULL),
                      (long long) tree_number(answer, "layers", NULL),
                      json_array_size(json_object_get(answer, "damaged")),
                      (long long) tree_number(answer, "unproven", NULL));
}

static int check_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct manage_answer how = { .print = print_checked };
        const struct manage_args *a = raw;
        AUTO_FREE char *query = str_format("action=check%s%s", a->is_deep ? "&deep=true" : "",
                                           a->is_repair ? "&repair=true" : "");

        if (words->n > 0)
                return session_usage(s, e, "check takes no names; it looks at all images");
        return query ? manage_each(s, a, NULL, query, &how, e)
                     : err_set(e, -ENOMEM, "out of memory");
}

/* ---- save ---- */

struct save {
        int fd;
        int code; /* of writing */
        char tail[TAIL_BYTES + 1];
        size_t tail_len;
};

static enum stream_verdict save_data(void *data, const void *piece, size_t len) {
        struct save *x = data;
        size_t n = MIN(len, (size_t) TAIL_BYTES), kept = MIN(x->tail_len, TAIL_BYTES - n);

        memmove(x->tail, x->tail + x->tail_len - kept, kept);
        memcpy(x->tail + kept, (const char *) piece + len - n, n);
        x->tail_len = kept + n;
        x->code = fd_write_all(x->fd, piece, len);
        return x->code < 0 ? STREAM_STOP : STREAM_GO_ON;
}

/* A whole archive ends with zeros; else the server's word why not is at its end. */
static int save_verdict(const struct save *x, struct err *e) {
        static const char mark[] = "\"Status\"";
        static const char zeros[ARCHIVE_END_BYTES];
        const char *end = x->tail + x->tail_len, *word;
        json_t *status = NULL;

        if (x->tail_len >= sizeof(zeros) && memcmp(end - sizeof(zeros), zeros, sizeof(zeros)) == 0)
                return 0;
        word = memmem(x->tail, x->tail_len, mark, strlen(mark));
        while (word && word > x->tail && *word != '{')
                word--;
        if (word)
                status = json_loadb(word, (size_t) (end - word), JSON_DISABLE_EOF_CHECK, NULL);
        (void) err_set(e, -EIO, "%s",
                       json_object_get(status, "message")
                               ? tree_text(status, "message", NULL)
                               : "the archive was broken off; try again");
        json_decref(status);
        return -EIO;
}

int image_save_to(struct session *s, const char *node, const char *references, const char *format,
                  const char *output, struct err *e) {
        static const struct stream_handlers handlers = { .on_data = save_data };
        AUTO_FREE char *path = client_path(&(struct client_target){ .group = "orch.dev",
                                                                    .version = "v1",
                                                                    .resource = "nodes",
                                                                    .name = node,
                                                                    .subresource = "archives" });
        AUTO_FREE struct save *x = calloc(1, sizeof(*x));
        AUTO_CLOSE int file = -1;
        int r;

        if (!path || !x || client_path_query(&path, "references", references) < 0 ||
            client_path_query(&path, "format", format) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        x->fd = STDOUT_FILENO;
        if (output && !str_eq(output, "-"))
                x->fd = file = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (x->fd < 0)
                return err_errno(e, -errno, "cannot create %s", output);
        r = session_stream(s, path, &handlers, x, USEC_NEVER, e);
        if (x->code < 0)
                r = err_errno(e, x->code, "cannot write %s", output ? output : "the archive");
        if (r >= 0)
                r = save_verdict(x, e);
        if (r < 0 && file >= 0)
                (void) unlink(output);
        return MIN(r, 0);
}

static int save_run(struct session *s, const void *raw, const struct words *words, struct err *e) {
        const struct manage_args *a = raw;
        AUTO_DONE(strbuf) struct strbuf references = { 0 };
        json_t *nodes = NULL;
        int r;

        if (words->n == 0)
                return session_usage(s, e, "name the images: orch image save NAME -o FILE");
        if (!a->output && isatty(STDOUT_FILENO))
                return session_usage(s, e, "an archive isn't for a terminal; add -o FILE");
        for (size_t i = 0; i < words->n; i++)
                strbuf_addf(&references, "%s%s", i > 0 ? "," : "", words->items[i]);
        r = references.has_failed ? err_set(e, -ENOMEM, "out of memory")
                                  : image_nodes(s, a->node, &nodes, e);
        /* One archive comes from one node: the first that has all of them. */
        for (size_t i = 0; r == 0 && i < json_array_size(nodes); i++) {
                *e = (struct err){ 0 };
                r = image_save_to(s, json_string_value(json_array_get(nodes, i)), references.s,
                                  a->format, a->output, e);
                if (r >= 0)
                        break;
                if (i + 1 < json_array_size(nodes) && a->output)
                        r = 0;
        }
        json_decref(nodes);
        return MIN(r, 0);
}

#define MANAGE(verb, how, what, opts, fn)                                                          \
        {                                                                                          \
                .name = (verb), .usage = (how), .summary = (what), .options = (opts),              \
                .n_options = ARRAY_SIZE(opts), .args_size = sizeof(struct manage_args),            \
                .run = (fn),                                                                       \
        }

const struct command image_inspect_command =
        MANAGE("inspect", "image inspect REFERENCE...", "Show all that is known of images",
               node_options, inspect_run);
const struct command image_history_command =
        MANAGE("history", "image history REFERENCE", "Show how an image was built", node_options,
               history_run);
const struct command image_tag_command = MANAGE(
        "tag", "image tag REFERENCE NAME", "Give an image a further name", node_options, tag_run);
const struct command image_pin_command = MANAGE(
        "pin", "image pin REFERENCE...", "Keep images whatever happens", node_options, pin_run);
const struct command image_unpin_command = MANAGE(
        "unpin", "image unpin REFERENCE...", "Let pinned images go again", node_options, unpin_run);
const struct command image_prune_command =
        MANAGE("prune", "image prune [--all]", "Remove images that nobody needs", prune_options,
               prune_run);
const struct command image_check_command =
        MANAGE("check", "image check [--deep] [--repair]", "Compare images with what came in",
               check_options, check_run);
const struct command image_save_command =
        MANAGE("save", "image save REFERENCE... -o FILE", "Write images into an archive",
               save_options, save_run);
