#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether text is what a JSON schema's format says; true for formats that Kubernetes doesn't check.
 * Pure. */
bool custom_format_is_valid(const char *format, const char *text, size_t len);
