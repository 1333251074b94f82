#include "cli/pods.h"

#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/str.h"
#include "cli/fetch.h"
#include "cli/session.h"
#include "cli/target.h"
#include "cli/waiting.h"

#include <errno.h>
#include <stdio.h>

#define DEFAULT_CONTAINER "kubectl.kubernetes.io/default-container"

/* {"app":"web"} as "app=web". */
static void add_pairs(const json_t *map, struct strbuf *b) {
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) map, key, value)
                strbuf_addf(b, "%s%s=%s", b->len ? "," : "", key,
                            str_or_empty(json_string_value(value)));
}

static void add_expressions(const json_t *list, struct strbuf *b) {
        const json_t *term, *value;
        size_t i, v;

        json_array_foreach(list, i, term) {
                const char *op = tree_text(term, "operator", NULL),
                           *key = tree_text(term, "key", NULL);
                const json_t *values = json_object_get(term, "values");

                strbuf_add(b, b->len ? "," : "");
                if (str_eq(op, "Exists") || str_eq(op, "DoesNotExist")) {
                        strbuf_addf(b, "%s%s", str_eq(op, "Exists") ? "" : "!", key);
                        continue;
                }
                strbuf_addf(b, "%s %s (", key, str_eq(op, "In") ? "in" : "notin");
                json_array_foreach(values, v, value)
                        strbuf_addf(b, "%s%s", v ? "," : "",
                                    str_or_empty(json_string_value(value)));
                strbuf_add_char(b, ')');
        }
}

static void selector_of(const json_t *owner, struct strbuf *b) {
        const json_t *selector = tree_get(owner, "spec", "selector", NULL);

        if (json_object_get(selector, "matchLabels") ||
            json_object_get(selector, "matchExpressions")) {
                add_pairs(json_object_get(selector, "matchLabels"), b);
                add_expressions(json_object_get(selector, "matchExpressions"), b);
        } else {
                add_pairs(selector, b);
        }
}

int pods_with(struct session *s, const char *selector, json_t **ret, struct err *e) {
        struct fetch f = { .kind = &pod_kind, .label_selector = selector };
        json_t *list = NULL, *pod, *out = json_array();
        size_t i;
        int r = out ? fetch_list(s, &f, &list, e) : err_errno(e, -ENOMEM, "cannot list pods");

        for (int pass = 0; pass < 2 && r == 0; pass++) {
                json_array_foreach(json_object_get(list, "items"), i, pod) {
                        if (waiting_has_condition(pod, "Ready", "True") == (pass == 0))
                                r = json_array_append(out, pod) < 0 ? -ENOMEM : r;
                }
        }
        json_decref(list);
        if (r == 0 && json_array_size(out) == 0)
                r = err_set(e, -ENOENT, "there are no pods with labels %s in namespace %s",
                            selector, s->namespace_);
        if (r < 0) {
                json_decref(out);
                return r;
        }
        *ret = out;
        return 0;
}

int pods_of(struct session *s, const struct target *t, json_t **ret, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf selector = { 0 };
        json_t *object = NULL, *out;
        int r = fetch_object(s, t->kind, NULL, t->name, &object, e);

        if (r < 0)
                return r;
        if (t->kind == &pod_kind) {
                out = json_pack("[o]", object);
                if (!out)
                        return err_errno(e, -ENOMEM, "cannot read the pod");
                *ret = out;
                return 0;
        }
        selector_of(object, &selector);
        json_decref(object);
        if (!selector.s)
                return err_set(e, -ENOENT, "%s/%s selects no pods", t->kind->singular, t->name);
        return pods_with(s, selector.s, ret, e);
}

static const json_t *find_container(const json_t *pod, const char *name, const char *member) {
        const json_t *c;
        size_t i;

        json_array_foreach(tree_get(pod, "spec", member, NULL), i, c) {
                if (str_eq(tree_text(c, "name", NULL), name))
                        return c;
        }
        return NULL;
}

int pods_container(const json_t *pod, const char *wanted, const char **ret, struct err *e) {
        AUTO_DONE(strbuf) struct strbuf names = { 0 };
        const json_t *containers = tree_get(pod, "spec", "containers", NULL), *c;
        const char *named = tree_text(pod, "metadata", "annotations", DEFAULT_CONTAINER, NULL);
        size_t i;

        if (wanted && (find_container(pod, wanted, "containers") ||
                       find_container(pod, wanted, "initContainers") ||
                       find_container(pod, wanted, "ephemeralContainers"))) {
                *ret = wanted;
                return 0;
        }
        json_array_foreach(containers, i, c)
                strbuf_addf(&names, "%s%s", i ? ", " : "", tree_text(c, "name", NULL));
        if (wanted)
                return err_set(e, -ENOENT, "pod %s has no container \"%s\"; it has %s",
                               tree_text(pod, "metadata", "name", NULL), wanted,
                               str_or_empty(names.s));
        *ret = find_container(pod, named, "containers")
                       ? named
                       : tree_text(json_array_get(containers, 0), "name", NULL);
        if (json_array_size(containers) > 1 && !named[0])
                (void) fprintf(stderr, "Defaulted container \"%s\" out of: %s\n", *ret, names.s);
        return 0;
}
