#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Who is on the other end of a connection. */

/* Whether the peer of a unix socket may administer: root, this process's own user, and members of
 * admin_gid (unless -1). */
bool peer_is_admin(int fd, gid_t admin_gid);

/* The process at the other end of a unix socket, 0 where that can't be told. */
pid_t peer_pid(int fd);

/* Whether a Host header names this machine's loopback: what a browser that was lured to a foreign
 * name sends does not. NULL (HTTP/1.0) passes. */
bool peer_host_is_local(const char *host);
