#include "daemon/plan/rbac.h"

#include "api/kinds/object.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "daemon/plan/rbac_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys that don't fit take memory for the time of one look-up. */
#define KEY_MAX 512

/* One subject of one binding. In the list of its subject's file. */
struct grant {
        struct list link;
        struct binding *binding;
        const struct subject *subject; /* borrowed from the binding */
};

struct binding {
        struct object *object; /* owned */
        const struct role_binding *decoded;
        char **keys;          /* owned; of the files that grants are in, one for each */
        struct grant *grants; /* owned */
        size_t n;
};

/* What one subject has in one namespace, or in the cluster. */
struct file {
        struct list grants;
};

struct rbac {
        struct map roles;    /* "NAMESPACE/NAME", "/NAME" → struct object, owned */
        struct map bindings; /* likewise → struct binding, owned */
        struct map files;    /* "NAMESPACE\nKIND\nNAME" → struct file, owned */
};

/* ---- keys ---- */

struct key {
        char buf[KEY_MAX];
        char *memory; /* owned; NULL: buf holds it */
};

static void key_done(struct key *k) {
        free(k->memory);
}
DEFINE_AUTO_DONE(key);

/* NULL: memory is out. */
static const char *key_make(struct key *k, const char *a, const char *kind, const char *b) {
        int n = snprintf(k->buf, KEY_MAX, "%s%s%s", a, kind, b);

        k->memory = NULL;
        if (n >= 0 && n < KEY_MAX)
                return k->buf;
        k->memory = str_format("%s%s%s", a, kind, b);
        return k->memory;
}

/* A service account is the user that its tokens make it. */
static char *subject_key(const struct subject *s, const char *namespace_) {
        const char *own = str_is_empty(s->namespace) ? namespace_ : s->namespace;

        if (str_eq(s->kind, "ServiceAccount"))
                return str_format("%s\nU\n" ACCESS_USER_ACCOUNT "%s:%s", namespace_, own,
                                  str_or_empty(s->name));
        return str_format("%s\n%s\n%s", namespace_, str_eq(s->kind, "Group") ? "G" : "U",
                          str_or_empty(s->name));
}

/* ---- life ---- */

struct rbac *rbac_new(void) {
        return calloc(1, sizeof(struct rbac));
}

static void binding_free(struct binding *b) {
        for (size_t i = 0; b->keys && i < b->n; i++)
                free(b->keys[i]);
        free(b->keys);
        free(b->grants);
        object_unref(b->object);
        free(b);
}

static void value_free_binding(void *value) {
        binding_free(value);
}

static void value_free_object(void *value) {
        object_unref(value);
}

void rbac_unref(struct rbac *r) {
        if (!r)
                return;
        map_done(&r->roles, value_free_object);
        map_done(&r->bindings, value_free_binding);
        map_done(&r->files, free);
        free(r);
}

bool rbac_has_kind(const struct kind *k) {
        return k == &role_kind || k == &cluster_role_kind || k == &role_binding_kind ||
               k == &cluster_role_binding_kind;
}

/* ---- bindings ---- */

static void binding_unfile(struct rbac *r, struct binding *b) {
        for (size_t i = 0; i < b->n; i++) {
                struct file *f = b->grants[i].binding ? map_get(&r->files, b->keys[i]) : NULL;

                if (!f)
                        continue;
                list_remove(&b->grants[i].link);
                if (list_is_empty(&f->grants))
                        free(map_remove(&r->files, b->keys[i]));
        }
}

static int grant_file(struct rbac *r, struct binding *b, size_t i) {
        struct grant *g = &b->grants[i];
        struct file *f = map_get(&r->files, b->keys[i]);

        if (!f) {
                f = malloc(sizeof(*f));
                if (!f)
                        return -ENOMEM;
                list_init(&f->grants);
                if (map_put(&r->files, b->keys[i], f, NULL) < 0) {
                        free(f);
                        return -ENOMEM;
                }
        }
        list_append(&f->grants, &g->link);
        g->subject = &b->decoded->subjects.items[i];
        g->binding = b;
        return 0;
}

