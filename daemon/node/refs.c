#include "daemon/node/refs.h"

#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "base/str.h"

struct refs_visit {
        void (*fn)(void *data, const struct kind *kind, const char *ns, const char *name);
        void *data;
        const char *ns;
};

static void visit(const struct refs_visit *v, const struct kind *kind, const char *name) {
        if (!str_is_empty(name))
                v->fn(v->data, kind, v->ns, name);
}

static void visit_container(const struct refs_visit *v, const struct container *c) {
        for (size_t i = 0; i < c->env_from.n; i++) {
                if (c->env_from.items[i].config_map_ref)
                        visit(v, &config_map_kind, c->env_from.items[i].config_map_ref->name);
                if (c->env_from.items[i].secret_ref)
                        visit(v, &secret_kind, c->env_from.items[i].secret_ref->name);
        }
        for (size_t i = 0; i < c->env.n; i++) {
                const struct env_var_source *from = c->env.items[i].value_from;

                if (from && from->config_map_key_ref)
                        visit(v, &config_map_kind, from->config_map_key_ref->name);
                if (from && from->secret_key_ref)
                        visit(v, &secret_kind, from->secret_key_ref->name);
        }
}

static void visit_volume(const struct refs_visit *v, const struct volume *volume) {
        if (volume->config_map)
                visit(v, &config_map_kind, volume->config_map->name);
        if (volume->secret)
                visit(v, &secret_kind, volume->secret->secret_name);
        for (size_t i = 0; volume->projected && i < volume->projected->sources.n; i++) {
                const struct volume_projection *p = &volume->projected->sources.items[i];

                if (p->config_map)
                        visit(v, &config_map_kind, p->config_map->name);
                if (p->secret)
                        visit(v, &secret_kind, p->secret->name);
        }
}

void refs_each(const struct pod *pod,
               void (*fn)(void *data, const struct kind *kind, const char *ns, const char *name),
               void *data) {
        const struct refs_visit v = { .fn = fn, .data = data, .ns = pod->metadata.namespace };

        for (size_t i = 0; i < pod->spec.init_containers.n; i++)
                visit_container(&v, &pod->spec.init_containers.items[i]);
        for (size_t i = 0; i < pod->spec.containers.n; i++)
                visit_container(&v, &pod->spec.containers.items[i]);
        for (size_t i = 0; i < pod->spec.ephemeral_containers.n; i++)
                visit_container(&v, &pod->spec.ephemeral_containers.items[i]);
        for (size_t i = 0; i < pod->spec.volumes.n; i++)
                visit_volume(&v, &pod->spec.volumes.items[i]);
        for (size_t i = 0; i < pod->spec.image_pull_secrets.n; i++)
                visit(&v, &secret_kind, pod->spec.image_pull_secrets.items[i].name);
}

struct refs_search {
        const struct kind *kind;
        const char *ns, *name;
        bool is_found;
};

static void refs_compare(void *data, const struct kind *kind, const char *ns, const char *name) {
        struct refs_search *s = data;

        if (kind == s->kind && str_eq(ns, s->ns) && str_eq(name, s->name))
                s->is_found = true;
}

bool refs_has(const struct pod *pod, const struct kind *kind, const char *ns, const char *name) {
        struct refs_search s = { .kind = kind, .ns = ns, .name = name };

        refs_each(pod, refs_compare, &s);
        return s.is_found;
}
