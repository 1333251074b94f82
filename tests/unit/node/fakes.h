#pragma once

#include "api/client/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The world below the node's pods, made of variables: link-time stand-ins for runtime, network and
 * image store, and a client that keeps what it was asked. Answers are given when a test says so. */

struct fake_call {
        struct client_call base;
        struct client_handlers handlers;
        void *data;
        enum client_method method;
        char *path, *body;
        bool is_over;
};

struct fake_client {
        struct client base;
        struct fake_call *calls[64];
        size_t n;
};

void fake_client_init(struct fake_client *c);
void fake_client_done(struct fake_client *c);
/* The newest call that was not answered, or NULL. */
struct fake_call *fake_client_open(struct fake_client *c, enum client_method method,
                                   const char *path_part);
void fake_answer(struct fake_call *call, unsigned status, const char *body);

/* What was done to containers, in order: "create u1", "start web 0", "signal web 15", "kill web",
 * "remove u1", "limit web 100 200 64 128" (requests and limits of cpu in thousandths and of memory
 * in MiB). */
struct fake_world {
        char log[64][96];
        size_t n_log;
        bool has_image, has_health;
        int start_result;    /* of runtime_container_start()'s done */
        int update_result;   /* of runtime_pod_update() */
        uint64_t used_bytes; /* memory that every container uses */
        const char *last_args[8];
        char args_text[512];
};
extern struct fake_world fake_world;

void fake_world_reset(void);
/* Calls every callback that is owed. */
void fake_deliver(void);
/* Nobody is there any more to be called back. */
void fake_forget(void);
bool fake_did(const char *what);
/* Whether anything was done that begins so. */
bool fake_did_like(const char *beginning);
