#pragma once

#include "api/kinds/meta.h"

/* v1 ServiceAccount: who the programs in pods are to the API. */

struct service_account {
        struct object_meta metadata;
        struct {
                struct object_reference *items;
                size_t n;
        } secrets;
        struct {
                struct local_object_reference *items;
                size_t n;
        } image_pull_secrets;
        struct opt_bool automount_service_account_token; /* absent: true */
};

extern const struct kind service_account_kind;
