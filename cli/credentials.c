#include "cli/credentials.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define AUTH_FILE_MAX (1U << 20)

int credentials_read(const char *creds, const char *auth_file, char **ret, struct err *e) {
        AUTO_FREE char *text = NULL;
        json_t *root = json_object(), *file = NULL;
        const char *colon = creds ? strchr(creds, ':') : NULL;
        size_t len = 0;
        int r = root ? 0 : -ENOMEM;

        if (creds && !colon) {
                json_decref(root);
                return err_set(e, -EINVAL, "--creds is written USER:PASSWORD");
        }
        if (r == 0 && colon) {
                (void) json_object_set_new(root, "user",
                                           json_stringn(creds, (size_t) (colon - creds)));
                (void) json_object_set_new(root, "password", json_string(colon + 1));
        }
        if (r == 0 && auth_file) {
                r = file_read(auth_file, AUTH_FILE_MAX, &text, &len, e);
                file = r == 0 ? json_loadb(text, len, 0, NULL) : NULL;
                if (r == 0 && !json_is_object(file))
                        r = err_set(e, -EINVAL,
                                    "%s is no file of credentials; \"docker login\" writes them",
                                    auth_file);
                if (r == 0)
                        (void) json_object_set_new(root, "sources", json_pack("[O]", file));
                json_decref(file);
        }
        if (r == 0) {
                *ret = json_dumps(root, JSON_COMPACT);
                r = *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
        }
        json_decref(root);
        return r;
}
