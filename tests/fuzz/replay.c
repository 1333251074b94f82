/* Feeds every file of a corpus folder to a fuzz target, so that what a fuzzer once found is
 * replayed by the ordinary tests, without libFuzzer. Usage: fuzz-NAME -- FOLDER. */
#include "base/fd.h"
#include "base/str.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
        struct dirent *d;
        unsigned n = 0;
        DIR *dir;

        if (argc != 3 || !(dir = opendir(argv[2]))) {
                (void) fprintf(stderr, "usage: %s -- CORPUS-FOLDER\n", argv[0]);
                return 2;
        }
        while ((d = readdir(dir))) {
                AUTO_FREE char *path = str_format("%s/%s", argv[2], d->d_name);
                AUTO_FREE char *text = NULL;
                struct err e = { 0 };
                size_t len;

                if (d->d_name[0] == '.' || !path)
                        continue;
                if (file_read(path, 64U << 20, &text, &len, &e) < 0) {
                        (void) fprintf(stderr, "%s\n", err_text(&e));
                        return 1;
                }
                (void) LLVMFuzzerTestOneInput((const uint8_t *) text, len);
                n++;
        }
        (void) closedir(dir);
        (void) printf("%u inputs replayed\n", n);
        return n > 0 ? 0 : 1;
}
