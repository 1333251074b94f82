#pragma once

/* GET: one object, a list, a watch. Each answers the call. */
struct call;

void read_get(struct call *c);
void read_list(struct call *c);
void read_watch(struct call *c);
