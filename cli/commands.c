#include "cli/commands.h"

#include "cli/help.h"

const struct command *const command_all[] = {
        &apply_command,     &get_command,
        &describe_command,  &delete_command,
        &diff_command,      &logs_command,
        &exec_command,      &attach_command,
        &cp_command,        &port_forward_command,
        &top_command,       &scale_command,
        &rollout_command,   &names_command,
        &image_command,     &build_command,
        &wait_command,      &create_command,
        &label_command,     &annotate_command,
        &explain_command,   &api_resources_command,
        &version_command,   &help_command_completion,
        &help_command_help, NULL,
};
