#pragma once

/* Volatile objects (kind Event) are forgotten after a while, and when there are too many. */
struct record;
struct registry;

#define EXPIRY_EVENTS_MAX 4096U
#define EXPIRY_BYTES_MAX (8U << 20)

/* Starts the clock of a new version; the one of the version before counts no more. */
void expiry_add(struct registry *r, const struct record *record);

void expiry_done(struct registry *r);
