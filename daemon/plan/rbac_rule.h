#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One rule of RBAC against one request, or against another rule. Pure; meaning as in
 * k8s.io/kubernetes/pkg/apis/rbac/v1 (evaluation_helpers) and
 * k8s.io/component-helpers/auth/rbac/validation. */
struct access;
struct policy_rule;
struct policy_rules;
struct strbuf;

/* Whether the rule allows it. */
bool rbac_rule_allows(const struct policy_rule *rule, const struct access *a);

/* Rules that are compared part by part: more parts than this are refused unseen. */
#define RBAC_PARTS_MAX 20000U

/* Whether owner's rules allow all that wanted allows: then owner may give wanted away.
 *
 * ret_missing  first rule of wanted that isn't covered; borrowed from wanted.
 *
 * Returns 0 (covered), -EPERM, or -E2BIG when wanted has more than RBAC_PARTS_MAX parts. */
int rbac_rules_cover(const struct policy_rules *owner, const struct policy_rules *wanted,
                     const struct policy_rule **ret_missing);

/* Adds {APIGroups:[""], Resources:["pods"], Verbs:["get"]}. */
void rbac_rule_format(const struct policy_rule *rule, struct strbuf *b);
