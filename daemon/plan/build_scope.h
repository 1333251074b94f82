#pragma once

#include "daemon/plan/build_plan.h"

/* Variables while a stage is walked through. Private to the build's plan. */
struct arena;

struct build_scope {
        struct arena *a;
        const struct build_plan *plan;
        char escape;
        struct build_pairs env;  /* the image's, in order */
        struct build_pairs args; /* declared in this stage or in one that it stands on */
};

/* Adds or replaces. Returns 0 or -ENOMEM. Name and value are the arena's. */
int build_pairs_set(struct arena *a, struct build_pairs *pairs, const char *name,
                    const char *value);
/* The value, NULL: none. */
const char *build_pairs_get(const struct build_pairs *pairs, const char *name);

/* Substitutes by the scope: what ENV says wins over ARG. *ret: the arena's. Returns 0, -EINVAL
 * (told to d with the place) or -ENOMEM. */
int build_scope_expand(const struct build_scope *s, const char *text, struct dockerfile_place place,
                       const char **ret, struct diags *d);
/* The same for a here-document: quotes stay. */
int build_scope_expand_text(const struct build_scope *s, const char *text,
                            struct dockerfile_place place, const char **ret, struct diags *d);

/* Values of ARG x: what --build-arg says, else the default, else what was said before the first
 * FROM, else (is_declared) nothing: NULL in *ret. */
int build_scope_declare(struct build_scope *s, const struct dockerfile_pair *pair, struct diags *d);

/* TARGETARCH and its like, and the options' platforms. NULL: no such one. a: for the text. */
const char *build_platform_arg(struct arena *a, const struct build_options *o, const char *name);

/* HTTP_PROXY and its like: known to RUN without being declared, and not part of the result. */
bool build_arg_is_proxy(const char *name);

/* Whether a platform means this machine's kind of programs. */
bool build_platform_is_machine(const struct build_options *o, const char *platform);
