#pragma once

#include "base/err.h"

/* What every namespace has for its pods' programs: the account "default", and the certificate of
 * the cluster's authority, with which they know the API by. Pure. */
struct changes;
struct object;

#define ACCOUNT_DEFAULT "default"
#define ACCOUNT_CA_CONFIG_MAP "kube-root-ca.crt"
#define ACCOUNT_CA_KEY "ca.crt"

/* All that the plan may know. Borrowed. */
struct account_facts {
        const struct object *namespace_;
        const struct object *account;    /* NULL: there is none */
        const struct object *config_map; /* NULL: there is none */
        const char *ca_pem;              /* NULL: there is no authority */
};

/* Makes what is missing and mends the certificate; nothing in a namespace on its way out. Returns 0
 * or -ENOMEM. */
int account_plan(const struct account_facts *f, struct changes *c, struct err *e);
