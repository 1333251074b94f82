#include "api/client/client.h"
#include "base/str.h"

#include <errno.h>

static bool is_unreserved(unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct strbuf *b, const char *text) {
        for (; *text; text++) {
                if (is_unreserved((unsigned char) *text))
                        strbuf_add_char(b, *text);
                else
                        strbuf_addf(b, "%%%02X", (unsigned char) *text);
        }
}

static void add_part(struct strbuf *b, const char *part) {
        if (str_is_empty(part))
                return;
        strbuf_add_char(b, '/');
        add_encoded(b, part);
}

char *client_path(const struct client_target *t) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, str_is_empty(t->group) ? "/api" : "/apis");
        add_part(&b, t->group);
        add_part(&b, t->version);
        if (!str_is_empty(t->namespace_)) {
                strbuf_add(&b, "/namespaces");
                add_part(&b, t->namespace_);
        }
        add_part(&b, t->resource);
        add_part(&b, t->name);
        add_part(&b, t->subresource);
        return strbuf_steal(&b);
}

int client_path_query(char **path, const char *key, const char *value) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (!*path)
                return -ENOMEM;
        if (!value)
                return 0;

        strbuf_add(&b, *path);
        strbuf_add_char(&b, strchr(*path, '?') ? '&' : '?');
        strbuf_add(&b, key);
        strbuf_add_char(&b, '=');
        add_encoded(&b, value);
        free(*path);
        *path = strbuf_steal(&b);
        return *path ? 0 : -ENOMEM;
}

char *client_key(const char *namespace_, const char *name) {
        if (str_is_empty(namespace_))
                return strdup(name);
        return str_format("%s/%s", namespace_, name);
}
