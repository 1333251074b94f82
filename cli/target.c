#include "cli/target.h"

#include "api/kinds/object.h"
#include "base/array.h"
#include "base/str.h"
#include "cli/discover.h"
#include "cli/session.h"

#include <errno.h>

void targets_done(struct targets *t) {
        free(t->items);
        free(t->types);
        *t = (struct targets){ 0 };
}

char *target_kind_name(const struct kind *k) {
        if (str_is_empty(k->group))
                return strdup(k->singular);
        return str_format("%s.%s", k->singular, k->group);
}

int target_kind(struct session *s, const char *word, const struct kind **ret, struct err *e) {
        const struct kind *k = kind_by_word(word);
        const char *near;

        if (k) {
                *ret = k;
                return 0;
        }
        k = discover_word(s, word);
        if (k) {
                *ret = k;
                return 0;
        }
        near = kind_nearest_word(word);
        if (near)
                return session_usage(s, e, "there is no resource type \"%s\"; did you mean \"%s\"?",
                                     word, near);
        return session_usage(
                s, e, "there is no resource type \"%s\"; \"orch api-resources\" lists them", word);
}

static int target_add(struct targets *t, const struct kind *k, const char *name, struct err *e) {
        if (array_reserve(&t->items, &t->cap, t->n, sizeof(*t->items)) < 0)
                return err_errno(e, -ENOMEM, "cannot read the command line");
        t->items[t->n++] = (struct target){ .kind = k, .name = name };
        return 0;
}

static bool has_category(const struct kind *k, const char *category) {
        for (size_t i = 0; k->categories && k->categories[i]; i++)
                if (str_eq(k->categories[i], category))
                        return true;
        return false;
}

struct adding {
        struct targets *targets;
        struct err *e;
};

static int add_discovered(void *data, const struct kind *k) {
        const struct adding *a = data;

        return target_add(a->targets, k, NULL, a->e);
}

static int add_category(struct session *s, struct targets *t, const char *category, struct err *e) {
        const struct kind *const *all = kind_all();
        struct adding adding = { t, e };
        int r = 0;

        for (size_t i = 0; all[i] && r == 0; i++)
                if (!all[i]->stored_as && has_category(all[i], category))
                        r = target_add(t, all[i], NULL, e);
        return r == 0 ? discover_each(s, category, add_discovered, &adding) : r;
}

static int add_types(struct session *s, const char *types, struct targets *t, struct err *e) {
        char *save = NULL;
        int r = 0;

        t->types = strdup(types);
        if (!t->types)
                return err_errno(e, -ENOMEM, "cannot read the command line");
        for (char *word = strtok_r(t->types, ",", &save); word && r == 0;
             word = strtok_r(NULL, ",", &save)) {
                const struct kind *k = NULL;

                if (str_eq(word, "all")) {
                        r = add_category(s, t, word, e);
                        continue;
                }
                r = target_kind(s, word, &k, e);
                if (r == 0)
                        r = target_add(t, k, NULL, e);
        }
        if (r == 0 && t->n == 0)
                return session_usage(s, e, "name a resource type, such as pods");
        return r;
}

/* "deploy/web" */
static int add_pair(struct session *s, const char *word, struct targets *t, struct err *e) {
        const char *slash = strchr(word, '/');
        AUTO_FREE char *type = strndup(word, (size_t) (slash - word));
        const struct kind *k = NULL;
        int r;

        if (!type)
                return err_errno(e, -ENOMEM, "cannot read the command line");
        if (slash[1] == '\0')
                return session_usage(s, e, "\"%s\" has no name behind the slash", word);
        r = target_kind(s, type, &k, e);
        return r < 0 ? r : target_add(t, k, slash + 1, e);
}

static int add_names(struct session *s, const char *const *words, size_t n, struct targets *t,
                     struct err *e) {
        struct targets names = { 0 };
        int r = 0;

        for (size_t w = 1; w < n && r == 0; w++) {
                if (strchr(words[w], '/'))
                        r = session_usage(s, e, "give either TYPE NAME or TYPE/NAME, not both");
                for (size_t i = 0; i < t->n && r == 0; i++)
                        r = target_add(&names, t->items[i].kind, words[w], e);
        }
        if (r < 0) {
                targets_done(&names);
                return r;
        }
        free(t->items);
        t->items = names.items;
        t->n = names.n;
        t->cap = names.cap;
        return 0;
}

int target_parse(struct session *s, const char *const *words, size_t n, struct targets *ret,
                 struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        int r = 0;

        if (n == 0)
                return session_usage(s, e, "name a resource type, such as pods, or TYPE/NAME");
        if (strchr(words[0], '/')) {
                for (size_t i = 0; i < n && r == 0; i++)
                        r = strchr(words[i], '/') ? add_pair(s, words[i], &t, e)
                                                  : session_usage(s, e,
                                                                  "\"%s\": every argument must be "
                                                                  "TYPE/NAME when one is",
                                                                  words[i]);
        } else {
                r = add_types(s, words[0], &t, e);
                if (r == 0 && n > 1)
                        r = add_names(s, words, n, &t, e);
        }
        if (r < 0)
                return r;
        *ret = t;
        t = (struct targets){ 0 };
        return 0;
}

int target_parse_one(struct session *s, const char *const *words, size_t n,
                     const struct kind *default_kind, struct target *ret, struct err *e) {
        AUTO_DONE(targets) struct targets t = { 0 };
        int r;

        if (default_kind && n == 1 && !strchr(words[0], '/')) {
                *ret = (struct target){ .kind = default_kind, .name = words[0] };
                return 0;
        }
        r = target_parse(s, words, n, &t, e);
        if (r < 0)
                return r;
        if (t.n != 1 || !t.items[0].name)
                return session_usage(s, e, "name one object: TYPE/NAME");
        *ret = t.items[0];
        return 0;
}
