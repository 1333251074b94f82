#pragma once

#include "daemon/build/cache.h"
#include "daemon/build/layer_write.h"
#include "daemon/build/request.h"
#include "daemon/build/view.h"
#include "daemon/image/image.h"
#include "daemon/plan/build_plan.h"

#include <stdbool.h>

/* A build while it is carried out. Everything on the one thread of orch-build. */
struct loop;
struct loop_timer;
struct network;
struct run_step;
struct runtime;

struct builder_config {
        const char *store_dir;
        const char *run_dir;         /* tmpfs, for sockets and secrets; of this build alone */
        const char *pod_program;     /* orch-pod */
        const char *image_program;   /* orch-image, for what is to be pulled; NULL: nothing is */
        const char *registries_file; /* how registries are reached; NULL: the defaults */
        const char *webhook;         /* URL that is told of failed builds; NULL: none */
        const char *node_name;       /* for the webhook; NULL: not said */
        const char *cgroup_name;
        const char *resolv_conf; /* file for steps with a network; NULL: none */
        /* Addresses that steps with a network may take, one at a time each. None: steps have no
         * network. */
        const char **addresses;
        size_t n_addresses;
        const char *bridge, *pod_cidr, *cluster_cidr, *service_cidr;
};

enum builder_state { STAGE_WAITING, STAGE_RUNNING, STAGE_DONE };

struct builder_stage {
        struct builder *b;
        size_t index;
        enum builder_state state;
        size_t step;                 /* the next one */
        struct image_words diff_ids; /* so far, lowest first */
        struct build_layer *layers;  /* of each step; texts are diff_ids' */
        json_t *config;              /* of the whole, once done; owned */
        struct run_step *run;        /* under way */
        char *key;                   /* of the step under way */
        uint64_t started_usec;
};

struct builder {
        const struct builder_config *config;
        struct loop *loop;
        struct image_store *store;
        struct runtime *runtime; /* NULL until the first RUN */
        struct network *network;
        bool *address_is_used;
        struct build_request request;
        struct dockerfile *file;
        struct build_plan *plan;
        struct layer_write writer;
        struct builder_stage *stages;
        char *work;    /* folder on the store's disk */
        char *context; /* WORK/request/context */
        char *secrets;
        char *auth_dir, *auth; /* WORK/request/auth/registries.json; may not be there */
        char created[32];
        char epoch[32]; /* "" or seconds: of cache keys */
        struct loop_timer *retry;
        size_t n_running, n_folders;
        bool has_failed;
        struct err why;
};

/* A fresh folder in the builder's work folder; the caller's path. */
int builder_folder(struct builder *b, const char *word, char **ret, struct err *e);

/* The layers that a source stands for, lowest first; added to ret. Not for the context. */
int builder_layers_of(struct builder *b, const struct build_source *from, struct image_words *ret,
                      struct err *e);

/* Lines on standard output, build_wire.h. seconds: below 0: not said. */
void builder_tell(const struct builder_stage *s, const char *state);
/* A pull that failed is tried again after so long. */
void builder_tell_wait(const char *reference, const char *words, uint64_t wait_usec);
void builder_tell_log(const struct builder_stage *s, const char *text, size_t len);

/* ---- steps ---- */

/* COPY, ADD and WORKDIR: carried out at once. A step that is known takes its layer from the cache.
 * *ret_diff_id: the caller's; NULL: nothing changed. Returns 1 when it came from the cache, 0 when
 * it was carried out, or a negative errno. */
int builder_copy(struct builder_stage *s, const struct build_step *step, char **ret_diff_id,
                 struct err *e);
int builder_workdir(struct builder_stage *s, const struct build_step *step, char **ret_diff_id,
                    struct err *e);

/* Starts a RUN; builder_run_done() is called on the loop, once, after 0. Returns 1 when its layer
 * came from the cache, 0 when it is under way, -EAGAIN when it has to wait for something that
 * another step holds (an address, a locked cache), or another negative errno. */
int builder_run_start(struct builder_stage *s, const struct build_step *step, char **ret_diff_id,
                      struct err *e);
void builder_run_done(struct builder_stage *s, int r, char *take_diff_id, const struct err *e);
void builder_run_free(struct run_step *run);
/* The build has failed elsewhere: what still runs ends, and builder_run_done() tells so. */
void builder_run_kill(const struct run_step *run);
/* A container ended: to be called by the runtime's event. */
struct runtime_container_status;
void builder_run_exited(struct builder *b, const struct runtime_container_status *status);

/* Goes on with every stage that can. */
void builder_go_on(struct builder *b);
