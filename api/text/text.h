#pragma once

#include "base/diag.h"
#include "base/err.h"
#include "base/macros.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Documents larger than this are refused where the caller has no bound of its own. */
#define TEXT_BYTES_MAX (4U << 20)

/* Nesting beyond this is refused, in YAML and in JSON. */
#define TEXT_DEPTH_MAX 64

/* Where each value of a document stood in its file, by field path. */
struct places;
struct strbuf;

void places_unref(struct places *p);
DEFINE_AUTO(places);

/* The place of a field path ("spec.containers[0].image"), or of its nearest ancestor that is known.
 * False when not even the document has a place. p may be NULL. Lines and columns from 1. */
bool places_find(const struct places *p, const char *path, unsigned *ret_line,
                 unsigned *ret_column);

/* One document of a file. */
struct text_document {
        json_t *tree;          /* owned */
        struct places *places; /* owned; NULL when they weren't wanted */
        unsigned line;         /* where it begins, from 1 */
};

struct text_documents {
        struct text_document *items;
        size_t n, cap;
};

void text_documents_done(struct text_documents *docs);
DEFINE_AUTO_DONE(text_documents);

/* Reads YAML (of which JSON is a part) into trees, as Kubernetes' tools understand it: YAML 1.1
 * booleans, anchors and merge keys; empty documents are left out. Duplicate keys, nesting beyond
 * TEXT_DEPTH_MAX, keys that aren't scalars, aliases that expand beyond reason and input over
 * max_bytes (0: TEXT_BYTES_MAX) are findings with line and column.
 *
 * file  borrowed, for findings; may be NULL.
 * docs  filled on success, and with the documents before the first syntax error otherwise.
 *
 * Returns 0, -EINVAL (d says why), -EFBIG or -ENOMEM. Pure. */
int text_read_yaml(const char *text, size_t len, const char *file, size_t max_bytes,
                   struct text_documents *docs, struct diags *d);

/* Reads one JSON value, strictly: duplicate keys, trailing text, invalid UTF-8 and deep nesting are
 * refused. max_bytes 0: TEXT_BYTES_MAX. Returns 0, -EINVAL, -EFBIG or -ENOMEM. Pure. */
int text_read_json(const char *text, size_t len, size_t max_bytes, json_t **ret, struct err *e);

/* The same, but of duplicate keys the last one counts; *ret_has_duplicates tells that there are. */
int text_read_json_last(const char *text, size_t len, size_t max_bytes, json_t **ret,
                        bool *ret_has_duplicates, struct err *e);

/* Tells each key that comes again in its map, by its field path ("spec.containers[0].name"), in a
 * text that text_read_json_last() has taken. At most 100. path: borrowed for the call. */
void text_json_duplicates(const char *text, size_t len, void (*fn)(void *data, const char *path),
                          void *data);

/* Whether all of a text is UTF-8 (RFC 3629). Pure. */
bool text_is_utf8(const char *text);

/* Reads JSON that orch wrote itself (stored objects, its own answers): of duplicate keys the last
 * one counts. The caller's; NULL: no JSON, or memory is out. Pure. */
json_t *text_parse_json(const char *text, size_t len);

/* YAML as kubectl prints it: keys sorted, two blanks a level, lists not indented, text quoted only
 * where it would be read as something else. The caller's; NULL: memory is out. */
char *text_yaml_dump(const json_t *tree);

/* From now on jansson takes the memory of trees from lists of blocks that this thread let go of
 * before, up to 1 MiB; other threads go on with malloc(). For programs whose one thread makes trees
 * all day. The second gives the blocks back. */
void text_json_keep_memory(void);
void text_json_release_memory(void);

/* Compact JSON, in the tree's order. The caller's; NULL: memory is out. */
char *text_json_dump(const json_t *tree, size_t *ret_len);

/* The same behind what a buffer has already; and a text alone, quoted. */
void text_json_add(struct strbuf *b, const json_t *value);
void text_json_add_text(struct strbuf *b, const char *text);

/* Sets file, line and column of every finding from index first on that has a field path. */
void places_apply(const struct places *p, const char *file, struct diags *d, size_t first);
