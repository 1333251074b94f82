#include "cli/pack.h"

#include "api/dockerfile/build_wire.h"
#include "base/array.h"
#include "base/fd.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PACK_BLOCK 512
#define PACK_CHUNK (256 << 10)
#define PACK_DEPTH_MAX 200
#define PACK_SECRET_MAX (1U << 20)
/* What the octal field of a size holds. */
#define PACK_SIZE_MAX 077777777777LL

/* POSIX ustar, with a pax header (POSIX.1-2001) in front where a name is too long for it. */
struct pack_header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
        char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
        char rest[12];
};

struct pack_entry {
        const char *path, *link;
        mode_t mode;
        char type; /* '0' file, '2' link, '5' folder */
        int64_t size, mtime;
};

struct packing {
        const struct pack *p;
        int fd;
        char *chunk;
        struct err *e;
};

static int pack_bytes(struct packing *k, const void *data, size_t len) {
        int r = fd_write_all(k->fd, data, len);

        return r < 0 ? err_errno(k->e, r, "cannot send the context") : 0;
}

static int pack_padding(struct packing *k, int64_t size) {
        static const char zero[PACK_BLOCK];
        size_t over = (size_t) (size % PACK_BLOCK);

        return over ? pack_bytes(k, zero, PACK_BLOCK - over) : 0;
}

static int pack_block(struct packing *k, const struct pack_entry *entry) {
        struct pack_header h = { 0 };
        unsigned sum = 0;

        _Static_assert(sizeof(h) == PACK_BLOCK, "a header is one block");
        memcpy(h.name, entry->path, strnlen(entry->path, sizeof(h.name)));
        memcpy(h.link, str_or_empty(entry->link),
               strnlen(str_or_empty(entry->link), sizeof(h.link)));
        (void) snprintf(h.mode, sizeof(h.mode), "%07o", (unsigned) entry->mode & 07777);
        (void) snprintf(h.uid, sizeof(h.uid), "%07o", 0U);
        (void) snprintf(h.gid, sizeof(h.gid), "%07o", 0U);
        (void) snprintf(h.size, sizeof(h.size), "%011llo", (long long) entry->size);
        (void) snprintf(
                h.mtime, sizeof(h.mtime), "%011llo",
                (long long) (entry->mtime > 0 && entry->mtime <= PACK_SIZE_MAX ? entry->mtime : 0));
        h.type = entry->type;
        memcpy(h.magic, "ustar", sizeof(h.magic));
        memcpy(h.version, "00", sizeof(h.version));
        memset(h.checksum, ' ', sizeof(h.checksum));
        for (size_t i = 0; i < sizeof(h); i++)
                sum += ((const unsigned char *) &h)[i];
        (void) snprintf(h.checksum, sizeof(h.checksum), "%06o", sum);
        return pack_bytes(k, &h, sizeof(h));
}

/* "LENGTH key=value\n", where the length counts itself. */
static void pax_add(struct strbuf *b, const char *key, const char *value) {
        size_t len = strlen(key) + strlen(value) + 3, digits = 1;

        for (size_t n = len + digits; n >= 10; n /= 10)
                digits++;
        /* One digit more may need one more. */
        if (snprintf(NULL, 0, "%zu", len + digits) > (int) digits)
                digits++;
        strbuf_addf(b, "%zu %s=%s\n", len + digits, key, value);
}

static int pack_head(struct packing *k, const struct pack_entry *entry) {
        AUTO_DONE(strbuf) struct strbuf pax = { 0 };
        int r = 0;

        if (strlen(entry->path) > sizeof(((struct pack_header *) 0)->name))
                pax_add(&pax, "path", entry->path);
        if (entry->link && strlen(entry->link) > sizeof(((struct pack_header *) 0)->link))
                pax_add(&pax, "linkpath", entry->link);
        if (pax.has_failed)
                return err_set(k->e, -ENOMEM, "out of memory");
        if (pax.len > 0) {
                const struct pack_entry head = { "pax", NULL, 0644, 'x', (int64_t) pax.len, 0 };

                r = pack_block(k, &head);
                if (r == 0)
                        r = pack_bytes(k, pax.s, pax.len);
                if (r == 0)
                        r = pack_padding(k, (int64_t) pax.len);
        }
        return r < 0 ? r : pack_block(k, entry);
}

