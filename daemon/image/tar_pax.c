/* Records of a pax header: "LENGTH KEY=VALUE\n" (POSIX.1-2017, pax, "pax Extended Header"). */
#include "base/array.h"
#include "daemon/image/tar_internal.h"

#include <limits.h>
#include <string.h>

#define PAX_XATTRS_MAX 1024

void tar_extended_forget_pax(struct tar_extended *x) {
        struct tar_extended kept = { .pax = x->pax,
                                     .path = x->path,
                                     .link = x->link,
                                     .extents = x->extents,
                                     .cap_extents = x->cap_extents,
                                     .xattrs = x->xattrs,
                                     .cap_xattrs = x->cap_xattrs };

        *x = kept;
        strbuf_reset(&x->pax);
}

void tar_extended_reset(struct tar_extended *x) {
        tar_extended_forget_pax(x);
        strbuf_reset(&x->path);
        strbuf_reset(&x->link);
}

void tar_extended_done(struct tar_extended *x) {
        strbuf_done(&x->pax);
        strbuf_done(&x->path);
        strbuf_done(&x->link);
        free(x->extents);
        free(x->xattrs);
}

int tar_decimal(const char *s, const char *end, uint64_t *ret) {
        uint64_t value = 0;

        if (s == end)
                return -EINVAL;
        for (; s < end; s++) {
                if (*s < '0' || *s > '9' || value > (uint64_t) INT64_MAX / 10 - 1)
                        return -EINVAL;
                value = value * 10 + (uint64_t) (*s - '0');
        }
        *ret = value;
        return 0;
}

int tar_add_extent(struct tar_extended *x, uint64_t offset, uint64_t len, struct err *e) {
        const struct tar_extent *last = x->n_extents > 0 ? &x->extents[x->n_extents - 1] : NULL;

        if (x->n_extents >= TAR_EXTENTS_MAX || offset > INT64_MAX || len > INT64_MAX - offset ||
            (last && offset < last->offset + last->len))
                return err_set(e, -EBADMSG, "a sparse file's map is malformed");
        if (array_reserve(&x->extents, &x->cap_extents, x->n_extents, sizeof(*x->extents)) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        x->extents[x->n_extents++] = (struct tar_extent){ .offset = offset, .len = len };
        return 0;
}

/* "SECONDS[.FRACTION]", perhaps negative: then the fraction counts backwards. */
static int pax_time(const char *value, int64_t *ret_sec, uint32_t *ret_nsec) {
        bool is_negative = value[0] == '-';
        const char *s = value + is_negative, *dot = strchr(s, '.');
        uint64_t sec = 0;
        uint32_t nsec = 0, unit = 100000000;

        if (tar_decimal(s, dot ? dot : s + strlen(s), &sec) < 0)
                return -EINVAL;
        for (const char *p = dot ? dot + 1 : ""; *p; p++) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                nsec += (uint32_t) (*p - '0') * unit;
                unit /= 10;
        }
        *ret_sec = is_negative ? -(int64_t) sec : (int64_t) sec;
        if (is_negative && nsec > 0) {
                *ret_sec -= 1;
                nsec = 1000000000 - nsec;
        }
        *ret_nsec = nsec;
        return 0;
}

/* "OFFSET,LENGTH,OFFSET,LENGTH…" */
static int pax_sparse_map(struct tar_extended *x, const char *value, struct err *e) {
        x->has_sparse_map = true;
        x->n_extents = 0;
        while (*value) {
                const char *comma = strchr(value, ',');
                const char *end = comma ? strchr(comma + 1, ',') : NULL;
                uint64_t offset, len;
                int r;

                if (comma && !end)
                        end = comma + strlen(comma);
                if (!comma || tar_decimal(value, comma, &offset) < 0 ||
                    tar_decimal(comma + 1, end, &len) < 0)
                        return -EINVAL;
                r = tar_add_extent(x, offset, len, e);
                if (r < 0)
                        return r;
                value = *end ? end + 1 : end;
        }
        return 0;
}

/* The oldest way says offset and length in turn, in records of their own. */
static int pax_sparse_piece(struct tar_extended *x, bool is_len, uint64_t value, struct err *e) {
        x->has_sparse_map = true;
        if (!is_len)
                return tar_add_extent(x, value, 0, e);
        if (x->n_extents == 0 || value > INT64_MAX - x->extents[x->n_extents - 1].offset)
                return -EINVAL;
        x->extents[x->n_extents - 1].len = value;
        return 0;
}

