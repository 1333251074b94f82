#include "daemon/distribution/registries.h"

#include "api/text/text.h"
#include "base/fd.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

#define REGISTRIES_TEXT_MAX (1U << 20)
#define REGISTRIES_MAX 200

/* What may stand where: a name, where its value goes, and its type. */
enum registries_type { TYPE_TEXT, TYPE_URL, TYPE_FLAG, TYPE_URLS, TYPE_ENTRIES };

struct registries_field {
        const char *name;
        enum registries_type type;
        size_t offset;
};

static const struct registries_field top_fields[] = {
        { "defaultRegistry", TYPE_TEXT, offsetof(struct registries, default_host) },
        { "defaultNamespace", TYPE_TEXT, offsetof(struct registries, default_namespace) },
        { "authFile", TYPE_TEXT, offsetof(struct registries, auth_file) },
        { "registries", TYPE_ENTRIES, 0 },
};

static const struct registries_field entry_fields[] = {
        { "host", TYPE_TEXT, offsetof(struct registry_entry, host) },
        { "server", TYPE_URL, offsetof(struct registry_entry, server) },
        { "ca", TYPE_TEXT, offsetof(struct registry_entry, ca) },
        { "mirrors", TYPE_URLS, offsetof(struct registry_entry, mirrors) },
        { "plainHTTP", TYPE_FLAG, offsetof(struct registry_entry, is_plain) },
        { "skipVerify", TYPE_FLAG, offsetof(struct registry_entry, skips_verify) },
};

struct registries_reading {
        const char *file;
        const struct places *places;
        struct err *e;
};

static int reading_fail(const struct registries_reading *reading, const char *path,
                        const char *why) {
        unsigned line = 0, column = 0;

        if (places_find(reading->places, path, &line, &column))
                return err_set(reading->e, -EINVAL, "%s:%u:%u: %s: %s", reading->file, line, column,
                               path, why);
        return err_set(reading->e, -EINVAL, "%s: %s: %s", reading->file, path, why);
}

static int reading_memory(const struct registries_reading *reading) {
        return err_set(reading->e, -ENOMEM, "out of memory");
}

/* "https://host:port", nothing behind. */
static bool url_is_usable(const char *url) {
        const char *host = strstr(url, "://");

        if (!str_starts_with(url, "https://") && !str_starts_with(url, "http://"))
                return false;
        host += strlen("://");
        if (*host == '\0' || strlen(url) > 300)
                return false;
        for (; *host; host++)
                if (!isalnum((unsigned char) *host) && !strchr(".-:[]", *host))
                        return false;
        return true;
}

static int read_url(const struct registries_reading *reading, const char *path, const json_t *value,
                    char **ret) {
        AUTO_FREE char *url = json_is_string(value) ? strdup(json_string_value(value)) : NULL;

        if (json_is_string(value) && !url)
                return reading_memory(reading);
        if (url && str_ends_with(url, "/"))
                url[strlen(url) - 1] = '\0';
        if (!url || !url_is_usable(url))
                return reading_fail(reading, path, "must be a URL like https://host:5000");
        *ret = STEAL(url);
        return 0;
}

