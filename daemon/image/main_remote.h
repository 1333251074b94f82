#pragma once

#include <stdbool.h>

/* The verbs of orch-image that speak with registries:
 *
 *   orch-image pull --store DIR [OPTION]... REFERENCE
 *   orch-image push --store DIR [--to REFERENCE] [OPTION]... REFERENCE
 *   orch-image tags [OPTION]... NAME
 *   orch-image post URL                               JSON from standard input (main_post.h)
 *
 *   --registries FILE  how registries are reached; must exist
 *   --auth-fd N        credentials: JSON {"sources": [a file in Docker's format, …],
 *                      "user": …, "password": …}, the latter two for the registry that is asked
 *   --platform P       "linux/arm/v7"; else this machine's
 *   --proxy URL        else the environment's
 *   --parallel N       layers at once
 *   --stall SECONDS    without a byte for so long a connection is cut
 *   --progress         JSON lines {"progress": {…}} before the answer
 *
 * The answer and failures are as main.c's; on failure the exit code is 1, and the sentence has the
 * error's name in front: "ENOENT cannot pull …". */
bool main_is_remote(int argc, char **argv);
int main_remote(int argc, char **argv);
