#pragma once

struct check;
struct container;
struct object_field_selector;
struct pod_spec;
struct seccomp_profile;

/* Checks a container of a pod, whatever kind of container it is. */
void container_check(const struct check *c, const struct pod_spec *spec, const struct container *k);

/* Whether a field of the downward API is one. ref may be NULL. */
void container_check_field_ref(const struct check *c, const struct object_field_selector *ref);

/* The same rule for a pod and its containers. p may be NULL. */
void container_check_seccomp(const struct check *c, const struct seccomp_profile *p);