static int binding_new(struct object *o, struct binding **ret) {
        struct binding *b = calloc(1, sizeof(*b));
        size_t n;

        if (!b)
                return -ENOMEM;
        b->object = object_ref(o);
        b->decoded = (const struct role_binding *) o->meta;
        n = b->decoded->subjects.n;
        b->keys = calloc(n + 1, sizeof(*b->keys));
        b->grants = calloc(n + 1, sizeof(*b->grants));
        for (b->n = 0; b->keys && b->grants && b->n < n; b->n++) {
                b->keys[b->n] = subject_key(&b->decoded->subjects.items[b->n],
                                            str_or_empty(o->meta->namespace));
                if (!b->keys[b->n])
                        break;
        }
        if (!b->grants || !b->keys || b->n < n) {
                binding_free(b);
                return -ENOMEM;
        }
        *ret = b;
        return 0;
}

static int binding_put(struct rbac *r, struct object *o, const char *key) {
        struct binding *b;
        int result = binding_new(o, &b);

        if (result < 0)
                return result;
        for (size_t i = 0; i < b->n && result == 0; i++)
                result = grant_file(r, b, i);
        if (result == 0)
                result = map_put(&r->bindings, key, b, NULL);
        if (result < 0) {
                binding_unfile(r, b);
                binding_free(b);
        }
        return result;
}

/* ---- objects ---- */

static bool is_role(const struct kind *k) {
        return k == &role_kind || k == &cluster_role_kind;
}

void rbac_remove(struct rbac *r, const struct kind *k, const char *namespace_, const char *name) {
        AUTO_DONE(key) struct key memory = { 0 };
        const char *key = key_make(&memory, namespace_, "/", name);
        struct binding *b;

        if (!key)
                return; /* such a name doesn't fit into an object */
        if (is_role(k)) {
                object_unref(map_remove(&r->roles, key));
                return;
        }
        b = map_remove(&r->bindings, key);
        if (!b)
                return;
        binding_unfile(r, b);
        binding_free(b);
}

int rbac_put(struct rbac *r, struct object *o) {
        AUTO_DONE(key) struct key memory = { 0 };
        const char *namespace_ = str_or_empty(o->meta->namespace);
        const char *key;

        rbac_remove(r, o->kind, namespace_, o->meta->name);
        key = key_make(&memory, namespace_, "/", o->meta->name);
        if (!key)
                return -ENOMEM;
        if (!is_role(o->kind))
                return binding_put(r, o, key);
        if (map_put(&r->roles, key, o, NULL) < 0)
                return -ENOMEM;
        (void) object_ref(o);
        return 0;
}

const struct role *rbac_role(const struct rbac *r, const char *namespace_,
                             const struct role_ref *ref) {
        AUTO_DONE(key) struct key memory = { 0 };
        const char *key = key_make(&memory, str_eq(ref->kind, "Role") ? namespace_ : "", "/",
                                   str_or_empty(ref->name));
        const struct object *o = key ? map_get(&r->roles, key) : NULL;

        return o ? (const struct role *) o->meta : NULL;
}

/* ---- decisions ---- */

/* What is asked of each grant of somebody. */
struct visit {
        const struct rbac *rbac;
        /* True: go on. role NULL: it is missing. */
        bool (*on_grant)(struct visit *v, const struct grant *g, const struct role *role);
        bool has_failed; /* memory */
};

static bool visit_file(struct visit *v, const char *namespace_, const char *kind,
                       const char *name) {
        AUTO_DONE(key) struct key memory = { 0 };
        const char *key = key_make(&memory, namespace_, kind, name);
        const struct file *f;

        if (!key) {
                v->has_failed = true;
                return true;
        }
        f = map_get(&v->rbac->files, key);
        if (!f)
                return true;
        for (const struct list *l = f->grants.next; l != &f->grants; l = l->next) {
                const struct grant *g = CONTAINER_OF(l, struct grant, link);
                const struct binding *b = g->binding;

                if (!v->on_grant(v, g,
                                 rbac_role(v->rbac, str_or_empty(b->object->meta->namespace),
                                           &b->decoded->role_ref)))
                        return false;
        }
        return true;
}

static bool visit_user(struct visit *v, const struct access_user *u, const char *namespace_) {
        if (!visit_file(v, namespace_, "\nU\n", u->name))
                return false;
        for (size_t i = 0; i < u->n_groups; i++)
                if (!visit_file(v, namespace_, "\nG\n", u->groups[i]))
                        return false;
        return true;
}

