#pragma once

#include "daemon/pod/supervisor.h"

/* Programs run in a container on behalf of a client: exec. */
void session_start(struct supervisor *s, int client, const struct wire_msg *msg,
                   struct wire_fds *fds);
struct session *session_of_pid(struct supervisor *s, pid_t pid);
struct session *session_of_serial(struct supervisor *s, int client, uint64_t serial);
void session_read_report(struct supervisor *s, struct session *x);
void session_reaped(struct supervisor *s, struct session *x, int end_code, int end_status);
/* The client has gone: nobody will fetch the result. */
void session_drop_client(struct supervisor *s, int client);
