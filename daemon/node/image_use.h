#pragma once

#include "base/err.h"

/* When pods used an image last: empty files in RUN/node/images-used, named by the hexadecimal
 * digits of the image's ID, whose times count. In memory: nothing is written to flash for it, and a
 * reboot, after which all that is wanted starts anew, forgets it. */
struct context;

/* The folder: the caller's; NULL when memory is out. */
char *image_use_dir(const struct context *ctx);

/* Used until now. A mark that can't be made costs only the order in which images go. */
void image_use_note(const struct context *ctx, const char *id);
