#include "daemon/runtime/status.h"

#include "base/str.h"
#include "daemon/runtime/kv.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int status_save(int dirfd, const char *path, const struct status *s) {
        char text[STATUS_FILE_MAX];
        struct kv_writer w = { .buf = text, .cap = sizeof(text) };

        kv_add_number(&w, "instance", (int64_t) s->instance);
        kv_add_number(&w, "running", s->is_running);
        kv_add_number(&w, "start_failed", s->has_start_failed);
        kv_add_number(&w, "oom_killed", s->is_oom_killed);
        kv_add_number(&w, "log_fallback", s->is_log_fallback);
        kv_add_number(&w, "pid", s->pid);
        kv_add_number(&w, "exit_code", s->exit_code);
        kv_add_number(&w, "signal", s->signal);
        kv_add_number(&w, "started_usec", (int64_t) s->started_usec);
        kv_add_number(&w, "finished_usec", (int64_t) s->finished_usec);
        kv_add_number(&w, "lost_log_bytes", (int64_t) s->lost_log_bytes);
        kv_add(&w, "reason", s->reason);
        kv_add(&w, "message", s->message);
        return kv_write_file(dirfd, path, &w);
}

static void status_set_field(struct status *s, const char *key, const char *value) {
        if (str_eq(key, "instance"))
                s->instance = (uint64_t) kv_number(value);
        else if (str_eq(key, "running"))
                s->is_running = kv_number(value) != 0;
        else if (str_eq(key, "start_failed"))
                s->has_start_failed = kv_number(value) != 0;
        else if (str_eq(key, "oom_killed"))
                s->is_oom_killed = kv_number(value) != 0;
        else if (str_eq(key, "log_fallback"))
                s->is_log_fallback = kv_number(value) != 0;
        else if (str_eq(key, "pid"))
                s->pid = (pid_t) kv_number(value);
        else if (str_eq(key, "exit_code"))
                s->exit_code = (int) kv_number(value);
        else if (str_eq(key, "signal"))
                s->signal = (int) kv_number(value);
        else if (str_eq(key, "started_usec"))
                s->started_usec = (uint64_t) kv_number(value);
        else if (str_eq(key, "finished_usec"))
                s->finished_usec = (uint64_t) kv_number(value);
        else if (str_eq(key, "lost_log_bytes"))
                s->lost_log_bytes = (uint64_t) kv_number(value);
        else if (str_eq(key, "reason"))
                (void) snprintf(s->reason, sizeof(s->reason), "%s", value);
        else if (str_eq(key, "message"))
                (void) snprintf(s->message, sizeof(s->message), "%s", value);
}

int status_load(int dirfd, const char *path, struct status *ret_status) {
        char text[STATUS_FILE_MAX], *cursor = text, *key, *value;
        int r;

        r = kv_read_file(dirfd, path, text, sizeof(text));
        if (r < 0)
                return r;
        memset(ret_status, 0, sizeof(*ret_status));
        while (kv_next(&cursor, &key, &value))
                status_set_field(ret_status, key, value);
        return 0;
}

void status_set_exit(struct status *s, int end_code, int end_status) {
        s->signal = end_code == CLD_EXITED ? 0 : end_status;
        s->exit_code = end_code == CLD_EXITED ? end_status : 128 + end_status;
        (void) snprintf(s->reason, sizeof(s->reason), "%s",
                        s->exit_code == 0 ? "Completed" : "Error");
}
