#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Findings about what a user wrote: all at once, each with its place. */
enum diag_severity { DIAG_ERROR, DIAG_WARNING };

/* Kubernetes' cause reasons (metav1.CauseType), so that a Status can carry the finding. */
enum diag_reason {
        DIAG_INVALID,       /* FieldValueInvalid */
        DIAG_REQUIRED,      /* FieldValueRequired */
        DIAG_NOT_SUPPORTED, /* FieldValueNotSupported */
        DIAG_DUPLICATE,     /* FieldValueDuplicate */
        DIAG_FORBIDDEN,     /* FieldValueForbidden */
        DIAG_TYPE,          /* FieldValueTypeInvalid */
        DIAG_UNKNOWN,       /* unknown field: strict decoding error, not part of a 422 */
        DIAG_SYNTAX,
};

struct diag {
        enum diag_severity severity;
        enum diag_reason reason;
        char *file;      /* NULL: not from a file */
        unsigned line;   /* from 1; 0: unknown */
        unsigned column; /* from 1; 0: unknown */
        char *field;     /* "spec.template.spec.containers[0].image", NULL: the whole */
        char *text;      /* "Invalid value: -1: must be greater than or equal to 0" */
        char *hint;      /* "did you mean \"containers\"?", NULL: none */
};

struct diags {
        struct diag *items;
        size_t n, cap;
        size_t n_errors;
        bool has_failed; /* memory ran out: some findings are missing */
};

void diags_done(struct diags *d);

/* Adds a finding. d may be NULL (not interested). field, hint: borrowed, may be NULL. Findings past
 * 1,000 are counted, not kept. Returns the finding to complete (place, hint), or NULL. */
struct diag *diag_add(struct diags *d, enum diag_severity severity, enum diag_reason reason,
                      const char *field, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* Sets the place of a finding; file is copied. d may be NULL. */
void diag_set_place(struct diag *d, const char *file, unsigned line, unsigned column);
void diag_set_hint(struct diag *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "deployment.yaml:12:9: spec.replicas: Invalid value: -1: ...; did you mean ...?", the caller's;
 * NULL: memory is out. */
char *diag_format(const struct diag *d);

/* metav1.CauseType of a reason: "FieldValueInvalid". */
const char *diag_reason_name(enum diag_reason reason);
