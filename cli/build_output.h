#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>

/* Where "orch build --output" puts the image: "type=oci|docker,dest=FILE", in BuildKit's words. */
struct build_output {
        const char *format; /* of image_save_to(); static */
        char *dest;         /* owned; "-": standard output */
};

/* Returns 0, -EINVAL (e says what is there) or -ENOMEM. Pure. */
int build_output_parse(const char *text, struct build_output *ret, struct err *e);
void build_output_done(struct build_output *o);
DEFINE_AUTO_DONE(build_output);
