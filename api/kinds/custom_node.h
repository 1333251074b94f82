#pragma once

#include "api/kinds/custom.h"
#include "api/schema/path.h"
#include "base/arena.h"
#include "base/refs.h"

/* What the custom_*.c files share: the compiled form of a structural schema. Immutable, in one
 * arena; JSON values (defaults, enums) are borrowed from the definition, which the kind keeps. */

#define CUSTOM_DEPTH_MAX 40      /* of a schema; objects are bounded by SCHEMA_DEPTH_MAX */
#define CUSTOM_NODES_MAX 20000   /* of one schema */
#define CUSTOM_PATTERNS_MAX 1000 /* likewise */

enum custom_type {
        CUSTOM_ANY,
        CUSTOM_OBJECT,
        CUSTOM_ARRAY,
        CUSTOM_STRING,
        CUSTOM_INTEGER,
        CUSTOM_NUMBER,
        CUSTOM_BOOLEAN,
};

enum custom_list { CUSTOM_LIST_PLAIN, CUSTOM_LIST_ATOMIC, CUSTOM_LIST_SET, CUSTOM_LIST_MAP };

struct custom_node;

struct custom_property {
        const char *name;
        const struct custom_node *node;
};

struct custom_nodes {
        const struct custom_node **items;
        size_t n;
};

struct custom_range {
        bool has_min, has_max, is_min_open, is_max_open;
        double min, max;
};

struct custom_node {
        enum custom_type type;
        bool is_nullable, is_int_or_string, keeps_unknown, is_embedded, is_map_atomic, is_unique;
        enum custom_list list;
        struct custom_property *properties; /* sorted by name */
        size_t n_properties;
        const struct custom_node *items;
        const struct custom_node *additional; /* of all other keys */
        bool has_any_additional;              /* additionalProperties: true */
        const char **required;
        size_t n_required;
        const char **map_keys;
        size_t n_map_keys;
        const json_t *values;  /* enum, an array; NULL: any */
        const json_t *initial; /* default; NULL: none */
        struct custom_range range;
        double multiple_of;             /* 0: any */
        int64_t min_length, max_length; /* characters; -1: any */
        int64_t min_items, max_items;
        int64_t min_properties, max_properties;
        const char *pattern; /* NULL: any */
        struct regex *regex; /* owned by the compiled schema */
        const char *format;  /* NULL: any */
        const char *doc;     /* description, or "" */
        struct custom_nodes all_of, any_of, one_of;
        const struct custom_node *not_;
};

/* A compiled schema and what it lives on. */
struct compiled {
        struct arena *arena;
        const struct custom_node *root;
        struct regex *regexes; /* list */
        bool has_rules;        /* x-kubernetes-validations somewhere */
};

/* Compiles; findings go to d under path at. arena: counted by ret. Schemas with findings still
 * yield what could be understood, for further checks. Returns 0 or -ENOMEM. */
int custom_compile(const json_t *schema, const struct path *at, struct diags *d,
                   struct compiled *ret);
void compiled_done(struct compiled *c);

/* The further rules of structural schemas, over a compiled one. */
int custom_check_structure(const json_t *schema, const struct path *at, struct diags *d);

/* The property called name, or NULL. */
const struct custom_node *custom_property(const struct custom_node *n, const char *name);

/* ---- over values ---- */

/* Findings about value, whose path at is. is_root: apiVersion, kind and metadata are nobody's
 * business here. Returns 0 or -ENOMEM. */
int custom_validate_node(const struct custom_node *n, const json_t *value, const struct path *at,
                         unsigned flags, struct diags *d);
/* The same where what was has, at the same place, is good enough. was NULL: there is nothing. */
int custom_validate_node_changed(const struct custom_node *n, const json_t *value,
                                 const json_t *was, const struct path *at, unsigned flags,
                                 struct diags *d);
int custom_default_node(const struct custom_node *n, json_t *value);
int custom_prune_node(const struct custom_node *n, json_t *value, bool is_root);

/* ---- columns ---- */

/* A column's JSONPath, parsed. Steps are in the arena. Returns 0, -EINVAL or -ENOMEM. */
struct column_path;
int column_path_parse(const char *text, struct arena *a, const struct column_path **ret,
                      struct err *e);
/* The first match, or NULL. Borrowed. */
const json_t *column_path_find(const struct column_path *p, const json_t *tree);

/* Adds a cell of a column's type; what doesn't fit is null. Returns 0 or -ENOMEM. */
int column_add_cell(const char *type, const json_t *value, uint64_t now_usec, json_t *cells);

/* ---- tables ---- */

/* The schema as a table of fields without members, so that everything that walks tables knows it.
 * root NULL: any fields. In the arena; NULL: memory is out. */
const struct schema *custom_table(const struct custom_node *root, const char *name, const char *doc,
                                  struct arena *a);

struct custom {
        struct refs refs;
        struct compiled compiled; /* root NULL: everything is kept */
        json_t *definition;       /* counted; NULL: none */
        const json_t *schema;     /* in it */
        struct kind kind;
        const struct column_path **columns; /* behind the name; NULL entry: age */
        struct custom_scale scale;
        bool has_scale;
};
