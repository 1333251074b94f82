#pragma once

#include "base/err.h"

#include <jansson.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who a container's process is: user, groups, capabilities, seccomp. For the cloned child. */
#define CREDS_GROUPS_MAX 1024
#define CREDS_FILE_MAX (1 << 20)

struct creds {
        uid_t uid;
        gid_t gid;
        gid_t groups[CREDS_GROUPS_MAX];
        size_t n_groups;
        char home[256]; /* of /etc/passwd; "/" when unknown */
        char name[64];  /* "" when unknown */
};

/* Reads user text "name", "uid", "name:group", "uid:gid" with the given texts of /etc/passwd and
 * /etc/group ("" when there is none). A number that /etc/passwd doesn't know is taken as it stands,
 * with group 0. Pure. Returns 0 or -ENOENT explained by e. */
int creds_resolve(const char *user, const char *passwd, const char *group, struct creds *ret_creds,
                  struct err *e);

/* The same from config.json and the files in reach (the container's: call behind pivot_root()). */
int creds_load(const json_t *config, struct creds *ret_creds, struct err *e);

/* The bits of capability names ("CAP_CHOWN"). Unknown names fail. Pure. */
int creds_capabilities(const json_t *names, uint64_t *ret_mask, struct err *e);

/* A compiled seccomp program; NULL filter: none. */
struct creds_seccomp {
        struct sock_filter *filter; /* owned */
        unsigned short n;
};
/* path: file of config.json's annotation. */
int creds_seccomp_load(const char *path, struct creds_seccomp *ret_program, struct err *e);

/* Drops to it all: bounding set, groups, user, capabilities, no_new_privs, seccomp. Only exec
 * follows. */
int creds_apply(const struct creds *c, const json_t *process, const struct creds_seccomp *program,
                struct err *e);
