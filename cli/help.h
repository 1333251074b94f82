#pragma once

#include "cli/command.h"

#include <stdio.h>

extern const struct option help_global_options[];
extern const size_t help_n_global_options;

void help_overview(FILE *out);
void help_command(const struct command *c, FILE *out);

/* The name nearest to a mistyped one, or NULL. Borrowed. */
const char *help_nearest(const struct command *const *commands, const char *name);

extern const struct command help_command_help;
extern const struct command help_command_completion;
