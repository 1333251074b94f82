#include "api/schema/path.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>

static size_t path_format_at(const struct path *p, char *buf, size_t at) {
        int n;

        if (p->up)
                at = path_format_at(p->up, buf, at);
        if (at >= PATH_TEXT_MAX - 1)
                return at;
        if (!p->name)
                n = snprintf(buf + at, PATH_TEXT_MAX - at, "[%zu]", p->index);
        else if (p->is_key)
                n = snprintf(buf + at, PATH_TEXT_MAX - at, "[%s]", p->name);
        else
                n = snprintf(buf + at, PATH_TEXT_MAX - at, "%s%s", at > 0 && p->name[0] ? "." : "",
                             p->name);
        return n < 0 ? at : MIN(at + (size_t) n, (size_t) PATH_TEXT_MAX - 1);
}

char *path_format(const struct path *p, char *buf) {
        buf[0] = '\0';
        (void) path_format_at(p, buf, 0);
        return buf;
}
