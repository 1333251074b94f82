/* RFC 6902 over RFC 6901 pointers. */
#include "api/patch/patch.h"
#include "api/patch/tree.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define POINTER_TOKEN_MAX 1024
#define POINTER_TEXT_MAX 8192

/* A result may not grow by more than this through copies of itself. */
#define PATCH_GROWTH_MAX (8U << 20)

struct operation {
        json_t **root; /* of the document; owned by the caller */
        const char *path, *from;
        json_t *value; /* borrowed; NULL: none */
        size_t *budget;
        struct err *e;
};

/* Takes the next token off a pointer, unescaped into buf. Returns false when the token is too long
 * or malformed. */
static bool pointer_next(const char **at, char buf[POINTER_TOKEN_MAX]) {
        size_t n = 0;
        const char *p = *at + 1; /* behind the slash */

        for (; *p && *p != '/'; p++) {
                char c = *p;

                if (n >= POINTER_TOKEN_MAX - 1)
                        return false;
                if (c == '~') {
                        p++;
                        if (*p != '0' && *p != '1')
                                return false;
                        c = *p == '0' ? '~' : '/';
                }
                buf[n++] = c;
        }
        buf[n] = '\0';
        *at = p;
        return true;
}

/* An index without sign and leading zeros, below limit. */
static bool pointer_index(const char *token, size_t limit, size_t *ret) {
        int64_t i;

        if (token[0] == '0' && token[1] != '\0')
                return false;
        if (limit == 0 || token[0] == '-' || str_to_int64(token, 0, (int64_t) limit - 1, &i) < 0)
                return false;
        *ret = (size_t) i;
        return true;
}

static json_t *pointer_step(json_t *at, const char *token) {
        size_t i;

        if (json_is_object(at))
                return json_object_get(at, token);
        if (json_is_array(at) && pointer_index(token, json_array_size(at), &i))
                return json_array_get(at, i);
        return NULL;
}

static int pointer_check(const char *path, struct err *e) {
        size_t n = 0;

        if (!path)
                return err_set(e, -EINVAL, "an operation of a JSON patch lacks its path");
        if (path[0] != '\0' && path[0] != '/')
                return err_set(e, -EINVAL, "path \"%.200s\" of a JSON patch must begin with /",
                               path);
        if (strnlen(path, POINTER_TEXT_MAX + 1) > POINTER_TEXT_MAX)
                return err_set(e, -EINVAL, "a path of a JSON patch is too long");
        for (const char *p = path; *p; p++)
                n += *p == '/';
        if (n > PATCH_DEPTH_MAX)
                return err_set(e, -EINVAL, "a path of a JSON patch is deeper than %d levels",
                               PATCH_DEPTH_MAX);
        return 0;
}

static int pointer_missing(const char *path, struct err *e) {
        return err_set(e, -ENOENT, "path \"%.200s\" of the JSON patch is not in the object", path);
}

/* Finds the parent of what path points to; token: the last part. path isn't empty. */
static int pointer_parent(json_t *root, const char *path, json_t **ret_parent,
                          char token[POINTER_TOKEN_MAX], struct err *e) {
        const char *at = path;

        for (;;) {
                if (!pointer_next(&at, token))
                        return err_set(e, -EINVAL, "path \"%.200s\" of a JSON patch is malformed",
                                       path);
                if (*at == '\0') {
                        *ret_parent = root;
                        return 0;
                }
                root = pointer_step(root, token);
                if (!root)
                        return pointer_missing(path, e);
        }
}

/* Borrowed; NULL with e set when it isn't there. */
static int pointer_get(json_t *root, const char *path, json_t **ret, struct err *e) {
        char token[POINTER_TOKEN_MAX];
        json_t *parent, *found;
        int r;

        if (path[0] == '\0') {
                *ret = root;
                return 0;
        }
        r = pointer_parent(root, path, &parent, token, e);
        if (r < 0)
                return r;
        found = pointer_step(parent, token);
        if (!found)
                return pointer_missing(path, e);
        *ret = found;
        return 0;
}

/* Takes the value. */
static int operation_add(struct operation *op, json_t *take_value) {
        char token[POINTER_TOKEN_MAX];
        json_t *parent;
        size_t i, n;
        int r;

        if (!take_value)
                return tree_no_memory(op->e);
        if (op->path[0] == '\0') {
                json_decref(*op->root);
                *op->root = take_value;
                return 0;
        }
        r = pointer_parent(*op->root, op->path, &parent, token, op->e);
        if (r < 0) {
                json_decref(take_value);
                return r;
        }
        if (json_is_object(parent))
                return json_object_set_new(parent, token, take_value) < 0 ? tree_no_memory(op->e)
                                                                          : 0;
        n = json_array_size(parent);
        if (json_is_array(parent) && str_eq(token, "-"))
                return json_array_append_new(parent, take_value) < 0 ? tree_no_memory(op->e) : 0;
        if (json_is_array(parent) && pointer_index(token, n + 1, &i))
                return json_array_insert_new(parent, i, take_value) < 0 ? tree_no_memory(op->e) : 0;
        json_decref(take_value);
        return pointer_missing(op->path, op->e);
}