static int pack_memory(struct packing *k, const char *path, const char *data, size_t len) {
        const struct pack_entry entry = { path, NULL, 0600, '0', (int64_t) len, 0 };
        int r = pack_head(k, &entry);

        if (r == 0)
                r = pack_bytes(k, data, len);
        return r < 0 ? r : pack_padding(k, (int64_t) len);
}

/* ---- files ---- */

/* A file that shrinks meanwhile is filled up, one that grows is cut: the header is out already. */
static int pack_content(struct packing *k, int fd, int64_t size) {
        int64_t left = size;
        int r = 0;

        while (r == 0 && left > 0) {
                size_t want = (size_t) MIN(left, (int64_t) PACK_CHUNK);
                ssize_t n = read(fd, k->chunk, want);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_errno(k->e, -errno, "cannot read a file of the context");
                if (n == 0) {
                        n = (ssize_t) want;
                        memset(k->chunk, 0, want);
                }
                r = pack_bytes(k, k->chunk, (size_t) n);
                left -= n;
        }
        return r < 0 ? r : pack_padding(k, size);
}

static int pack_file(struct packing *k, int dirfd, const char *name, struct pack_entry *entry) {
        AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(k->e, -errno, "cannot open %s", entry->path);
        if (st.st_size > PACK_SIZE_MAX)
                return err_set(k->e, -EFBIG, "%s is larger than 8 GiB", entry->path);
        entry->size = st.st_size;
        r = pack_head(k, entry);
        return r < 0 ? r : pack_content(k, fd, st.st_size);
}

static int pack_link(struct packing *k, int dirfd, const char *name, struct pack_entry *entry) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

        if (n < 0)
                return err_errno(k->e, -errno, "cannot read the link %s", entry->path);
        target[n] = '\0';
        entry->link = target;
        return pack_head(k, entry);
}

static int pack_folder(struct packing *k, int fd, const char *path, unsigned depth);

/* path: within the context. */
static int pack_one(struct packing *k, int dirfd, const char *name, const char *path,
                    unsigned depth) {
        AUTO_FREE char *full = str_format(BUILD_WIRE_CONTEXT "/%s", path);
        bool is_ignored = ignore_matches(k->p->ignore, path);
        struct pack_entry entry = { .path = full };
        AUTO_CLOSE int fd = -1;
        struct stat st;
        int r;

        if (!full)
                return err_set(k->e, -ENOMEM, "out of memory");
        if (is_ignored && !ignore_may_hold(k->p->ignore, path))
                return 0;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return err_errno(k->e, -errno, "cannot look at %s", path);
        entry.mode = st.st_mode;
        entry.mtime = st.st_mtim.tv_sec;
        entry.type = S_ISDIR(st.st_mode) ? '5' : S_ISLNK(st.st_mode) ? '2' : '0';
        if (S_ISDIR(st.st_mode)) {
                /* One that is left out is made all the same once something in it comes. */
                fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return err_errno(k->e, -errno, "cannot open %s", path);
                r = is_ignored ? 0 : pack_head(k, &entry);
                return r < 0 ? r : pack_folder(k, fd, path, depth + 1);
        }
        if (is_ignored)
                return 0;
        if (S_ISLNK(st.st_mode))
                return pack_link(k, dirfd, name, &entry);
        return S_ISREG(st.st_mode) ? pack_file(k, dirfd, name, &entry) : 0;
}

