#pragma once

#include "base/err.h"

/* Under systemd with control groups of version 2 alone, pods live in a unit of their own,
 * "orch-pods.scope": the daemon's unit can then be stopped, killed and started again while they run
 * (systemd refuses to start a unit in a group that has been divided), and systemd keeps its hands
 * off the groups below (Delegate=yes).
 *
 * pod_binary  orch-pod: one that does nothing holds the scope while there is no pod.
 * ret_group   the scope's group, "/system.slice/orch-pods.scope", the caller's; NULL where there is
 * no such systemd.
 *
 * Returns 0, or a negative errno when systemd refused. Blocks for some milliseconds, 5 s at most.
 */
int scope_open(const char *pod_binary, char **ret_group, struct err *e);
