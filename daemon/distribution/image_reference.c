#include "daemon/distribution/image_reference.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

#define REFERENCE_MAX 512
#define TAG_MAX 128

void image_reference_done(struct image_reference *ref) {
        free(ref->host);
        free(ref->path);
        free(ref->tag);
        free(ref->digest);
        *ref = (struct image_reference){ 0 };
}

static bool reference_is_host(const char *s, size_t len) {
        if (len == 0)
                return false;
        if (len == strlen("localhost") && strncmp(s, "localhost", len) == 0)
                return true;
        return memchr(s, '.', len) || memchr(s, ':', len);
}

static bool reference_host_is_valid(const char *s) {
        if (!isalnum((unsigned char) s[0]) && s[0] != '[')
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char) *s) && !strchr(".-:[]", *s))
                        return false;
        return true;
}

static bool reference_is_path_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Components of lower-case letters and digits, parted inside by one '.', one or two '_', or any
 * '-'. */
static bool reference_path_is_valid(const char *path) {
        const char *p = path;

        for (;;) {
                const char *start = p;

                while (reference_is_path_char(*p) || *p == '.' || *p == '_' || *p == '-')
                        p++;
                if (p == start || !reference_is_path_char(*start) || !reference_is_path_char(p[-1]))
                        return false;
                for (const char *q = start; q + 1 < p; q++)
                        if (q[0] == '.' && !reference_is_path_char(q[1]))
                                return false;
                if (*p == '\0')
                        return true;
                if (*p++ != '/')
                        return false;
        }
}

static bool reference_tag_is_valid(const char *tag) {
        size_t n = strlen(tag);

        if (n == 0 || n > TAG_MAX || tag[0] == '.' || tag[0] == '-')
                return false;
        for (const char *p = tag; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("._-", *p))
                        return false;
        return true;
}

static bool reference_digest_is_valid(const char *digest) {
        if (!str_starts_with(digest, "sha256:") || strlen(digest) != 7 + 64)
                return false;
        return strspn(digest + 7, "0123456789abcdef") == 64;
}

/* Cuts "@digest" and ":tag" off the end of rest. */
static void reference_cut_tail(char *rest, char **ret_tag, char **ret_digest) {
        char *at = strchr(rest, '@');
        char *slash, *colon;

        *ret_tag = *ret_digest = NULL;
        if (at) {
                *at = '\0';
                *ret_digest = at + 1;
        }
        slash = strrchr(rest, '/');
        colon = strrchr(slash ? slash : rest, ':');
        if (colon) {
                *colon = '\0';
                *ret_tag = colon + 1;
        }
}

static int reference_invalid(struct err *e, const char *text, const char *why) {
        return err_set(e, -EINVAL,
                       "\"%.64s\" is not an image reference (%s); write it like team/app:1.2", text,
                       why);
}

int image_reference_parse(const char *text, struct image_reference *ret, struct err *e) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        AUTO_FREE char *copy = NULL;
        char *tag, *digest, *rest, *slash;
        bool has_host;

        if (strlen(text) > REFERENCE_MAX)
                return err_set(e, -E2BIG, "an image reference has at most %d bytes", REFERENCE_MAX);
        copy = strdup(text);
        if (!copy)
                return err_set(e, -ENOMEM, "out of memory");
        rest = copy;
        slash = strchr(rest, '/');
        has_host = slash && reference_is_host(rest, (size_t) (slash - rest));
        if (has_host) {
                *slash = '\0';
                if (!reference_host_is_valid(rest))
                        return reference_invalid(e, text, "the registry's host");
                ref.host = strdup(rest);
                rest = slash + 1;
        }
        reference_cut_tail(rest, &tag, &digest);
        if (!reference_path_is_valid(rest))
                return reference_invalid(e, text,
                                         "names are lower-case letters, digits and . _ - /");
        if (tag && !reference_tag_is_valid(tag))
                return reference_invalid(e, text, "its tag");
        if (digest && !reference_digest_is_valid(digest))
                return reference_invalid(e, text,
                                         "its digest; sha256: and 64 hex digits are known");
        if (!tag && !digest)
                tag = (char *) "latest";
        ref.path = strdup(rest);
        ref.tag = tag ? strdup(tag) : NULL;
        ref.digest = digest ? strdup(digest) : NULL;
        if ((has_host && !ref.host) || !ref.path || (tag && !ref.tag) || (digest && !ref.digest))
                return err_set(e, -ENOMEM, "out of memory");
        *ret = ref;
        ref = (struct image_reference){ 0 };
        return 0;
}

char *image_reference_format(const struct image_reference *ref) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (ref->host)
                strbuf_addf(&b, "%s/", ref->host);
        strbuf_add(&b, ref->path);
        if (ref->tag)
                strbuf_addf(&b, ":%s", ref->tag);
        if (ref->digest)
                strbuf_addf(&b, "@%s", ref->digest);
        return strbuf_steal(&b);
}

static const char *reference_without_library(const char *path) {
        return str_starts_with(path, "library/") ? path + strlen("library/") : path;
}

int image_reference_match(const struct image_reference *asked,
                          const struct image_reference *stored) {
        if (asked->digest ? !str_eq(asked->digest, stored->digest)
                          : !str_eq(asked->tag, stored->tag))
                return 0;
        if (str_eq(asked->path, stored->path) && str_eq(asked->host, stored->host))
                return 3;
        if (asked->host)
                return 0;
        if (str_eq(stored->host, "localhost") && str_eq(asked->path, stored->path))
                return 2;
        if (!stored->host)
                return 0;
        return strcmp(reference_without_library(asked->path),
                      reference_without_library(stored->path)) == 0;
}

int image_reference_complete(struct image_reference *ref, const char *default_host,
                             const char *default_namespace, struct err *e) {
        bool is_default = !ref->host || str_eq(ref->host, default_host);

        if (!ref->host && str_is_empty(default_host))
                return err_set(e, -EDESTADDRREQ,
                               "\"%.64s\" names no registry, and defaultRegistry is not set in the "
                               "node's registries file; write HOST/%.64s, or bring the image with: "
                               "orch image load FILE",
                               ref->path, ref->path);
        if (is_default && !strchr(ref->path, '/') && !str_is_empty(default_namespace)) {
                char *path = str_format("%s/%s", default_namespace, ref->path);

                if (!path)
                        return err_set(e, -ENOMEM, "out of memory");
                free(ref->path);
                ref->path = path;
        }
        if (!ref->host) {
                ref->host = strdup(default_host);
                if (!ref->host)
                        return err_set(e, -ENOMEM, "out of memory");
        }
        return 0;
}
