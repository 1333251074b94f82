#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define ORCHD_ARGS_MAX 40
#define ORCHD_CHILD_READY_FD 3

/* What orchd is asked for, and what its programs are asked for in turn. Strings are owned. */
struct orchd_options {
        char *state_dir, *run_dir, *libexec_dir;
        char *listen;          /* with TLS */
        char *insecure_listen; /* NULL: none */
        char *audit_log;       /* NULL: none */
        char *tls_san;         /* NULL: none */
        char *node_name;
        char *pod_cidr, *service_cidr;
        char *dns_address; /* where orch-dns answers: the first address of pod_cidr */
        char *cluster_domain;
        char *build_webhook; /* URL; NULL: none */
        char *registries;    /* about registries of images; NULL: the default file */
        char *image_high, *image_low, *image_age; /* orchd_image_limits.h */
        char *dns_upstream;                       /* NULL: the machine's resolv.conf */
        char *user; /* name or number: what the server and DNS run as */
        bool is_debugging;
        int ready_fd; /* -1: none */
};

/* Returns 0, 1 when a question (--help, --version) was answered, or -EINVAL. */
int orchd_options_read(int argc, char **argv, struct orchd_options *ret, struct err *e);
void orchd_options_done(struct orchd_options *o);

/* Makes STATE_DIR and RUN_DIR with the server's part owned by its user. Returns 0 or a negative
 * errno. */
int orchd_options_make_folders(const struct orchd_options *o, struct err *e);

/* The command line of a program, NULL-terminated; each the caller's. Returns 0, -E2BIG or -ENOMEM.
 */
int orchd_options_argv(const struct orchd_options *o, const char *program, char **ret_argv,
                       struct err *e);

/* Where orch's other programs are: what --libexec-dir in argv says, else ORCH_LIBEXEC_DIR, else
 * beside this program, else the installed folder. The caller's; NULL when memory is out. */
char *orchd_options_find_libexec(char **argv);
