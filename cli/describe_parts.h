#pragma once

#include "base/str.h"

#include <jansson.h>

/* Pieces of a description: "Label:    value" lines. indent: blanks in front. Pure. */

void describe_text(struct strbuf *out, size_t indent, const char *label, const char *text);

/* A scalar, "<none>" where it is absent. */
void describe_line(struct strbuf *out, size_t indent, const char *label, const json_t *value);

/* A scalar, nothing where it is absent. */
void describe_optional(struct strbuf *out, size_t indent, const char *label, const json_t *value);

/* key=value, one a line. */
void describe_map(struct strbuf *out, size_t indent, const char *label, const json_t *map);

/* Anything, nested; nothing where it is absent or empty. */
void describe_tree(struct strbuf *out, size_t indent, const char *label, const json_t *tree);

/* "Controlled By:  ReplicaSet/web-1", where there is such an owner. */
void describe_owner(struct strbuf *out, const json_t *object);

/* Containers with, where known, their states. */
void describe_containers(struct strbuf *out, size_t indent, const char *label,
                         const json_t *containers, const json_t *statuses);
