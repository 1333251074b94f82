#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

/* Makes the container's file tree and moves the process into it: the overlay (or root.path) becomes
 * "/", with config.json's mounts, /dev, masked and read-only paths. For a child that is in a mount
 * namespace of its own, not yet in the container. Sources are opened outside, targets are looked up
 * inside the container's root, so no link in an image can lead a mount out.
 *
 * bundle   directory of the bundle, absolute or relative.
 * ret_tty  the master of a terminal made for the container (-1: has_tty is false), the caller's.
 *
 * Returns 0 or a negative errno explained by e. */
int rootfs_enter(const json_t *config, const char *bundle, bool has_tty, int *ret_tty,
                 struct err *e);
