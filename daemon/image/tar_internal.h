#pragma once

#include "base/str.h"
#include "daemon/image/tar.h"

/* What extended headers say of the next entry, and the memory that it points into. */
struct tar_extended {
        struct strbuf pax;               /* one pax header; values are NUL-terminated in place */
        struct strbuf path, link;        /* GNU's long names */
        const char *pax_path, *pax_link; /* into pax; NULL: not said */
        const char *sparse_name;
        bool has_size, has_uid, has_gid, has_mtime, has_real_size;
        uint64_t size, real_size;
        uint32_t uid, gid;
        int64_t mtime_sec;
        uint32_t mtime_nsec;
        unsigned sparse_major, sparse_minor;
        bool has_sparse_version, has_sparse_map;
        struct tar_extent *extents;
        size_t n_extents, cap_extents;
        struct tar_xattr *xattrs;
        size_t n_xattrs, cap_xattrs;
};

/* Forgets what was said of the last entry. */
void tar_extended_reset(struct tar_extended *x);
/* Forgets what a pax header said: another one follows it. */
void tar_extended_forget_pax(struct tar_extended *x);
void tar_extended_done(struct tar_extended *x);

/* Reads the records of x->pax, which is changed in place. Returns 0, -EBADMSG or -ENOMEM. */
int tar_pax_read(struct tar_extended *x, struct err *e);

/* Adds a piece of a sparse file. Returns 0, -EBADMSG (overlapping, too many) or -ENOMEM. */
int tar_add_extent(struct tar_extended *x, uint64_t offset, uint64_t len, struct err *e);

/* A number field of a header: octal, or GNU's binary. Returns 0 or -EBADMSG. */
int tar_number(const uint8_t *field, size_t len, int64_t *ret);

/* A decimal number that ends at end. Returns 0 or -EINVAL. */
int tar_decimal(const char *s, const char *end, uint64_t *ret);
