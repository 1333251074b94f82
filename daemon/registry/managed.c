#include "daemon/registry/managed.h"

#include "api/kinds/object.h"
#include "api/patch/apply.h"
#include "api/patch/tree.h"
#include "api/text/span.h"
#include "api/text/text.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/custom_apply.h"
#include "daemon/registry/decode.h"
#include "daemon/registry/record.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/state.h"
#include "daemon/registry/user.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER ",\"managedFields\":"

/* ---- text ---- */

/* The managedFields of a record's text, and with them the member's name and comma. False: none. */
static bool managed_span(const struct record *r, struct text_span *ret_value,
                         struct text_span *ret_member) {
        size_t lead = strlen(MEMBER);

        *ret_value = (struct text_span){ .at = r->json + r->managed_at, .len = r->managed_len };
        if (r->managed_at < lead || memcmp(ret_value->at - lead, MEMBER, lead) != 0)
                return false;
        *ret_member =
                (struct text_span){ .at = ret_value->at - lead, .len = ret_value->len + lead };
        return true;
}

json_t *managed_tree(const struct record *r, const struct kind *asked) {
        struct text_span value, member;
        AUTO_FREE char *bare = NULL;
        size_t before, after;
        json_t *tree;

        if (!managed_span(r, &value, &member)) {
                tree = record_tree(r);
                (void) json_object_del(json_object_get(tree, "metadata"), "managedFields");
        } else {
                before = (size_t) (member.at - r->json);
                after = r->json_len - before - member.len;
                bare = malloc(before + after + 1);
                if (!bare)
                        return NULL;
                memcpy(bare, r->json, before);
                memcpy(bare + before, member.at + member.len, after + 1);
                tree = text_parse_json(bare, before + after);
        }
        if (tree && asked != r->resource->kind && kind_from_stored(asked, tree) < 0) {
                json_decref(tree);
                return NULL;
        }
        return tree;
}

static struct text_span managed_text(const struct record *r) {
        struct text_span value, member;

        if (r && managed_span(r, &value, &member))
                return value;
        return (struct text_span){ .at = "" };
}

bool managed_read(struct call *c, const struct record *r, struct managers *m) {
        struct text_span text = managed_text(r);
        struct err e = { 0 };
        int n;

        n = managers_init(m);
        if (n == 0)
                n = managers_parse(m, text.at, text.len, &e);
        if (n == 0)
                return true;
        if (n == -ENOMEM)
                call_fail_memory(c);
        else
                call_fail(c, 500, "InternalError", "Internal error occurred: managedFields: %s",
                          err_text(&e));
        return false;
}

bool managed_keep(struct call *c, const struct record *old) {
        struct text_span text = managed_text(old);

        free(c->managed);
        c->managed = strndup(text.at, text.len);
        if (c->managed)
                return true;
        call_fail_memory(c);
        return false;
}

bool managed_take(struct call *c, json_t *tree) {
        json_t *meta = json_object_get(tree, "metadata");
        json_t *said = json_object_get(meta, "managedFields");

        if (!said)
                return true;
        /* Sub-resources change what they are for, and nothing beside it. */
        if (json_array_size(said) > 0 && !*c->path.subresource) {
                free(c->managed_said);
                c->managed_said = text_json_dump(said, NULL);
                if (!c->managed_said) {
                        call_fail_memory(c);
                        return false;
                }
        }
        (void) json_object_del(meta, "managedFields");
        return true;
}

bool managed_put(struct call *c, bool is_text) {
        json_t *meta = json_object_get(c->tree, "metadata"), *value;

        if (str_is_empty(c->managed)) {
                (void) json_object_del(meta, "managedFields");
                return true;
        }
        value = is_text ? json_string_nocheck(c->managed)
                        : text_parse_json(c->managed, strlen(c->managed));
        if (value && json_object_set_new(meta, "managedFields", value) == 0)
                return true;
        call_fail_memory(c);
        return false;
}

/* ---- who ---- */

/* Up to the slash of "kubectl/v1.32.0 (linux/amd64)", without what can't be printed. */
static size_t agent_len(const char *agent) {
        size_t len = strcspn(agent, "/");

        for (size_t i = 0; i < len; i++)
                if (!isprint((unsigned char) agent[i]))
                        return 0;
        return MIN(len, (size_t) MANAGER_NAME_MAX);
}

static bool name_is_printable(const char *name) {
        for (; *name; name++)
                if ((unsigned char) *name < 0x20 || *name == 0x7f)
                        return false;
        return true;
}

const char *managed_options_kind(const struct call *c) {
        if (str_eq(c->method, "POST"))
                return "CreateOptions";
        if (str_eq(c->method, "DELETE"))
                return "DeleteOptions";
        return str_eq(c->method, "PUT") ? "UpdateOptions" : "PatchOptions";
}

