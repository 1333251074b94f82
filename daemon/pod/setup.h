#pragma once

#include "daemon/pod/supervisor.h"

/* Reads pod.conf of the current directory. */
int setup_load(struct pod_config *config, struct err *e);

/* Makes the pod: namespaces, host name, loopback, sysctls, volumes in memory, control groups, the
 * listening socket, the pause process of a shared pid namespace. */
int setup_pod(struct supervisor *s, struct err *e);

/* Takes away everything that the pod had, its directory (the current one) included, but its logs.
 * All its processes have ended. What pod.conf would have told, were it readable, stays. */
void setup_remove(struct supervisor *s, const char *dir);
