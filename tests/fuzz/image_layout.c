/* Manifests, indexes and configurations as an archive's folder gives them. Input: files, each
 * "NAME\nTEXT", parted by a line of
 * "--". "BLOB" as a name stands for blobs/sha256/ and the text's own digest, which "@N" in a later
 * file's text stands for. */
#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/oci.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct layout {
        char root[64];
        char digests[FILES_MAX][65];
        unsigned n;
};

static void digest_of(const char *text, char *ret) {
        uint8_t hash[32];

        (void) gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash);
        for (size_t i = 0; i < sizeof(hash); i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

/* "@0" becomes the digest of the first file. */
static char *fill_in(const struct layout *l, const char *text) {
        struct strbuf out = { 0 };

        for (; *text; text++) {
                unsigned i = (unsigned) text[1] - '0';

                if (*text == '@' && i < l->n) {
                        strbuf_addf(&out, "sha256:%s", l->digests[i]);
                        text++;
                } else {
                        strbuf_addf(&out, "%c", *text);
                }
        }
        return out.s;
}

static void file_make(struct layout *l, char *name, const char *text) {
        static const char *const names[] = { "oci-layout", "index.json", "manifest.json", "a.json",
                                             "repositories" };
        AUTO_FREE char *path = NULL;

        digest_of(text, l->digests[l->n]);
        if (strcmp(name, "BLOB") == 0)
                path = str_format("%s/blobs/sha256/%s", l->root, l->digests[l->n]);
        for (size_t i = 0; !path && i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        path = str_format("%s/%s", l->root, name);
        l->n++;
        if (path)
                (void) file_write_atomic(path, text, strlen(text), 0600, false, NULL);
}

static void files_make(struct layout *l, char *text) {
        while (text && l->n < FILES_MAX) {
                char *next = strstr(text, "\n--\n"), *body;
                AUTO_FREE char *filled = NULL;

                if (next)
                        *next = '\0';
                body = strchr(text, '\n');
                if (body) {
                        *body = '\0';
                        filled = fill_in(l, body + 1);
                        file_make(l, text, filled ? filled : "");
                }
                text = next ? next + strlen("\n--\n") : NULL;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct layout l = { .root = "/dev/shm/orch-fuzz-XXXXXX" };
        AUTO_FREE char *text = strndup((const char *) data, size);
        AUTO_FREE char *blobs = NULL;
        AUTO_CLOSE int fd = -1;

        if (!text || !mkdtemp(l.root))
                return 0;
        blobs = str_format("%s/blobs/sha256", l.root);
        if (blobs)
                (void) dir_make_all(blobs, 0700, NULL);
        files_make(&l, text);
        fd = open(l.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (int layout = OCI_LAYOUT_DOCKER; fd >= 0 && layout <= OCI_LAYOUT_OCI; layout++) {
                AUTO_DONE(oci_images) struct oci_images images = { 0 };
                struct err e = { 0 };

                if (oci_layout_read(fd, (enum oci_layout) layout, "amd64", &images, &e) < 0 &&
                    err_text(&e)[0] == '\0')
                        abort();
        }
        (void) dir_remove_all(AT_FDCWD, l.root, NULL);
        return 0;
}
