#include "base/diag.h"

#include "base/array.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DIAG_MAX 1000

static void diag_done(struct diag *d) {
        free(d->file);
        free(d->field);
        free(d->text);
        free(d->hint);
}

void diags_done(struct diags *d) {
        for (size_t i = 0; i < d->n; i++)
                diag_done(&d->items[i]);
        free(d->items);
        *d = (struct diags){ 0 };
}

struct diag *diag_add(struct diags *d, enum diag_severity severity, enum diag_reason reason,
                      const char *field, const char *fmt, ...) {
        struct diag fresh = { .severity = severity, .reason = reason };
        va_list ap;
        int n;

        if (!d)
                return NULL;
        if (severity == DIAG_ERROR)
                d->n_errors++;
        if (d->n >= DIAG_MAX)
                return NULL;
        if (array_reserve(&d->items, &d->cap, d->n, sizeof(*d->items)) < 0) {
                d->has_failed = true;
                return NULL;
        }
        va_start(ap, fmt);
        n = vasprintf(&fresh.text, fmt, ap);
        va_end(ap);
        if (n < 0)
                fresh.text = NULL;
        if (field)
                fresh.field = strdup(field);
        if (!fresh.text || (field && !fresh.field)) {
                diag_done(&fresh);
                d->has_failed = true;
                return NULL;
        }
        d->items[d->n] = fresh;
        return &d->items[d->n++];
}

void diag_set_place(struct diag *d, const char *file, unsigned line, unsigned column) {
        if (!d)
                return;
        free(d->file);
        d->file = file ? strdup(file) : NULL;
        d->line = line;
        d->column = column;
}

void diag_set_hint(struct diag *d, const char *fmt, ...) {
        va_list ap;

        if (!d)
                return;
        free(d->hint);
        va_start(ap, fmt);
        if (vasprintf(&d->hint, fmt, ap) < 0)
                d->hint = NULL;
        va_end(ap);
}

char *diag_format(const struct diag *d) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        if (d->file) {
                strbuf_addf(&b, "%s:", d->file);
                if (d->line > 0)
                        strbuf_addf(&b, "%u:%u:", d->line, d->column);
                strbuf_add(&b, " ");
        }
        if (d->severity == DIAG_WARNING)
                strbuf_add(&b, "warning: ");
        if (d->field)
                strbuf_addf(&b, "%s: ", d->field);
        strbuf_add(&b, d->text);
        if (d->hint)
                strbuf_addf(&b, "; %s", d->hint);
        return strbuf_steal(&b);
}

const char *diag_reason_name(enum diag_reason reason) {
        static const char *const names[] = {
                [DIAG_INVALID] = "FieldValueInvalid",
                [DIAG_REQUIRED] = "FieldValueRequired",
                [DIAG_NOT_SUPPORTED] = "FieldValueNotSupported",
                [DIAG_DUPLICATE] = "FieldValueDuplicate",
                [DIAG_FORBIDDEN] = "FieldValueForbidden",
                [DIAG_TYPE] = "FieldValueTypeInvalid",
                [DIAG_UNKNOWN] = "FieldValueInvalid",
                [DIAG_SYNTAX] = "FieldValueInvalid",
        };

        return names[reason];
}
