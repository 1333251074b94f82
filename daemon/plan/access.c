#include "daemon/plan/access.h"

#include "base/str.h"

bool access_user_has_group(const struct access_user *u, const char *group) {
        for (size_t i = 0; i < u->n_groups; i++)
                if (str_eq(u->groups[i], group))
                        return true;
        return false;
}

/* k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go words it so. */
char *access_refusal(const struct access_user *u, const struct access *a) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (a->path) {
                strbuf_addf(&b, "User \"%s\" cannot %s path \"%s\"", u->name, a->verb, a->path);
                return strbuf_steal(&b);
        }
        strbuf_addf(&b, "User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\"", u->name,
                    a->verb, a->resource, *a->subresource ? "/" : "", a->subresource, a->group);
        if (*a->namespace_)
                strbuf_addf(&b, " in the namespace \"%s\"", a->namespace_);
        else
                strbuf_add(&b, " at the cluster scope");
        return strbuf_steal(&b);
}
