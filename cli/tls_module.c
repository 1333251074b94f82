#include "cli/tls_module.h"

#include "api/client/tls.h"
#include "base/macros.h"
#include "base/str.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define MODULE_NAME "orch-tls.so"

/* Not from a path that anybody else could have put something into: no search path, no environment.
 */
static void *module_open(void) {
        char path[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(MODULE_NAME));
        char *slash;
        void *module = NULL;

        if (n > 0) {
                path[n] = '\0';
                slash = strrchr(path, '/');
                strcpy(slash ? slash + 1 : path, MODULE_NAME);
                module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        }
        return module ? module : dlopen(ORCH_MODULE_DIR "/" MODULE_NAME, RTLD_NOW | RTLD_LOCAL);
}

int tls_module_load(const struct tls_module **ret, struct err *e) {
        void *module = module_open();
        const struct tls_module *found = module ? dlsym(module, TLS_MODULE_SYMBOL) : NULL;

        if (!found)
                return err_set(e, -ENOENT, "cannot speak TLS: %s", str_or_empty(dlerror()));
        *ret = found;
        return 0;
}
