#include "daemon/node/image_use.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/record.h"
#include "daemon/node/context.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

char *image_use_dir(const struct context *ctx) {
        return str_format("%s/node/images-used", ctx->config->run_dir);
}

void image_use_note(const struct context *ctx, const char *id) {
        AUTO_FREE char *dir = image_use_dir(ctx), *path = NULL;
        AUTO_CLOSE int fd = -1;

        if (!dir || !image_digest_is_valid(id))
                return;
        path = str_format("%s/%s", dir, id + strlen("sha256:"));
        if (path)
                fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
                (void) futimens(fd, NULL);
}
