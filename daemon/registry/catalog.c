#include "daemon/registry/catalog.h"

#include "api/kinds/object.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/registry/state.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct kind *catalog_next(const struct registry *r, struct catalog_cursor *at) {
        const struct kind *k = registry_kind_next(r, &at->stored);

        if (k)
                return k;
        k = kind_reviews()[at->review];
        if (k) {
                at->review++;
                return k;
        }
        k = kind_all_measured()[at->measured];
        at->measured += k ? 1 : 0;
        return k;
}

const char *const *catalog_verbs(const struct kind *k) {
        static const char *const STORED[] = { "create", "delete", "deletecollection",
                                              "get",    "list",   "patch",
                                              "update", "watch",  NULL };
        static const char *const ASKED[] = { "create", NULL };
        static const char *const READ[] = { "get", "list", NULL };

        if (k->is_measured)
                return READ;
        return k->is_stored ? STORED : ASKED;
}

bool sub_fits(const struct sub *s, const struct kind *k) {
        if (!k->is_stored)
                return false;
        return s->has ? s->has(k) : resource_of(k).flags & s->flags;
}

const char *catalog_verb(const char *method) {
        static const char *const VERBS[][2] = {
                { "GET", "get" },     { "POST", "create" },   { "PUT", "update" },
                { "PATCH", "patch" }, { "DELETE", "delete" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(VERBS); i++)
                if (str_eq(VERBS[i][0], method))
                        return VERBS[i][1];
        return NULL;
}

struct version_rank {
        bool is_known;
        int stability; /* 2 GA, 1 beta, 0 alpha */
        long major, minor;
};

static struct version_rank version_rank(const char *text) {
        struct version_rank r = { .stability = 2 };
        char *end;

        if (text[0] != 'v' || !isdigit((unsigned char) text[1]))
                return r;
        r.major = strtol(text + 1, &end, 10);
        if (str_starts_with(end, "beta") || str_starts_with(end, "alpha")) {
                r.stability = *end == 'b' ? 1 : 0;
                end += *end == 'b' ? 4 : 5;
                r.minor = strtol(end, &end, 10);
        }
        r.is_known = *end == '\0';
        return r;
}

int catalog_version_compare(const char *a, const char *b) {
        struct version_rank x = version_rank(a), y = version_rank(b);

        if (x.is_known != y.is_known)
                return x.is_known ? -1 : 1;
        if (!x.is_known)
                return strcmp(a, b);
        if (x.stability != y.stability)
                return y.stability - x.stability;
        if (x.major != y.major)
                return x.major > y.major ? -1 : 1;
        if (x.minor != y.minor)
                return x.minor > y.minor ? -1 : 1;
        return 0;
}

size_t catalog_versions(const struct registry *r, const char *group,
                        const char *versions[CATALOG_VERSIONS_MAX]) {
        struct catalog_cursor at = { 0 };
        const struct kind *k;
        size_t n = 0;

        while ((k = catalog_next(r, &at))) {
                size_t i = 0;

                if (!str_eq(k->group, group))
                        continue;
                while (i < n && catalog_version_compare(versions[i], k->version) < 0)
                        i++;
                if ((i < n && str_eq(versions[i], k->version)) || n == CATALOG_VERSIONS_MAX)
                        continue;
                memmove(&versions[i + 1], &versions[i], (n - i) * sizeof(*versions));
                versions[i] = k->version;
                n++;
        }
        return n;
}
