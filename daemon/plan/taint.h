#pragma once

/* Taints and tolerations, as the scheduler and the node lifecycle read them. */

struct pod_spec;
struct taint;
struct toleration;

#define TAINT_NOT_READY "node.kubernetes.io/not-ready"
#define TAINT_UNREACHABLE "node.kubernetes.io/unreachable"
#define TAINT_UNSCHEDULABLE "node.kubernetes.io/unschedulable"

/* The first toleration of the pod that matches the taint, borrowed, or NULL. Pure. */
const struct toleration *taint_toleration(const struct pod_spec *spec, const struct taint *t);
