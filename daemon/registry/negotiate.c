#include "daemon/registry/negotiate.h"

#include "base/macros.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

/* Copies a trimmed word. One that doesn't fit is none of ours. */
static void word_copy(char to[ACCEPT_WORD_MAX], const char *from, size_t len) {
        while (len > 0 && (*from == ' ' || *from == '\t')) {
                from++;
                len--;
        }
        while (len > 0 && (from[len - 1] == ' ' || from[len - 1] == '\t'))
                len--;
        if (len >= 2 && from[0] == '"' && from[len - 1] == '"') {
                from++;
                len -= 2;
        }
        if (len >= ACCEPT_WORD_MAX) {
                strcpy(to, "?");
                return;
        }
        memcpy(to, from, len);
        to[len] = '\0';
}

static void parameter_read(struct accept_entry *e, const char *text, size_t len) {
        const char *equals = memchr(text, '=', len);
        const struct {
                const char *name;
                char *to;
        } ours[] = { { "as", e->as }, { "v", e->version }, { "g", e->group } };
        char name[ACCEPT_WORD_MAX];

        if (!equals)
                return;
        word_copy(name, text, (size_t) (equals - text));
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                if (strcasecmp(name, ours[i].name) == 0)
                        word_copy(ours[i].to, equals + 1, len - (size_t) (equals + 1 - text));
}

bool accept_next(const char **at, struct accept_entry *ret) {
        const char *text = *at;
        size_t len;

        text += strspn(text, ", \t");
        if (*text == '\0')
                return false;
        *ret = (struct accept_entry){ 0 };
        len = strcspn(text, ",;");
        word_copy(ret->type, text, len);
        text += len;
        while (*text == ';') {
                text++;
                len = strcspn(text, ",;");
                parameter_read(ret, text, len);
                text += len;
        }
        *at = text;
        return true;
}

bool accept_is_json(const struct accept_entry *e) {
        static const char *const TYPES[] = { "application/json", "application/*", "*/*",
                                             "application/yaml",
                                             "application/vnd.kubernetes.protobuf" };

        for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++)
                if (strcasecmp(e->type, TYPES[i]) == 0)
                        return true;
        return false;
}

/* Whether an entry can be served, and as what. */
static bool entry_serves(const struct accept_entry *e, struct form *f) {
        static const struct {
                const char *name;
                enum form_as as;
                bool is_list;
        } FORMS[] = {
                { "Table", FORM_TABLE, false },
                { "PartialObjectMetadata", FORM_PARTIAL, false },
                { "PartialObjectMetadataList", FORM_PARTIAL, true },
        };

        *f = (struct form){ 0 };
        if (!accept_is_json(e))
                return false;
        if (e->as[0] == '\0')
                return true;
        if (!str_eq(e->group, "meta.k8s.io") ||
            (!str_eq(e->version, "v1") && !str_eq(e->version, "v1beta1")))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(FORMS); i++) {
                if (!str_eq(e->as, FORMS[i].name))
                        continue;
                f->as = FORMS[i].as;
                f->is_list = FORMS[i].is_list;
                f->is_beta = str_eq(e->version, "v1beta1");
                return true;
        }
        return false;
}

static int include_read(const char *include, struct form *f, struct err *e) {
        if (str_is_empty(include) || str_eq(include, "Metadata"))
                f->include = FORM_INCLUDE_METADATA;
        else if (str_eq(include, "Object"))
                f->include = FORM_INCLUDE_OBJECT;
        else if (str_eq(include, "None"))
                f->include = FORM_INCLUDE_NONE;
        else
                return err_set(e, -EINVAL, "unrecognized includeObject value: \"%s\"", include);
        return 0;
}

int form_negotiate(const char *accept, const char *include, struct form *ret_form, struct err *e) {
        struct accept_entry entry;
        struct form f = { 0 };
        int r;

        if (!str_is_empty(accept)) {
                bool is_served = false;

                while (!is_served && accept_next(&accept, &entry))
                        is_served = entry_serves(&entry, &f);
                if (!is_served)
                        return err_set(e, -ENOTSUP,
                                       "only the following media types are accepted: "
                                       "application/json");
        }
        if (f.as == FORM_TABLE) {
                r = include_read(include, &f, e);
                if (r < 0)
                        return r;
        }
        *ret_form = f;
        return 0;
}

const char *form_api_version(const struct form *f) {
        return f->is_beta ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
}
