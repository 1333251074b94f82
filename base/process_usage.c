#include "base/process_usage.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_MAX_BYTES 4096

/* The text behind the command's name, which may hold anything: field 3 and on. NULL: odd. */
static const char *stat_fields(const char *text) {
        const char *end = strrchr(text, ')');

        return end && end[1] == ' ' ? end + 2 : NULL;
}

/* Field number n, counted from 1 as proc(5) does; fields: from 3 on. */
static uint64_t stat_number(const char *fields, unsigned n) {
        for (unsigned i = 3; i < n && fields; i++) {
                fields = strchr(fields, ' ');
                fields = fields ? fields + 1 : NULL;
        }
        return fields ? strtoull(fields, NULL, 10) : 0;
}

static int stat_read(struct process_usage *u) {
        uint64_t hz = (uint64_t) sysconf(_SC_CLK_TCK), ticks, age_usec;
        AUTO_FREE char *text = NULL;
        const char *fields;
        int r;

        r = file_read("/proc/self/stat", STAT_MAX_BYTES, &text, NULL, NULL);
        if (r < 0)
                return r;
        fields = stat_fields(text);
        if (!fields || hz == 0)
                return -EINVAL;
        ticks = stat_number(fields, 14) + stat_number(fields, 15);
        u->cpu_usec = ticks * 1000000 / hz;
        u->virtual_bytes = stat_number(fields, 23);
        u->resident_bytes = stat_number(fields, 24) * (uint64_t) sysconf(_SC_PAGESIZE);
        age_usec = clock_now_usec() - stat_number(fields, 22) * 1000000 / hz;
        u->start_wall_usec = clock_wall_usec() - age_usec;
        return 0;
}

static unsigned count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        while (d && readdir(d))
                n++;
        if (d)
                (void) closedir(d);
        return n > 3 ? n - 3 : 0; /* ".", ".." and the directory's own */
}

int process_usage_read(struct process_usage *ret) {
        struct process_usage u = { 0 };
        struct rlimit limit;
        int r;

        r = stat_read(&u);
        if (r < 0)
                return r;
        u.n_fds = count_fds();
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
                u.max_fds = limit.rlim_cur;
        *ret = u;
        return 0;
}
