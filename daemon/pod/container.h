#pragma once

#include "daemon/pod/supervisor.h"

/* Containers of the pod, as the supervisor's loop drives them.
 *
 *   FREE --start--> STARTING --report closes (exec)--> RUNNING --reaped, rest killed--> EXITED
 *                       \\--report speaks, reaped--> EXITED (start failed)            start again
 */
struct container *container_find(struct supervisor *s, const char *name);
struct container *container_of_pid(struct supervisor *s, pid_t pid);

void container_start(struct supervisor *s, int client, const struct wire_msg *msg);
void container_attach(struct supervisor *s, int client, const struct wire_msg *msg);
int container_signal(struct supervisor *s, struct container *c, int signal);
void container_kill(struct supervisor *s, struct container *c);

/* Its report socket has something. */
void container_read_report(struct supervisor *s, struct container *c);
/* Its output (0: stdout, 1: stderr) has something. is_last: all there is, nobody writes any more.
 */
void container_pump(struct supervisor *s, struct container *c, int stream, bool is_last);
/* Its first process was reaped. */
void container_reaped(struct supervisor *s, struct container *c, int end_code, int end_status);
/* Goes on with an end that waits for the container's other processes. */
void container_settle(struct supervisor *s, struct container *c);

/* Lets what a container that has ended still holds be undone, once nothing has followed it for a
 * while. */
void container_let_go(struct supervisor *s, struct container *c);

static inline bool container_is_active(const struct container *c) {
        return c->state == CONTAINER_STARTING || c->state == CONTAINER_RUNNING;
}
