#pragma once

#include "daemon/pod/supervisor.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The cloned child, from clone to exec. Never returns. Words about what went wrong, and the master
 * of a terminal, go to the report socket, which exec closes. */
struct init_request {
        const struct pod_config *config;
        const char *container;
        unsigned flags; /* WIRE_FLAG_… */
        int fds[3];     /* become 0, 1, 2; unused with a terminal */
        int report;
        bool is_in_unified; /* CLONE_INTO_CGROUP worked */
};

/* A container's first process: it is in a pid and mount namespace of its own. */
void init_container(const struct init_request *q) __attribute__((noreturn));

/* One more process in a running container: in its pid namespace, the others are joined here.
 *
 * process_fd  JSON object: args, env (absent: the container's), terminal
 * target      the container's first process, for its namespaces
 */
void init_exec(const struct init_request *q, int process_fd, pid_t target)
        __attribute__((noreturn));

/* Starts path or, without a slash, the first hit along PATH of env. Returns only on failure: 127
 * for what isn't there, 126 for what can't be executed, with a sentence in Kubernetes' wording. */
int init_exec_program(char *const args[], char *const env[], struct err *e);
