#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The images of one machine, as files:
 *
 *   DIR/layers/HEX/        an unpacked layer, named by the SHA-256 of its tar (its diff ID), with
 *                          overlayfs' whiteouts
 *   DIR/layers/HEX.size    the bytes of its regular files
 *   DIR/layers/HEX.recipe  how its tar is put together again (recipe.h), with HEX.kept/
 *   DIR/images/HEX.json    an image: its configuration and its layers, named by the digest of its
 *                          configuration
 *   DIR/blobs/HEX          configurations and manifests as they came, named by their digest
 *   DIR/pins/NAME          a name, or an ID, that stays whatever happens; named as references are
 *   DIR/references/NAME    one line: the image ID that a reference means; '/' is written as '%2F'
 *   DIR/tmp/               what is being made; swept by the next writer
 *   DIR/lock               shared by writers (orch-image), held alone by collections
 *
 * An image becomes visible by rename, after all of it is on the disk. Readers take no lock. */
struct image_store;

/* A borrowed or owned list of words. */
struct image_words {
        char **items;
        size_t n;
};

/* What tells whether a container is well: HEALTHCHECK ("Healthcheck" in Docker's image
 * specification). */
struct image_health {
        struct image_words test;              /* a command; n == 0: none, or NONE */
        uint64_t interval_usec, timeout_usec; /* 0: not said */
        unsigned retries;                     /* 0: not said */
};

/* One image, immutable. What an OCI image configuration says of how to run it (OCI image-spec,
 * config.md). */
struct image {
        unsigned refs;
        char *id;                      /* "sha256:HEX" */
        struct image_words names;      /* references that mean it, as they were given: "web:1.2" */
        struct image_words layers;     /* absolute paths of unpacked layers, lowest first */
        struct image_words entrypoint; /* n == 0: none */
        struct image_words cmd;
        struct image_words env; /* "NAME=value" */
        char *working_dir;      /* NULL: "/" */
        char *user;             /* "uid[:gid]" or names; NULL: root */
        char *stop_signal;      /* "SIGTERM" or a number; NULL: default */
        struct image_health health;
        char *architecture;
        char *os;
        char *created;              /* RFC 3339; NULL: unknown */
        char *manifest;             /* digest of the manifest that it came with; NULL: none */
        struct image_words digests; /* "host/name@sha256:…": where it was pulled from */
        uint64_t size_bytes;        /* sum of the layers' files, unpacked */
};

struct image *image_ref(struct image *image);
void image_unref(struct image *image);
DEFINE_AUTO(image);

struct image_list {
        struct image **items; /* each a reference of the list's */
        size_t n;
};

void image_list_done(struct image_list *list);
DEFINE_AUTO_DONE(image_list);

/* Opens DIR, making what is missing of it.
 *
 * dir  absolute; copied.
 *
 * Returns 0 or a negative errno. Blocks for a few file-system calls. */
int image_store_open(const char *dir, struct image_store **ret, struct err *e);
void image_store_unref(struct image_store *store);
DEFINE_AUTO(image_store);

const char *image_store_dir(const struct image_store *store);

/* Whether all of its layers are here. A layer that was found damaged is taken away. */
bool image_is_whole(const struct image *image);

/* Finds the image that a container's "image:" means. A name without tag and digest means ":latest";
 * a name without a registry host also finds "localhost/NAME", or the one stored name that differs
 * from it only by host (and "library/").
 *
 * ret  the caller's reference.
 *
 * Returns 0, -ENOENT when it isn't here, or not whole, -EINVAL when text is no reference, -EIO when
 * its record is damaged (e says what to do), or -ENOMEM. Reads a few small files; any thread. */
int image_find(struct image_store *store, const char *reference, struct image **ret, struct err *e);

/* All images, each with all its names, sorted by first name. Damaged records are left out. */
int image_list_read(struct image_store *store, struct image_list *ret, struct err *e);

/* Takes a name away; the image goes with its last name, layers go with the last image that has
 * them.
 *
 * reference  a name, or an ID "sha256:HEX" (takes all its names).
 * in_use     IDs that may not go: -EBUSY then.
 *
 * Returns 0, -ENOENT, -EBUSY, or another negative errno. Writer: takes the store's lock. Blocks. */
int image_remove(struct image_store *store, const char *reference, const struct image_words *in_use,
                 struct err *e);
