#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct config_map;
struct container;
struct image;
struct pod;
struct pod_facts;
struct secret;
struct service;
struct service_account_token_projection;

/* Where a pod's references lead. Answers: 0 and *ret (borrowed until the loop turns), -ENOENT
 * (there is none), -EAGAIN (not known yet: ask again when it changed). */
struct pod_sources {
        void *data;
        int (*config_map)(void *data, const char *ns, const char *name,
                          const struct config_map **ret);
        int (*secret)(void *data, const char *ns, const char *name, const struct secret **ret);
        /* As tokens_get(). NULL: there are no tokens. */
        int (*token)(void *data, const struct pod *pod,
                     const struct service_account_token_projection *want, const char **ret,
                     struct err *e);
        /* Calls fn for every service of the namespace that has an address, and default/kubernetes.
         */
        void (*each_service)(void *data, const char *ns,
                             void (*fn)(void *fn_data, const struct service *s), void *fn_data);
};

struct env_request {
        const struct pod *pod;
        const struct container *container;
        const char *const *image_env; /* "NAME=value"; the lowest layer */
        size_t n_image_env;
        const struct pod_sources *sources;
        const struct pod_facts *facts;
};

/* Values of an environment, for $(NAME). */
struct env {
        const char **items; /* "NAME=value": the texts are the arena's */
        size_t n;
        /* private: the index of names */
        struct env_names *names;
};

/* No environment has more variables, or more bytes together: the kernel wouldn't take it. */
#define ENV_VARS_MAX 65536
#define ENV_BYTES_MAX (1U << 20)

/* Builds a container's environment as the kubelet does: image, services, envFrom, env; later ones
 * win;
 * $(NAME) in env values is expanded with what came before.
 *
 * a  holds the result.
 * e  in Kubernetes' words: configmap "x" not found; couldn't find key k in ConfigMap default/x.
 *
 * Returns 0, -ENOENT (a reference leads nowhere), -EAGAIN (not known yet), -EINVAL (a field that
 * the downward API doesn't have), -E2BIG or -ENOMEM. */
int env_build(struct arena *a, const struct env_request *q, struct env *ret_env, struct err *e);

/* The value of a variable, or NULL. Borrowed. */
const char *env_get(const struct env *env, const char *name);

/* Frees array and index; the texts stay in the arena. */
void env_done(struct env *env);

/* Replaces $(NAME) by values; $$ is one $; unknown names stay as they are. The arena's; NULL when
 * memory is out or the result grows past ENV_BYTES_MAX. Pure. */
char *env_expand(struct arena *a, const struct env *env, const char *text);
