#include "daemon/plan/rbac_rule.h"

#include "api/kinds/rbac.h"
#include "base/str.h"
#include "daemon/plan/access.h"

#include <errno.h>
#include <string.h>

static bool has_or_all(const struct strings *s, const char *item) {
        for (size_t i = 0; i < s->n; i++)
                if (str_eq(s->items[i], "*") || str_eq(s->items[i], item))
                        return true;
        return false;
}

/* "/api/" + "*" matches what begins so. */
static bool url_matches(const char *pattern, const char *path) {
        size_t len = strlen(pattern);

        if (str_eq(pattern, "*") || str_eq(pattern, path))
                return true;
        return len > 0 && pattern[len - 1] == '*' && strncmp(pattern, path, len - 1) == 0;
}

static bool urls_match(const struct strings *patterns, const char *path) {
        for (size_t i = 0; i < patterns->n; i++)
                if (url_matches(patterns->items[i], path))
                        return true;
        return false;
}

/* pattern: "*", "pods", "pods/log", or "*" + "/scale". */
static bool resource_matches(const char *pattern, const char *resource, const char *subresource) {
        size_t len = strlen(resource);

        if (str_eq(pattern, "*"))
                return true;
        if (*subresource == '\0')
                return strcmp(pattern, resource) == 0;
        if (pattern[0] == '*' && pattern[1] == '/')
                return strcmp(pattern + 2, subresource) == 0;
        return strncmp(pattern, resource, len) == 0 && pattern[len] == '/' &&
               strcmp(pattern + len + 1, subresource) == 0;
}

bool rbac_rule_allows(const struct policy_rule *rule, const struct access *a) {
        bool matches = false;

        if (!has_or_all(&rule->verbs, a->verb))
                return false;
        if (a->path)
                return urls_match(&rule->non_resource_urls, a->path);
        if (!has_or_all(&rule->api_groups, a->group))
                return false;
        for (size_t i = 0; i < rule->resources.n && !matches; i++)
                matches = resource_matches(rule->resources.items[i], a->resource, a->subresource);
        return matches &&
               (rule->resource_names.n == 0 || strings_has(&rule->resource_names, a->name));
}

/* ---- one rule and another ---- */

/* The parts of a rule: one verb, one group, one resource, one name; or one verb and one URL. */
struct part {
        const char *verb, *group, *resource, *name, *url; /* NULL: not said */
};

static bool resource_is_covered(const struct strings *owned, const char *wanted) {
        const char *slash = strchr(wanted, '/');

        if (has_or_all(owned, wanted))
                return true;
        for (size_t i = 0; slash && i < owned->n; i++)
                if (owned->items[i][0] == '*' && strcmp(owned->items[i] + 1, slash) == 0)
                        return true;
        return false;
}

static bool part_is_covered_by(const struct policy_rule *rule, const struct part *p) {
        if (!has_or_all(&rule->verbs, p->verb))
                return false;
        if (p->url)
                return urls_match(&rule->non_resource_urls, p->url);
        return has_or_all(&rule->api_groups, p->group) &&
               resource_is_covered(&rule->resources, p->resource) &&
               (rule->resource_names.n == 0 ||
                (p->name && strings_has(&rule->resource_names, p->name)));
}

static bool part_is_covered(const struct policy_rules *owner, const struct part *p) {
        for (size_t i = 0; i < owner->n; i++)
                if (part_is_covered_by(&owner->items[i], p))
                        return true;
        return false;
}

static size_t at_least_one(size_t n) {
        return n > 0 ? n : 1;
}

/* Parts of the resources of a rule; saturates above the bound. */
static size_t parts_count(const struct policy_rule *r) {
        const size_t factors[] = { r->api_groups.n, r->resources.n,
                                   at_least_one(r->resource_names.n) };
        size_t n = r->verbs.n;

        for (size_t i = 0; i < 3 && n <= RBAC_PARTS_MAX; i++)
                n *= MIN(factors[i], (size_t) RBAC_PARTS_MAX + 1);
        return n + MIN(r->verbs.n, (size_t) RBAC_PARTS_MAX) *
                           MIN(r->non_resource_urls.n, (size_t) RBAC_PARTS_MAX);
}

/* The index-th part: the digits of a number whose bases are the lists' lengths. */
static struct part part_at(const struct policy_rule *r, size_t index) {
        size_t n_urls = r->verbs.n * r->non_resource_urls.n;
        struct part p = { 0 };

        p.verb = r->verbs.items[index % r->verbs.n];
        if (index < n_urls) {
                p.url = r->non_resource_urls.items[index / r->verbs.n];
                return p;
        }
        index = (index - n_urls) / r->verbs.n;
        p.group = r->api_groups.items[index % r->api_groups.n];
        index /= r->api_groups.n;
        p.resource = r->resources.items[index % r->resources.n];
        index /= r->resources.n;
        if (r->resource_names.n > 0)
                p.name = r->resource_names.items[index % r->resource_names.n];
        return p;
}

static bool rule_is_covered(const struct policy_rules *owner, const struct policy_rule *wanted,
                            size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct part p = part_at(wanted, i);

                if (!part_is_covered(owner, &p))
                        return false;
        }
        return true;
}

int rbac_rules_cover(const struct policy_rules *owner, const struct policy_rules *wanted,
                     const struct policy_rule **ret_missing) {
        size_t n_parts = 0;

        for (size_t i = 0; i < wanted->n; i++) {
                size_t n = parts_count(&wanted->items[i]);

                n_parts += n;
                if (n_parts > RBAC_PARTS_MAX)
                        return -E2BIG;
                if (!rule_is_covered(owner, &wanted->items[i], n)) {
                        *ret_missing = &wanted->items[i];
                        return -EPERM;
                }
        }
        return 0;
}

static void strings_format(const char *name, const struct strings *s, bool *is_first,
                           struct strbuf *b) {
        if (s->n == 0)
                return;
        strbuf_addf(b, "%s%s:[", *is_first ? "" : ", ", name);
        for (size_t i = 0; i < s->n; i++)
                strbuf_addf(b, "%s\"%s\"", i > 0 ? " " : "", s->items[i]);
        strbuf_add(b, "]");
        *is_first = false;
}

void rbac_rule_format(const struct policy_rule *rule, struct strbuf *b) {
        bool is_first = true;

        strbuf_add(b, "{");
        strings_format("APIGroups", &rule->api_groups, &is_first, b);
        strings_format("Resources", &rule->resources, &is_first, b);
        strings_format("ResourceNames", &rule->resource_names, &is_first, b);
        strings_format("NonResourceURLs", &rule->non_resource_urls, &is_first, b);
        strings_format("Verbs", &rule->verbs, &is_first, b);
        strbuf_add(b, "}");
}
