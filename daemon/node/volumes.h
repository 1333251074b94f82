#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What containers find in their volumes. ConfigMaps, Secrets and the downward API become files in
 * RUN_DIR/volumes/UID/NAME (memory: nothing secret reaches the disk), changed as the kubelet does
 * it: a fresh directory, then one rename of the link "..data". */
struct arena;
struct context;
struct pod;
struct pod_facts;
struct runtime_pod;
struct runtime_tmpfs;
struct volume;
struct volume_mount;

/* No volume of this kind holds more, as in Kubernetes. */
#define VOLUMES_CONTENT_MAX (3U << 20)

/* Whether everything that the volumes need is known and there, and hostPaths are what they say.
 * Returns 0, -EAGAIN (not known yet), -ENOENT or -EINVAL, e in the kubelet's words
 * (configmap "x" not found). */
int volumes_check(const struct context *ctx, const struct pod *pod, struct err *e);

/* The pod's emptyDirs of medium Memory, for runtime_pod_create(). Arena's. 0 or -ENOMEM. */
int volumes_tmpfs(struct arena *a, const struct pod *pod, struct runtime_tmpfs **ret,
                  size_t *ret_n);

/* Makes or brings up to date what volumes_check() found. facts->pod_ip must be known. Writes small
 * files in memory. Returns 0 or a negative errno, and -EAGAIN, -ENOENT as above. */
int volumes_write(const struct context *ctx, const struct pod *pod, const struct pod_facts *facts,
                  struct err *e);

/* Makes the pod's emptyDirs and gives them to its fsGroup. After runtime_pod_create(). */
int volumes_make(const struct pod *pod, struct runtime_pod *rt, struct err *e);

/* Where the volume of a mount lies on this machine, without the subPath, which orch-pod looks up
 * when it mounts. Refused (-EXDEV, -EINVAL...) where that leads out of the volume already.
 * *ret_path: the caller's. */
struct volume_use {
        const struct volume_mount *mount;
        const char *sub_path; /* or subPathExpr with variables replaced; NULL: none */
};
int volumes_source(const struct context *ctx, const struct pod *pod, struct runtime_pod *rt,
                   const struct volume_use *use, char **ret_path, struct err *e);

/* What comes from objects is read-only, as in Kubernetes, also where the mount doesn't say so. */
bool volumes_is_read_only(const struct pod *pod, const struct volume_mount *mount);

/* Removes RUN_DIR/volumes/UID. */
int volumes_remove(const struct context *ctx, const char *uid, struct err *e);