static int pax_sparse(struct tar_extended *x, const char *key, const char *value, struct err *e) {
        uint64_t n = 0;

        if (strcmp(key, "name") == 0) {
                x->sparse_name = value;
                return 0;
        }
        if (strcmp(key, "map") == 0)
                return pax_sparse_map(x, value, e);
        if (tar_decimal(value, value + strlen(value), &n) < 0)
                return -EINVAL;
        if (strcmp(key, "offset") == 0 || strcmp(key, "numbytes") == 0)
                return pax_sparse_piece(x, key[0] == 'n', n, e);
        if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
                x->has_real_size = true;
                x->real_size = n;
        } else if (strcmp(key, "major") == 0) {
                x->has_sparse_version = true;
                x->sparse_major = (unsigned) MIN(n, (uint64_t) UINT_MAX);
        } else if (strcmp(key, "minor") == 0)
                x->sparse_minor = (unsigned) MIN(n, (uint64_t) UINT_MAX);
        return 0;
}

static int pax_id(const char *value, bool *ret_has, uint32_t *ret) {
        uint64_t n;

        if (tar_decimal(value, value + strlen(value), &n) < 0 || n >= UINT32_MAX)
                return -EINVAL;
        *ret_has = true;
        *ret = (uint32_t) n;
        return 0;
}

static int pax_xattr(struct tar_extended *x, const char *name, const char *value, size_t len,
                     struct err *e) {
        if (name[0] == '\0' || x->n_xattrs >= PAX_XATTRS_MAX)
                return -EINVAL;
        if (array_reserve(&x->xattrs, &x->cap_xattrs, x->n_xattrs, sizeof(*x->xattrs)) < 0)
                return err_set(e, -ENOMEM, "out of memory");
        x->xattrs[x->n_xattrs++] = (struct tar_xattr){ .name = name, .value = value, .len = len };
        return 0;
}

/* An empty value takes back what an earlier header said; there is none here. */
static int pax_record(struct tar_extended *x, const char *key, const char *value, size_t len,
                      struct err *e) {
        if (str_starts_with(key, "SCHILY.xattr."))
                return pax_xattr(x, key + strlen("SCHILY.xattr."), value, len, e);
        if (len == 0)
                return 0;
        if (strlen(value) != len)
                return str_starts_with(key, "LIBARCHIVE.") ? 0 : -EINVAL;
        if (strcmp(key, "path") == 0)
                x->pax_path = value;
        else if (strcmp(key, "linkpath") == 0)
                x->pax_link = value;
        else if (strcmp(key, "uid") == 0)
                return pax_id(value, &x->has_uid, &x->uid);
        else if (strcmp(key, "gid") == 0)
                return pax_id(value, &x->has_gid, &x->gid);
        else if (strcmp(key, "mtime") == 0) {
                x->has_mtime = true;
                return pax_time(value, &x->mtime_sec, &x->mtime_nsec);
        } else if (strcmp(key, "size") == 0) {
                x->has_size = true;
                return tar_decimal(value, value + len, &x->size);
        } else if (str_starts_with(key, "GNU.sparse."))
                return pax_sparse(x, key + strlen("GNU.sparse."), value, e);
        return 0;
}

int tar_pax_read(struct tar_extended *x, struct err *e) {
        char *p = x->pax.s, *end = p + x->pax.len;

        while (p < end) {
                char *space = memchr(p, ' ', (size_t) MIN(end - p, (ptrdiff_t) 20)), *equals;
                uint64_t len = 0;
                int r;

                if (!space || tar_decimal(p, space, &len) < 0 || len > (uint64_t) (end - p) ||
                    p + len <= space + 1 || p[len - 1] != '\n')
                        return err_set(e, -EBADMSG, "a pax header is malformed");
                p[len - 1] = '\0';
                equals = memchr(space + 1, '=', (size_t) (p + len - 1 - (space + 1)));
                if (!equals)
                        return err_set(e, -EBADMSG, "a pax header is malformed");
                *equals = '\0';
                r = pax_record(x, space + 1, equals + 1, (size_t) (p + len - 1 - (equals + 1)), e);
                if (r == -EINVAL)
                        return err_set(e, -EBADMSG, "a pax header's %.60s is malformed", space + 1);
                if (r < 0)
                        return r;
                p += len;
        }
        return 0;
}
