#pragma once

#include "api/schema/schema.h"

/* The words that field tables are written in. Before a table:
 *
 *     #define SELF struct container
 *     static const struct field container_fields[] = {
 *             FIELD_OF_STRING(name, "name", 1, "Name of the container.", .flags = FIELD_REQUIRED),
 *             ...
 *     };
 *     #undef SELF
 *     const struct schema container_schema = SCHEMA(container, "Container", "One program ...");
 *
 * Each macro yields the offset of a member of SELF and doesn't compile when that member has another
 * type than the field. More members of struct field may follow the documentation. */

/* Offset of a member, provided that expression of, a part of the member, has type t. */
#define FIELD_CHECKED_OFFSET(m, of, t)                                                             \
        (uint32_t)(offsetof(SELF, m) +                                                             \
                   0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((SELF *) 0)->of), t)   \
                                           ? 1                                                     \
                                           : -1]))

#define FIELD_PLAIN(m, t, field_type, json, nr, text, ...)                                         \
        {                                                                                          \
                .name = (json), .doc = (text), .number = (nr), .type = (field_type),               \
                .offset = FIELD_CHECKED_OFFSET(m, m, t), ##__VA_ARGS__                             \
        }

#define FIELD_OF_STRING(m, json, nr, text, ...)                                                    \
        FIELD_PLAIN(m, const char *, FIELD_STRING, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_BOOL(m, json, nr, text, ...)                                                      \
        FIELD_PLAIN(m, bool, FIELD_BOOL, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_OPT_BOOL(m, json, nr, text, ...)                                                  \
        FIELD_PLAIN(m, struct opt_bool, FIELD_OPT_BOOL, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_INT(m, json, nr, text, ...)                                                       \
        FIELD_PLAIN(m, int64_t, FIELD_INT, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_OPT_INT(m, json, nr, text, ...)                                                   \
        FIELD_PLAIN(m, struct opt_int, FIELD_OPT_INT, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_QUANTITY(m, json, nr, text, ...)                                                  \
        FIELD_PLAIN(m, struct quantity, FIELD_QUANTITY, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_INT_OR_STRING(m, json, nr, text, ...)                                             \
        FIELD_PLAIN(m, struct int_or_string, FIELD_INT_OR_STRING, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_TIME(m, json, nr, text, ...)                                                      \
        FIELD_PLAIN(m, uint64_t, FIELD_TIME, json, nr, text, ##__VA_ARGS__)
#define FIELD_OF_MICRO_TIME(m, json, nr, text, ...)                                                \
        FIELD_PLAIN(m, uint64_t, FIELD_MICRO_TIME, json, nr, text, ##__VA_ARGS__)

#define FIELD_OF_STRINGS(m, json, nr, text, ...)                                                   \
        FIELD_PLAIN(m, struct strings, FIELD_STRING, json, nr, text, .shape = FIELD_LIST,          \
                    ##__VA_ARGS__)
#define FIELD_OF_STRING_MAP(m, json, nr, text, ...)                                                \
        FIELD_PLAIN(m, struct string_map, FIELD_STRING, json, nr, text, .shape = FIELD_MAP,        \
                    ##__VA_ARGS__)
#define FIELD_OF_QUANTITY_MAP(m, json, nr, text, ...)                                              \
        FIELD_PLAIN(m, struct quantity_map, FIELD_QUANTITY, json, nr, text, .shape = FIELD_MAP,    \
                    ##__VA_ARGS__)
#define FIELD_OF_BYTES_MAP(m, json, nr, text, ...)                                                 \
        FIELD_PLAIN(m, struct bytes_map, FIELD_BYTES, json, nr, text, .shape = FIELD_MAP,          \
                    ##__VA_ARGS__)

/* struct { int64_t *items; size_t n; } */
#define FIELD_OF_INTS(m, json, nr, text, ...)                                                      \
        {                                                                                          \
                .name = (json), .doc = (text), .number = (nr), .type = FIELD_INT,                  \
                .shape = FIELD_LIST, .offset = FIELD_CHECKED_OFFSET(m, m.items, int64_t *),        \
                ##__VA_ARGS__                                                                      \
        }

/* tag: struct tag has a table tag##_schema. */
#define FIELD_OF_OBJECT(m, tag, json, nr, text, ...)                                               \
        FIELD_PLAIN(m, struct tag, FIELD_OBJECT, json, nr, text, .schema = &tag##_schema,          \
                    ##__VA_ARGS__)
#define FIELD_OF_POINTER(m, tag, json, nr, text, ...)                                              \
        FIELD_PLAIN(m, struct tag *, FIELD_OBJECT_PTR, json, nr, text, .schema = &tag##_schema,    \
                    ##__VA_ARGS__)
#define FIELD_OF_OBJECTS(m, tag, json, nr, text, ...)                                              \
        {                                                                                          \
                .name = (json), .doc = (text), .number = (nr), .type = FIELD_OBJECT,               \
                .shape = FIELD_LIST, .schema = &tag##_schema,                                      \
                .offset = FIELD_CHECKED_OFFSET(m, m.items, struct tag *), ##__VA_ARGS__            \
        }

/* A field of Kubernetes without member: kept in the JSON. */
#define FIELD_KEPT(json, nr, field_type, field_shape, text, ...)                                   \
        {                                                                                          \
                .name = (json), .doc = (text), .number = (nr), .type = (field_type),               \
                .shape = (field_shape), .offset = FIELD_NO_MEMBER, ##__VA_ARGS__                   \
        }

/* The same, and nothing in orch acts on it: setting it is answered with a warning. */
#define FIELD_OF_UNACTED(json, nr, field_type, field_shape, text, ...)                             \
        FIELD_KEPT(json, nr, field_type, field_shape, text, .flags = FIELD_UNACTED, ##__VA_ARGS__)

/* A whole table; .is_atomic = true may follow. */
#define SCHEMA(tag, title, text, ...)                                                              \
        {                                                                                          \
                .name = (title), .doc = (text), .fields = tag##_fields,                            \
                .n_fields = ARRAY_SIZE(tag##_fields), .size = sizeof(struct tag), ##__VA_ARGS__    \
        }

/* A table without a struct: only fields that are kept, below fields that are kept. */
#define SCHEMA_KEPT(tag, title, text, ...)                                                         \
        {                                                                                          \
                .name = (title), .doc = (text), .fields = tag##_fields,                            \
                .n_fields = ARRAY_SIZE(tag##_fields), ##__VA_ARGS__                                \
        }

/* Constant lists of words. */
#define WORDS(...)                                                                                 \
        (const char *const[]) {                                                                    \
                __VA_ARGS__, NULL                                                                  \
        }

#define RANGE(from, to) .min = (from), .max = (to)
