#pragma once

#include "api/schema/types.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Objects deeper than this are refused everywhere. */
#define SCHEMA_DEPTH_MAX 64

enum field_type {
        FIELD_STRING,
        FIELD_BOOL,
        FIELD_OPT_BOOL,
        FIELD_INT,
        FIELD_OPT_INT,
        FIELD_QUANTITY,
        FIELD_INT_OR_STRING,
        FIELD_TIME,
        FIELD_MICRO_TIME,
        FIELD_BYTES,  /* base64; maps only */
        FIELD_OBJECT, /* embedded (ONE), or elements of a list */
        FIELD_OBJECT_PTR,
        FIELD_ANY, /* any JSON value; never has a member */
};

enum field_shape { FIELD_ONE, FIELD_LIST, FIELD_MAP };

/* What strategic merge does with the field (its merge keys are those of Kubernetes). Lists without
 * FIELD_MERGE are replaced; objects without FIELD_REPLACE are merged. */
enum field_patch { FIELD_PATCH_DEFAULT, FIELD_PATCH_MERGE, FIELD_PATCH_REPLACE };

enum field_format {
        FORMAT_NONE,
        FORMAT_NON_EMPTY,
        FORMAT_DNS_LABEL,      /* RFC 1123 label */
        FORMAT_DNS_LABEL_1035, /* begins with a letter: services */
        FORMAT_DNS_SUBDOMAIN,
        FORMAT_QUALIFIED_NAME, /* [prefix/]name: keys of labels and annotations */
        FORMAT_LABELS,         /* map: keys and values of labels */
        FORMAT_ANNOTATIONS,    /* map: keys only, 256 KiB in all */
        FORMAT_CONFIG_KEY,     /* map: keys of ConfigMap and Secret data; string: one such key */
        FORMAT_PORT,           /* integer 1-65535, or IANA service name in an int-or-string */
        FORMAT_PORT_NAME,      /* IANA service name */
        FORMAT_IP,
        FORMAT_CIDR,
        FORMAT_ABSOLUTE_PATH,
        FORMAT_ENV_NAME,
        FORMAT_PERCENT,       /* int-or-string: a number from 0, or "25%" */
        FORMAT_RESOURCES,     /* map of quantities: names of resources, amounts from 0 */
        FORMAT_RELATIVE_PATH, /* no leading slash, no ".." */
        FORMAT_PATH_SEGMENT,  /* one part of a URL's path: names of roles, such as system:node */
};

enum {
        FIELD_REQUIRED = 1 << 0,
        FIELD_READ_ONLY = 1 << 1,
        FIELD_UNACTED = 1 << 2,      /* kept, but orch doesn't act on it: answered with a warning */
        FIELD_RETAIN_KEYS = 1 << 3,  /* strategic merge strategy retainKeys */
        FIELD_ATOMIC = 1 << 4,       /* server-side apply owns it as a whole */
        FIELD_SET = 1 << 5,          /* a list of scalars without duplicates */
        FIELD_IMMUTABLE = 1 << 6,    /* may not change after creation */
        FIELD_NON_NEGATIVE = 1 << 7, /* integer from 0 */
        FIELD_UNIQUE = 1 << 9,       /* elements may not repeat their merge key */
        FIELD_OMIT_EMPTY = 1 << 11,  /* map or list: without anything in it, it is not kept */
        FIELD_NODE_ONLY = 1 << 12,   /* no controller reads it: left out of outlines */
        FIELD_ALWAYS = 1 << 8,       /* encoded even when zero */
        FIELD_POINTER =
                1 << 10, /* text: a pointer in Kubernetes, so "" is not the same as absent */
};

#define FIELD_NO_MEMBER UINT32_MAX

struct schema;

/* One field of an object. Constant. */
struct field {
        const char *name; /* as in JSON */
        const char *doc;  /* one sentence */
        uint16_t number;  /* protobuf; 0: none */
        uint16_t inside;  /* number of the protobuf message that JSON flattens around it; 0: none */
        uint8_t type;     /* enum field_type */
        uint8_t shape;    /* enum field_shape */
        uint8_t patch;    /* enum field_patch */
        uint8_t format;   /* enum field_format */
        uint16_t flags;
        uint32_t offset;             /* of the member, or FIELD_NO_MEMBER */
        const struct schema *schema; /* of FIELD_OBJECT and FIELD_OBJECT_PTR */
        const char *default_json;    /* NULL: none */
        const char *const *values;   /* enum: NULL-terminated; NULL: any */
        int64_t min, max;            /* integers; both 0: any */
        const char *merge_key;       /* list: elements are told apart by this field */
        const char
                *merge_key2; /* and by this one in validation and server-side apply; NULL: none */
};

