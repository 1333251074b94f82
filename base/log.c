#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The one mutable thing of the process that is not owned by its loop: set once in main(). */
static struct {
        const char *program;
        enum log_level most;
        bool is_journal;
} log_state = { .program = "orch", .most = LOG_LEVEL_NOTICE };

void log_init(const char *program, enum log_level most) {
        log_state.program = program;
        log_state.most = most;
        log_state.is_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(enum log_level most) {
        log_state.most = most;
}

static const char *log_level_word(enum log_level level) {
        switch (level) {
        case LOG_LEVEL_ERROR:
                return "error";
        case LOG_LEVEL_WARNING:
                return "warning";
        case LOG_LEVEL_NOTICE:
                return "notice";
        case LOG_LEVEL_DEBUG:
                break;
        }
        return "debug";
}

static size_t log_prefix(char *line, size_t size, enum log_level level) {
        struct timespec now;
        struct tm tm;
        char day[32];
        int n;

        if (log_state.is_journal) {
                n = snprintf(line, size, "<%d>", (int) level);
                return n > 0 ? (size_t) n : 0;
        }
        (void) clock_gettime(CLOCK_REALTIME, &now);
        (void) gmtime_r(&now.tv_sec, &tm);
        (void) strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
        n = snprintf(line, size, "%s.%03ldZ %s %s: ", day, now.tv_nsec / 1000000, log_state.program,
                     log_level_word(level));
        return n > 0 ? (size_t) n : 0;
}

void log_write(enum log_level level, const char *key, const char *fmt, ...) {
        char line[2048];
        int saved_errno = errno;
        size_t len;
        va_list ap;
        int n;

        if (level > log_state.most)
                return;
        len = log_prefix(line, sizeof(line) - 1, level);
        if (key) {
                n = snprintf(line + len, sizeof(line) - 1 - len, "%s: ", key);
                len = MIN(len + (n > 0 ? (size_t) n : 0), sizeof(line) - 2);
        }
        va_start(ap, fmt);
        n = vsnprintf(line + len, sizeof(line) - 1 - len, fmt, ap);
        va_end(ap);
        len = MIN(len + (n > 0 ? (size_t) n : 0), sizeof(line) - 2);
        for (char *p = line; p < line + len; p++)
                if (*p == '\n' || *p == '\r')
                        *p = ' ';
        line[len++] = '\n';
        (void) !write(STDERR_FILENO, line, len); /* nobody to tell when stderr is gone */
        errno = saved_errno;
}