bool managed_check_name(struct call *c) {
        const char *name = query_get(&c->query, "fieldManager"), *kind = managed_options_kind(c);
        AUTO_FREE char *text = NULL;

        if (name && strlen(name) > MANAGER_NAME_MAX) {
                text = str_format("Too long: may not be more than %d bytes", MANAGER_NAME_MAX);
                call_fail_options(c, kind, DIAG_INVALID, "fieldManager", str_or_empty(text));
                return false;
        }
        if (name && !name_is_printable(name)) {
                text = str_format("Invalid value: \"%s\": should only contain printable characters",
                                  name);
                call_fail_options(c, kind, DIAG_INVALID, "fieldManager", str_or_empty(text));
                return false;
        }
        return true;
}

static const char *manager_name(const struct call *c) {
        const char *name = query_get(&c->query, "fieldManager");
        const char *colon;

        if (!str_is_empty(name))
                return name;
        if (!str_is_empty(c->agent))
                return c->agent;
        name = c->user ? c->user->name : NULL;
        if (str_is_empty(name))
                return "unknown";
        colon = strrchr(name, ':');
        return colon && colon[1] ? colon + 1 : name;
}

struct apply_author managed_author(const struct call *c, char *time) {
        return (struct apply_author){
                .manager = manager_name(c),
                .api_version = c->asked->api_version,
                .subresource = c->path.subresource,
                .time = clock_format(c->registry->wall_usec(), time),
        };
}

char *managed_agent(const char *user_agent) {
        return user_agent ? strndup(user_agent, agent_len(user_agent)) : NULL;
}

/* ---- writes ---- */

static bool managed_finish(struct call *c, struct managers *m, int result) {
        free(c->managed);
        c->managed = result < 0 ? NULL : managers_format(m);
        if (c->managed)
                return true;
        call_fail_memory(c);
        return false;
}

/* What the server itself puts into a new object isn't the author's. */
static json_t *author_view(const struct call *c) {
        json_t *view = tree_copy_members(c->tree);

        if (view && c->asked->has_status && !str_eq(c->asked->name, "Node"))
                (void) json_object_del(view, "status");
        if (view && c->kind->resource.flags & RESOURCE_NAMESPACE)
                (void) json_object_del(view, "spec");
        return view;
}

/* Beside managers that the client sent, or for an object that managers_created() leaves alone. */
static bool managed_create_beside(struct call *c, const struct apply_type *type, const json_t *view,
                                  const struct apply_author *by) {
        AUTO_DONE(managers) struct managers m = { 0 };
        int r = managers_init(&m);

        if (r == 0 && c->managed_said &&
            managers_parse(&m, c->managed_said, strlen(c->managed_said), NULL) < 0)
                m.n = 0;
        if (r == 0)
                r = managers_update(&m, type, NULL, view, by);
        return managed_finish(c, &m, r);
}

bool managed_create(struct call *c) {
        struct apply_type type = kind_apply_type(c->asked);
        char time[CLOCK_TEXT_MAX], *text = NULL;
        struct apply_author by = managed_author(c, time);
        json_t *view = author_view(c);
        int r = !view ? -ENOMEM : -ENOTSUP;
        bool is_good;

        if (view && !c->managed_said)
                r = managers_created(&type, view, &by, &text);
        if (r == -ENOTSUP) {
                is_good = managed_create_beside(c, &type, view, &by);
                json_decref(view);
                return is_good;
        }
        json_decref(view);
        free(c->managed);
        c->managed = text;
        if (r == 0)
                return true;
        call_fail_memory(c);
        return false;
}

/* Where an update starts from: what the client says, or else what there is. */
static bool managed_start(struct call *c, const struct record *old, struct managers *m) {
        if (!c->managed_said)
                return managed_read(c, old, m);
        if (managers_init(m) == 0 &&
            managers_parse(m, c->managed_said, strlen(c->managed_said), NULL) == 0)
                return true;
        managers_done(m);
        return managed_read(c, old, m);
}

bool managed_update(struct call *c, const struct record *old, const json_t *was) {
        struct apply_type type = kind_apply_type(c->asked);
        AUTO_DONE(managers) struct managers m = { 0 };
        char time[CLOCK_TEXT_MAX];
        struct apply_author by = managed_author(c, time);
        int r;

        if (!managed_start(c, old, &m))
                return false;
        r = managers_update(&m, &type, was, c->tree, &by);
        if (r == 0 && !c->managed_said)
                return managed_keep(c, old);
        return managed_finish(c, &m, r);
}

bool managed_differs(const struct call *c, const struct record *old) {
        struct text_span text = managed_text(old);
        AUTO_DONE(managers) struct managers a = { 0 };
        AUTO_DONE(managers) struct managers b = { 0 };

        if (strlen(c->managed) == text.len && memcmp(c->managed, text.at, text.len) == 0)
                return false;
        if (managers_init(&a) < 0 || managers_init(&b) < 0 ||
            managers_parse(&a, c->managed, strlen(c->managed), NULL) < 0 ||
            managers_parse(&b, text.at, text.len, NULL) < 0)
                return true;
        return !managers_equal(&a, &b);
}
