/* test-access FILE…: who may do what. A file has
 *
 *   objects: [tree, …]     roles and bindings
 *   cases:
 *   - name: a sentence
 *     user: jane
 *     groups: [a, b]       optional
 *     allow: [request, …]  each "VERB RESOURCE[/SUB][.GROUP] [NAMESPACE|-] [NAME]", "VERB /PATH"
 *     deny: [request, …]
 *     reason: text         of the last request; left out: any
 *     covers: [rule, …]    what the user may give away in namespace "in"
 *     lacks: [rule, …]     what they may not */

#include "api/kinds/object.h"
#include "api/text/text.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/plan/rbac.h"
#include "daemon/plan/rbac_rule.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (1U << 20)
#define GROUPS_MAX 16

struct question {
        struct access access;
        char *memory; /* owned */
};

/* Cuts the request's words; what is left out is "". */
static void question_read(const char *text, struct question *q) {
        const char *words[4] = { "", "", "", "" };
        char *resource = NULL, *save = NULL, *dot, *slash;

        q->memory = strdup(text);
        for (size_t i = 0; i < 4; i++) {
                char *word = strtok_r(i == 0 ? q->memory : NULL, " ", &save);

                if (!word)
                        break;
                words[i] = word;
                resource = i == 1 ? word : resource;
        }
        q->access = (struct access){ .verb = words[0], .group = "", .subresource = "" };
        if (!resource || resource[0] == '/') {
                q->access.path = words[1];
                return;
        }
        q->access.resource = words[1];
        q->access.namespace_ = str_eq(words[2], "-") ? "" : words[2];
        q->access.name = words[3];
        dot = strchr(resource, '.');
        if (dot) {
                *dot = '\0';
                q->access.group = dot + 1;
        }
        slash = strchr(resource, '/');
        if (slash) {
                *slash = '\0';
                q->access.subresource = slash + 1;
        }
}

static bool ask(const struct rbac *r, const struct access_user *u, const char *text, bool expect,
                const char *reason) {
        AUTO_DONE(access_decision) struct access_decision d = { 0 };
        struct question q = { 0 };
        bool ok;

        question_read(text, &q);
        ok = rbac_decide(r, u, &q.access, &d) == expect && d.is_allowed == expect &&
             (!reason || str_eq(reason, str_or_empty(d.reason)));
        if (!ok)
                (void) fprintf(stderr, "%s: %s: %s (%s)\n", u->name, text,
                               d.is_allowed ? "allowed" : "denied", str_or_empty(d.reason));
        free(q.memory);
        return ok;
}

static bool ask_all(const struct rbac *r, const struct access_user *u, const json_t *tree,
                    const char *key) {
        const json_t *list = json_object_get(tree, key), *one;
        const char *reason = json_string_value(json_object_get(tree, "reason"));
        bool ok = true;
        size_t i;

        json_array_foreach((json_t *) list, i, one) {
                bool is_last = i + 1 == json_array_size(list);

                ok &= ask(r, u, json_string_value(one), str_eq(key, "allow"),
                          is_last ? reason : NULL);
        }
        return ok;
}

/* Each rule as the only one of a role. */
static bool cover_all(const struct rbac *r, const struct access_user *u, const json_t *tree,
                      const char *key) {
        const char *namespace_ = str_or_empty(json_string_value(json_object_get(tree, "in")));
        json_t *one;
        bool ok = true;
        size_t i;

        json_array_foreach(json_object_get(tree, key), i, one) {
                AUTO(object) struct object *role = NULL;
                struct policy_rules owned = { 0 };
                const struct policy_rule *missing = NULL;
                json_t *wrapped =
                        json_pack("{s:s,s:s,s:{s:s},s:[O]}", "apiVersion", RBAC_GROUP "/v1", "kind",
                                  "ClusterRole", "metadata", "name", "wanted", "rules", one);
                int result = object_new_from_json(NULL, wrapped, false, &role, NULL);

                if (result == 0)
                        result = rbac_rules_of(r, u, namespace_, &owned);
                if (result == 0)
                        result = rbac_rules_cover(
                                &owned, &((const struct cluster_role *) role->meta)->rules,
                                &missing);
                if (result != (str_eq(key, "covers") ? 0 : -EPERM)) {
                        (void) fprintf(stderr, "%s: %s[%zu]: %d\n", u->name, key, i, result);
                        ok = false;
                }
                free(owned.items);
                json_decref(wrapped);
        }
        return ok;
}

static bool case_run(const struct rbac *r, const json_t *tree) {
        const char *groups[GROUPS_MAX];
        struct access_user u = {
                .name = json_string_value(json_object_get(tree, "user")),
                .groups = groups,
        };
        json_t *one;
        size_t i;
        bool ok;

        json_array_foreach(json_object_get(tree, "groups"), i, one) {
                if (i < GROUPS_MAX)
                        groups[u.n_groups++] = json_string_value(one);
        }
        ok = ask_all(r, &u, tree, "allow");
        ok &= ask_all(r, &u, tree, "deny");
        ok &= cover_all(r, &u, tree, "covers");
        ok &= cover_all(r, &u, tree, "lacks");
        if (!ok)
                (void) fprintf(stderr, "  %s\n", json_string_value(json_object_get(tree, "name")));
        return ok;
}

/* Twice, so that each object also takes its own place. */
static bool objects_put(struct rbac *r, const json_t *list) {
        const json_t *one;
        struct err e = { 0 };
        size_t i;

        for (int pass = 0; pass < 2; pass++) {
                json_array_foreach((json_t *) list, i, one) {
                        AUTO(object) struct object *o = NULL;

                        if (object_new_from_json(NULL, one, false, &o, &e) < 0 ||
                            rbac_put(r, o) < 0) {
                                (void) fprintf(stderr, "object %zu: %s\n", i, err_text(&e));
                                return false;
                        }
                }
        }
        return true;
}

static bool file_run(const char *file) {
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        AUTO(rbac) struct rbac *r = rbac_new();
        AUTO_FREE char *text = NULL;
        struct diags d = { 0 };
        struct err e = { 0 };
        const json_t *one;
        size_t i, len = 0, n_wrong = 0;
        bool ok;

        if (file_read(file, FILE_MAX_BYTES, &text, &len, &e) < 0 ||
            text_read_yaml(text, len, file, 0, &docs, &d) < 0 || docs.n != 1 || !r) {
                (void) fprintf(stderr, "%s: %s\n", file, err_text(&e));
                return false;
        }
        ok = objects_put(r, json_object_get(docs.items[0].tree, "objects"));
        json_array_foreach(json_object_get(docs.items[0].tree, "cases"), i, one) {
                n_wrong += !case_run(r, one);
        }
        diags_done(&d);
        (void) printf("%s: %zu cases, %zu wrong\n", file, i, n_wrong);
        return ok && i > 0 && n_wrong == 0;
}

int main(int argc, char **argv) {
        bool ok = argc > 1;

        for (int i = 1; i < argc; i++)
                ok &= file_run(argv[i]);
        return ok ? 0 : 1;
}
