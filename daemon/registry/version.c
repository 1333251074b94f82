#include "daemon/registry/version.h"

#include "base/str.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

enum stage { STAGE_NONE, STAGE_ALPHA, STAGE_BETA, STAGE_GA };

struct parsed {
        enum stage stage;
        unsigned long major, minor;
};

static bool number_read(const char **at, unsigned long *ret) {
        char *end;

        if (!isdigit((unsigned char) **at) || **at == '0')
                return false;
        *ret = strtoul(*at, &end, 10);
        *at = end;
        return true;
}

static struct parsed parse(const char *text) {
        struct parsed p = { 0 };

        if (*text++ != 'v' || !number_read(&text, &p.major))
                return (struct parsed){ 0 };
        if (*text == '\0') {
                p.stage = STAGE_GA;
                return p;
        }
        if (str_starts_with(text, "beta")) {
                p.stage = STAGE_BETA;
                text += 4;
        } else if (str_starts_with(text, "alpha")) {
                p.stage = STAGE_ALPHA;
                text += 5;
        } else {
                return (struct parsed){ 0 };
        }
        return number_read(&text, &p.minor) && *text == '\0' ? p : (struct parsed){ 0 };
}

static int order(unsigned long a, unsigned long b) {
        return a < b ? -1 : a > b;
}

int version_compare(const char *a, const char *b) {
        struct parsed x = parse(a), y = parse(b);

        if (x.stage == STAGE_NONE && y.stage == STAGE_NONE)
                return strcmp(b, a);
        if (x.stage != y.stage)
                return order(x.stage, y.stage);
        return x.major != y.major ? order(x.major, y.major) : order(x.minor, y.minor);
}
