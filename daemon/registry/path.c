#include "daemon/registry/path.h"

#include "api/text/text.h"
#include "base/str.h"
#include "daemon/registry/rest_message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARTS_MAX 10U
#define PAIRS_MAX 512U

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) (c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes len bytes in place and ends them with NUL (so s[len] must be the text's own). Returns 0,
 * or -EINVAL for broken escapes and NUL. */
static int percent_decode(char *s, size_t len, bool plus_is_blank) {
        size_t to = 0;

        for (size_t i = 0; i < len; i++) {
                int high, low;

                if (s[i] != '%') {
                        s[to++] = plus_is_blank && s[i] == '+' ? ' ' : s[i];
                        continue;
                }
                if (i + 2 >= len)
                        return -EINVAL;
                high = hex_value(s[i + 1]);
                low = hex_value(s[i + 2]);
                if (high < 0 || low < 0 || high + low == 0)
                        return -EINVAL;
                s[to++] = (char) (high * 16 + low);
                i += 2;
        }
        s[to] = '\0';
        return 0;
}

static bool part_is_bad(const char *part) {
        return str_is_empty(part) || strchr(part, '/') || !text_is_utf8(part) ||
               strcmp(part, ".") == 0 || strcmp(part, "..") == 0;
}

/* Cuts the path into decoded parts. One slash at the end is forgiven. */
static int parts_split(char *text, const char *parts[PARTS_MAX], size_t *ret_n) {
        char *part = text + 1;
        size_t n = 0;

        if (text[0] != '/')
                return -EINVAL;
        while (*part != '\0') {
                size_t len = strcspn(part, "/");
                bool is_last = part[len] == '\0';

                if (n == PARTS_MAX)
                        return -E2BIG;
                part[len] = '\0';
                if (percent_decode(part, len, false) < 0 || part_is_bad(part))
                        return -EINVAL;
                parts[n++] = part;
                if (is_last)
                        break;
                part += len + 1;
        }
        *ret_n = n;
        return 0;
}

/* namespaces/N is the namespace itself; so are N/status and N/finalize, which no resource is
 * called. */
static bool is_namespace_itself(const char *const *rest, size_t n) {
        return n == 2 || (n == 3 && (str_eq(rest[2], "status") || str_eq(rest[2], "finalize")));
}

/* rest: what follows the version. */
static int resource_read(struct path *p, const char *const *rest, size_t n) {
        if (n >= 2 && str_eq(rest[0], "watch")) {
                p->is_watch = true;
                rest++;
                n--;
        }
        if (n >= 2 && str_eq(rest[0], "namespaces") && !is_namespace_itself(rest, n)) {
                p->namespace_ = rest[1];
                rest += 2;
                n -= 2;
        }
        if (n > 3)
                return -EINVAL;
        p->kind = PATH_RESOURCE;
        p->resource = rest[0];
        if (n > 1)
                p->name = rest[1];
        if (n > 2)
                p->subresource = rest[2];
        return 0;
}

static int parts_read(struct path *p, const char *const *parts, size_t n) {
        size_t used;

        if (n == 0)
                return 0;
        if (str_eq(parts[0], "api")) {
                p->kind = n == 1 ? PATH_API : PATH_GROUP_VERSION;
                if (n > 1)
                        p->version = parts[1];
                used = 2;
        } else if (str_eq(parts[0], "apis")) {
                p->kind = n == 1 ? PATH_APIS : n == 2 ? PATH_GROUP : PATH_GROUP_VERSION;
                if (n > 1)
                        p->group = parts[1];
                if (n > 2)
                        p->version = parts[2];
                used = 3;
        } else {
                return 0;
        }
        return n > used ? resource_read(p, parts + used, n - used) : 0;
}

int path_parse(const char *text, struct path *ret_path, struct err *e) {
        AUTO_DONE(path)
        struct path p = {
                .group = "",
                .version = "",
                .resource = "",
                .namespace_ = "",
                .name = "",
                .subresource = "",
        };
        const char *parts[PARTS_MAX];
        size_t n = 0;
        int r;

        if (strlen(text) > REST_PATH_MAX_BYTES)
                return err_set(e, -E2BIG, "the path is longer than %u bytes", REST_PATH_MAX_BYTES);
        p.memory = strdup(text);
        if (!p.memory)
                return err_set(e, -ENOMEM, "memory is out");
        r = parts_split(p.memory, parts, &n);
        if (r == 0)
                r = parts_read(&p, parts, n);
        if (r < 0)
                return err_set(e, r, "the path is malformed");
        *ret_path = p;
        p.memory = NULL;
        return 0;
}

void path_done(struct path *p) {
        free(p->memory);
        *p = (struct path){ 0 };
}

static int pairs_split(struct query *q, char *text) {
        while (text) {
                char *next = strchr(text, '&'), *value;
                size_t key_len;

                if (next)
                        *next++ = '\0';
                if (*text != '\0') {
                        if (q->n == PAIRS_MAX)
                                return -E2BIG;
                        key_len = strcspn(text, "=");
                        value = text + key_len + (text[key_len] == '=');
                        text[key_len] = '\0';
                        if (percent_decode(value, strlen(value), true) < 0 ||
                            percent_decode(text, key_len, true) < 0 || !text_is_utf8(value) ||
                            !text_is_utf8(text))
                                return -EINVAL;
                        q->pairs[q->n++] = (struct query_pair){ .key = text, .value = value };
                }
                text = next;
        }
        return 0;
}

int query_parse(const char *text, struct query *ret_query, struct err *e) {
        AUTO_DONE(query) struct query q = { 0 };
        size_t n = 1;
        int r;

        *ret_query = (struct query){ 0 };
        if (str_is_empty(text))
                return 0;
        if (strlen(text) > REST_QUERY_MAX_BYTES)
                return err_set(e, -E2BIG, "the query is longer than %u bytes",
                               REST_QUERY_MAX_BYTES);
        for (const char *c = text; *c; c++)
                n += *c == '&';
        q.memory = strdup(text);
        q.pairs = calloc(MIN(n, (size_t) PAIRS_MAX), sizeof(*q.pairs));
        if (!q.memory || !q.pairs)
                return err_set(e, -ENOMEM, "memory is out");
        r = pairs_split(&q, q.memory);
        if (r < 0)
                return err_set(e, r, "the query is malformed");
        *ret_query = q;
        q = (struct query){ 0 };
        return 0;
}

int query_add(struct query *q, const char *key, const char *value) {
        struct query_pair *grown = realloc(q->pairs, (q->n + 1) * sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        q->pairs = grown;
        grown[q->n++] = (struct query_pair){ .key = key, .value = value };
        return 0;
}

void query_done(struct query *q) {
        free(q->pairs);
        free(q->memory);
        *q = (struct query){ 0 };
}

const char *query_get(const struct query *q, const char *key) {
        for (size_t i = 0; i < q->n; i++)
                if (strcmp(q->pairs[i].key, key) == 0)
                        return q->pairs[i].value;
        return NULL;
}

bool query_bool(const struct query *q, const char *key) {
        const char *value = query_get(q, key);

        return value && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0;
}

int query_number(const struct query *q, const char *key, int64_t *ret) {
        const char *value = query_get(q, key);

        if (str_is_empty(value))
                return 0;
        if (str_to_int64(value, 0, INT64_MAX, ret) < 0)
                return -EINVAL;
        return 1;
}
