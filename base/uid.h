#pragma once

#include <stddef.h>

#define UID_TEXT_MAX 37

/* A random UUID (RFC 9562, version 4) as text. Returns buf. Blocks only before the kernel's first
 * entropy. */
char *uid_new(char buf[UID_TEXT_MAX]);

/* len letters and digits without vowels, as Kubernetes' generateName appends, and NUL. */
char *uid_suffix(char *buf, size_t len);

/* The same alphabet for a given number (pod-template-hash): stable for equal input. */
char *uid_encode(unsigned long long number, char *buf, size_t len);
