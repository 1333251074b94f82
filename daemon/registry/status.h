#pragma once

#include "base/err.h"

#include <stddef.h>

/* Answers that speak of success and failure: metav1 Status. */
struct diags;
struct kind;
struct rest_response;
typedef struct json_t json_t;

struct status_text {
        unsigned code;
        const char *reason;  /* "NotFound"; NULL: success */
        const char *message; /* NULL: none */
        const char *name;    /* of details, NULL or "": none */
        const char *group;
        const char *kind; /* the plural; the Kind for 422 */
        const char *uid;
        json_t *causes; /* borrowed; NULL: none */
        unsigned retry_after_s;
};

/* The JSON text, the caller's; NULL when memory is out. */
char *status_format(const struct status_text *s);

/* A whole answer. Out of memory it is a 500 without body. */
void status_respond(const struct status_text *s, struct rest_response *ret);

/* The answer to a method that a path doesn't have: 405, and which ones it has.
 * allow: value of the header: "GET, POST". */
void status_refuse_method(const char *allow, struct rest_response *ret);

/* Causes of a 422 from findings that are errors, and the message's part behind "is invalid: ". Both
 * the caller's. Returns 0 or -ENOMEM. */
int status_causes(const struct diags *d, json_t **ret_causes, char **ret_text);
