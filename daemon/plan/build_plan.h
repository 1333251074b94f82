#pragma once

#include "api/dockerfile/dockerfile.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a build comes to: which stages are needed, of what each is made, step by step and with every
 * variable in its place, and what the image says in the end. Only what steps do to files is left to
 * whoever carries the plan out. Pure. */

struct build_pair {
        const char *name, *value;
};

struct build_pairs {
        struct build_pair *items;
        size_t n;
};

struct build_options {
        const char *target;      /* stage's name or number; NULL: the last */
        struct build_pairs args; /* --build-arg */
        const char *platform;    /* "linux/arm64"; NULL: machine */
        const char *machine;     /* what this machine is: "linux/amd64" */
};

/* Where files come from. */
enum build_source_kind {
        BUILD_FROM_SCRATCH, /* nothing: a new folder */
        BUILD_FROM_CONTEXT,
        BUILD_FROM_STAGE,
        BUILD_FROM_IMAGE,
};

struct build_source {
        enum build_source_kind kind;
        size_t index; /* of plan->stages or plan->images */
};

/* An image that a needed stage names. The caller finds it, and sets id and config. */
struct build_image {
        const char *reference;
        const char *platform; /* that it must be of; NULL: the build's */
        struct dockerfile_place place;
        char *id;       /* "sha256:…"; owned */
        json_t *config; /* its OCI image configuration; owned */
};

enum build_step_kind {
        BUILD_STEP_RUN,
        BUILD_STEP_COPY,    /* ADD, too */
        BUILD_STEP_WORKDIR, /* a folder is to be there */
        BUILD_STEP_CONFIG,  /* changes the configuration alone: nothing to do */
};

struct build_words {
        const char **items;
        size_t n;
};

struct build_mount {
        const struct dockerfile_mount *said;
        struct build_source from;
        const char *target, *source; /* absolute; source "/": all of it */
};

struct build_file {
        const char *name, *text;
};

struct build_step {
        enum build_step_kind kind;
        const struct dockerfile_instruction *in;
        const char *title;   /* as people see it: "RUN make" */
        const char *history; /* created_by */
        /* Everything that the result depends on beside the files it begins with and those that it
         * reads. Equal recipes on equal files are equal steps. */
        const char *recipe;

        /* RUN. script: a file to be executed with argv[0] as its path; NULL: none. */
        struct build_words argv, env;
        const char *cwd, *user, *script;
        struct build_mount *mounts;
        size_t n_mounts;
        enum dockerfile_network network;

        /* COPY. Sources are relative, clean and may be patterns; target is absolute. */
        struct build_source from;
        struct build_words sources;
        struct build_file *files; /* here-documents */
        size_t n_files;
        const char *target;  /* WORKDIR, too */
        bool is_into_folder; /* target is a folder, whether it is there or not */
        const char *chown, *chmod;
        struct build_words excludes;
        bool is_unpacking, has_parents;
};

struct build_stage {
        const char *name; /* NULL: none */
        bool is_needed;
        struct build_source base;
        const char *platform; /* of FROM; NULL: the build's */
        bool *needs;          /* by stage: what must be there before */
        struct build_step *steps;
        size_t n_steps;
        json_t *run_config; /* the image's "config" object in the end; owned */
};

struct build_plan {
        const struct dockerfile *file;       /* borrowed: outlives the plan */
        const struct build_options *options; /* borrowed, too */
        struct arena *arena;
        struct build_stage *stages; /* one for each of the file's */
        size_t n_stages;
        size_t target; /* the stage that becomes the image */
        struct build_image *images;
        size_t n_images;
        struct build_pairs globals; /* ARGs before the first FROM, with their values */
};

/* Finds out which stages and which images are needed.
 *
 * ret  the caller's; its images still lack id and config, its stages steps.
 * d    gets every finding.
 *
 * Returns 0, -EINVAL (d says why) or -ENOMEM. */
int build_plan_new(const struct dockerfile *f, const struct build_options *o,
                   struct build_plan **ret, struct diags *d);

/* Fills in the steps of all needed stages. Every image has its configuration by now.
 * Returns 0, -EINVAL (d says why) or -ENOMEM. */
int build_plan_steps(struct build_plan *plan, struct diags *d);

void build_plan_unref(struct build_plan *plan);
DEFINE_AUTO(build_plan);

/* What became of one step, or of one layer of the base. */
struct build_layer {
        const char *diff_id; /* NULL: the step changed no file */
};

/* The OCI image configuration of a stage.
 *
 * base_config  of what the stage stands on; NULL: nothing.
 * layers       one for each step.
 * created      RFC 3339.
 *
 * Returns the caller's object; NULL: memory is out. */
json_t *build_image_config(const struct build_plan *plan, size_t stage, const json_t *base_config,
                           const struct build_layer *layers, const char *created);
