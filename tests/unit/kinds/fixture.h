#pragma once

#include "api/kinds/object.h"
#include "base/diag.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <jansson.h>
#include <string.h>

/* A tree from JSON that is easy to write in C: single quotes stand for double ones. */
static inline json_t *fixture_tree(const char *quoted) {
        char *text = strdup(quoted);
        json_error_t why;
        json_t *tree;

        assert_non_null(text);
        for (char *p = text; *p; p++)
                if (*p == '\'')
                        *p = '"';
        tree = json_loads(text, JSON_REJECT_DUPLICATES, &why);
        if (!tree)
                fail_msg("fixture: %s at %d", why.text, why.position);
        free(text);
        return tree;
}

/* Replaces or removes (NULL) the value at a path as "spec.containers.0.image". */
static inline void fixture_set(json_t *tree, const char *path, const char *quoted) {
        char name[128];

        for (;;) {
                size_t n = strcspn(path, "/");
                json_t *next, *value;

                memcpy(name, path, n);
                name[n] = '\0';
                next = json_is_array(tree) ? json_array_get(tree, (size_t) atoi(name))
                                           : json_object_get(tree, name);
                if (path[n] == '/') {
                        assert_non_null(next);
                        tree = next;
                        path += n + 1;
                        continue;
                }
                if (!quoted) {
                        (void) json_object_del(tree, name);
                        return;
                }
                value = strchr("{[", quoted[0]) ? fixture_tree(quoted) : NULL;
                if (!value) {
                        AUTO_FREE char *wrapped = str_format("[%s]", quoted);
                        json_t *list = fixture_tree(wrapped);

                        value = json_incref(json_array_get(list, 0));
                        json_decref(list);
                }
                if (json_is_array(tree))
                        assert_int_equal(json_array_set_new(tree, (size_t) atoi(name), value), 0);
                else
                        assert_int_equal(json_object_set_new(tree, name, value), 0);
                return;
        }
}

/* The finding about a field, or NULL. */
static inline const struct diag *fixture_finding(const struct diags *d, const char *field) {
        for (size_t i = 0; i < d->n; i++)
                if (str_eq(d->items[i].field, field))
                        return &d->items[i];
        return NULL;
}

/* All findings as lines, for messages of failing tests. The caller's. */
static inline char *fixture_lines(const struct diags *d) {
        struct strbuf b = { 0 };

        for (size_t i = 0; i < d->n; i++) {
                AUTO_FREE char *line = diag_format(&d->items[i]);

                strbuf_addf(&b, "%s\n", line);
        }
        return strbuf_steal(&b);
}

/* A change of a good object, and what is said of it. */
struct wrong {
        const char *path, *value; /* as fixture_set() */
        const char *field, *text; /* text: the finding's beginning; NULL: all is well */
};

/* Each change alone of a good object of this kind is found as the case says. */
static inline void fixture_assert_findings(const char *good, const struct kind *k,
                                           const struct wrong *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                json_t *tree = fixture_tree(good);
                struct diags d = { 0 };
                AUTO_FREE char *lines = NULL;
                const struct diag *one;

                fixture_set(tree, cases[i].path, cases[i].value);
                assert_int_equal(kind_default(k, tree, NULL), 0);
                assert_int_equal(kind_validate(k, tree, 0, &d), 0);
                lines = fixture_lines(&d);
                one = cases[i].text ? fixture_finding(&d, cases[i].field) : NULL;
                if (cases[i].text ? !one || !str_starts_with(one->text, cases[i].text) : d.n > 0)
                        fail_msg("case %zu, %s=%s: %s", i, cases[i].path,
                                 str_or_empty(cases[i].value), lines);
                diags_done(&d);
                json_decref(tree);
        }
}

#define FIXTURE_POD                                                                                \
        "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'web','namespace':'default',"          \
        "'labels':{'app':'web'}},'spec':{'containers':[{'name':'c','image':'web:1'}]}}"

#define FIXTURE_DEPLOYMENT                                                                         \
        "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'web','namespace':"        \
        "'default','creationTimestamp':null},'spec':{'replicas':3,'selector':{'matchLabels':"      \
        "{'app':'web'}},'strategy':{},'template':{'metadata':{'creationTimestamp':null,'labels':"  \
        "{'app':'web'}},'spec':{'containers':[{'name':'c','image':'web','resources':{'limits':"    \
        "{'cpu':1,'memory':'1024Mi'}},'ports':[{'containerPort':8080}],'livenessProbe':{"          \
        "'httpGet':{'path':'/health','port':8080}}}]}}},'status':{}}"
