#pragma once

#include "daemon/plan/build_plan.h"

/* What is to be built: build.json (api/dockerfile/build_wire.h). */
struct build_request {
        json_t *root; /* owned; texts below are its */
        const char *file;
        const char **tags;
        size_t n_tags;
        struct build_options options; /* machine: "linux/ARCH" */
        bool has_no_cache;
        bool has_no_network;
        int64_t memory_bytes, cpu_milli; /* 0: no limit */
        bool has_epoch;
        int64_t epoch;
};

/* text: borrowed. machine: borrowed, "linux/amd64". Returns 0, -EINVAL or -ENOMEM. Pure. */
int build_request_read(const char *text, size_t len, const char *machine, struct build_request *ret,
                       struct err *e);
void build_request_done(struct build_request *r);
DEFINE_AUTO_DONE(build_request);
