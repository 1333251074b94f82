#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the node and orch-pod say to each other: packets of one fixed struct on a SOCK_SEQPACKET
 * unix socket, so that orch-pod parses nothing and allocates nothing. Bulky things (what to exec)
 * travel as descriptors. The struct only ever grows at its end: what a shorter, older packet leaves
 * out is zero, what a longer, newer one has more is ignored. */
#define WIRE_VERSION 1
#define WIRE_NAME_MAX 64
#define WIRE_FDS_MAX 4

enum wire_type {
        /* node to pod; each is answered by WIRE_REPLY with the same serial */
        WIRE_START = 1, /* container, instance, flags: start CONTAINER/config.json; text: the
                           container in whose pid namespace, "": its own */
        WIRE_SIGNAL,    /* container, a: signal number */
        WIRE_KILL,      /* container: every process of it */
        WIRE_EXEC, /* container, flags; descriptors: OCI process object, stdin, stdout, stderr */
        WIRE_EXEC_KILL, /* target: the serial of WIRE_EXEC */
        WIRE_RESIZE,    /* container, or target: serial of WIRE_EXEC; a: columns, b: rows */
        WIRE_ATTACH,    /* container, flags: WIRE_FLAG_STDIN when input is wanted; the reply carries
                           in (when its flags have that, too) and a socket that closes at the end */
        WIRE_REMOVE,    /* end everything and leave nothing behind; then the socket closes */

        /* pod to node */
        WIRE_REPLY = 100, /* serial, result, text */
        WIRE_READY,       /* once on the first socket: result, text */
        WIRE_EXITED,      /* container, instance: its status file says how */
        WIRE_EXEC_TTY,    /* serial; descriptor: the terminal's master */
        WIRE_EXEC_EXITED, /* serial; result, a: exit code, b: signal */
};

enum wire_flag {
        WIRE_FLAG_TTY = 1 << 0,
        WIRE_FLAG_STDIN = 1 << 1,
        WIRE_FLAG_STDIN_ONCE = 1 << 2,
        WIRE_FLAG_HOST_CGROUP = 1 << 3,  /* no cgroup of its own: the machine has none */
        WIRE_FLAG_LOG_FALLBACK = 1 << 4, /* termination message from the log's tail on error */
};

struct wire_msg {
        uint16_t version, type;
        uint32_t flags;
        uint64_t serial;
        uint64_t target;
        uint64_t instance;
        int32_t result; /* 0 or a negative errno */
        uint32_t a, b;
        uint32_t reserved;
        char container[WIRE_NAME_MAX];
        char text[ERR_TEXT_MAX];
};

/* Descriptors that came along; -1 where none. */
struct wire_fds {
        int fds[WIRE_FDS_MAX];
        size_t n;
};

/* Sends one packet. fds: borrowed, -1 entries are not allowed. Returns 0 or a negative errno
 * (-EAGAIN when a non-blocking socket is full). Never raises SIGPIPE. */
int wire_send(int sock, const struct wire_msg *msg, const int *fds, size_t n_fds);

/* Receives one packet. Returns 1, 0 at the end of the stream, -EAGAIN, -EBADMSG for what is no
 * packet of ours (descriptors are closed then), or an errno. ret_fds: the caller's to close. */
int wire_receive(int sock, struct wire_msg *ret_msg, struct wire_fds *ret_fds);

/* Checks and completes what was received as size bytes in msg. Pure. Returns 0 or -EBADMSG. */
int wire_check(struct wire_msg *msg, size_t size);

void wire_fds_close(struct wire_fds *f);

/* Names that may become path components: 1 to 63 of [A-Za-z0-9.-], not beginning with a dot or
 * dash. Pure. */
bool wire_name_is_valid(const char *name);
