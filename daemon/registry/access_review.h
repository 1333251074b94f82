#pragma once

/* Answers to questions about rights (authorization.k8s.io/v1); each answers the call. */
struct call;

/* SelfSubjectAccessReview, SubjectAccessReview and LocalSubjectAccessReview. */
void access_review(struct call *c);

/* SelfSubjectRulesReview. */
void rules_review(struct call *c);
