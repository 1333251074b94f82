#include "daemon/image/main_answer.h"

#include "base/str.h"

#include <errno.h>
#include <stdio.h>

int main_answer(json_t *take, const char *key, struct err *e) {
        json_t *root = key ? json_pack("{s:o}", key, take) : take;
        AUTO_FREE char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

        json_decref(root);
        if (!text)
                return err_set(e, -ENOMEM, "out of memory");
        if (puts(text) < 0 || fflush(stdout) != 0)
                return err_errno(e, -errno, "cannot write the answer");
        return 0;
}
