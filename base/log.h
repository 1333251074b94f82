#pragma once

#include "base/macros.h"

/* One line a call on standard error. Under the journal (JOURNAL_STREAM is set) it begins with the
 * syslog level in angle brackets, as sd-daemon(3) defines; elsewhere with time, level and program.
 * Levels as in syslog: error: a person must act; warning: the program copes; notice: a state that
 * a person cares about; debug: free to use anywhere, off unless asked for. */
enum log_level {
        LOG_LEVEL_ERROR = 3,
        LOG_LEVEL_WARNING = 4,
        LOG_LEVEL_NOTICE = 5,
        LOG_LEVEL_DEBUG = 7,
};

/* program: borrowed for the process's life ("orchd-node"). Call once, before threads start. */
void log_init(const char *program, enum log_level most);

/* Sets the most talkative level that is still written. */
void log_set_level(enum log_level most);

/* key: the object spoken of ("default/web-1"), or NULL. Any thread. errno is kept. */
void log_write(enum log_level level, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define LOG_ERROR(key, ...) log_write(LOG_LEVEL_ERROR, (key), __VA_ARGS__)
#define LOG_WARN(key, ...) log_write(LOG_LEVEL_WARNING, (key), __VA_ARGS__)
#define LOG_NOTICE(key, ...) log_write(LOG_LEVEL_NOTICE, (key), __VA_ARGS__)
#define LOG_DEBUG(key, ...) log_write(LOG_LEVEL_DEBUG, (key), __VA_ARGS__)
