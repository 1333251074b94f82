#include "api/kinds/config.h"

#include "api/kinds/tables.h"
#include "api/schema/base64.h"
#include "base/map.h"
#include "base/str.h"

#include <string.h>

#define CONFIG_BYTES_MAX (1024 * 1024)

#define SELF struct config_map
static const struct field config_map_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_STRING_MAP(data, "data", 2, "Texts by key.", .format = FORMAT_CONFIG_KEY,
                            .flags = FIELD_OMIT_EMPTY),
        FIELD_OF_BYTES_MAP(binary_data, "binaryData", 3, "Bytes by key, as base64.",
                           .format = FORMAT_CONFIG_KEY, .flags = FIELD_OMIT_EMPTY),
        FIELD_OF_OPT_BOOL(immutable, "immutable", 4, "Whether it can't be changed any more."),
};
#undef SELF
static const struct schema config_map_schema =
        SCHEMA(config_map, "ConfigMap", "Configuration that pods may read.");

static void config_map_check(const void *decoded, struct diags *d) {
        const struct config_map *c = decoded;
        struct map texts = { 0 };
        size_t bytes = 0;

        for (size_t i = 0; i < c->data.n; i++) {
                bytes += strlen(c->data.items[i].value);
                if (c->binary_data.n > 0 && map_put(&texts, c->data.items[i].key, &texts, NULL) < 0)
                        d->has_failed = true;
        }
        for (size_t i = 0; i < c->binary_data.n; i++) {
                bytes += c->binary_data.items[i].len;
                if (map_has(&texts, c->binary_data.items[i].key))
                        (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "binaryData",
                                        "Invalid value: \"%s\": duplicate of key present in data",
                                        c->binary_data.items[i].key);
        }
        map_done(&texts, NULL);
        if (bytes > CONFIG_BYTES_MAX)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "",
                                "Too long: may not be more than 1048576 bytes");
}

static void config_map_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct config_map *was = old, *is = decoded;

        if (!was->immutable.value)
                return;
        if (!is->immutable.value)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "immutable",
                                "Forbidden: field is immutable when `immutable` is set");
        if (!schema_equal(
                    &config_map_schema,
                    &(struct config_map){ .data = was->data, .binary_data = was->binary_data },
                    &(struct config_map){ .data = is->data, .binary_data = is->binary_data }))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "data",
                                "Forbidden: field is immutable when `immutable` is set");
}

static int config_map_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct config_map *c = decoded;

        if (cell_add_text(cells, c->metadata.name) < 0 ||
            cell_add(cells, json_integer((json_int_t) (c->data.n + c->binary_data.n))) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &c->metadata, now_usec);
}

static const struct table_column config_map_columns[] = {
        COLUMN_NAME,
        { "Data", "integer", "", 0 },
        COLUMN_AGE,
};

const struct kind config_map_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "ConfigMap",
        .list_name = "ConfigMapList",
        .plural = "configmaps",
        .singular = "configmap",
        .short_names = WORDS("cm"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &config_map_schema,
        .check = config_map_check,
        .check_update = config_map_check_update,
        .columns = config_map_columns,
        .n_columns = ARRAY_SIZE(config_map_columns),
        .add_cells = config_map_add_cells,
};

#define SELF struct secret
static const struct field secret_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_BYTES_MAP(data, "data", 2, "Bytes by key, as base64.", .format = FORMAT_CONFIG_KEY,
                           .flags = FIELD_OMIT_EMPTY),
        FIELD_OF_STRING(type, "type", 3, "What the secret is for.", .default_json = "\"Opaque\"",
                        .flags = FIELD_IMMUTABLE),
        FIELD_KEPT("stringData", 4, FIELD_STRING, FIELD_MAP,
                   "Texts by key; they become part of data.", .format = FORMAT_CONFIG_KEY),
        FIELD_OF_OPT_BOOL(immutable, "immutable", 5, "Whether it can't be changed any more."),
};
#undef SELF
static const struct schema secret_schema =
        SCHEMA(secret, "Secret", "Passwords and the like that pods may read.");

static int secret_set_data(json_t *data, const char *key, const json_t *text) {
        size_t len = json_string_length(text);
        AUTO_FREE char *encoded = malloc(base64_encoded_len(len) + 1);

        if (!encoded)
                return -ENOMEM;
        base64_encode((const uint8_t *) json_string_value(text), len, encoded);
        return json_object_set_new(data, key, json_string(encoded)) < 0 ? -ENOMEM : 0;
}

/* stringData wins over data and is never stored. */
static int secret_default(json_t *tree) {
        json_t *texts = json_object_get(tree, "stringData"), *text;
        const char *key;
        int r;

        if (!json_is_object(texts))
                return 0;
        r = default_set(tree, "data", json_object());
        if (r < 0)
                return r;
        json_object_foreach(texts, key, text) {
                if (!json_is_string(text) || !json_is_object(json_object_get(tree, "data")))
                        return 0; /* validation will say so */
                r = secret_set_data(json_object_get(tree, "data"), key, text);
                if (r < 0)
                        return r;
        }
        return json_object_del(tree, "stringData") < 0 ? -ENOMEM : 0;
}

static void secret_check(const void *decoded, struct diags *d) {
        const struct secret *s = decoded;
        size_t bytes = 0;

        for (size_t i = 0; i < s->data.n; i++)
                bytes += s->data.items[i].len;
        if (bytes > CONFIG_BYTES_MAX)
                (void) diag_add(d, DIAG_ERROR, DIAG_INVALID, "data",
                                "Too long: may not be more than 1048576 bytes");
}

static void secret_check_update(const void *old, const void *decoded, struct diags *d) {
        const struct secret *was = old, *is = decoded;

        if (!was->immutable.value)
                return;
        if (!is->immutable.value)
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "immutable",
                                "Forbidden: field is immutable when `immutable` is set");
        if (!schema_equal(&secret_schema, &(struct secret){ .data = was->data },
                          &(struct secret){ .data = is->data }))
                (void) diag_add(d, DIAG_ERROR, DIAG_FORBIDDEN, "data",
                                "Forbidden: field is immutable when `immutable` is set");
}

static int secret_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct secret *s = decoded;

        if (cell_add_text(cells, s->metadata.name) < 0 || cell_add_text(cells, s->type) < 0 ||
            cell_add(cells, json_integer((json_int_t) s->data.n)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &s->metadata, now_usec);
}

static const struct table_column secret_columns[] = {
        COLUMN_NAME,
        { "Type", "string", "", 0 },
        { "Data", "integer", "", 0 },
        COLUMN_AGE,
};

const struct kind secret_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "Secret",
        .list_name = "SecretList",
        .plural = "secrets",
        .singular = "secret",
        .short_names = WORDS(NULL),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &secret_schema,
        .set_defaults = secret_default,
        .check = secret_check,
        .check_update = secret_check_update,
        .columns = secret_columns,
        .n_columns = ARRAY_SIZE(secret_columns),
        .add_cells = secret_add_cells,
};
