#pragma once

#include "base/err.h"
#include "base/map.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A list of an informer while its pages come: nothing of it is in the cache yet. */

struct client_answer;
struct informer_cache;
struct kind;
struct object;

/* What the objects of an informer are made like. */
struct informer_form {
        const struct kind *kind;
        bool keeps_text; /* with their JSON text */
        bool is_outline; /* object_new_outline(); not with text */
};

/* Zeroed: no page has come. */
struct informer_list {
        struct map objects; /* key → struct object *, a reference each */
        uint64_t revision;  /* of the first page */
};

/* Forgets everything; also the end of the list. */
void informer_list_reset(struct informer_list *l);

/* Reads one page. An object that the cache has in this very version is shared with it; one that
 * can't be decoded is logged and stays as the cache has it.
 *
 * ret_continue  set when there is a next page: its token, the caller's.
 *
 * Returns 0, -EBADMSG when the answer is no list, or -ENOMEM. */
int informer_list_take_page(struct informer_list *l, const struct informer_form *form,
                            const struct informer_cache *cache, const struct client_answer *a,
                            char **ret_continue, struct err *e);

/* Decodes one object. *ret is the caller's. Returns 0, -ENOMEM, or what object_new_outline() or
 * object_new_from_json() say. */
int informer_form_read(const struct informer_form *form, const json_t *tree, struct object **ret,
                       struct err *e);
