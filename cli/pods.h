#pragma once

#include "base/err.h"

#include <jansson.h>

struct session;
struct target;

/* The pods that a target means: the pod itself, or those that a deployment's, replica set's or
 * service's selector finds, ready ones first. *ret is a fresh array of pod trees.
 * Returns 0, -ENOENT when there is none, or session_call()'s errors. */
int pods_of(struct session *s, const struct target *t, json_t **ret, struct err *e);

/* The pods with these labels. */
int pods_with(struct session *s, const char *selector, json_t **ret, struct err *e);

/* The container to use: named (checked), the one of annotation
 * kubectl.kubernetes.io/default-container, or the first. Borrowed from pod. */
int pods_container(const json_t *pod, const char *wanted, const char **ret, struct err *e);
