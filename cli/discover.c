#include "cli/discover.h"

#include "api/kinds/crd.h"
#include "api/kinds/custom.h"
#include "api/kinds/manifest.h"
#include "api/kinds/object.h"
#include "base/array.h"
#include "base/str.h"
#include "cli/discovery.h"
#include "cli/fetch.h"
#include "cli/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GROUPS_MAX 500U

static struct discovery *discovery_of(struct session *s) {
        if (!s->discovery)
                s->discovery = calloc(1, sizeof(*s->discovery));
        return s->discovery;
}

/* ---- asking ---- */

/* A document, or NULL. That there is none is no failure of the command. */
static json_t *ask(struct session *s, char *take_path) {
        enum exit_code code = s->exit_code;
        enum client_reason reason = s->reason;
        json_t *answer = NULL;
        struct err e = { 0 };

        (void) session_get(s, take_path, &answer, &e);
        s->exit_code = code;
        s->reason = reason;
        return answer;
}

static const char **words_of(const json_t *list) {
        const char **words = calloc(json_array_size(list) + 1, sizeof(*words));
        size_t i, n = 0;
        json_t *one;

        json_array_foreach((json_t *) list, i, one) {
                if (words && json_is_string(one))
                        words[n++] = json_string_value(one);
        }
        return words;
}

static bool has_sub(const json_t *resources, const char *plural, const char *sub) {
        AUTO_FREE char *name = str_format("%s/%s", plural, sub);
        const json_t *one;
        size_t i;

        json_array_foreach((json_t *) resources, i, one) {
                if (name && str_eq(tree_text(one, "name", NULL), name))
                        return true;
        }
        return false;
}

static bool can_list(const json_t *resource) {
        const json_t *one;
        size_t i;

        json_array_foreach(json_object_get(resource, "verbs"), i, one) {
                if (str_eq(json_string_value(one), "list"))
                        return true;
        }
        return false;
}

static void learn(struct discovery *d, const char *group, const char *version,
                  const json_t *resources, const json_t *one) {
        const char *plural = tree_text(one, "name", NULL);
        AUTO_FREE const char **shorts = words_of(json_object_get(one, "shortNames"));
        AUTO_FREE const char **categories = words_of(json_object_get(one, "categories"));
        const struct custom_names names = {
                .group = group,
                .version = version,
                .kind = tree_text(one, "kind", NULL),
                .plural = plural,
                .singular = tree_text(one, "singularName", NULL),
                .short_names = shorts,
                .categories = categories,
                .is_namespaced = json_is_true(json_object_get(one, "namespaced")),
                .has_status = has_sub(resources, plural, "status"),
                .has_scale = has_sub(resources, plural, "scale"),
        };
        const struct kind *k = NULL;

        if (!*plural || strchr(plural, '/') || !can_list(one) ||
            kind_by_resource(group, version, plural))
                return;
        if (custom_kind_new_named(&names, &k, NULL) == 0)
                (void) discovery_keep(d, k);
}

static void learn_group_version(struct session *s, const char *group_version) {
        AUTO_FREE char *group = strdup(group_version);
        char *slash = group ? strchr(group, '/') : NULL;
        json_t *list, *resources;
        const json_t *one;
        size_t i;

        if (!slash)
                return;
        *slash = '\0';
        list = ask(s, str_format("/apis/%s", group_version));
        resources = json_object_get(list, "resources");
        json_array_foreach(resources, i, one)
                learn(s->discovery, group, slash + 1, resources, one);
        json_decref(list);
}

/* All versions of all groups, each group's preferred version first. */
static void learn_all(struct session *s) {
        struct discovery *d = discovery_of(s);
        json_t *groups;
        const json_t *group, *version;
        size_t i, v;

        if (!d || d->was_asked)
                return;
        d->was_asked = true;
        groups = ask(s, strdup("/apis"));
        json_array_foreach(json_object_get(groups, "groups"), i, group) {
                if (i >= GROUPS_MAX)
                        break;
                json_array_foreach(json_object_get(group, "versions"), v, version)
                        learn_group_version(s, tree_text(version, "groupVersion", NULL));
        }
        json_decref(groups);
}

/* ---- definitions ---- */

