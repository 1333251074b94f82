#pragma once

#include "base/err.h"
#include "cli/option.h"

#include <stddef.h>

struct session;

/* Exit codes: promised in orch(1) and "orch help exit-codes". exec passes on its command's. */
enum exit_code {
        EXIT_OK = 0,
        EXIT_ERROR = 1,     /* the server refused, or something failed on the way */
        EXIT_USAGE = 2,     /* the command line is wrong; nothing was sent */
        EXIT_MANIFEST = 3,  /* a manifest is wrong or can't be read; nothing was sent */
        EXIT_NO_SERVER = 4, /* the server can't be reached */
        EXIT_TIMED_OUT = 5, /* what was waited for did not come in time */
};

/* One verb. Constant. */
struct command {
        const char *name;
        const char *usage;   /* behind "orch NAME": "[-f FILE] ..." */
        const char *summary; /* one line */
        const char *details; /* paragraphs and examples; NULL: none */
        const struct option *options;
        size_t n_options;
        size_t args_size;
        const struct command *const *subcommands; /* NULL-terminated; then run is NULL */

        /* Returns an exit code (everything is printed then), or a negative errno and e. */
        int (*run)(struct session *s, const void *args, const struct words *words, struct err *e);
};

/* NULL-terminated, in the order of the help. */
extern const struct command *const command_all[];

const struct command *command_find(const struct command *const *commands, const char *name);
