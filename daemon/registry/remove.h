#pragma once

/* DELETE of objects and collections. Each answers the call. */
struct call;
struct record;
typedef struct json_t json_t;

void remove_object(struct call *c);
void remove_collection(struct call *c);

/* Takes an object away at once; nothing holds it any more. In its turn. c->tree: the last state. */
void remove_submit(struct call *c, struct record *old);
