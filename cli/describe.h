#pragma once

#include <jansson.h>

#include "base/str.h"

/* "Pod Template:" with labels, containers, volumes, as kubectl describes it. */
void describe_template(const json_t *template, struct strbuf *out);
