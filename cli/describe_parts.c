#include "cli/describe_parts.h"

#include "cli/fetch.h"

#define VALUE_COLUMN 20U
#define DEPTH_MAX 16U
#define ANNOTATION_MAX 120

static void add_indent(struct strbuf *out, size_t n) {
        while (n-- > 0 && !out->has_failed)
                strbuf_add_char(out, ' ');
}

static void add_label(struct strbuf *out, size_t indent, const char *label) {
        size_t used = indent + strlen(label) + 1;

        add_indent(out, indent);
        strbuf_addf(out, "%s:", label);
        add_indent(out, used < VALUE_COLUMN ? VALUE_COLUMN - used : 2);
}

/* Text of other people's making: control characters would reach the terminal. */
static void add_clean(struct strbuf *out, const char *text, size_t max) {
        for (size_t n = 0; *text && n < max; text++, n++)
                strbuf_add_char(out, (unsigned char) *text < 0x20 || *text == 0x7f ? ' ' : *text);
        if (*text)
                strbuf_add(out, "...");
}

void describe_text(struct strbuf *out, size_t indent, const char *label, const char *text) {
        add_label(out, indent, label);
        add_clean(out, text, SIZE_MAX);
        strbuf_add_char(out, '\n');
}

void describe_line(struct strbuf *out, size_t indent, const char *label, const json_t *value) {
        AUTO_FREE char *text = NULL;

        if (!json_is_string(value) && value && !json_is_null(value))
                text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        describe_text(out, indent, label,
                      json_is_string(value) ? json_string_value(value)
                      : text                ? text
                                            : "<none>");
}

void describe_optional(struct strbuf *out, size_t indent, const char *label, const json_t *value) {
        if (value && !json_is_null(value))
                describe_line(out, indent, label, value);
}

void describe_map(struct strbuf *out, size_t indent, const char *label, const json_t *map) {
        const char *key;
        json_t *value;
        bool is_first = true;

        if (json_object_size(map) == 0) {
                describe_text(out, indent, label, "<none>");
                return;
        }
        json_object_foreach((json_t *) map, key, value) {
                if (is_first)
                        add_label(out, indent, label);
                else
                        add_indent(out, MAX(VALUE_COLUMN, indent + strlen(label) + 3));
                is_first = false;
                strbuf_addf(out, "%s=", key);
                add_clean(out, str_or_empty(json_string_value(value)), ANNOTATION_MAX);
                strbuf_add_char(out, '\n');
        }
}

static bool is_empty(const json_t *tree) {
        return !tree || json_is_null(tree) ||
               (json_is_object(tree) && json_object_size(tree) == 0) ||
               (json_is_array(tree) && json_array_size(tree) == 0);
}

static bool is_scalar(const json_t *tree) {
        return !json_is_object(tree) && !json_is_array(tree);
}

/* A list element: its first scalar field, or its name, is the heading. */
static void describe_element(struct strbuf *out, size_t indent, size_t number, const json_t *tree) {
        const char *name = tree_text(tree, "name", NULL);
        char label[32];

        (void) snprintf(label, sizeof(label), "%zu", number + 1);
        if (is_scalar(tree))
                describe_line(out, indent, label, tree);
        else
                describe_tree(out, indent, name[0] ? name : label, tree);
}

void describe_tree(struct strbuf *out, size_t indent, const char *label, const json_t *tree) {
        const char *key;
        json_t *value;
        size_t i;

        if (is_empty(tree) || indent > 2 * DEPTH_MAX)
                return;
        if (is_scalar(tree)) {
                describe_line(out, indent, label, tree);
                return;
        }
        add_indent(out, indent);
        strbuf_addf(out, "%s:\n", label);
        json_object_foreach((json_t *) tree, key, value)
                describe_tree(out, indent + 2, key, value);
        json_array_foreach(tree, i, value)
                describe_element(out, indent + 2, i, value);
}

void describe_owner(struct strbuf *out, const json_t *object) {
        const json_t *owner;
        size_t i;

        json_array_foreach(tree_get(object, "metadata", "ownerReferences", NULL), i, owner) {
                AUTO_FREE char *text = str_format("%s/%s", tree_text(owner, "kind", NULL),
                                                  tree_text(owner, "name", NULL));

                if (json_is_true(json_object_get(owner, "controller")))
                        describe_text(out, 0, "Controlled By", str_or_empty(text));
        }
}

/* ---- containers ---- */

static void describe_ports(struct strbuf *out, size_t indent, const json_t *ports) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        const json_t *port;
        size_t i;

        json_array_foreach(ports, i, port) {
                const char *protocol = tree_text(port, "protocol", NULL);

                strbuf_addf(&b, "%s%" JSON_INTEGER_FORMAT "/%s", i ? ", " : "",
                            tree_number(port, "containerPort", NULL),
                            protocol[0] ? protocol : "TCP");
        }
        if (b.s)
                describe_text(out, indent, "Ports", b.s);
}

static void describe_words(struct strbuf *out, size_t indent, const char *label,
                           const json_t *list) {
        const json_t *word;
        size_t i;

        if (json_array_size(list) == 0)
                return;
        add_indent(out, indent);
        strbuf_addf(out, "%s:\n", label);
        json_array_foreach(list, i, word) {
                add_indent(out, indent + 2);
                add_clean(out, str_or_empty(json_string_value(word)), SIZE_MAX);
                strbuf_add_char(out, '\n');
        }
}

