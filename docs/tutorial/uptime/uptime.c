#include "uptime.h"

#include <stdio.h>

void uptime_in_words(unsigned long seconds, char *text, size_t size) {
        unsigned long minutes = seconds / 60 % 60, hours = seconds / 3600 % 24,
                      days = seconds / 86400;

        if (days > 0)
                (void) snprintf(text, size, "%lu day%s %lu h %lu min", days, days == 1 ? "" : "s",
                                hours, minutes);
        else if (hours > 0)
                (void) snprintf(text, size, "%lu h %lu min", hours, minutes);
        else
                (void) snprintf(text, size, "%lu min", minutes);
}
