#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CONTAINER/status in a pod's directory: what orch-pod leaves so that a node that was dead misses
 * nothing. Written whole, by rename, before anybody is told. */
#define STATUS_MESSAGE_MAX 4096
#define STATUS_REASON_MAX 64
/* Room for a status file: every byte of the message escaped, and the rest. */
#define STATUS_FILE_MAX (2 * STATUS_MESSAGE_MAX + 1024)

struct status {
        uint64_t instance;
        bool is_running;
        bool has_start_failed;
        bool is_oom_killed;
        bool is_log_fallback; /* message from the log's tail where there is none */
        pid_t pid;
        int exit_code, signal;
        uint64_t started_usec, finished_usec;
        uint64_t lost_log_bytes; /* the log's disk was full */
        char reason[STATUS_REASON_MAX];
        char message[STATUS_MESSAGE_MAX + 1];
};

/* Returns 0 or a negative errno. */
int status_save(int dirfd, const char *path, const struct status *s);
int status_load(int dirfd, const char *path, struct status *ret_status);

/* Fills exit_code, signal and reason from what waitid() said. */
void status_set_exit(struct status *s, int end_code, int end_status);
