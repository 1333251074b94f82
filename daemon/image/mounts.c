#include "base/fd.h"
#include "base/str.h"
#include "daemon/image/mount.h"
#include "daemon/image/mount_internal.h"
#include "daemon/image/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTS_TEXT_MAX (32U << 20)
#define MOUNTS_FIELDS 5 /* the mount point is the fifth */

void image_mounts_done(struct image_mounts *mounts) {
        for (size_t i = 0; i < mounts->n; i++) {
                free(mounts->items[i].id);
                free(mounts->items[i].path);
        }
        free(mounts->items);
        *mounts = (struct image_mounts){ 0 };
}

/* The kernel writes blanks, tabs, line ends and '\' as "\040". */
static char *mounts_unescape(const char *field, size_t len) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        for (size_t i = 0; i < len; i++) {
                if (field[i] == '\\' && i + 3 < len && strspn(field + i + 1, "01234567") >= 3) {
                        strbuf_add_char(&b,
                                        (char) ((field[i + 1] - '0') << 6 |
                                                (field[i + 2] - '0') << 3 | (field[i + 3] - '0')));
                        i += 3;
                } else
                        strbuf_add_char(&b, field[i]);
        }
        return strbuf_steal(&b);
}

/* The n-th field (from 0) of a line, and its length; NULL: there are fewer. */
static const char *mounts_field(const char *line, size_t n, size_t *ret_len) {
        for (; n > 0; n--) {
                line += strcspn(line, " \n");
                if (*line != ' ')
                        return NULL;
                line++;
        }
        *ret_len = strcspn(line, " \n");
        return line;
}

static int mounts_add(struct image_mounts *mounts, const char *id, char *take_path) {
        struct image_mount *items =
                reallocarray(mounts->items, mounts->n + 1, sizeof(*mounts->items));
        char *own_id = strdup(id);

        if (items)
                mounts->items = items;
        if (!items || !own_id) {
                free(own_id);
                free(take_path);
                return -ENOMEM;
        }
        items[mounts->n++] = (struct image_mount){ .id = own_id, .path = take_path };
        return 0;
}

/* One line: "… mount-point options [fields] - type source options". */
static int mounts_parse_line(const char *line, const char *store_dir, struct image_mounts *ret) {
        AUTO_FREE char *source = NULL, *path = NULL;
        size_t len = strcspn(line, "\n"), path_len = 0, source_len = 0;
        const char *point = mounts_field(line, MOUNTS_FIELDS - 1, &path_len);
        const char *dash = memmem(line, len, " - ", 3);
        const char *type = dash ? dash + 3 : NULL;
        const char *from = type ? mounts_field(type, 1, &source_len) : NULL;
        char *id, *dir;

        if (!point || !from || !str_starts_with(type, "overlay "))
                return 0;
        source = mounts_unescape(from, source_len);
        path = mounts_unescape(point, path_len);
        if (!source || !path)
                return -ENOMEM;
        if (!str_starts_with(source, IMAGE_MOUNT_SOURCE))
                return 0;
        id = source + strlen(IMAGE_MOUNT_SOURCE);
        dir = strchr(id, '@');
        if (!dir || strcmp(dir + 1, store_dir) != 0)
                return 0;
        *dir = '\0';
        return image_digest_is_valid(id) ? mounts_add(ret, id, STEAL(path)) : 0;
}

int image_mounts_parse(const char *text, const char *store_dir, struct image_mounts *ret) {
        AUTO_DONE(image_mounts) struct image_mounts mounts = { 0 };

        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                int r = mounts_parse_line(line, store_dir, &mounts);

                if (r < 0)
                        return r;
        }
        *ret = mounts;
        mounts = (struct image_mounts){ 0 };
        return 0;
}

int image_mounts_read(const struct image_store *store, struct image_mounts *ret, struct err *e) {
        AUTO_FREE char *text = NULL;
        int r = file_read("/proc/self/mountinfo", MOUNTS_TEXT_MAX, &text, NULL, e);

        if (r < 0)
                return r;
        r = image_mounts_parse(text, image_store_dir(store), ret);
        return r < 0 ? err_set(e, r, "out of memory") : 0;
}

const char *image_mounts_find(const struct image_mounts *mounts, const char *id) {
        for (size_t i = 0; i < mounts->n; i++)
                if (strcmp(mounts->items[i].id, id) == 0)
                        return mounts->items[i].path;
        return NULL;
}
