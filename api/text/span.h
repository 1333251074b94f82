#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Parts of a JSON text without reading all of it into a tree. */

struct text_span {
        const char *at; /* borrowed from the text */
        size_t len;
};

/* The text of an object's own member called key.
 *
 * json  one object that a JSON library wrote, or that has been checked: what isn't JSON may find
 *       nothing or the wrong part, but nothing outside of len bytes is looked at.
 * key   without escapes.
 *
 * Returns whether there is such a member. Pure. */
bool text_json_member(const char *json, size_t len, const char *key, struct text_span *ret);
