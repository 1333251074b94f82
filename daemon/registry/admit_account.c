#include "daemon/registry/admit_account.h"

#include "base/str.h"
#include "base/uid.h"
#include "daemon/plan/account_plan.h"
#include "daemon/registry/call.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/state.h"

#include <jansson.h>

#define MOUNT_PATH "/var/run/secrets/kubernetes.io/serviceaccount"
#define VOLUME_PREFIX "kube-api-access-"
#define SUFFIX_LEN 5
/* An hour, and some for clocks that differ: kubelets ask for this, too. */
#define TOKEN_SECONDS 3607

/* The account as it is; *ret_tree (the caller's) is NULL for "default" where the controller hasn't
 * come round yet: it will be made as if it were there. False: answered. */
static bool account_find(struct call *c, const char *name, json_t **ret_tree) {
        struct record *r = registry_find(c->registry, "", "serviceaccounts", c->namespace_, name);
        AUTO_FREE char *why = NULL;

        *ret_tree = r ? record_tree(r) : NULL;
        if (*ret_tree || (!r && str_eq(name, ACCOUNT_DEFAULT)))
                return true;
        why = str_format("error looking up service account %s/%s: serviceaccount \"%s\" not found",
                         c->namespace_, name, name);
        if (r || !why)
                call_fail_memory(c);
        else
                call_fail_forbidden(c, why, NULL);
        return false;
}

/* The pod's own word, else the account's, else yes. */
static bool wants_token(const json_t *spec, const json_t *account) {
        const json_t *own = json_object_get(spec, "automountServiceAccountToken");

        if (json_is_boolean(own))
                return json_is_true(own);
        return !json_is_false(json_object_get(account, "automountServiceAccountToken"));
}

static bool mounts_there(const json_t *container) {
        json_t *one;
        size_t i;

        json_array_foreach(json_object_get(container, "volumeMounts"), i, one) {
                if (str_eq(tree_text(one, "mountPath"), MOUNT_PATH))
                        return true;
        }
        return false;
}

static json_t *list_of(json_t *object, const char *key) {
        json_t *list = json_object_get(object, key);

        if (json_is_array(list))
                return list;
        list = json_array();
        return json_object_set_new(object, key, list) == 0 ? list : NULL;
}

/* Not json_pack(), which takes five times as long: this is done for every pod. */
static json_t *mount_make(const char *volume) {
        json_t *mount = json_object();

        if (json_object_set_new(mount, "name", json_string(volume)) == 0 &&
            json_object_set_new(mount, "readOnly", json_true()) == 0 &&
            json_object_set_new(mount, "mountPath", json_string(MOUNT_PATH)) == 0)
                return mount;
        json_decref(mount);
        return NULL;
}

/* Mounts the volume where nothing is yet. Returns how many do, or -ENOMEM. */
static int containers_mount(json_t *containers, const char *volume) {
        json_t *one, *mounts;
        int n = 0;
        size_t i;

        json_array_foreach(containers, i, one) {
                if (mounts_there(one))
                        continue;
                mounts = list_of(one, "volumeMounts");
                if (!mounts || json_array_append_new(mounts, mount_make(volume)) < 0)
                        return -ENOMEM;
                n++;
        }
        return n;
}

/* Token, the authority's certificate, and the pod's namespace: the same in all pods. */
static json_t *projection_make(void) {
        return json_pack(
                "{s:[{s:{s:i,s:s}},{s:{s:s,s:[{s:s,s:s}]}},{s:{s:[{s:s,s:{s:s,s:s}}]}}],s:i}",
                "sources", "serviceAccountToken", "expirationSeconds", TOKEN_SECONDS, "path",
                "token", "configMap", "name", ACCOUNT_CA_CONFIG_MAP, "items", "key", ACCOUNT_CA_KEY,
                "path", ACCOUNT_CA_KEY, "downwardAPI", "items", "path", "namespace", "fieldRef",
                "apiVersion", "v1", "fieldPath", "metadata.namespace", "defaultMode", 0644);
}

static json_t *volume_make(struct registry *r, const char *name) {
        json_t *volume = json_object();

        if (!r->shared.token_volume)
                r->shared.token_volume = projection_make();
        if (json_object_set_new(volume, "name", json_string(name)) == 0 &&
            json_object_set(volume, "projected", r->shared.token_volume) == 0)
                return volume;
        json_decref(volume);
        return NULL;
}

/* The volume that a template may have brought along from another pod, or NULL. */
static const char *volume_find(const json_t *spec) {
        json_t *one;
        size_t i;

        json_array_foreach(json_object_get(spec, "volumes"), i, one) {
                const char *name = tree_text(one, "name");

                if (name && str_starts_with(name, VOLUME_PREFIX))
                        return name;
        }
        return NULL;
}

static int token_mount(struct registry *r, json_t *spec) {
        const char *there = volume_find(spec);
        char name[sizeof(VOLUME_PREFIX) + SUFFIX_LEN] = VOLUME_PREFIX;
        json_t *volumes;
        int n_init, n;

        (void) uid_suffix(name + strlen(VOLUME_PREFIX), SUFFIX_LEN);
        n = containers_mount(json_object_get(spec, "containers"), there ? there : name);
        n_init = containers_mount(json_object_get(spec, "initContainers"), there ? there : name);
        if (n < 0 || n_init < 0)
                return -ENOMEM;
        if (n + n_init == 0 || there)
                return 0;
        volumes = list_of(spec, "volumes");
        return volumes && json_array_append_new(volumes, volume_make(r, name)) == 0 ? 0 : -ENOMEM;
}

/* What a pod without secrets for registries has of its account. */
static int pull_secrets_take(json_t *spec, const json_t *account) {
        json_t *secrets = json_object_get(account, "imagePullSecrets");

        if (json_array_size(json_object_get(spec, "imagePullSecrets")) > 0 ||
            json_array_size(secrets) == 0)
                return 0;
        return json_object_set(spec, "imagePullSecrets", secrets) < 0 ? -ENOMEM : 0;
}

bool admit_account(struct call *c, json_t *tree) {
        json_t *spec = json_object_get(tree, "spec"), *account = NULL;
        const char *name = tree_text(spec, "serviceAccountName");
        int r = 0;

        if (!spec)
                return true;
        if (str_is_empty(name)) {
                name = ACCOUNT_DEFAULT;
                if (json_object_set_new(spec, "serviceAccountName", json_string(name)) < 0 ||
                    json_object_set_new(spec, "serviceAccount", json_string(name)) < 0)
                        r = -ENOMEM;
        }
        if (r == 0 && !account_find(c, name, &account))
                return false;
        if (r == 0)
                r = pull_secrets_take(spec, account);
        if (r == 0 && c->registry->token_key && wants_token(spec, account))
                r = token_mount(c->registry, spec);
        json_decref(account);
        if (r == 0)
                return true;
        call_fail_memory(c);
        return false;
}
