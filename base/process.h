#pragma once

#include "base/err.h"

/* What a program ends with when starting it again can't help: a wrong flag, a port or a folder in
 * use (sysexits(3), EX_CONFIG). The launcher reads it. */
#define PROCESS_EXIT_CONFIG 78

/* The environment variable by which the launcher names itself. */
#define PROCESS_PARENT_VARIABLE "ORCH_LAUNCHER_PID"

/* Makes this process die (SIGKILL) with the launcher that started it, so that a new launcher never
 * finds the old one's programs still holding ports and locks. Without the variable nothing happens.
 * Call it after the last change of user: Linux forgets the wish then. Returns 0, or -ESRCH when the
 * launcher is gone already. */
int process_follow_launcher(void);
