#include "uptime.h"

#include <stdio.h>
#include <string.h>

static int expect(unsigned long seconds, const char *words) {
        char text[64];

        uptime_in_words(seconds, text, sizeof text);
        printf("%s: %lu s are %s\n", strcmp(text, words) == 0 ? "ok" : "WRONG", seconds, text);
        return strcmp(text, words) != 0;
}

int main(void) {
        return expect(59, "0 min") + expect(3600, "1 h 0 min") + expect(86400, "1 day 0 h 0 min") +
               expect(183900, "2 days 3 h 5 min");
}
