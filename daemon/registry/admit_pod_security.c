#include "daemon/registry/admit_pod_security.h"

#include "api/kinds/custom.h"
#include "api/kinds/pod.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "daemon/plan/pod_security.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a namespace asks ---- */

#define LABELS_MAX 64U

/* The policy of a namespace's labels; label memory is the record's. */
static struct pod_security_policy policy_of(const struct record *namespace_) {
        struct string_pair pairs[LABELS_MAX];
        struct object_meta meta = { .labels = { .items = pairs } };

        for (size_t i = 0; i < namespace_->n_labels && meta.labels.n < LABELS_MAX; i++) {
                const struct record_label *l = &namespace_->labels[i];

                if (str_starts_with(l->key, "pod-security.kubernetes.io/"))
                        pairs[meta.labels.n++] =
                                (struct string_pair){ .key = l->key, .value = l->value };
        }
        return pod_security_policy_of(&meta);
}

/* ---- what an object wants to run ---- */

/* Where kinds keep their pods' template. */
static const struct {
        const char *group, *kind, *path;
} TEMPLATES[] = {
        { "apps", "DaemonSet", "spec.template" },
        { "apps", "Deployment", "spec.template" },
        { "apps", "ReplicaSet", "spec.template" },
        { "apps", "StatefulSet", "spec.template" },
        { "batch", "CronJob", "spec.jobTemplate.spec.template" },
        { "batch", "Job", "spec.template" },
};

static bool is_pod(const struct call *c) {
        return c->kind->resource.kind == &pod_kind;
}

/* The part of an object that is a pod, or a pod's template; NULL: it runs none. */
static const json_t *template_of(const struct call *c, const json_t *tree) {
        const struct kind *k = c->kind->resource.kind;

        if (is_pod(c))
                return tree;
        for (size_t i = 0; i < ARRAY_SIZE(TEMPLATES); i++)
                if (str_eq(TEMPLATES[i].kind, k->name) && str_eq(TEMPLATES[i].group, k->group))
                        return custom_at(tree, TEMPLATES[i].path);
        return NULL;
}

struct subject {
        struct arena *arena; /* owned */
        struct pod_template_spec pod;
};

static void subject_done(struct subject *s) {
        arena_unref(s->arena);
}
DEFINE_AUTO_DONE(subject);

/* Returns 0, -EINVAL (checked before: its table's check has told) or -ENOMEM. */
static int subject_decode(const json_t *template, struct subject *ret) {
        const json_t *meta = json_object_get(template, "metadata");
        int r = 0;

        *ret = (struct subject){ .arena = arena_new(0) };
        if (!ret->arena)
                return -ENOMEM;
        if (meta)
                r = schema_decode(&object_meta_schema, meta, ret->arena, &ret->pod.metadata, NULL);
        if (r == 0)
                r = schema_decode(&pod_spec_schema, json_object_get(template, "spec"), ret->arena,
                                  &ret->pod.spec, NULL);
        return r;
}

/* ---- verdicts ---- */

/* What speaks against an object at a level, unless the object was no better before. Returns 0 or
 * -ENOMEM. */
static int judge(const struct subject *now, const struct subject *was,
                 enum pod_security_level level, char **ret_why) {
        AUTO_FREE char *before = NULL;
        int r;

        r = pod_security_check(level, &now->pod.metadata, &now->pod.spec, ret_why);
        if (r < 0 || !*ret_why || !was)
                return r;
        r = pod_security_check(level, &was->pod.metadata, &was->pod.spec, &before);
        if (r == 0 && str_eq(before, *ret_why)) {
                free(*ret_why);
                *ret_why = NULL;
        }
        return r;
}

static char *words(const char *verb, enum pod_security_level level, const char *version,
                   const char *why) {
        return str_format("%s PodSecurity \"%s:%s\": %s", verb, pod_security_level_name(level),
                          version, why);
}

static bool refuse(struct call *c, const struct pod_security_policy *p, const char *why) {
        AUTO_FREE char *text = words("violates", p->enforce, p->enforce_version, why);

        if (text)
                call_fail_forbidden(c, text, NULL);
        else
                call_fail_memory(c);
        return false;
}

static bool enforce(struct call *c, const struct pod_security_policy *p, const struct subject *now,
                    const struct subject *was) {
        AUTO_FREE char *why = NULL;

        if (judge(now, was, p->enforce, &why) < 0) {
                call_fail_memory(c);
                return false;
        }
        return !why || refuse(c, p, why);
}

static bool warn(struct call *c, const struct pod_security_policy *p, const struct subject *now,
                 const struct subject *was) {
        AUTO_FREE char *why = NULL, *text = NULL;

        if (judge(now, was, p->warn, &why) < 0) {
                call_fail_memory(c);
                return false;
        }
        text = why ? words("would violate", p->warn, p->warn_version, why) : NULL;
        if (text)
                call_warn(c, text);
        return true;
}

static bool audit(struct call *c, const struct pod_security_policy *p, const struct subject *now,
                  const struct subject *was) {
        AUTO_FREE char *why = NULL, *text = NULL;

        if (judge(now, was, p->audit, &why) < 0) {
                call_fail_memory(c);
                return false;
        }
        text = why ? words("would violate", p->audit, p->audit_version, why) : NULL;
        if (text)
                LOG_NOTICE(c->name, "%s", text);
        return true;
}

static bool verdicts(struct call *c, const struct pod_security_policy *p, const json_t *now,
                     const json_t *was) {
        AUTO_DONE(subject) struct subject fresh = { 0 }, old = { 0 };
        const struct subject *before = NULL;

        if (subject_decode(now, &fresh) < 0 || (was && subject_decode(was, &old) < 0)) {
                call_fail_memory(c);
                return false;
        }
        if (was)
                before = &old;
        return (!is_pod(c) || enforce(c, p, &fresh, before)) && warn(c, p, &fresh, before) &&
               audit(c, p, &fresh, before);
}

/* ---- namespaces ---- */

static bool labels_admit(struct call *c, const json_t *tree) {
        const json_t *labels = json_object_get(json_object_get(tree, "metadata"), "labels");
        const char *key;
        json_t *value;

        json_object_foreach((json_t *) labels, key, value) {
                const char *text = str_or_empty(json_string_value(value));
                const char *wrong = pod_security_label_error(key, text);
                AUTO_FREE char *field = NULL;

                if (!wrong)
                        continue;
                field = str_format("metadata.labels[%s]", key);
                call_fail_field(c, DIAG_INVALID, str_or_empty(field), "Invalid value: \"%s\": %s",
                                text, wrong);
                return false;
        }
        return true;
}

bool admit_pod_security(struct call *c, const json_t *tree, const json_t *was) {
        const json_t *now = template_of(c, tree), *before = was ? template_of(c, was) : NULL;
        struct pod_security_policy p;
        struct record *namespace_;

        if (c->kind->resource.flags & RESOURCE_NAMESPACE)
                return labels_admit(c, tree);
        if (!now || !json_object_get(now, "spec"))
                return true;
        if (before && json_equal(json_object_get(now, "spec"), json_object_get(before, "spec")))
                return true;
        namespace_ = registry_find(c->registry, "", "namespaces", "",
                                   c->namespace_ ? c->namespace_ : c->path.namespace_);
        if (!namespace_)
                return true;
        p = policy_of(namespace_);
        if (p.enforce == POD_SECURITY_PRIVILEGED && p.warn == POD_SECURITY_PRIVILEGED &&
            p.audit == POD_SECURITY_PRIVILEGED)
                return true;
        return verdicts(c, &p, now, before);
}
