#pragma once

#include "base/fd.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A folder of a test's own, for a log in a folder that may not be there yet. */
struct place {
        char dir[64], path[128];
};

static inline int place_make(void **state, const char *log) {
        struct place *p = calloc(1, sizeof(*p));

        if (!p)
                return -1;
        (void) strcpy(p->dir, "/tmp/orch-test-log-XXXXXX");
        if (!mkdtemp(p->dir))
                return -1;
        (void) snprintf(p->path, sizeof(p->path), "%s/%s", p->dir, log);
        *state = p;
        return 0;
}

static inline int place_drop(void **state) {
        struct place *p = *state;
        int r = dir_remove_all(AT_FDCWD, p->dir, NULL);

        free(p);
        return r;
}
