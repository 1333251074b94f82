#include "daemon/distribution/keyring.h"

#include "api/schema/base64.h"
#include "api/text/text.h"
#include "base/array.h"
#include "base/str.h"

#include <string.h>

#define KEYRING_TEXT_MAX (1U << 20)
#define KEYRING_ENTRIES_MAX 1000

struct keyring_entry {
        char *host; /* may have '*' */
        char *path; /* "" or "team/app" */
        struct credential credential;
};

static void entry_done(struct keyring_entry *entry) {
        free(entry->host);
        free(entry->path);
        free(entry->credential.user);
        free(entry->credential.password);
        free(entry->credential.identity_token);
        free(entry->credential.registry_token);
        *entry = (struct keyring_entry){ 0 };
}

void keyring_done(struct keyring *k) {
        for (size_t i = 0; i < k->n; i++)
                entry_done(&k->items[i]);
        free(k->items);
        *k = (struct keyring){ 0 };
}

/* "https://index.HOST/v1/" is HOST. */
static int entry_set_where(struct keyring_entry *entry, const char *where) {
        const char *behind = strstr(where, "://");
        const char *host = behind ? behind + strlen("://") : where;
        size_t len, rest;
        const char *path;

        if (str_starts_with(host, "index."))
                host += strlen("index.");
        len = strcspn(host, "/");
        path = host[len] == '/' ? host + len + 1 : "";
        rest = strlen(path);
        while (rest > 0 && path[rest - 1] == '/')
                rest--;
        if (rest == 2 && (strncmp(path, "v1", 2) == 0 || strncmp(path, "v2", 2) == 0))
                rest = 0;
        entry->host = strndup(host, len);
        entry->path = strndup(path, rest);
        return entry->host && entry->path ? 0 : -ENOMEM;
}

static int entry_set(char **to, const json_t *from) {
        if (str_is_empty(json_string_value(from)) || *to)
                return 0;
        *to = strdup(json_string_value(from));
        return *to ? 0 : -ENOMEM;
}

/* "auth": base64 of "user:password". What is no base64 of that is passed over. */
static int entry_set_auth(struct keyring_entry *entry, const char *auth) {
        AUTO_FREE char *plain = NULL;
        size_t len = 0;
        char *colon;

        if (str_is_empty(auth))
                return 0;
        plain = calloc(1, base64_decoded_max(strlen(auth)) + 1);
        if (!plain)
                return -ENOMEM;
        if (base64_decode(auth, strlen(auth), (uint8_t *) plain, &len) < 0 || strlen(plain) != len)
                return 0;
        colon = strchr(plain, ':');
        if (!colon)
                return 0;
        *colon = '\0';
        entry->credential.user = strdup(plain);
        entry->credential.password = strdup(colon + 1);
        return entry->credential.user && entry->credential.password ? 0 : -ENOMEM;
}

static int entry_read(struct keyring_entry *entry, const char *where, const json_t *value) {
        struct credential *c = &entry->credential;
        int r = entry_set_where(entry, where);

        if (r == 0)
                r = entry_set_auth(entry, json_string_value(json_object_get(value, "auth")));
        if (r == 0)
                r = entry_set(&c->user, json_object_get(value, "username"));
        if (r == 0)
                r = entry_set(&c->password, json_object_get(value, "password"));
        if (r == 0)
                r = entry_set(&c->identity_token, json_object_get(value, "identitytoken"));
        if (r == 0)
                r = entry_set(&c->registry_token, json_object_get(value, "registrytoken"));
        return r;
}

static bool credential_is_usable(const struct credential *c) {
        return c->identity_token || c->registry_token || (c->user && c->password);
}

static int keyring_take(struct keyring *k, struct keyring_entry *take) {
        if (k->n >= KEYRING_ENTRIES_MAX || !credential_is_usable(&take->credential) ||
            str_is_empty(take->host)) {
                entry_done(take);
                return k->n >= KEYRING_ENTRIES_MAX ? -E2BIG : 0;
        }
        if (array_reserve(&k->items, &k->cap, k->n, sizeof(*k->items)) < 0) {
                entry_done(take);
                return -ENOMEM;
        }
        k->items[k->n++] = *take;
        return 0;
}

int keyring_add(struct keyring *k, const char *text, size_t len, struct err *e) {
        json_t *root = NULL;
        const json_t *auths;
        json_t *value;
        const char *where;
        int r = text_read_json(text, len, KEYRING_TEXT_MAX, &root, NULL);

        if (r == -ENOMEM)
                return err_set(e, r, "out of memory");
        auths = json_object_get(root, "auths");
        if (r < 0 || !json_is_object(root) || (auths && !json_is_object(auths))) {
                json_decref(root);
                return err_set(e, r == -EFBIG ? -E2BIG : -EINVAL,
                               "not a file of registry credentials; \"docker login\" or \"podman "
                               "login\" write them: {\"auths\":{\"HOST\":{\"auth\":…}}}");
        }
        json_object_foreach((json_t *) (auths ? auths : root), where, value) {
                struct keyring_entry entry = { 0 };

                r = json_is_object(value) ? entry_read(&entry, where, value) : 0;
                if (r == 0)
                        r = keyring_take(k, &entry);
                else
                        entry_done(&entry);
                if (r < 0)
                        break;
        }
        json_decref(root);
        if (r < 0)
                return err_set(e, r,
                               r == -E2BIG ? "more than %d registry credentials"
                                           : "out of memory (%d credentials)",
                               KEYRING_ENTRIES_MAX);
        return 0;
}

int keyring_add_password(struct keyring *k, const char *where, const char *user,
                         const char *password) {
        struct keyring_entry entry = { 0 };

        entry.credential.user = strdup(user);
        entry.credential.password = strdup(password);
        if (!entry.credential.user || !entry.credential.password ||
            entry_set_where(&entry, where) < 0) {
                entry_done(&entry);
                return -ENOMEM;
        }
        return keyring_take(k, &entry);
}

/* Label by label; '*' is any part of one that has no '.'. Both are at most a few hundred bytes, and
 * a '*' never passes a '.', which keeps the number of ways small. */
static bool host_matches(const char *pattern, const char *host) {
        const char *star = NULL, *retry = NULL;

        while (*host) {
                if (*pattern == '*') {
                        star = ++pattern;
                        retry = host;
                } else if (*pattern == *host) {
                        pattern++;
                        host++;
                } else if (star && *retry != '.' && *retry != ':') {
                        pattern = star;
                        host = ++retry;
                } else {
                        return false;
                }
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == '\0';
}

static bool path_matches(const char *prefix, const char *path) {
        size_t n = strlen(prefix);

        return n == 0 || (strncmp(prefix, path, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

size_t keyring_find(const struct keyring *k, const char *host, const char *path,
                    const struct credential *ret[KEYRING_TRIES_MAX]) {
        size_t lens[KEYRING_TRIES_MAX], n = 0;

        for (size_t i = 0; i < k->n; i++) {
                const struct keyring_entry *entry = &k->items[i];
                size_t len = strlen(entry->path), at;

                if (!host_matches(entry->host, host) || !path_matches(entry->path, path))
                        continue;
                for (at = n; at > 0 && lens[at - 1] < len; at--)
                        ;
                if (at >= KEYRING_TRIES_MAX)
                        continue;
                n = MIN(n, (size_t) KEYRING_TRIES_MAX - 1);
                memmove(&ret[at + 1], &ret[at], (n - at) * sizeof(ret[0]));
                memmove(&lens[at + 1], &lens[at], (n - at) * sizeof(lens[0]));
                ret[at] = &entry->credential;
                lens[at] = len;
                n++;
        }
        return n;
}
