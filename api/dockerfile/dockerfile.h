#pragma once

#include "base/diag.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A Dockerfile as a structure: what it says, and where. The language is BuildKit's (Dockerfile
 * reference, docs.docker.com), with what orch can't do refused by name. Variables are not
 * substituted here: their values are known where a build is planned (expand.h). */

/* Bounds of what is read. */
#define DOCKERFILE_BYTES_MAX (1U << 20)
#define DOCKERFILE_INSTRUCTIONS_MAX 4000
#define DOCKERFILE_STAGES_MAX 250
#define DOCKERFILE_WORDS_MAX 4000

enum dockerfile_verb {
        DOCKERFILE_FROM,
        DOCKERFILE_RUN,
        DOCKERFILE_COPY,
        DOCKERFILE_ADD,
        DOCKERFILE_ARG,
        DOCKERFILE_ENV,
        DOCKERFILE_LABEL,
        DOCKERFILE_WORKDIR,
        DOCKERFILE_USER,
        DOCKERFILE_EXPOSE,
        DOCKERFILE_VOLUME,
        DOCKERFILE_CMD,
        DOCKERFILE_ENTRYPOINT,
        DOCKERFILE_SHELL,
        DOCKERFILE_STOPSIGNAL,
        DOCKERFILE_HEALTHCHECK,
        DOCKERFILE_ONBUILD,
        DOCKERFILE_MAINTAINER,
        DOCKERFILE_VERBS
};

/* Where something stands, both from 1; 0: nowhere (the trigger of a base image). */
struct dockerfile_place {
        unsigned line, column;
};

struct dockerfile_word {
        const char *text;
        struct dockerfile_place place;
};

struct dockerfile_words {
        struct dockerfile_word *items;
        size_t n;
};

/* NAME=value of ENV, LABEL and ARG. */
struct dockerfile_pair {
        struct dockerfile_word key;
        const char *value; /* as written, quotes and all; NULL: ARG without a default */
};

struct dockerfile_pairs {
        struct dockerfile_pair *items;
        size_t n;
};

/* A here-document. */
struct dockerfile_heredoc {
        const char *name;
        const char *text; /* tabs are gone already where "<<-" said so */
        bool is_expanded; /* the delimiter wasn't quoted: variables are substituted (COPY, ADD) */
        struct dockerfile_place place;
};

enum dockerfile_form {
        DOCKERFILE_FORM_NONE,
        DOCKERFILE_FORM_SHELL,  /* text, for the stage's shell */
        DOCKERFILE_FORM_EXEC,   /* words */
        DOCKERFILE_FORM_SCRIPT, /* text begins with "#!": a file to be executed */
};

/* What RUN, CMD, ENTRYPOINT, SHELL and HEALTHCHECK execute. */
struct dockerfile_command {
        enum dockerfile_form form;
        struct dockerfile_words words;
        const char *text;
};

enum dockerfile_mount_type {
        DOCKERFILE_MOUNT_BIND,
        DOCKERFILE_MOUNT_CACHE,
        DOCKERFILE_MOUNT_TMPFS,
        DOCKERFILE_MOUNT_SECRET,
};

enum dockerfile_sharing {
        DOCKERFILE_SHARED,
        DOCKERFILE_PRIVATE,
        DOCKERFILE_LOCKED,
};

/* RUN --mount=… Texts are NULL where not given; target, source and from are as written. */
struct dockerfile_mount {
        enum dockerfile_mount_type type;
        const char *target;
        const char *source; /* path in from or in the context */
        const char *from;   /* stage or image; NULL: the context (bind), an empty folder (cache) */
        const char *id;     /* cache, secret */
        const char *env;    /* secret: variable that holds it */
        enum dockerfile_sharing sharing;
        bool is_writable;  /* bind: changes are allowed, and dropped */
        bool is_read_only; /* cache */
        bool is_required;  /* secret */
        bool has_mode;
        uint32_t mode, uid, gid;
        int64_t size_bytes; /* tmpfs; 0: the kernel's default */
        struct dockerfile_place place;
};

enum dockerfile_network {
        DOCKERFILE_NETWORK_DEFAULT,
        DOCKERFILE_NETWORK_NONE,
};

struct dockerfile_health {
        bool is_none; /* HEALTHCHECK NONE */
        uint64_t interval_usec, timeout_usec, start_period_usec,
                start_interval_usec; /* 0: not said */
        unsigned retries;
};

/* One instruction. Only its verb's members are filled in. */
struct dockerfile_instruction {
        enum dockerfile_verb verb;
        struct dockerfile_place place;
        const char *text; /* in one line, as histories show it: "COPY a b /c" */

        /* COPY, ADD: sources and, last, the target. EXPOSE, VOLUME: each. FROM: the image. WORKDIR,
         * USER, STOPSIGNAL, MAINTAINER: the one. */
        struct dockerfile_words words;
        struct dockerfile_pairs pairs;     /* ENV, LABEL, ARG */
        struct dockerfile_command command; /* RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK */
        struct dockerfile_heredoc *heredocs;
        size_t n_heredocs;

        const char *stage_name; /* FROM … AS: in small letters; NULL: none */
        const char *platform;   /* FROM --platform; NULL: none */

        /* COPY and ADD. NULL: not given. */
        struct dockerfile_word from; /* a stage's name or number, or an image */
        const char *chown, *chmod, *checksum;
        struct dockerfile_words excludes;
        bool is_link, has_parents, keeps_git_dir;
        /* --unpack of ADD: local archives come apart unless false. */
        bool is_kept_packed;

        struct dockerfile_mount *mounts; /* RUN */
        size_t n_mounts;
        enum dockerfile_network network;
        struct dockerfile_health health;
        struct dockerfile_instruction *trigger; /* ONBUILD */
};

struct dockerfile_stage {
        size_t first; /* its FROM, an index of instructions */
        size_t n;     /* with FROM */
};

struct dockerfile {
        char *file; /* for findings; NULL: none */
        char escape;
        struct dockerfile_instruction *items;
        size_t n;
        struct dockerfile_stage *stages;
        size_t n_stages;
        size_t n_global; /* ARGs before the first FROM: items 0 to n_global */
        struct arena *arena;
};

/* Reads a Dockerfile: all that is wrong with it at once.
 *
 * text  borrowed; UTF-8; at most DOCKERFILE_BYTES_MAX, else -EFBIG.
 * file  borrowed, for findings; may be NULL.
 * ret   the caller's on success.
 * d     gets every finding with place and remedy; warnings too, on success as well.
 *
 * Returns 0, -EINVAL (d says why), -EFBIG or -ENOMEM. Pure. */
int dockerfile_parse(const char *text, size_t len, const char *file, struct dockerfile **ret,
                     struct diags *d);
void dockerfile_unref(struct dockerfile *f);
DEFINE_AUTO(dockerfile);

/* Reads what a base image's ONBUILD holds: one instruction in one line. Its places are 0.
 * Everything belongs to a; otherwise as above. */
struct arena;
int dockerfile_parse_trigger(struct arena *a, const char *text, struct dockerfile_instruction **ret,
                             struct diags *d);

/* The stage called so (letters of any case) or numbered so among the first n, or -1. Pure. */
int dockerfile_stage_find(const struct dockerfile *f, const char *name, size_t n);

/* "RUN". */
const char *dockerfile_verb_name(enum dockerfile_verb verb);