static const struct kind *from_definition(struct discovery *d, const json_t *definition,
                                          const char *version) {
        json_t *tree = json_deep_copy(definition);
        const struct custom_version wanted = { .definition = tree, .name = version };
        const struct kind *k = NULL;

        if (tree && kind_default(&crd_kind, tree, NULL) == 0 &&
            custom_kind_new(&wanted, &k, NULL) == 0)
                k = discovery_keep(d, k);
        json_decref(tree);
        return k;
}

/* What discovery said, made better by the definition: its schema and columns. */
static const struct kind *completed(struct session *s, const struct kind *k) {
        AUTO_FREE char *name = str_format("%s.%s", k->plural, k->group);
        const struct kind *better;
        json_t *definition;

        if (!name || custom_definition(k))
                return k;
        for (size_t i = 0; i < s->discovery->n; i++) {
                better = s->discovery->kinds[i];
                if (custom_definition(better) && str_eq(better->api_version, k->api_version) &&
                    str_eq(better->plural, k->plural))
                        return better;
        }
        definition = ask(s, session_path(s, &crd_kind, NULL, name, NULL));
        better = definition ? from_definition(s->discovery, definition, k->version) : NULL;
        json_decref(definition);
        return better ? better : k;
}

/* ---- looking ---- */

static bool is_word(const char *word, size_t n, const char *name) {
        return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

static bool has_word(const struct kind *k, const char *word, size_t n) {
        if (is_word(word, n, k->plural) || is_word(word, n, k->singular) ||
            is_word(word, n, k->name))
                return true;
        for (size_t i = 0; k->short_names[i]; i++)
                if (is_word(word, n, k->short_names[i]))
                        return true;
        return false;
}

/* "crontabs", "crontabs.example.com", "crontabs.v1.example.com" */
static bool is_meant(const struct kind *k, const char *word) {
        size_t n = strcspn(word, "."), len = strlen(k->version);
        const char *rest = word[n] ? word + n + 1 : NULL;

        if (!has_word(k, word, n))
                return false;
        return !rest || strcasecmp(rest, k->group) == 0 ||
               (str_starts_with(rest, k->version) && rest[len] == '.' &&
                strcasecmp(rest + len + 1, k->group) == 0);
}

const struct kind *discover_word(struct session *s, const char *word) {
        learn_all(s);
        for (size_t i = 0; s->discovery && i < s->discovery->n; i++)
                if (is_meant(s->discovery->kinds[i], word))
                        return completed(s, s->discovery->kinds[i]);
        return NULL;
}

static const struct kind *in_manifests(struct session *s, const struct manifests *m,
                                       const char *api_version, const char *name) {
        const char *slash = strchr(api_version, '/');

        for (size_t i = 0; slash && m && i < m->n; i++) {
                const json_t *spec = json_object_get(m->items[i].tree, "spec");
                const char *group = tree_text(spec, "group", NULL);

                if (m->items[i].kind == &crd_kind &&
                    strlen(group) == (size_t) (slash - api_version) &&
                    str_starts_with(api_version, group) &&
                    str_eq(tree_text(spec, "names", "kind", NULL), name))
                        return from_definition(s->discovery, m->items[i].tree, slash + 1);
        }
        return NULL;
}

const struct kind *discover_kind(struct session *s, const struct manifests *m,
                                 const char *api_version, const char *name) {
        const struct kind *k;

        if (!api_version || !name || !discovery_of(s))
                return NULL;
        k = in_manifests(s, m, api_version, name);
        if (k)
                return k;
        learn_all(s);
        for (size_t i = 0; i < s->discovery->n; i++) {
                k = s->discovery->kinds[i];
                if (str_eq(k->api_version, api_version) && str_eq(k->name, name))
                        return completed(s, k);
        }
        return NULL;
}

static bool has_category(const struct kind *k, const char *category) {
        for (size_t i = 0; k->categories[i]; i++)
                if (str_eq(k->categories[i], category))
                        return true;
        return false;
}

int discover_each(struct session *s, const char *category,
                  int (*fn)(void *data, const struct kind *k), void *data) {
        size_t n;
        int r = 0;

        learn_all(s);
        n = s->discovery ? s->discovery->n : 0; /* completed() adds to it */
        for (size_t i = 0; i < n && r == 0; i++) {
                const struct kind *k = s->discovery->kinds[i];

                if (!custom_definition(k) && (!category || has_category(k, category)))
                        r = fn(data, category ? completed(s, k) : k);
        }
        return r;
}
