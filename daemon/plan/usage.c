#include "daemon/plan/usage.h"

#include "base/macros.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct usage_step usage_step(uint64_t last_usec, uint64_t now_usec) {
        const uint64_t age = now_usec - MIN(now_usec, last_usec);

        if (last_usec == 0 || age > USAGE_WINDOW_MOST_USEC)
                return (struct usage_step){ USAGE_BEGIN, now_usec + USAGE_WINDOW_FIRST_USEC };
        if (age < USAGE_WINDOW_LEAST_USEC)
                return (struct usage_step){ USAGE_WAIT, last_usec + USAGE_WINDOW_FIRST_USEC };
        return (struct usage_step){ .kind = USAGE_ANSWER };
}

uint64_t usage_rate(uint64_t before_nsec, uint64_t now_nsec, uint64_t window_usec) {
        const uint64_t used = now_nsec >= before_nsec ? now_nsec - before_nsec : now_nsec;

        if (window_usec == 0)
                return 0;
        return (uint64_t) ((double) used * 1e6 / (double) window_usec + 0.5);
}

uint64_t usage_ticks(const char *proc_stat) {
        unsigned long long user, nice, system, idle, wait, irq, softirq;

        if (!str_starts_with(proc_stat, "cpu ") ||
            sscanf(proc_stat, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
                   &idle, &wait, &irq, &softirq) != 7)
                return 0;
        return user + nice + system + irq + softirq; /* guests are part of user and nice */
}

/* A line's number: "MemFree:    1234 kB". */
static uint64_t meminfo_kib(const char *text, const char *key) {
        const size_t len = strlen(key);

        for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
                if (strncmp(p, key, len) == 0 && p[len] == ':')
                        return strtoull(p + len + 1, NULL, 10);
        return 0;
}

uint64_t usage_memory(const char *proc_meminfo) {
        const uint64_t total = meminfo_kib(proc_meminfo, "MemTotal"),
                       free_ = meminfo_kib(proc_meminfo, "MemFree") +
                               meminfo_kib(proc_meminfo, "Inactive(file)");

        return (total - MIN(total, free_)) << 10;
}
