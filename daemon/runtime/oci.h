#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct runtime_container_spec;

/* What a container's config.json needs to know beside its spec. All borrowed. */
struct oci_input {
        const struct runtime_container_spec *spec;
        const char *pod_dir;      /* RUN_DIR/pods/UID */
        const char *state_dir;    /* STATE_DIR/pods/UID */
        const char *cgroup_path;  /* "/orch/podUID/NAME" */
        const char *hostname;     /* "": the machine's */
        const char *seccomp_path; /* NULL: none */
        pid_t pod_pid;
        bool has_host_network, has_host_ipc, has_host_pid, has_shared_pid;
        bool has_hosts, has_resolv_conf; /* the pod has files of its own */
};

/* An OCI runtime-spec config.json (1.0.2), with annotations for orch-pod (daemon/pod/bundle.h). The
 * bundle runs under crun and runc too, once its overlay is mounted on rootfs/.
 * Returns 0, -EINVAL explained by e, or -ENOMEM. Looks at device files only. */
int oci_build(const struct oci_input *in, struct strbuf *out, struct err *e);

/* The capabilities that a spec comes to. Returns 0 or -EINVAL explained by e. Pure. */
int oci_capabilities(const struct runtime_container_spec *spec, uint64_t *ret_mask, struct err *e);
