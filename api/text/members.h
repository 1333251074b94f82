#pragma once

#include "api/text/span.h"

/* Takes the next member off the text of an object or array, without parsing more. The text is known
 * to be JSON (the server's own): what isn't may find the wrong part, but nothing outside of it is
 * looked at. *rest begins as the whole text, braces included, and is used up. ret_key: with quotes;
 * empty for elements of arrays. False: none is left. Pure. */
bool text_members_next(struct text_span *rest, struct text_span *ret_key,
                       struct text_span *ret_value);
