#pragma once

/* Sub-resources that are no part of their object: each answers the call. */
struct call;

void sub_scale(struct call *c);   /* GET, PUT, PATCH …/scale */
void sub_binding(struct call *c); /* POST pods/P/binding */
/* POST bindings: c->tree is the Binding, checked. */
void sub_bindings(struct call *c);
