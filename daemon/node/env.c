#include "daemon/node/env.h"

#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "base/arena.h"
#include "base/array.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/node/downward.h"

#include <ctype.h>
#include <stdio.h>

struct env_names {
        struct map index; /* name -> position + 1 */
        size_t cap;
        size_t bytes;
};

struct env_builder {
        struct arena *a;
        const struct env_request *q;
        struct env *env;
        int r; /* sticky */
};

void env_done(struct env *env) {
        if (!env->names)
                return;
        map_done(&env->names->index, NULL);
        free(env->items);
        free(env->names);
        *env = (struct env){ 0 };
}

const char *env_get(const struct env *env, const char *name) {
        uintptr_t at = env->names ? (uintptr_t) map_get(&env->names->index, name) : 0;

        return at ? strchr(env->items[at - 1], '=') + 1 : NULL;
}

static void env_set(struct env_builder *b, const char *name, const char *value) {
        struct env_names *names = b->env->names;
        char *item;
        uintptr_t at;

        if (b->r < 0)
                return;
        item = arena_printf(b->a, "%s=%s", name, value);
        if (!item) {
                b->r = -ENOMEM;
                return;
        }
        names->bytes += strlen(item) + 1;
        if (names->bytes > ENV_BYTES_MAX || b->env->n >= ENV_VARS_MAX) {
                b->r = -E2BIG;
                return;
        }
        at = (uintptr_t) map_get(&names->index, name);
        if (at > 0) {
                b->env->items[at - 1] = item;
                return;
        }
        b->r = array_reserve(&b->env->items, &names->cap, b->env->n, sizeof(char *));
        if (b->r < 0)
                return;
        b->r = map_put(&names->index, name, (void *) (uintptr_t) (b->env->n + 1), NULL);
        if (b->r == 0)
                b->env->items[b->env->n++] = item;
}

char *env_expand(struct arena *a, const struct env *env, const char *text) {
        AUTO_DONE(strbuf) struct strbuf out = { 0 };

        strbuf_reserve(&out, strlen(text) + 1);
        strbuf_add(&out, ""); /* room alone is no text yet */
        for (const char *p = text; *p && out.len <= ENV_BYTES_MAX;) {
                const char *end = p[0] == '$' && p[1] == '(' ? strchr(p, ')') : NULL;

                if (p[0] == '$' && p[1] == '$') {
                        strbuf_add_char(&out, '$');
                        p += 2;
                } else if (end) {
                        AUTO_FREE char *name = strndup(p + 2, (size_t) (end - p - 2));
                        const char *value = name ? env_get(env, name) : NULL;

                        if (!name)
                                return NULL;
                        if (value)
                                strbuf_add(&out, value);
                        else
                                strbuf_add_len(&out, p, (size_t) (end + 1 - p));
                        p = end + 1;
                } else {
                        strbuf_add_char(&out, *p++);
                }
        }
        if (out.has_failed || out.len > ENV_BYTES_MAX)
                return NULL;
        return arena_strdup(a, str_or_empty(out.s));
}

/* What the shell can name; the kubelet leaves other keys of envFrom out. */
static bool is_env_name(const char *name) {
        if (name[0] == '\0' || isdigit((unsigned char) name[0]))
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char) *name) && !strchr("_-.", *name))
                        return false;
        return true;
}

/* "my-db" -> "MY_DB" */
static char *service_word(struct arena *a, const char *name) {
        char *word = arena_strdup(a, name);

        for (char *p = word; p && *p; p++)
                *p = *p == '-' ? '_' : (char) toupper((unsigned char) *p);
        return word;
}

static void env_setf(struct env_builder *b, const char *name, const char *suffix,
                     const char *value) {
        char *full = arena_printf(b->a, "%s%s", name, suffix);

        if (!full || !value)
                b->r = b->r < 0 ? b->r : -ENOMEM;
        else
                env_set(b, full, value);
}

