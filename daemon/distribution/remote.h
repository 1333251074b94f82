#pragma once

#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/distribution/http.h"
#include "daemon/distribution/image_reference.h"
#include "daemon/distribution/keyring.h"
#include "daemon/distribution/registries.h"

#include <stdbool.h>
#include <stdint.h>

/* One repository as its registry and the registry's mirrors serve it (OCI distribution-spec 1.1):
 * each call finds the place, shows what is asked for (token, password, nothing), follows redirects,
 * waits where it is told to, and goes on where it was cut. What it decides is in transfer.h. */
struct remote;
struct remote_call;

struct remote_options {
        struct http *http;                   /* outlives the remote */
        const struct registries *registries; /* likewise */
        const struct keyring *keyring;       /* likewise */
        bool is_push;                        /* "push,pull" is asked for, mirrors aren't used */
        /* Also asked for, to mount blobs from ("team/other"); NULL: none. Borrowed, likewise. */
        const char *mount_from;
};

/* ref: complete; borrowed for the call. Returns 0 or -ENOMEM. */
int remote_new(const struct remote_options *options, const struct image_reference *ref,
               struct remote **ret, struct err *e);
void remote_unref(struct remote *r); /* its calls must be over */
DEFINE_AUTO(remote);

/* "host:5000/team/app", for messages. Borrowed. */
const char *remote_name(const struct remote *r);

/* What came of a call. */
struct remote_answer {
        unsigned status;
        char *location;                     /* resolved; NULL: none */
        char *digest, *content_type, *link; /* NULL: not said */
        char *body;                         /* with keeps_body: NUL-terminated */
        size_t body_len;
};

void remote_answer_done(struct remote_answer *a);
DEFINE_AUTO_DONE(remote_answer);

struct remote_request {
        const char *method; /* "GET" */
        const char *path;   /* below /v2/NAME/: "manifests/1.2"; or a whole URL (an upload's) */
        const char *accept; /* NULL: anything */
        const char *content_type;  /* of the body; NULL: none */
        const char *content_range; /* NULL: none */
        const void *body;
        size_t body_len;
        /* In the place of body: a source; it can't be read twice, so nothing is tried again once a
         * byte was taken. */
        int64_t source_size;
        ssize_t (*read)(void *read_userdata, void *buf, size_t cap);
        void *read_userdata;
        uint64_t max_bytes;  /* of the answer's body; more is -E2BIG */
        uint64_t size_bytes; /* what the body must have; UINT64_MAX: not known. Cut answers go on
                                where they were cut (Range) when it is known */
        bool skips_mirrors;  /* asks the registry itself */
        bool keeps_body;     /* in the answer; else on_data has it */
        /* Each byte once and in order, whatever happened on the way. 0, -EAGAIN (nothing taken;
         * remote_call_resume()), or a negative errno with e's words. */
        int (*on_data)(void *userdata, const void *data, size_t len, struct err *e);
        /* Once; the call is gone when it returns. code: 0, -ENOENT (not found), -EACCES (denied),
         * -ELOOP, -EBUSY (rate limit), -EBADMSG, -E2BIG, -EKEYREJECTED, -EHOSTUNREACH …; answer:
         * borrowed, NULL on failure. */
        void (*on_done)(void *userdata, int code, const struct remote_answer *answer,
                        const struct err *e);
        void *userdata;
};

/* request: borrowed for the call, but for body and userdata. ret: weak. Returns 0 or -ENOMEM. */
int remote_start(struct remote *r, const struct remote_request *request, struct remote_call **ret,
                 struct err *e);
void remote_call_resume(struct remote_call *call);
void remote_call_cancel(struct remote_call *take_call); /* NULL is ignored */
/* Of the body, without what was dropped. */
uint64_t remote_call_bytes(const struct remote_call *call);

/* The same, waited for: runs the loop meanwhile. on_done isn't used. ret: filled on success. */
int remote_ask(struct remote *r, const struct remote_request *request, struct remote_answer *ret,
               struct err *e);
