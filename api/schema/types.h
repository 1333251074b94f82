#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The member types that field tables decode into (the table of docs/architecture.md). All pointers
 * belong to the arena of the decoded object. */

struct opt_bool {
        bool is_set, value;
};

struct opt_int {
        bool is_set;
        int64_t value;
};

/* How a quantity was written: Kubernetes prints it, and sums that begin with it, in the same way.
 */
enum quantity_style { QUANTITY_DECIMAL, QUANTITY_BINARY, QUANTITY_EXPONENT };

/* A resource amount in thousandths, saturating at the ends of int64_t. */
struct quantity {
        bool is_set;
        uint8_t style; /* enum quantity_style; doesn't count in comparisons */
        int64_t milli;
};

enum int_or_string_kind {
        INT_OR_STRING_ABSENT,
        INT_OR_STRING_INT,
        INT_OR_STRING_STRING,
};

struct int_or_string {
        enum int_or_string_kind kind;
        int64_t number;   /* INT_OR_STRING_INT */
        const char *text; /* INT_OR_STRING_STRING, else NULL */
};

struct strings {
        const char **items;
        size_t n;
};

struct string_pair {
        const char *key, *value;
};

struct string_map {
        struct string_pair *items;
        size_t n;
};

struct quantity_pair {
        const char *key;
        struct quantity value;
};

struct quantity_map {
        struct quantity_pair *items;
        size_t n;
};

/* base64 in JSON, bytes in memory; data has a NUL behind its last byte that len doesn't count. */
struct bytes_pair {
        const char *key;
        const uint8_t *data;
        size_t len;
};

struct bytes_map {
        struct bytes_pair *items;
        size_t n;
};

/* The value of key, or NULL. */
const char *string_map_get(const struct string_map *m, const char *key);

/* The amount of key; is_set is false where there is none. */
struct quantity quantity_map_get(const struct quantity_map *m, const char *key);

const struct bytes_pair *bytes_map_get(const struct bytes_map *m, const char *key);

bool strings_has(const struct strings *s, const char *item);
