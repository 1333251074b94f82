#pragma once

#include "daemon/pod/supervisor.h"

/* Reads pod.conf of the current directory. */
int setup_load(struct pod_config *config, struct err *e);

/* Makes the pod: namespaces, host name, loopback, sysctls, volumes in memory, control groups, the
 * listening socket, the pause process of a shared pid namespace. */
int setup_pod(struct supervisor *s, struct err *e);

/* Takes away everything that the pod had, the current directory included, but its logs. All its
 * processes have ended. */
void setup_remove(struct supervisor *s);
