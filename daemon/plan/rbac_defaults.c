#include "daemon/plan/rbac_defaults.h"

#include "api/kinds/rbac.h"
#include "base/macros.h"
#include "daemon/plan/changes.h"

#include <string.h>

/* Lists of words are written as one text; "-" is the core group's empty name. */
struct default_rule {
        const char *verbs, *groups, *resources, *urls;
};

#define RULES_MAX 20

/* aggregate: this role's rules become those of "…/aggregate-to-AGGREGATE"; aggregated: it is made
 * of such. */
struct default_role {
        const char *name, *aggregate, *aggregated;
        struct default_rule rules[RULES_MAX];
};

struct default_binding {
        const char *name;
        const char *groups;
};

#define READ "get list watch"
#define WRITE "create delete deletecollection patch update"
#define ALL READ " " WRITE
#define HEALTH "/healthz /livez /readyz /version /version/"
#define CONNECT "pods/attach pods/exec pods/portforward pods/proxy"

static const struct default_role ROLES[] = {
        { "cluster-admin", NULL, NULL, { { "*", "*", "*", NULL }, { "*", NULL, NULL, "*" } } },
        { "system:discovery",
          NULL,
          NULL,
          { { "get", NULL, NULL,
              "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version "
              "/version/" } } },
        { "system:public-info-viewer", NULL, NULL, { { "get", NULL, NULL, HEALTH } } },
        { "system:basic-user",
          NULL,
          NULL,
          { { "create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews",
              NULL },
            { "create", "authentication.k8s.io", "selfsubjectreviews", NULL } } },
        { "system:monitoring",
          NULL,
          NULL,
          { { "get", NULL, NULL,
              "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*" } } },
        { "system:service-account-issuer-discovery",
          NULL,
          NULL,
          { { "get", NULL, NULL, "/.well-known/openid-configuration /openid/v1/jwks" } } },
        { "system:auth-delegator",
          NULL,
          NULL,
          { { "create", "authentication.k8s.io", "tokenreviews", NULL },
            { "create", "authorization.k8s.io", "subjectaccessreviews", NULL } } },
        /* Bound to nobody: what a node may do depends on its pods (node_access.c). */
        { "system:node",
          NULL,
          NULL,
          { { READ, "-", "namespaces services", NULL },
            { READ, "discovery.k8s.io", "endpointslices", NULL },
            { "create get list watch patch update", "-", "nodes", NULL },
            { "patch update", "-", "nodes/status pods/status", NULL },
            { "get list watch delete", "-", "pods", NULL },
            { READ, "-", "configmaps secrets", NULL },
            { "create", "-", "serviceaccounts/token", NULL },
            { "create patch update", "- events.k8s.io", "events", NULL },
            { "create get patch update", "coordination.k8s.io", "leases", NULL } } },
        { "admin", NULL, "admin", { { 0 } } },
        { "edit", "admin", "edit", { { 0 } } },
        { "view", "edit", "view", { { 0 } } },
        { "system:aggregate-to-admin",
          "admin",
          NULL,
          { { "create", "authorization.k8s.io", "localsubjectaccessreviews", NULL },
            { ALL, RBAC_GROUP, "roles rolebindings", NULL } } },
        { "system:aggregate-to-edit",
          "edit",
          NULL,
          { { READ, "-", CONNECT " secrets services/proxy", NULL },
            { "impersonate", "-", "serviceaccounts", NULL },
            { WRITE, "-", "pods " CONNECT, NULL },
            { "create", "-", "pods/eviction serviceaccounts/token", NULL },
            { WRITE, "-",
              "configmaps events persistentvolumeclaims replicationcontrollers "
              "replicationcontrollers/scale secrets serviceaccounts services services/proxy",
              NULL },
            { WRITE, "apps",
              "daemonsets deployments deployments/rollback deployments/scale replicasets "
              "replicasets/scale statefulsets statefulsets/scale",
              NULL },
            { WRITE, "autoscaling", "horizontalpodautoscalers", NULL },
            { WRITE, "batch", "cronjobs jobs", NULL },
            { WRITE, "policy", "poddisruptionbudgets", NULL },
            { WRITE, "networking.k8s.io", "ingresses networkpolicies", NULL },
            { ALL, "coordination.k8s.io", "leases", NULL } } },
        { "system:aggregate-to-view",
          "view",
          NULL,
          { { READ, "-",
              "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
              "replicationcontrollers replicationcontrollers/scale serviceaccounts services "
              "services/status",
              NULL },
            { READ, "-",
              "bindings events limitranges namespaces/status pods/log pods/status "
              "replicationcontrollers/status resourcequotas resourcequotas/status",
              NULL },
            { READ, "-", "namespaces", NULL },
            { READ, "events.k8s.io", "events", NULL },
            { READ, "discovery.k8s.io", "endpointslices", NULL },
            { READ, "apps",
              "controllerrevisions daemonsets daemonsets/status deployments deployments/scale "
              "deployments/status replicasets replicasets/scale replicasets/status statefulsets "
              "statefulsets/scale statefulsets/status",
              NULL },
            { READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status",
              NULL },
            { READ, "batch", "cronjobs cronjobs/status jobs jobs/status", NULL },
            { READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status", NULL },
            { READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies", NULL } } },
        { "system:aggregated-metrics-reader",
          "view",
          NULL,
          { { READ, "metrics.k8s.io", "nodes pods", NULL } } },
};

/* Each to the role of its own name. */
static const struct default_binding BINDINGS[] = {
        { "cluster-admin", "system:masters" },
        { "system:discovery", "system:authenticated" },
        { "system:basic-user", "system:authenticated" },
        { "system:public-info-viewer", "system:authenticated system:unauthenticated" },
        { "system:monitoring", "system:monitoring" },
        { "system:service-account-issuer-discovery", "system:serviceaccounts" },
};

size_t rbac_defaults_count(void) {
        return ARRAY_SIZE(ROLES) + ARRAY_SIZE(BINDINGS);
}

const struct kind *rbac_default_kind(size_t i) {
        return i < ARRAY_SIZE(ROLES) ? &cluster_role_kind : &cluster_role_binding_kind;
}

const char *rbac_default_name(size_t i) {
        return i < ARRAY_SIZE(ROLES) ? ROLES[i].name : BINDINGS[i - ARRAY_SIZE(ROLES)].name;
}

/* ---- trees; NULL: memory is out ---- */

/* take_list NULL: fails. */
static json_t *words_list(const char *words) {
        json_t *list = json_array();

        while (*words) {
                size_t n = strcspn(words, " ");
                bool is_core = n == 1 && words[0] == '-';

                if (json_array_append_new(list, json_stringn(words, is_core ? 0 : n)) < 0) {
                        json_decref(list);
                        return NULL;
                }
                words += n + (words[n] == ' ');
        }
        return list;
}

static bool set_words(json_t *rule, const char *key, const char *words) {
        return !words || tree_set(rule, key, words_list(words));
}

static bool rules_add(json_t *rules, const struct default_rule *r) {
        json_t *rule = json_object();

        if (json_array_append_new(rules, rule) < 0)
                return false;
        return set_words(rule, "verbs", r->verbs) && set_words(rule, "apiGroups", r->groups) &&
               set_words(rule, "resources", r->resources) &&
               set_words(rule, "nonResourceURLs", r->urls);
}

#define AGGREGATE "rbac.authorization.k8s.io/aggregate-to-"

static json_t *object_make(const struct kind *k, const char *name) {
        return json_pack("{s:s,s:s,s:{s:s,s:{s:s},s:{s:s}}}", "apiVersion", k->api_version, "kind",
                         k->name, "metadata", "name", name, "labels", "kubernetes.io/bootstrapping",
                         "rbac-defaults", "annotations",
                         "rbac.authorization.kubernetes.io/autoupdate", "true");
}

static bool role_fill(json_t *tree, const struct default_role *r) {
        json_t *labels = json_object_get(json_object_get(tree, "metadata"), "labels");
        json_t *rules = json_array();
        char key[64];

        if (!tree_set(tree, "rules", rules))
                return false;
        for (size_t i = 0; i < RULES_MAX && r->rules[i].verbs; i++)
                if (!rules_add(rules, &r->rules[i]))
                        return false;
        (void) snprintf(key, sizeof(key), AGGREGATE "%s", r->aggregate ? r->aggregate : "");
        if (r->aggregate && !tree_set(labels, key, json_string("true")))
                return false;
        (void) snprintf(key, sizeof(key), AGGREGATE "%s", r->aggregated ? r->aggregated : "");
        return !r->aggregated || tree_set(tree, "aggregationRule",
                                          json_pack("{s:[{s:{s:s}}]}", "clusterRoleSelectors",
                                                    "matchLabels", key, "true"));
}

static bool binding_fill(json_t *tree, const struct default_binding *b) {
        json_t *names = words_list(b->groups), *subjects = json_array(), *name;
        bool ok = names && tree_set(tree, "subjects", subjects);
        size_t i;

        json_array_foreach(names, i, name) {
                ok = ok && json_array_append_new(subjects,
                                                 json_pack("{s:s,s:s,s:O}", "apiGroup", RBAC_GROUP,
                                                           "kind", "Group", "name", name)) == 0;
        }
        json_decref(names);
        return ok && tree_set(tree, "roleRef",
                              json_pack("{s:s,s:s,s:s}", "apiGroup", RBAC_GROUP, "kind",
                                        "ClusterRole", "name", b->name));
}

json_t *rbac_default_tree(size_t i) {
        json_t *tree = object_make(rbac_default_kind(i), rbac_default_name(i));
        bool ok;

        if (!tree)
                return NULL;
        ok = i < ARRAY_SIZE(ROLES) ? role_fill(tree, &ROLES[i])
                                   : binding_fill(tree, &BINDINGS[i - ARRAY_SIZE(ROLES)]);
        if (ok)
                return tree;
        json_decref(tree);
        return NULL;
}
