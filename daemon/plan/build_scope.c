#include "daemon/plan/build_scope.h"

#include "api/dockerfile/expand.h"
#include "base/arena.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

int build_pairs_set(struct arena *a, struct build_pairs *pairs, const char *name,
                    const char *value) {
        struct build_pair *items = pairs->items;

        for (size_t i = 0; i < pairs->n; i++)
                if (strcmp(items[i].name, name) == 0) {
                        /* Lists are shared by stages that stand on each other: copy on change. */
                        items = arena_alloc_n(a, pairs->n, sizeof(*items));
                        if (!items)
                                return -ENOMEM;
                        memcpy(items, pairs->items, pairs->n * sizeof(*items));
                        items[i].value = value;
                        pairs->items = items;
                        return 0;
                }
        items = arena_alloc_n(a, pairs->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        if (pairs->n > 0)
                memcpy(items, pairs->items, pairs->n * sizeof(*items));
        items[pairs->n] = (struct build_pair){ name, value };
        pairs->items = items;
        pairs->n++;
        return 0;
}

const char *build_pairs_get(const struct build_pairs *pairs, const char *name) {
        for (size_t i = 0; i < pairs->n; i++)
                if (strcmp(pairs->items[i].name, name) == 0)
                        return pairs->items[i].value;
        return NULL;
}

static const char *scope_get(void *userdata, const char *name) {
        const struct build_scope *s = userdata;
        const char *value = build_pairs_get(&s->env, name);

        return value ? value : build_pairs_get(&s->args, name);
}

static int scope_expand(const struct build_scope *s, const char *text, bool keeps_quotes,
                        struct dockerfile_place place, const char **ret, struct diags *d) {
        const struct expand_source source = { .get = scope_get,
                                              .userdata = (void *) s,
                                              .escape = s->escape,
                                              .keeps_quotes = keeps_quotes };
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct err e = { 0 };
        int r = expand_text(text, &source, &b, &e);

        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                diag_set_place(diag_add(d, DIAG_ERROR, DIAG_INVALID, NULL, "%s", err_text(&e)),
                               s->plan->file->file, place.line, place.column);
                return -EINVAL;
        }
        *ret = arena_strndup(s->a, str_or_empty(b.s), b.len);
        return *ret ? 0 : -ENOMEM;
}

int build_scope_expand(const struct build_scope *s, const char *text, struct dockerfile_place place,
                       const char **ret, struct diags *d) {
        return scope_expand(s, text, false, place, ret, d);
}

int build_scope_expand_text(const struct build_scope *s, const char *text,
                            struct dockerfile_place place, const char **ret, struct diags *d) {
        return scope_expand(s, text, true, place, ret, d);
}

int build_scope_declare(struct build_scope *s, const struct dockerfile_pair *pair,
                        struct diags *d) {
        const char *name, *value;
        int r = build_scope_expand(s, pair->key.text, pair->key.place, &name, d);

        if (r < 0)
                return r;
        value = build_pairs_get(&s->plan->options->args, name);
        if (!value && pair->value)
                r = build_scope_expand(s, pair->value, pair->key.place, &value, d);
        if (r == 0 && !value)
                value = build_pairs_get(&s->plan->globals, name);
        if (r == 0 && !value)
                value = build_platform_arg(s->a, s->plan->options, name);
        if (r < 0 || !value)
                return r;
        return build_pairs_set(s->a, &s->args, name, value);
}

/* The n-th part of "os/arch/variant". */
static const char *platform_part(struct arena *a, const char *platform, size_t n) {
        for (; n > 0; n--) {
                platform = strchr(platform, '/');
                if (!platform++)
                        return "";
        }
        return arena_strndup(a, platform, strcspn(platform, "/"));
}

const char *build_platform_arg(struct arena *a, const struct build_options *o, const char *name) {
        static const char *const parts[] = { "OS", "ARCH", "VARIANT" };
        const char *platform, *rest;

        if (str_starts_with(name, "TARGET")) {
                platform = o->platform ? o->platform : o->machine;
                rest = name + strlen("TARGET");
        } else if (str_starts_with(name, "BUILD")) {
                platform = o->machine;
                rest = name + strlen("BUILD");
        } else
                return NULL;
        if (strcmp(rest, "PLATFORM") == 0)
                return platform;
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (strcmp(rest, parts[i]) == 0)
                        return platform_part(a, platform, i);
        return NULL;
}

bool build_arg_is_proxy(const char *name) {
        static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
                                             "ALL_PROXY" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcasecmp(names[i], name) == 0)
                        return true;
        return false;
}

bool build_platform_is_machine(const struct build_options *o, const char *platform) {
        const char *machine = o->machine;
        size_t len = strcspn(machine, "/");

        if (!platform)
                return true;
        /* "linux/amd64" means "linux/amd64/v1", too; "linux" alone means any. */
        len += machine[len] ? 1 + strcspn(machine + len + 1, "/") : 0;
        return strcasecmp(platform, "linux") == 0 ||
               (strncasecmp(platform, machine, len) == 0 &&
                (platform[len] == '\0' || platform[len] == '/'));
}
