#pragma once

#include "base/err.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* Which addresses of the service range are taken. */
struct addresses;

#define ADDRESS_TEXT_MAX 16

/* cidr: "10.96.0.0/16", prefix 8 to 30. Returns 0, -EINVAL or -ENOMEM. */
int addresses_new(const char *cidr, struct addresses **ret, struct err *e);
void addresses_unref(struct addresses *a);
DEFINE_AUTO(addresses);

/* The n-th address of the range (1: the API's own), as text. */
void addresses_nth(const struct addresses *a, uint32_t n, char ret_text[ADDRESS_TEXT_MAX]);

/* Takes a free one; those given back last come last. Returns 0 or -ENOSPC. */
int addresses_take(struct addresses *a, char ret_text[ADDRESS_TEXT_MAX], struct err *e);

/* Takes a given one. Returns 0, -EINVAL (no address), -ERANGE (not in the range) or -EEXIST
 * (taken). */
int addresses_take_text(struct addresses *a, const char *text, struct err *e);

/* Gives one back; what isn't one is ignored. */
void addresses_release(struct addresses *a, const char *text);
