#pragma once

#include "cli/command.h"

/* One file a verb. */
extern const struct command annotate_command;
extern const struct command api_resources_command;
extern const struct command apply_command;
extern const struct command attach_command;
extern const struct command build_command;
extern const struct command cp_command;
extern const struct command create_command;
extern const struct command delete_command;
extern const struct command describe_command;
extern const struct command diff_command;
extern const struct command exec_command;
extern const struct command explain_command;
extern const struct command get_command;
extern const struct command image_command;
extern const struct command label_command;
extern const struct command logs_command;
extern const struct command names_command;
extern const struct command port_forward_command;
extern const struct command rollout_command;
extern const struct command scale_command;
extern const struct command top_command;
extern const struct command version_command;
extern const struct command wait_command;
