#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "daemon/image/image.h"

#include <jansson.h>
#include <stddef.h>

/* The folders that archives come apart into, read as OCI image layouts (image-spec,
 * image-layout.md) or as what "docker save" writes. */

/* One image that a folder offers. */
struct oci_image {
        char *name;        /* as the folder gives it; NULL: nameless */
        json_t *config;    /* OCI image configuration, verified where a digest was given */
        char *config_text; /* as it came */
        size_t config_len;
        char *manifest_text; /* as it came; NULL: none (docker save) */
        size_t manifest_len;
        char *manifest_digest;
        char *id;                         /* digest of the configuration */
        struct image_words layer_files;   /* paths in the folder, lowest first */
        struct image_words layer_digests; /* what each must have; "": not said (docker save) */
        struct image_words diff_ids;      /* from the configuration */
};

struct oci_images {
        struct oci_image *items;
        size_t n;
};

void oci_images_done(struct oci_images *images);
DEFINE_AUTO_DONE(oci_images);

enum oci_layout { OCI_LAYOUT_NONE, OCI_LAYOUT_DOCKER, OCI_LAYOUT_OCI };

/* What the folder is, by its files. A folder that is both counts as Docker's, since that names its
 * images. */
enum oci_layout oci_layout_of(int dirfd);

/* Reads the manifests. architecture: Go's name ("arm64"), picks from an index; where none fits,
 * -ENOENT names what there is. Every JSON file is bounded to 4 MiB. Nothing outside the folder is
 * opened, whatever links say. Returns 0 or a negative errno. */
int oci_layout_read(int dirfd, enum oci_layout layout, const char *architecture,
                    struct oci_images *ret, struct err *e);

/* Opens a file below dirfd without leaving it. Returns a descriptor or a negative errno. */
int oci_open(int dirfd, const char *path);

/* This machine's architecture in Go's names: "amd64", "arm64", "arm", "riscv64" … */
const char *oci_architecture(void);