/* Takes out what path points to; *ret_value is the caller's. */
static int operation_take(struct operation *op, const char *path, json_t **ret_value) {
        char token[POINTER_TOKEN_MAX];
        json_t *parent, *value;
        size_t i;
        int r;

        if (path[0] == '\0')
                return err_set(op->e, -EINVAL, "a JSON patch may not remove the whole object");
        r = pointer_parent(*op->root, path, &parent, token, op->e);
        if (r < 0)
                return r;
        value = pointer_step(parent, token);
        if (!value)
                return pointer_missing(path, op->e);
        (void) json_incref(value);
        if (json_is_object(parent))
                (void) json_object_del(parent, token);
        else if (pointer_index(token, json_array_size(parent), &i))
                (void) json_array_remove(parent, i);
        *ret_value = value;
        return 0;
}

/* A fresh copy to be put at path, within the bounds of size and depth. */
static int operation_copy(struct operation *op, const json_t *value, json_t **ret) {
        size_t cost = tree_cost(value, *op->budget), depth = tree_depth(value);

        if (cost > *op->budget)
                return err_set(op->e, -E2BIG, "the JSON patch makes the object too large");
        for (const char *p = op->path; *p; p++)
                depth += *p == '/';
        if (depth > PATCH_DEPTH_MAX)
                return err_set(op->e, -EINVAL,
                               "the JSON patch nests the object deeper than %d levels",
                               PATCH_DEPTH_MAX);
        *op->budget -= cost;
        *ret = json_deep_copy(value);
        return *ret ? 0 : tree_no_memory(op->e);
}

static int operation_set(struct operation *op, bool is_replace) {
        json_t *copy = NULL, *old = NULL;
        int r;

        if (!op->value)
                return err_set(op->e, -EINVAL, "an operation of a JSON patch lacks its value");
        r = operation_copy(op, op->value, &copy);
        if (r == 0 && is_replace && op->path[0] != '\0') {
                r = operation_take(op, op->path, &old);
                json_decref(old);
        }
        if (r < 0) {
                json_decref(copy);
                return r;
        }
        return operation_add(op, copy);
}

static int operation_move(struct operation *op) {
        size_t n = strlen(op->from);
        json_t *value = NULL, *copy = NULL;
        int r;

        if (strncmp(op->path, op->from, n) == 0 && op->path[n] == '/')
                return err_set(op->e, -EINVAL, "a JSON patch may not move a value into itself");
        r = operation_take(op, op->from, &value);
        if (r == 0)
                r = operation_copy(op, value, &copy);
        json_decref(value);
        return r < 0 ? r : operation_add(op, copy);
}

static int operation_duplicate(struct operation *op) {
        json_t *value, *copy = NULL;
        int r;

        r = pointer_get(*op->root, op->from, &value, op->e);
        if (r == 0)
                r = operation_copy(op, value, &copy);
        return r < 0 ? r : operation_add(op, copy);
}

static int operation_test(struct operation *op) {
        json_t *found;
        int r;

        if (!op->value)
                return err_set(op->e, -EINVAL, "a test of a JSON patch lacks its value");
        r = pointer_get(*op->root, op->path, &found, op->e);
        if (r < 0)
                return r;
        if (!json_equal(found, op->value))
                return err_set(op->e, -ENOENT, "the test of \"%.200s\" in the JSON patch failed",
                               op->path);
        return 0;
}

static int operation_remove(struct operation *op) {
        json_t *old = NULL;
        int r;

        r = operation_take(op, op->path, &old);
        json_decref(old);
        return r;
}

static int operation_apply(json_t **root, const json_t *patch, size_t *budget, struct err *e) {
        const char *name = json_string_value(json_object_get(patch, "op"));
        struct operation op = {
                .root = root,
                .path = json_string_value(json_object_get(patch, "path")),
                .from = json_string_value(json_object_get(patch, "from")),
                .value = json_object_get(patch, "value"),
                .budget = budget,
                .e = e,
        };
        bool has_from = str_eq(name, "move") || str_eq(name, "copy");
        int r;

        r = pointer_check(op.path, e);
        if (r == 0 && has_from)
                r = pointer_check(op.from, e);
        if (r < 0)
                return r;
        if (str_eq(name, "add"))
                return operation_set(&op, false);
        if (str_eq(name, "replace"))
                return operation_set(&op, true);
        if (str_eq(name, "remove"))
                return operation_remove(&op);
        if (str_eq(name, "move"))
                return operation_move(&op);
        if (str_eq(name, "copy"))
                return operation_duplicate(&op);
        if (str_eq(name, "test"))
                return operation_test(&op);
        return err_set(e, -EINVAL, "\"%.64s\" is no operation of a JSON patch", str_or_empty(name));
}

int patch_json(const json_t *tree, const json_t *patch, json_t **ret, struct err *e) {
        size_t budget = PATCH_GROWTH_MAX;
        json_t *out;
        size_t n = json_array_size(patch);
        int r = 0;

        if (!json_is_array(patch))
                return err_set(e, -EINVAL, "a JSON patch must be a list of operations");
        if (n > PATCH_OPS_MAX)
                return err_set(e, -E2BIG, "a JSON patch may have at most %d operations",
                               PATCH_OPS_MAX);
        out = json_deep_copy(tree);
        if (!out)
                return tree_no_memory(e);
        for (size_t i = 0; i < n && r == 0; i++)
                r = operation_apply(&out, json_array_get(patch, i), &budget, e);
        if (r < 0) {
                json_decref(out);
                return r;
        }
        *ret = out;
        return 0;
}
