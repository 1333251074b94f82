#include "daemon/runtime/kv.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void kv_put(struct kv_writer *w, char c) {
        if (w->len + 1 >= w->cap) {
                w->is_full = true;
                return;
        }
        w->buf[w->len++] = c;
        w->buf[w->len] = '\0';
}

void kv_add(struct kv_writer *w, const char *key, const char *value) {
        while (*key)
                kv_put(w, *key++);
        kv_put(w, '=');
        for (; *value; value++) {
                if (*value == '\\' || *value == '\n')
                        kv_put(w, '\\');
                kv_put(w, *value == '\n' ? 'n' : *value);
        }
        kv_put(w, '\n');
}

void kv_add_number(struct kv_writer *w, const char *key, int64_t value) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%lld", (long long) value);
        kv_add(w, key, digits);
}

static void kv_unescape(char *s) {
        char *out = s;

        for (; *s; s++) {
                if (s[0] == '\\' && s[1] != '\0') {
                        s++;
                        *out++ = *s == 'n' ? '\n' : *s;
                } else {
                        *out++ = *s;
                }
        }
        *out = '\0';
}

bool kv_next(char **cursor, char **ret_key, char **ret_value) {
        while (**cursor) {
                char *line = *cursor;
                char *end = strchrnul(line, '\n');
                char *equals;

                *cursor = *end ? end + 1 : end;
                *end = '\0';
                equals = strchr(line, '=');
                if (!equals)
                        continue;
                *equals = '\0';
                kv_unescape(equals + 1);
                *ret_key = line;
                *ret_value = equals + 1;
                return true;
        }
        return false;
}

int64_t kv_number(const char *value) {
        char *end;
        long long n;

        errno = 0;
        n = strtoll(value, &end, 10);
        return errno != 0 || *end != '\0' ? 0 : n;
}

int kv_read_file(int dirfd, const char *path, char *buf, size_t cap) {
        AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        size_t len = 0;

        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n = read(fd, buf + len, cap - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t) n;
                if (len == cap)
                        return -EFBIG;
        }
        buf[len] = '\0';
        return (int) len;
}

int kv_write_file(int dirfd, const char *path, const struct kv_writer *w) {
        AUTO_CLOSE int fd = -1;
        char temp[256];
        int r;

        if (w->is_full || strlen(path) + sizeof(".new") > sizeof(temp))
                return -E2BIG;
        (void) stpcpy(stpcpy(temp, path), ".new");
        fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, w->buf, w->len);
        if (r == 0 && renameat(dirfd, temp, dirfd, path) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(dirfd, temp, 0);
        return r;
}
