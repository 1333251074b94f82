#pragma once

#include "base/err.h"

/* Opens root/sub_path (O_PATH), making folders that are missing as open as the volume itself. No
 * link that leads out of root is followed, whoever swaps what meanwhile: containers write into
 * their volumes, and this runs as root.
 *
 * sub_path  relative, without "..".
 *
 * Returns a descriptor, the caller's, or a negative errno: -ENOSYS on kernels before 5.6. Blocks.
 */
int subpath_open(const char *root, const char *sub_path, struct err *e);
