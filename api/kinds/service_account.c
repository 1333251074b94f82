#include "api/kinds/service_account.h"

#include "api/kinds/tables.h"

#define SELF struct service_account
static const struct field service_account_fields[] = {
        FIELDS_OF_TYPE,
        FIELD_OF_OBJECT(metadata, object_meta, "metadata", 1, "Name, labels and the like."),
        FIELD_OF_OBJECTS(secrets, object_reference, "secrets", 2,
                         "Secrets that pods of this account may use.", .patch = FIELD_PATCH_MERGE,
                         .merge_key = "name"),
        FIELD_OF_OBJECTS(image_pull_secrets, local_object_reference, "imagePullSecrets", 3,
                         "Secrets for pulling images, given to pods that name none.",
                         .flags = FIELD_ATOMIC),
        FIELD_OF_OPT_BOOL(automount_service_account_token, "automountServiceAccountToken", 4,
                          "Whether pods find a token of this account; true by default."),
};
#undef SELF
static const struct schema service_account_schema =
        SCHEMA(service_account, "ServiceAccount", "Who the programs in pods are to the API.");

static int service_account_add_cells(const void *decoded, uint64_t now_usec, json_t *cells) {
        const struct service_account *s = decoded;

        if (cell_add_text(cells, s->metadata.name) < 0 ||
            cell_add(cells, json_integer((json_int_t) s->secrets.n)) < 0)
                return -ENOMEM;
        return cell_add_age(cells, &s->metadata, now_usec);
}

static const struct table_column service_account_columns[] = {
        COLUMN_NAME,
        { "Secrets", "string", "", 0 },
        COLUMN_AGE,
};

const struct kind service_account_kind = {
        .api_version = "v1",
        .group = "",
        .version = "v1",
        .name = "ServiceAccount",
        .list_name = "ServiceAccountList",
        .plural = "serviceaccounts",
        .singular = "serviceaccount",
        .short_names = WORDS("sa"),
        .categories = WORDS(NULL),
        .is_namespaced = true,
        .is_stored = true,
        .name_format = FORMAT_DNS_SUBDOMAIN,
        .schema = &service_account_schema,
        .columns = service_account_columns,
        .n_columns = ARRAY_SIZE(service_account_columns),
        .add_cells = service_account_add_cells,
};
