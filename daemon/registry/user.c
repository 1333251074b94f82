#include "daemon/registry/user.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

const char *const USER_MASTERS[2] = { USER_GROUP_MASTERS, USER_GROUP_AUTHENTICATED };

/* Where the copy goes: struct, arrays of structs and pointers, then the text. With at NULL it is
 * only measured. */
struct packer {
        char *fixed, *text; /* NULL: measuring */
        size_t fixed_bytes, text_bytes;
};

/* Everything in the fixed part has pointers in it, so that its pieces stay aligned. */
static void *pack_fixed(struct packer *p, size_t bytes) {
        void *at = p->fixed ? p->fixed + p->fixed_bytes : NULL;

        p->fixed_bytes += bytes;
        return at;
}

static const char *pack_text(struct packer *p, const char *text) {
        size_t bytes = text ? strlen(text) + 1 : 0;
        char *at = text && p->text ? p->text + p->text_bytes : NULL;

        if (at)
                memcpy(at, text, bytes);
        p->text_bytes += bytes;
        return at;
}

static const char *const *pack_texts(struct packer *p, const char *const *texts, size_t n) {
        const char **at = pack_fixed(p, n * sizeof(*at));

        for (size_t i = 0; i < n; i++) {
                const char *text = pack_text(p, texts[i]);

                if (at)
                        at[i] = text;
        }
        return at;
}

static struct user *pack_user(struct packer *p, const struct user *u) {
        struct user *copy = pack_fixed(p, sizeof(*copy));
        struct user_extra *extra = pack_fixed(p, u->n_extra * sizeof(*extra));
        const char *name = pack_text(p, u->name), *uid = pack_text(p, u->uid);
        const char *const *groups = pack_texts(p, u->groups, u->n_groups);

        for (size_t i = 0; i < u->n_extra; i++) {
                const struct user_extra *from = &u->extra[i];
                struct user_extra one = {
                        .key = pack_text(p, from->key),
                        .values = pack_texts(p, from->values, from->n_values),
                        .n_values = from->n_values,
                };

                if (extra)
                        extra[i] = one;
        }
        if (copy)
                *copy = (struct user){ name, uid, groups, u->n_groups, extra, u->n_extra };
        return copy;
}

struct user *user_copy(const struct user *u) {
        struct packer measure = { 0 }, p = { 0 };

        (void) pack_user(&measure, u);
        p.fixed = malloc(measure.fixed_bytes + measure.text_bytes);
        if (!p.fixed)
                return NULL;
        p.text = p.fixed + measure.fixed_bytes;
        return pack_user(&p, u);
}

void user_unref(struct user *u) {
        free(u);
}

bool user_has_group(const struct user *u, const char *group) {
        for (size_t i = 0; i < u->n_groups; i++)
                if (str_eq(u->groups[i], group))
                        return true;
        return false;
}

static bool texts_equal(const char *const *a, size_t n_a, const char *const *b, size_t n_b) {
        if (n_a != n_b)
                return false;
        for (size_t i = 0; i < n_a; i++)
                if (!str_eq(a[i], b[i]))
                        return false;
        return true;
}

bool user_equal(const struct user *a, const struct user *b) {
        if (!str_eq(a->name, b->name) || !str_eq(a->uid, b->uid) || a->n_extra != b->n_extra ||
            !texts_equal(a->groups, a->n_groups, b->groups, b->n_groups))
                return false;
        for (size_t i = 0; i < a->n_extra; i++) {
                const struct user_extra *x = &a->extra[i], *y = &b->extra[i];

                if (!str_eq(x->key, y->key) ||
                    !texts_equal(x->values, x->n_values, y->values, y->n_values))
                        return false;
        }
        return true;
}
