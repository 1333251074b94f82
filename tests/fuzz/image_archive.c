/* Archives of any kind, through all of image_load(): spooled, unpacked by the child that has made
 * the folder its root, verified, unpacked again layer by layer, published. Needs root, as
 * orch-image does; otherwise nothing is tried. */
#include "base/fd.h"
#include "daemon/image/check.h"
#include "daemon/image/load.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was taken in comes out the same: the deep check puts every layer's tar together again. */
static void prove(struct image_store *store) {
        json_t *answer = NULL;

        if (image_check(store, &(struct image_check_options){ .is_deep = true }, &answer, NULL) <
                    0 ||
            json_array_size(json_object_get(answer, "damaged")) > 0)
                abort();
        json_decref(answer);
}

static void take(struct image_store *store, int fd, bool is_import) {
        static const struct image_load_options named = { .name = "fuzz:1" };
        json_t *told = NULL;
        struct err e = { 0 };
        int r;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return;
        r = is_import ? image_import(store, fd, &named, &told, &e)
                      : image_load(store, fd, NULL, &named, &told, &e);
        /* Each failure is told in words. */
        if (r < 0 && err_text(&e)[0] == '\0')
                abort();
        if (r < 0)
                return;
        json_decref(told);
        prove(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char root[] = "/dev/shm/orch-fuzz-XXXXXX";
        AUTO(image_store) struct image_store *store = NULL;
        AUTO_CLOSE int fd = -1;

        if (geteuid() != 0 || !mkdtemp(root))
                return 0;
        fd = memfd_create("archive", MFD_CLOEXEC);
        if (fd >= 0 && image_store_open(root, &store, NULL) == 0 &&
            fd_write_all(fd, data, size) == 0) {
                take(store, fd, false);
                take(store, fd, true);
        }
        (void) dir_remove_all(AT_FDCWD, root, NULL);
        return 0;
}
