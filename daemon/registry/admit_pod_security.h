#pragma once

#include <stdbool.h>

/* Pod Security admission by the labels of namespaces (k8s.io/pod-security-admission;
 * daemon/plan/pod_security.h has the levels): enforce refuses pods, warn answers pods and workloads
 * with a warning, audit is told in the log. A change that makes nothing worse is let through. */
struct call;
typedef struct json_t json_t;

/* tree: an object of any kind that is being made or changed, decoded and defaulted; for a namespace
 * its labels are checked. was: what it was, NULL for a new one. False: answered. */
bool admit_pod_security(struct call *c, const json_t *tree, const json_t *was);