static void env_add_service_port(struct env_builder *b, const char *word, const char *ip,
                                 const struct service_port *port, bool is_first) {
        const char *protocol = port->protocol ? port->protocol : "TCP";
        char *lower = arena_strdup(b->a, protocol);
        char *number = arena_printf(b->a, "%lld", (long long) port->port);
        char *base = arena_printf(b->a, "%s_PORT_%lld_%s", word, (long long) port->port, protocol);
        char *url;

        for (char *p = lower; p && *p; p++)
                *p = (char) tolower((unsigned char) *p);
        url = arena_printf(b->a, "%s://%s:%lld", str_or_empty(lower), ip, (long long) port->port);
        if (!lower || !number || !base || !url) {
                b->r = -ENOMEM;
                return;
        }
        if (is_first) {
                env_setf(b, word, "_SERVICE_PORT", number);
                env_setf(b, word, "_PORT", url);
        }
        if (!str_is_empty(port->name)) {
                char *name = service_word(b->a, port->name);
                char *suffix = name ? arena_printf(b->a, "_SERVICE_PORT_%s", name) : NULL;

                if (suffix)
                        env_setf(b, word, suffix, number);
                else
                        b->r = -ENOMEM;
        }
        env_set(b, base, url);
        env_setf(b, base, "_PROTO", lower);
        env_setf(b, base, "_PORT", number);
        env_setf(b, base, "_ADDR", ip);
}

static void env_add_service(void *data, const struct service *s) {
        struct env_builder *b = data;
        const char *ip = s->spec.cluster_ip;
        char *word;

        if (b->r < 0 || str_is_empty(ip) || str_eq(ip, "None") || s->spec.ports.n == 0)
                return;
        word = service_word(b->a, s->metadata.name);
        if (!word) {
                b->r = -ENOMEM;
                return;
        }
        env_setf(b, word, "_SERVICE_HOST", ip);
        for (size_t i = 0; i < s->spec.ports.n && b->r == 0; i++)
                env_add_service_port(b, word, ip, &s->spec.ports.items[i], i == 0);
}

static int missing(struct err *e, int r, const char *what, const char *ns, const char *name) {
        if (r == -EAGAIN)
                return err_set(e, r, "%s %s/%s is not known yet", what, ns, name);
        return err_set(e, r, "%s \"%s\" not found", what, name);
}

static int env_from_config_map(struct env_builder *b, const char *prefix,
                               const struct config_map_env_source *from, struct err *e) {
        const char *ns = b->q->pod->metadata.namespace;
        const struct config_map *m = NULL;
        int r = b->q->sources->config_map(b->q->sources->data, ns, str_or_empty(from->name), &m);

        if (r == -ENOENT && from->optional.is_set && from->optional.value)
                return 0;
        if (r < 0)
                return missing(e, r, "configmap", ns, str_or_empty(from->name));
        for (size_t i = 0; i < m->data.n; i++) {
                char *name = arena_printf(b->a, "%s%s", prefix, m->data.items[i].key);

                if (!name)
                        return -ENOMEM;
                if (is_env_name(name))
                        env_set(b, name, m->data.items[i].value);
        }
        return 0;
}

static int env_from_secret(struct env_builder *b, const char *prefix,
                           const struct secret_env_source *from, struct err *e) {
        const char *ns = b->q->pod->metadata.namespace;
        const struct secret *m = NULL;
        int r = b->q->sources->secret(b->q->sources->data, ns, str_or_empty(from->name), &m);

        if (r == -ENOENT && from->optional.is_set && from->optional.value)
                return 0;
        if (r < 0)
                return missing(e, r, "secret", ns, str_or_empty(from->name));
        for (size_t i = 0; i < m->data.n; i++) {
                char *name = arena_printf(b->a, "%s%s", prefix, m->data.items[i].key);

                if (!name)
                        return -ENOMEM;
                if (is_env_name(name))
                        env_set(b, name, (const char *) m->data.items[i].data);
        }
        return 0;
}

/* *ret_value NULL: an optional reference without a target; the variable is left out. */
static int env_config_map_key(struct env_builder *b, const struct config_map_key_selector *key,
                              const char **ret_value, struct err *e) {
        const char *ns = b->q->pod->metadata.namespace, *name = str_or_empty(key->name);
        bool is_optional = key->optional.is_set && key->optional.value;
        const struct config_map *m = NULL;
        int r = b->q->sources->config_map(b->q->sources->data, ns, name, &m);

        *ret_value = NULL;
        if (r == -ENOENT && is_optional)
                return 0;
        if (r < 0)
                return missing(e, r, "configmap", ns, name);
        *ret_value = string_map_get(&m->data, str_or_empty(key->key));
        if (!*ret_value && !is_optional)
                return err_set(e, -ENOENT, "couldn't find key %s in ConfigMap %s/%s",
                               str_or_empty(key->key), ns, name);
        return 0;
}

