#pragma once
#include <stddef.h>

/* Writes how long a machine is up in words, such as "2 days 3 h 4 min", into text (cut at size).
 * Pure. */
void uptime_in_words(unsigned long seconds, char *text, size_t size);