static int read_urls(const struct registries_reading *reading, const char *path,
                     const json_t *value, struct registry_entry *entry) {
        size_t n = json_array_size(value);

        if (!json_is_array(value) || n >= REGISTRIES_ENDPOINTS_MAX)
                return reading_fail(reading, path, "must be a list of at most 7 URLs");
        entry->mirrors = calloc(n + 1, sizeof(*entry->mirrors));
        if (!entry->mirrors)
                return reading_memory(reading);
        for (; entry->n_mirrors < n; entry->n_mirrors++) {
                int r = read_url(reading, path, json_array_get(value, entry->n_mirrors),
                                 &entry->mirrors[entry->n_mirrors]);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_text(const struct registries_reading *reading, const char *path,
                     const json_t *value, char **ret) {
        if (!json_is_string(value))
                return reading_fail(reading, path, "must be a string");
        *ret = strdup(json_string_value(value));
        return *ret ? 0 : reading_memory(reading);
}

static int read_field(const struct registries_reading *reading,
                      const struct registries_field *field, const char *path, const json_t *value,
                      void *to) {
        switch (field->type) {
        case TYPE_TEXT:
                return read_text(reading, path, value, (char **) ((char *) to + field->offset));
        case TYPE_URL:
                return read_url(reading, path, value, (char **) ((char *) to + field->offset));
        case TYPE_URLS:
                return read_urls(reading, path, value, to);
        case TYPE_FLAG:
                if (!json_is_boolean(value))
                        return reading_fail(reading, path, "must be true or false");
                *(bool *) ((char *) to + field->offset) = json_is_true(value);
                return 0;
        case TYPE_ENTRIES:
                break;
        }
        return 0;
}

static int read_fields(const struct registries_reading *reading, const json_t *object,
                       const char *prefix, const struct registries_field *fields, size_t n_fields,
                       void *to) {
        const char *names[8], *name;
        json_t *value;

        for (size_t i = 0; i < n_fields; i++)
                names[i] = fields[i].name;
        json_object_foreach((json_t *) object, name, value) {
                AUTO_FREE char *path = str_format("%s%s", prefix, name);
                const struct registries_field *field = NULL;
                int r;

                if (!path)
                        return reading_memory(reading);
                for (size_t i = 0; i < n_fields; i++)
                        if (strcmp(fields[i].name, name) == 0)
                                field = &fields[i];
                if (!field) {
                        const char *near = str_nearest(name, names, n_fields);
                        char why[128];

                        (void) snprintf(why, sizeof(why), "unknown field%s%s%s",
                                        near ? "; did you mean \"" : "", near ? near : "",
                                        near ? "\"?" : "");
                        return reading_fail(reading, path, why);
                }
                r = read_field(reading, field, path, value, to);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_entries(const struct registries_reading *reading, const json_t *list,
                        struct registries *ret) {
        size_t n = json_array_size(list);

        if (list && (!json_is_array(list) || n > REGISTRIES_MAX))
                return reading_fail(reading, "registries", "must be a list of at most 200 entries");
        ret->items = calloc(n + 1, sizeof(*ret->items));
        if (!ret->items)
                return reading_memory(reading);
        for (size_t i = 0; i < n; i++) {
                const json_t *one = json_array_get(list, i);
                char prefix[48];
                int r;

                (void) snprintf(prefix, sizeof(prefix), "registries[%zu].", i);
                ret->n++;
                r = json_is_object(one)
                            ? read_fields(reading, one, prefix, entry_fields,
                                          ARRAY_SIZE(entry_fields), &ret->items[i])
                            : reading_fail(reading, "registries", "must hold objects with a host");
                if (r == 0 && str_is_empty(ret->items[i].host))
                        r = reading_fail(reading, "registries", "every entry needs a host");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int registries_decode(const struct registries_reading *reading, const json_t *root,
                             struct registries *ret) {
        int r;

        if (!json_is_object(root))
                return reading_fail(reading, "registries", "the file must hold an object");
        r = read_fields(reading, root, "", top_fields, ARRAY_SIZE(top_fields), ret);
        if (r == 0)
                r = read_entries(reading, json_object_get(root, "registries"), ret);
        return r;
}

static int registries_syntax(const char *file, const struct diags *d, int r, struct err *e) {
        AUTO_FREE char *text = d->n > 0 ? diag_format(&d->items[0]) : NULL;

        return err_set(e, r == -ENOMEM ? r : -EINVAL, "%s", text ? text : file);
}

int registries_parse(const char *text, size_t len, const char *file, struct registries *ret,
                     struct err *e) {
        AUTO_DONE(registries) struct registries made = { 0 };
        AUTO_DONE(text_documents) struct text_documents docs = { 0 };
        struct diags d = { 0 };
        int r = text_read_yaml(text, len, file, REGISTRIES_TEXT_MAX, &docs, &d);

        if (r < 0)
                r = registries_syntax(file, &d, r, e);
        diags_done(&d);
        if (r == 0 && docs.n > 1)
                r = err_set(e, -EINVAL, "%s: more than one document", file);
        if (r == 0 && docs.n == 1)
                r = registries_decode(&(struct registries_reading){ file, docs.items[0].places, e },
                                      docs.items[0].tree, &made);
        if (r < 0)
                return r;
        if (!made.default_namespace)
                made.default_namespace = strdup("library");
        if (!made.default_namespace)
                return err_set(e, -ENOMEM, "out of memory");
        *ret = made;
        made = (struct registries){ 0 };
        return 0;
}

int registries_read(const char *path, bool must_exist, struct registries *ret, struct err *e) {
        AUTO_FREE char *text = NULL;
        size_t len = 0;
        int r = file_read(path, REGISTRIES_TEXT_MAX, &text, &len, e);

        if (r == -ENOENT && !must_exist)
                return registries_parse("", 0, path, ret, e);
        return r < 0 ? r : registries_parse(text, len, path, ret, e);
}

static void registry_entry_done(struct registry_entry *entry) {
        for (size_t i = 0; i < entry->n_mirrors; i++)
                free(entry->mirrors[i]);
        free(entry->mirrors);
        free(entry->host);
        free(entry->server);
        free(entry->ca);
}

void registries_done(struct registries *r) {
        for (size_t i = 0; i < r->n; i++)
                registry_entry_done(&r->items[i]);
        free(r->items);
        free(r->default_host);
        free(r->default_namespace);
        free(r->auth_file);
        *r = (struct registries){ 0 };
}

static const struct registry_entry *registries_entry(const struct registries *r, const char *host) {
        const struct registry_entry *any = NULL;

        for (size_t i = 0; i < r->n; i++) {
                if (strcmp(r->items[i].host, host) == 0)
                        return &r->items[i];
                if (strcmp(r->items[i].host, "*") == 0)
                        any = &r->items[i];
        }
        return any;
}

void registries_trust(const struct registries *r, const char *host, const char **ret_ca,
                      bool *ret_skips_verify, bool *ret_is_plain) {
        const struct registry_entry *entry = registries_entry(r, host);

        *ret_ca = entry ? entry->ca : NULL;
        *ret_skips_verify = entry && entry->skips_verify;
        *ret_is_plain = entry && entry->is_plain;
}

static void endpoint_set(const struct registries *r, struct registry_endpoint *ret, const char *url,
                         bool is_mirror) {
        bool is_plain;

        *ret = (struct registry_endpoint){ .is_mirror = is_mirror };
        (void) snprintf(ret->url, sizeof(ret->url), "%s", url);
        registries_trust(r, strstr(url, "://") + strlen("://"), &ret->ca, &ret->skips_verify,
                         &is_plain);
}

size_t registries_endpoints(const struct registries *r, const char *host,
                            struct registry_endpoint ret[REGISTRIES_ENDPOINTS_MAX]) {
        const struct registry_entry *entry = registries_entry(r, host);
        char url[320];
        size_t n = 0;

        for (size_t i = 0; entry && i < entry->n_mirrors; i++)
                endpoint_set(r, &ret[n++], entry->mirrors[i], true);
        (void) snprintf(url, sizeof(url), "%s://%.300s",
                        entry && entry->is_plain ? "http" : "https", host);
        endpoint_set(r, &ret[n++], entry && entry->server ? entry->server : url, false);
        return n;
}

int registries_name(const struct registries *r, const char *text, struct image_reference *ret,
                    struct err *e) {
        AUTO_DONE(image_reference) struct image_reference ref = { 0 };
        int code = image_reference_parse(text, &ref, e);

        if (code == 0)
                code = image_reference_complete(&ref, r->default_host, r->default_namespace, e);
        if (code < 0)
                return code;
        *ret = ref;
        ref = (struct image_reference){ 0 };
        return 0;
}
