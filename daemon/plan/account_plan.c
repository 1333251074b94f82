#include "daemon/plan/account_plan.h"

#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "api/kinds/service_account.h"
#include "base/str.h"
#include "daemon/plan/changes.h"

static json_t *meta(const char *namespace_, const char *name) {
        return json_pack("{s:s,s:s}", "name", name, "namespace", namespace_);
}

static void certificate_plan(const struct account_facts *f, struct changes *c) {
        const struct object *now = f->config_map;

        if (!now) {
                (void) changes_create(
                        c, &config_map_kind,
                        json_pack("{s:s,s:s,s:o,s:{s:s}}", "apiVersion", "v1", "kind", "ConfigMap",
                                  "metadata",
                                  meta(f->namespace_->meta->name, ACCOUNT_CA_CONFIG_MAP), "data",
                                  ACCOUNT_CA_KEY, f->ca_pem));
                return;
        }
        if (str_eq(string_map_get(&OBJECT_AS(config_map, now)->data, ACCOUNT_CA_KEY), f->ca_pem))
                return;
        (void) changes_patch(c, now, NULL,
                             json_pack("{s:{s:s}}", "data", ACCOUNT_CA_KEY, f->ca_pem));
}

int account_plan(const struct account_facts *f, struct changes *c, struct err *e) {
        const char *namespace_ = f->namespace_->meta->name;

        if (f->namespace_->meta->deletion_timestamp != 0)
                return 0;
        if (!f->account)
                (void) changes_create(c, &service_account_kind,
                                      json_pack("{s:s,s:s,s:o}", "apiVersion", "v1", "kind",
                                                "ServiceAccount", "metadata",
                                                meta(namespace_, ACCOUNT_DEFAULT)));
        if (f->ca_pem)
                certificate_plan(f, c);
        return changes_check(c, e);
}