/* An object's fields, sorted as the documentation lists them. Constant. */
struct schema {
        const char *name; /* "PodSpec" */
        const char *doc;
        const struct field *fields;
        size_t n_fields;
        size_t size;    /* bytes of the C struct */
        bool is_atomic; /* server-side apply owns it as a whole (x-kubernetes-map-type: atomic) */
};

struct custom;
struct refs;

struct table_column {
        const char *name;        /* "Nominated Node" */
        const char *type;        /* "string", "integer", "date" */
        const char *format;      /* "name" for the first, else "" */
        int priority;            /* > 0: -o wide only */
        const char *description; /* NULL: none */
};

/* A kind of object: its names and its table. Constant. */
struct kind {
        const char *api_version;        /* "apps/v1" */
        const char *group;              /* "apps"; "" for core */
        const char *version;            /* "v1" */
        const char *name;               /* "Deployment" */
        const char *list_name;          /* "DeploymentList" */
        const char *plural;             /* "deployments" */
        const char *singular;           /* "deployment" */
        const char *const *short_names; /* NULL-terminated */
        const char *const *categories;  /* NULL-terminated */
        bool is_namespaced;
        bool is_stored;   /* false: a body only (Status, Scale, DeleteOptions, Eviction) */
        bool is_measured; /* not stored, but listed and read: PodMetrics */
        enum field_format name_format; /* of metadata.name */
        bool has_status;
        bool has_scale;
        const struct schema *schema;

        /* What orch does not do for objects of this kind, as it goes on behind the kind's name in a
         * warning to whoever writes one. NULL: none. */
        const char *caveat;

        /* Kubernetes' defaults that a constant can't express, over the tree after default_json's.
         * NULL: none. Returns 0 or -ENOMEM. */
        int (*set_defaults)(json_t *tree);

        /* Checks across fields of a decoded object (struct of schema). NULL: none. */
        void (*check)(const void *decoded, struct diags *d);

        /* Checks that need fields without members. NULL: none. Returns 0 or -ENOMEM. */
        int (*check_tree)(const json_t *tree, struct diags *d);

        /* What may not change from old to new. NULL: metadata only. */
        void (*check_update)(const void *old, const void *decoded, struct diags *d);

        /* Columns of the table that get prints; the row is written by kind_row(). */
        const struct table_column *columns;
        size_t n_columns;

        /* Adds n_columns cells to the array. now_usec: wall clock, for ages. Returns 0 or -ENOMEM.
         */
        int (*add_cells)(const void *decoded, uint64_t now_usec, json_t *cells);

        /* A further version of a stored kind, which has the objects (NULL: this one has them). Both
         * rewrite a tree in place and return 0 or -ENOMEM; NULL: only apiVersion and kind differ,
         * which nobody need do here (kind_to_stored(), kind_from_stored()). */
        const struct kind *stored_as;
        int (*to_stored)(json_t *tree);
        int (*from_stored)(json_t *tree);

        struct refs *refs; /* a kind that may go again; NULL: constant */
        const struct custom
                *custom; /* what a CustomResourceDefinition says; NULL: a table's kind */
};

/* The field called name, or NULL. */
const struct field *schema_field(const struct schema *s, const char *name);

/* Fills in defaults, constants only; kinds have kind_default(). Absent objects are not created for
 * their defaults' sake, as in Kubernetes. Nulls are dropped; quantities and times are rewritten in
 * their canonical form. What has the wrong type is left for schema_validate(). Returns 0 or
 * -ENOMEM. */
int schema_default(const struct schema *s, json_t *tree);

/* The same without the members that are the very nodes of was, which has its defaults. NULL: none.
 */
int schema_default_changed(const struct schema *s, json_t *tree, const json_t *was);

/* The same without the defaults: nulls are dropped, quantities and times rewritten. */
int schema_canonical(const struct schema *s, json_t *tree);

/* A fresh tree of default_json, the caller's; NULL: memory is out. The text is a number, true,
 * false, or a string without escapes. */
