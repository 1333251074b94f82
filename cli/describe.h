#pragma once

#include "base/str.h"

#include <jansson.h>

/* "Pod Template:" with labels, containers, volumes, as kubectl describes it. */
void describe_template(const json_t *template, struct strbuf *out);
