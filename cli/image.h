#pragma once

#include "base/err.h"
#include "cli/command.h"

#include <jansson.h>

/* What the commands "image …" share. */
struct session;

/* The names of the nodes meant, as an array of strings: the caller's. node: NULL: all. */
int image_nodes(struct session *s, const char *node, json_t **ret, struct err *e);

/* The API's path of a node's images, or of one: the caller's. reference: NULL: all. NULL when
 * memory is out. */
char *image_path(const char *node, const char *reference);

/* Writes an archive of images (references: with commas between) that one node has.
 *
 * format  "oci-archive" or "docker-archive"; NULL: the node's choice.
 * output  file; "-", NULL: standard output. Removed when it fails.
 *
 * Returns 0 or a negative errno. */
int image_save_to(struct session *s, const char *node, const char *references, const char *format,
                  const char *output, struct err *e);

/* "12.3 MiB". Returns buf. */
#define IMAGE_SIZE_MAX 32
char *image_format_size(int64_t bytes, char buf[IMAGE_SIZE_MAX]);

/* image_list.c */
extern const struct command image_list_command;

/* image_mount.c */
extern const struct command image_mount_command, image_unmount_command;

/* image_manage.c */
extern const struct command image_inspect_command, image_history_command, image_tag_command,
        image_pin_command, image_unpin_command, image_prune_command, image_check_command,
        image_save_command;

/* image_remote.c */
extern const struct command image_pull_command, image_push_command;