json_t *schema_default_value(const struct field *f);

/* A fresh tree of an object in which nothing is set, as Kubernetes writes it: numbers and booleans
 * that are always written, and embedded objects without required fields. The caller's; NULL: memory
 * is out. Clients read an object's status without asking whether it is there. */
json_t *schema_empty_value(const struct schema *s);

enum {
        SCHEMA_ALLOW_UNKNOWN = 1 << 0, /* unknown fields are warnings, not errors */
        SCHEMA_NO_WARNINGS = 1 << 1,   /* fields without effect are not mentioned */
};

/* Checks a tree against the tables: types, ranges, enums, required fields, names, quantities,
 * duplicates in keyed lists, unknown fields (DIAG_UNKNOWN, "unknown field", with a suggestion) and
 * fields without effect (warning "kept but not acted on"; none where the value is empty or the
 * default). All findings at once go to d, with Kubernetes' wording, under prefix ("" or "spec").
 * Null counts as absent. Returns 0 or -ENOMEM; findings aren't a failure. Pure. */
int schema_validate(const struct schema *s, const json_t *tree, const char *prefix, unsigned flags,
                    struct diags *d);

/* The same without a look into members that are the very nodes of was, which was good. NULL: none.
 */
int schema_validate_changed(const struct schema *s, const json_t *tree, const json_t *was,
                            unsigned flags, struct diags *d);

/* Drops unknown fields, nulls (but of times that are FIELD_ALWAYS) and what FIELD_OMIT_EMPTY leaves
 * out from the tree. Returns 0 or -ENOMEM. */
int schema_prune(const struct schema *s, json_t *tree);

/* Decodes a tree into out (s->size bytes, zeroed by the callee). All memory comes from the arena;
 * nothing points into the tree afterwards. Fields without member are skipped. A value of the wrong
 * type is an error (validate first for findings in words). Returns 0, -EINVAL or -ENOMEM. */
int schema_decode(const struct schema *s, const json_t *tree, struct arena *a, void *out,
                  struct err *e);

/* The same from a text that this program wrote: no tree is made on the way. For who looks at a few
 * fields and throws the rest away: values of bytes are counted, not decoded (data is NULL), and of
 * repeated keys the last counts. Whatever the text is, nothing outside of len bytes is looked at.
 * Returns 0, -EINVAL or -ENOMEM. */
int schema_decode_text(const struct schema *s, const char *json, size_t len, struct arena *a,
                       void *out, struct err *e);

/* The same without fields that are FIELD_NODE_ONLY: their members stay zero. */
int schema_decode_outline(const struct schema *s, const json_t *tree, struct arena *a, void *out,
                          struct err *e);

/* The reverse: a fresh tree, the caller's, without absent and empty members (required ones are
 * kept). NULL: memory is out. */
json_t *schema_encode(const struct schema *s, const void *in);

/* Whether two decoded objects say the same; an empty text is an absent one. */
bool schema_equal(const struct schema *s, const void *a, const void *b);

/* Reports changed fields that are FIELD_IMMUTABLE, looking into embedded objects. */
void schema_check_immutable(const struct schema *s, const void *old, const void *fresh,
                            const char *prefix, struct diags *d);

/* What is wrong with text as a value of that format, in Kubernetes' words; NULL: nothing. Borrowed,
 * static. */
const char *schema_format_check(enum field_format format, const char *text);

/* What a path of JSON names means. */
struct schema_place {
        const struct field *field;   /* NULL: the object itself */
        const struct schema *schema; /* whose fields come below; NULL: a scalar */
};

/* Finds "template.spec.containers" below s. "" is s itself. Returns 0 or -ENOENT, e then names the
 * nearest field. */
int schema_find(const struct schema *s, const char *path, struct schema_place *ret, struct err *e);

/* "string", "[]Container", "map[string]string", "integer": the type in kubectl explain's words.
 * buf: at least 128 bytes. Returns buf. */
char *schema_type_name(const struct field *f, char *buf, size_t len);

/* The text of kubectl explain for a path below a kind, the caller's: kind, version, field, type,
 * documentation, fields. Returns 0, -ENOENT (e says which name is wrong) or -ENOMEM. */
int schema_explain(const struct kind *k, const char *path, bool is_recursive, char **ret_text,
                   struct err *e);
