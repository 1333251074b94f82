#include "api/schema/types.h"

#include <string.h>

const char *string_map_get(const struct string_map *m, const char *key) {
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->items[i].key, key) == 0)
                        return m->items[i].value;
        return NULL;
}

struct quantity quantity_map_get(const struct quantity_map *m, const char *key) {
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->items[i].key, key) == 0)
                        return m->items[i].value;
        return (struct quantity){ 0 };
}

const struct bytes_pair *bytes_map_get(const struct bytes_map *m, const char *key) {
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->items[i].key, key) == 0)
                        return &m->items[i];
        return NULL;
}

bool strings_has(const struct strings *s, const char *item) {
        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->items[i], item) == 0)
                        return true;
        return false;
}
