#pragma once

#include "api/schema/schema.h"
#include "base/err.h"

#include <jansson.h>

/* Patches nested deeper than this, and JSON patches with more operations, are refused. */
#define PATCH_DEPTH_MAX SCHEMA_DEPTH_MAX
#define PATCH_OPS_MAX 10000

/* Keyed lists longer than this are not merged but refused: merging them takes their square. */
#define PATCH_LIST_MAX 2000

/* All of these leave tree and patch alone; *ret is a tree of the caller's, which shares with tree
 * what the patch doesn't speak of (patch_json(): nothing). Whoever changes it must copy such parts
 * first. Pure. */

/* RFC 7386: null deletes, lists are replaced. Returns 0, -EINVAL (too deep) or -ENOMEM. */
int patch_merge(const json_t *tree, const json_t *patch, json_t **ret, struct err *e);

/* RFC 6902. Returns 0, -EINVAL (malformed patch; HTTP 400), -ENOENT (a path that isn't there or a
 * failed test; HTTP 422), -E2BIG (too many operations, or a result grown beyond reason) or -ENOMEM.
 */
int patch_json(const json_t *tree, const json_t *patch, json_t **ret, struct err *e);

/* Strategic merge, by the merge keys and strategies of the tables; $patch, $setElementOrder,
 * $deleteFromPrimitiveList and $retainKeys are understood. s NULL: as patch_merge(). Returns 0,
 * -EINVAL (malformed patch) or -ENOMEM. */
int patch_strategic(const struct schema *s, const json_t *tree, const json_t *patch, json_t **ret,
                    struct err *e);

/* The strategic merge patch that takes live to wanted, deleting what last_applied had and wanted no
 * longer has, and leaving alone what others have set: what kubectl apply sends. last_applied may be
 * NULL. An empty object means that there is nothing to do. Returns 0, -EINVAL or -ENOMEM. */
int patch_three_way(const struct schema *s, const json_t *last_applied, const json_t *wanted,
                    const json_t *live, json_t **ret, struct err *e);

/* The annotation of client-side apply. */
#define PATCH_LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"
