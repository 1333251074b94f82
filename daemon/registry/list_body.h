#pragma once

#include "daemon/registry/present.h"

#include <stddef.h>

/* A list's body. Its objects are pinned at once, so that it tells one state; how they are shown is
 * made while they are sent, a few at a time, so that the loop's turns stay short and a Table of
 * 10,000 pods takes the memory of eight (docs/adr/0174). */
struct body;
struct record;
struct record_list {
        struct record **items; /* each owned by a reference */
        size_t n, cap;
};

/* Returns 0 or -ENOMEM. */
int record_list_add(struct record_list *l, struct record *r);
void record_list_done(struct record_list *l);
DEFINE_AUTO_DONE(record_list);

/* list          copied; its kind is counted, its continue_ is not kept.
 * take_records  emptied, on failure too.
 *
 * NULL when memory is out. */
struct body *list_body_new(const struct present_list *list, struct record_list *take_records);