/* "http-get http://:8080/health delay=5s timeout=1s period=10s #success=1 #failure=3" */
static void describe_probe(struct strbuf *out, size_t indent, const char *label,
                           const json_t *probe) {
        const json_t *http = json_object_get(probe, "httpGet"),
                     *tcp = json_object_get(probe, "tcpSocket");
        const json_t *port = json_object_get(http ? http : tcp, "port");
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        char number[24];

        if (!probe)
                return;
        (void) snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(port));
        if (http)
                strbuf_addf(&b, "http-get http://:%s%s",
                            json_is_string(port) ? json_string_value(port) : number,
                            tree_text(http, "path", NULL));
        else if (tcp)
                strbuf_addf(&b, "tcp-socket :%s",
                            json_is_string(port) ? json_string_value(port) : number);
        else
                strbuf_add(&b, json_object_get(probe, "exec") ? "exec" : "grpc");
        strbuf_addf(&b,
                    " delay=%" JSON_INTEGER_FORMAT "s timeout=%" JSON_INTEGER_FORMAT
                    "s period=%" JSON_INTEGER_FORMAT "s #success=%" JSON_INTEGER_FORMAT
                    " #failure=%" JSON_INTEGER_FORMAT,
                    tree_number(probe, "initialDelaySeconds", NULL),
                    tree_number(probe, "timeoutSeconds", NULL),
                    tree_number(probe, "periodSeconds", NULL),
                    tree_number(probe, "successThreshold", NULL),
                    tree_number(probe, "failureThreshold", NULL));
        describe_text(out, indent, label, str_or_empty(b.s));
}

static void describe_state(struct strbuf *out, size_t indent, const char *label,
                           const json_t *state) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) state, key, value) {
                AUTO_FREE char *word = strdup(key);

                if (word && word[0] >= 'a' && word[0] <= 'z')
                        word[0] = (char) (word[0] - 'a' + 'A');
                describe_text(out, indent, label, str_or_empty(word));
                describe_optional(out, indent + 2, "Reason", json_object_get(value, "reason"));
                describe_optional(out, indent + 2, "Message", json_object_get(value, "message"));
                describe_optional(out, indent + 2, "Exit Code", json_object_get(value, "exitCode"));
                describe_optional(out, indent + 2, "Started", json_object_get(value, "startedAt"));
                describe_optional(out, indent + 2, "Finished",
                                  json_object_get(value, "finishedAt"));
        }
}

static void describe_env(struct strbuf *out, size_t indent, const json_t *env) {
        const json_t *item;
        size_t i;

        if (json_array_size(env) == 0)
                return;
        add_indent(out, indent);
        strbuf_add(out, "Environment:\n");
        json_array_foreach(env, i, item) {
                AUTO_FREE char *from =
                        json_object_get(item, "valueFrom")
                                ? json_dumps(json_object_get(item, "valueFrom"), JSON_COMPACT)
                                : NULL;

                describe_text(out, indent + 2, tree_text(item, "name", NULL),
                              from ? from : tree_text(item, "value", NULL));
        }
}

static void describe_mounts(struct strbuf *out, size_t indent, const json_t *mounts) {
        const json_t *m;
        size_t i;

        if (json_array_size(mounts) == 0)
                return;
        add_indent(out, indent);
        strbuf_add(out, "Mounts:\n");
        json_array_foreach(mounts, i, m) {
                add_indent(out, indent + 2);
                strbuf_addf(out, "%s from %s (%s)\n", tree_text(m, "mountPath", NULL),
                            tree_text(m, "name", NULL),
                            json_is_true(json_object_get(m, "readOnly")) ? "ro" : "rw");
        }
}

static const json_t *status_of(const json_t *statuses, const char *name) {
        const json_t *s;
        size_t i;

        json_array_foreach(statuses, i, s) {
                if (str_eq(tree_text(s, "name", NULL), name))
                        return s;
        }
        return NULL;
}

static void describe_container(struct strbuf *out, size_t indent, const json_t *c,
                               const json_t *status) {
        describe_optional(out, indent, "Container ID", json_object_get(status, "containerID"));
        describe_line(out, indent, "Image", json_object_get(c, "image"));
        describe_optional(out, indent, "Image ID", json_object_get(status, "imageID"));
        describe_ports(out, indent, json_object_get(c, "ports"));
        describe_words(out, indent, "Command", json_object_get(c, "command"));
        describe_words(out, indent, "Args", json_object_get(c, "args"));
        describe_state(out, indent, "State", json_object_get(status, "state"));
        describe_state(out, indent, "Last State", json_object_get(status, "lastState"));
        describe_optional(out, indent, "Ready", json_object_get(status, "ready"));
        describe_optional(out, indent, "Restart Count", json_object_get(status, "restartCount"));
        describe_tree(out, indent, "Limits", tree_get(c, "resources", "limits", NULL));
        describe_tree(out, indent, "Requests", tree_get(c, "resources", "requests", NULL));
        describe_probe(out, indent, "Liveness", json_object_get(c, "livenessProbe"));
        describe_probe(out, indent, "Readiness", json_object_get(c, "readinessProbe"));
        describe_probe(out, indent, "Startup", json_object_get(c, "startupProbe"));
        describe_env(out, indent, json_object_get(c, "env"));
        describe_mounts(out, indent, json_object_get(c, "volumeMounts"));
}

void describe_containers(struct strbuf *out, size_t indent, const char *label,
                         const json_t *containers, const json_t *statuses) {
        const json_t *c;
        size_t i;

        if (json_array_size(containers) == 0)
                return;
        add_indent(out, indent);
        strbuf_addf(out, "%s:\n", label);
        json_array_foreach(containers, i, c) {
                const char *name = tree_text(c, "name", NULL);

                add_indent(out, indent + 2);
                strbuf_addf(out, "%s:\n", name);
                describe_container(out, indent + 4, c, status_of(statuses, name));
        }
}
