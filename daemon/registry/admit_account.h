#pragma once

#include <stdbool.h>

/* A new pod gets an account, and its containers the account's token
 * (k8s.io/kubernetes/plugin/pkg/admission/serviceaccount, docs/adr/0152). */
struct call;
typedef struct json_t json_t;

/* tree: a pod that is being made, decoded and defaulted; changed. False: answered. */
bool admit_account(struct call *c, json_t *tree);