static int env_secret_key(struct env_builder *b, const struct secret_key_selector *key,
                          const char **ret_value, struct err *e) {
        const char *ns = b->q->pod->metadata.namespace, *name = str_or_empty(key->name);
        bool is_optional = key->optional.is_set && key->optional.value;
        const struct bytes_pair *found;
        const struct secret *m = NULL;
        int r = b->q->sources->secret(b->q->sources->data, ns, name, &m);

        *ret_value = NULL;
        if (r == -ENOENT && is_optional)
                return 0;
        if (r < 0)
                return missing(e, r, "secret", ns, name);
        found = bytes_map_get(&m->data, str_or_empty(key->key));
        if (!found && !is_optional)
                return err_set(e, -ENOENT, "couldn't find key %s in Secret %s/%s",
                               str_or_empty(key->key), ns, name);
        *ret_value = found ? (const char *) found->data : NULL;
        return 0;
}

static int env_value(struct env_builder *b, const struct env_var *v, const char **ret_value,
                     struct err *e) {
        const struct env_var_source *from = v->value_from;
        const struct env_request *q = b->q;
        const struct downward_subject subject = { q->pod, q->container, q->facts };

        if (!from || !str_is_empty(v->value)) {
                *ret_value = env_expand(b->a, b->env, str_or_empty(v->value));
                return *ret_value ? 0 : -ENOMEM;
        }
        if (from->field_ref)
                return downward_field(b->a, &subject, from->field_ref->field_path, ret_value, e);
        if (from->resource_field_ref)
                return downward_resource(b->a, &subject, from->resource_field_ref, ret_value, e);
        if (from->config_map_key_ref)
                return env_config_map_key(b, from->config_map_key_ref, ret_value, e);
        if (from->secret_key_ref)
                return env_secret_key(b, from->secret_key_ref, ret_value, e);
        *ret_value = "";
        return 0;
}

static int env_add_all(struct env_builder *b, struct err *e) {
        const struct env_request *q = b->q;
        const struct container *c = q->container;
        int r = 0;

        for (size_t i = 0; i < q->n_image_env; i++) {
                const char *eq = strchr(q->image_env[i], '=');
                char *name =
                        eq ? arena_strndup(b->a, q->image_env[i], (size_t) (eq - q->image_env[i]))
                           : NULL;

                if (eq && !name)
                        return -ENOMEM;
                if (eq)
                        env_set(b, name, eq + 1);
        }
        if (!q->pod->spec.enable_service_links.is_set || q->pod->spec.enable_service_links.value)
                q->sources->each_service(q->sources->data, q->pod->metadata.namespace,
                                         env_add_service, b);
        for (size_t i = 0; i < c->env_from.n && r == 0; i++) {
                const struct env_from_source *from = &c->env_from.items[i];

                if (from->config_map_ref)
                        r = env_from_config_map(b, str_or_empty(from->prefix), from->config_map_ref,
                                                e);
                if (r == 0 && from->secret_ref)
                        r = env_from_secret(b, str_or_empty(from->prefix), from->secret_ref, e);
        }
        for (size_t i = 0; i < c->env.n && r == 0; i++) {
                const char *value = NULL;

                r = env_value(b, &c->env.items[i], &value, e);
                if (r == 0 && value)
                        env_set(b, c->env.items[i].name, value);
        }
        return r;
}

int env_build(struct arena *a, const struct env_request *q, struct env *ret_env, struct err *e) {
        struct env env = { .names = calloc(1, sizeof(struct env_names)) };
        struct env_builder b = { .a = a, .q = q, .env = &env };
        int r;

        if (!env.names)
                return -ENOMEM;
        r = env_add_all(&b, e);
        if (r == 0)
                r = b.r;
        if (r == -E2BIG)
                (void) err_set(e, r,
                               "the environment of container %s is larger than %u bytes: shorten "
                               "it or set "
                               "enableServiceLinks: false",
                               q->container->name, ENV_BYTES_MAX);
        if (r < 0) {
                env_done(&env);
                return r;
        }
        *ret_env = env;
        return 0;
}