static int names_compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int folder_names(struct packing *k, int fd, char ***ret, size_t *ret_n) {
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = copy < 0 ? NULL : fdopendir(copy);
        char **names = NULL;
        size_t n = 0, cap = 0;
        struct dirent *d;
        int r = 0;

        if (!dir) {
                macros_close_fd(&copy);
                return err_errno(k->e, -errno, "cannot read a folder of the context");
        }
        while (r == 0 && (d = readdir(dir))) {
                if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                        continue;
                if (array_reserve(&names, &cap, n, sizeof(*names)) < 0 ||
                    !(names[n] = strdup(d->d_name)))
                        r = err_set(k->e, -ENOMEM, "out of memory");
                else
                        n++;
        }
        (void) closedir(dir);
        if (n > 1)
                qsort(names, n, sizeof(*names), names_compare);
        *ret = names;
        *ret_n = n;
        return r;
}

static int pack_folder(struct packing *k, int fd, const char *path, unsigned depth) {
        char **names = NULL;
        size_t n = 0;
        int r = depth > PACK_DEPTH_MAX
                        ? err_set(k->e, -ELOOP, "folders lie more than %d deep", PACK_DEPTH_MAX)
                        : folder_names(k, fd, &names, &n);

        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *below = str_format("%s%s%s", path, *path ? "/" : "", names[i]);

                if (r == 0)
                        r = below ? pack_one(k, fd, names[i], below, depth)
                                  : err_set(k->e, -ENOMEM, "out of memory");
                free(names[i]);
        }
        free(names);
        return r;
}

/* ---- secrets ---- */

static int pack_secret(struct packing *k, const char *spec) {
        AUTO_FREE char *copy = strdup(spec), *path = NULL, *text = NULL;
        const char *id = NULL, *source = NULL, *variable = NULL, *value;
        char *save = NULL;
        size_t len = 0;
        int r;

        for (char *field = copy ? strtok_r(copy, ",", &save) : NULL; field;
             field = strtok_r(NULL, ",", &save)) {
                if (str_starts_with(field, "id="))
                        id = field + strlen("id=");
                else if (str_starts_with(field, "src="))
                        source = field + strlen("src=");
                else if (str_starts_with(field, "source="))
                        source = field + strlen("source=");
                else if (str_starts_with(field, "env="))
                        variable = field + strlen("env=");
        }
        if (str_is_empty(id) || strchr(id, '/') || id[0] == '.')
                return err_set(k->e, -EINVAL, "--secret %s: write id=NAME,src=FILE", spec);
        path = str_format(BUILD_WIRE_SECRETS "/%s", id);
        if (!path)
                return err_set(k->e, -ENOMEM, "out of memory");
        value = source ? NULL : getenv(variable ? variable : id);
        if (value)
                return pack_memory(k, path, value, strlen(value));
        r = file_read(source ? source : id, PACK_SECRET_MAX, &text, &len, k->e);
        return r < 0 ? err_wrap(k->e, r, "--secret %s", id) : pack_memory(k, path, text, len);
}

int pack_write(const struct pack *p, int fd, struct err *e) {
        static const char end[2 * PACK_BLOCK];
        AUTO_FREE char *chunk = malloc(PACK_CHUNK);
        AUTO_FREE char *request = json_dumps(p->request, JSON_COMPACT);
        AUTO_CLOSE int root = open(p->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct packing k = { .p = p, .fd = fd, .chunk = chunk, .e = e };
        int r;

        if (!chunk || !request)
                return err_set(e, -ENOMEM, "out of memory");
        if (root < 0)
                return err_errno(e, -errno, "cannot open the context %s", p->context);
        r = pack_memory(&k, BUILD_WIRE_REQUEST, request, strlen(request));
        if (r == 0)
                r = pack_memory(&k, BUILD_WIRE_FILE, p->file_text, p->file_len);
        for (size_t i = 0; r == 0 && i < p->n_secrets; i++)
                r = pack_secret(&k, p->secrets[i]);
        if (r == 0 && p->auth)
                r = pack_memory(&k, BUILD_WIRE_AUTH_FILE, p->auth, strlen(p->auth));
        if (r == 0)
                r = pack_folder(&k, root, "", 0);
        return r < 0 ? r : pack_bytes(&k, end, sizeof(end));
}
