#include "tests/unit/patch/scene.h"

#include "api/kinds/pod.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scene_done(struct scene *s) {
        json_decref(s->live);
        free(s->managed);
}

static void scene_keep(struct scene *s, struct managers *m, json_t *take_tree) {
        free(s->managed);
        s->managed = managers_format(m);
        assert_non_null(s->managed);
        json_decref(s->live);
        s->live = take_tree;
}

static void scene_begin(struct scene *s, struct managers *m) {
        assert_int_equal(managers_init(m), 0);
        if (s->managed)
                assert_int_equal(managers_parse(m, s->managed, strlen(s->managed), NULL), 0);
}

struct apply_author scene_author(struct scene *s, const char *name, char time[24]) {
        (void) snprintf(time, 24, "2026-01-02T03:04:%02uZ", s->now);
        return (struct apply_author){
                .manager = name,
                .api_version = s->kind->api_version,
                .subresource = "",
                .time = time,
        };
}

int scene_apply_tree(struct scene *s, const char *name, const json_t *config, bool force) {
        struct apply_type type = apply_type_of(s->kind->schema);
        AUTO_DONE(apply_conflicts) struct apply_conflicts c = { 0 };
        char time[24];
        struct apply_request q = {
                .type = &type,
                .live = s->live,
                .config = config,
                .by = scene_author(s, name, time),
                .is_forced = force,
        };
        struct managers m;
        json_t *tree = NULL;
        struct err e = { 0 };
        int r;

        json_t *last = managers_last_applied(s->live, &q.by);

        q.last_applied = last;
        scene_begin(s, &m);
        r = managers_apply(&m, &q, &tree, &c, &e);
        (void) snprintf(s->conflict, sizeof(s->conflict), "%s", str_or_empty(c.message));
        (void) snprintf(s->error, sizeof(s->error), "%s", e.text);
        if (r >= 0)
                scene_keep(s, &m, tree);
        json_decref(last);
        managers_done(&m);
        return r;
}

int scene_apply(struct scene *s, const char *name, const char *config, bool force) {
        json_t *tree = fixture_tree(config);
        int r = scene_apply_tree(s, name, tree, force);

        json_decref(tree);
        return r;
}

int scene_update(struct scene *s, const char *name, const char *text) {
        struct apply_type type = apply_type_of(s->kind->schema);
        json_t *tree = fixture_tree(text);
        struct apply_author by;
        struct managers m;
        char time[24];
        int r;

        scene_begin(s, &m);
        by = scene_author(s, name, time);
        r = managers_update(&m, &type, s->live, tree, &by);
        assert_true(r >= 0);
        scene_keep(s, &m, tree);
        managers_done(&m);
        return r;
}

void scene_assert_live(const struct scene *s, const char *text) {
        json_t *expected = fixture_tree(text);

        if (!json_equal(s->live, expected))
                fail_msg("the object is %s", json_dumps(s->live, JSON_COMPACT));
        json_decref(expected);
}

void scene_assert_owners(const struct scene *s, const char *owners) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };
        struct managers m;

        assert_int_equal(managers_init(&m), 0);
        assert_int_equal(managers_parse(&m, s->managed, strlen(s->managed), NULL), 0);
        for (size_t i = 0; i < m.n; i++) {
                strbuf_addf(&b, "%s%s %s ", i > 0 ? "\n" : "", m.items[i].name,
                            m.items[i].is_apply ? "Apply" : "Update");
                field_set_format(m.items[i].fields, &b);
        }
        for (char *at = b.s; at && *at; at++)
                if (*at == '"')
                        *at = '\'';
        assert_string_equal(str_or_empty(b.s), owners);
        managers_done(&m);
}