/* Everything that somebody has in a namespace: of the cluster first. */
static void visit_all(struct visit *v, const struct access_user *u, const char *namespace_) {
        if (visit_user(v, u, "") && *namespace_)
                (void) visit_user(v, u, namespace_);
}

struct decision {
        struct visit visit;
        const struct access *access;
        const struct grant *granted; /* NULL: none yet */
        struct strbuf missing;
        bool wants_reason;
};

static bool decide_grant(struct visit *v, const struct grant *g, const struct role *role) {
        struct decision *d = CONTAINER_OF(v, struct decision, visit);
        const struct role_ref *ref = &g->binding->decoded->role_ref;

        if (!role && d->wants_reason)
                strbuf_addf(&d->missing, "%s%s." RBAC_GROUP " \"%s\" not found",
                            d->missing.len > 0 ? ", " : "RBAC: ",
                            str_eq(ref->kind, "Role") ? "role" : "clusterrole", ref->name);
        for (size_t i = 0; role && i < role->rules.n; i++) {
                if (rbac_rule_allows(&role->rules.items[i], d->access)) {
                        d->granted = g;
                        return false;
                }
        }
        return true;
}

/* RBAC: allowed by RoleBinding "b/ns" of Role "r" to User "jane" */
static char *grant_reason(const struct grant *g) {
        const struct object_meta *meta = g->binding->object->meta;
        const struct role_ref *ref = &g->binding->decoded->role_ref;
        const struct subject *s = g->subject;
        bool has_namespace = !str_is_empty(meta->namespace);
        bool is_account = str_eq(s->kind, "ServiceAccount");

        return str_format("RBAC: allowed by %s \"%s%s%s\" of %s \"%s\" to %s \"%s%s%s\"",
                          g->binding->object->kind->name, meta->name, has_namespace ? "/" : "",
                          str_or_empty(meta->namespace), ref->kind, ref->name, s->kind, s->name,
                          is_account ? "/" : "", is_account ? str_or_empty(s->namespace) : "");
}

void access_decision_done(struct access_decision *d) {
        free(d->reason);
        *d = (struct access_decision){ 0 };
}

bool rbac_decide(const struct rbac *r, const struct access_user *u, const struct access *a,
                 struct access_decision *ret) {
        struct decision d = {
                .visit = { .rbac = r, .on_grant = decide_grant },
                .access = a,
                .wants_reason = ret,
        };

        if (ret)
                *ret = (struct access_decision){ 0 };
        if (access_user_has_group(u, ACCESS_GROUP_MASTERS)) {
                if (ret)
                        ret->is_allowed = true;
                return true;
        }
        visit_all(&d.visit, u, a->path ? "" : a->namespace_);
        if (ret) {
                ret->is_allowed = d.granted;
                ret->reason = d.granted ? grant_reason(d.granted) : strbuf_steal(&d.missing);
        }
        strbuf_done(&d.missing);
        return d.granted;
}

/* ---- rules ---- */

struct collection {
        struct visit visit;
        struct policy_rules rules;
        size_t cap;
};

static bool collect_grant(struct visit *v, const struct grant *g, const struct role *role) {
        struct collection *c = CONTAINER_OF(v, struct collection, visit);
        size_t n = role ? role->rules.n : 0, cap;
        struct policy_rule *grown;

        (void) g;
        if (c->rules.n + n > c->cap) {
                cap = MAX(c->cap * 2, c->rules.n + n + 16);
                grown = realloc(c->rules.items, cap * sizeof(*grown));
                if (!grown) {
                        v->has_failed = true;
                        return false;
                }
                c->rules.items = grown;
                c->cap = cap;
        }
        if (n > 0)
                memcpy(c->rules.items + c->rules.n, role->rules.items, n * sizeof(*grown));
        c->rules.n += n;
        return true;
}

int rbac_rules_of(const struct rbac *r, const struct access_user *u, const char *namespace_,
                  struct policy_rules *ret) {
        struct collection c = { .visit = { .rbac = r, .on_grant = collect_grant } };

        visit_all(&c.visit, u, namespace_);
        if (c.visit.has_failed) {
                free(c.rules.items);
                return -ENOMEM;
        }
        *ret = c.rules;
        return 0;
}
