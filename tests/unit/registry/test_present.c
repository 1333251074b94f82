#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/hub.h"
#include "daemon/registry/list_body.h"
#include "daemon/registry/record.h"
#include "daemon/registry/rendering.h"
#include "daemon/registry/resource.h"
#include "daemon/registry/state.h"
#include "tests/unit/registry/fixture.h"

#include <stdlib.h>
#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define TABLE "application/json;as=Table;v=v1;g=meta.k8s.io"
#define KUBECTL TABLE ",application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
#define PARTIAL "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define PARTIAL_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

static struct answer ask_as(struct fixture *f, const char *accept, const char *url) {
        struct answer a;

        f->accept = accept;
        a = fixture_ask(f, "GET", url, NULL);
        f->accept = NULL;
        return a;
}

static size_t size_at(const json_t *tree, const char *key) {
        return json_array_size(json_object_get(tree, key));
}

static void a_list_becomes_a_table(void **state) {
        struct fixture *f = *state;
        struct answer a;
        const json_t *row;
        fixture_do(f, "POST", PODS, pod_json("a", "\"app\":\"x\""), 201);
        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);

        a = ask_as(f, KUBECTL, PODS "?limit=500");

        assert_int_equal(a.status, 200);
        assert_string_equal(a.type, "application/json");
        assert_string_equal(tree_at(a.tree, "kind"), "Table");
        assert_string_equal(tree_at(a.tree, "apiVersion"), "meta.k8s.io/v1");
        assert_true(*tree_at(a.tree, "metadata.resourceVersion"));
        assert_int_equal(size_at(a.tree, "rows"), 2);
        assert_string_equal(tree_at(a.tree, "columnDefinitions.0.name"), "Name");
        assert_string_equal(tree_at(a.tree, "columnDefinitions.0.format"), "name");
        row = json_array_get(json_object_get(a.tree, "rows"), 0);
        assert_int_equal(size_at(row, "cells"), size_at(a.tree, "columnDefinitions"));
        assert_string_equal(tree_at(row, "cells.0"), "a");
        assert_string_equal(tree_at(row, "object.kind"), "PartialObjectMetadata");
        assert_string_equal(tree_at(row, "object.apiVersion"), "meta.k8s.io/v1");
        assert_string_equal(tree_at(row, "object.metadata.labels.app"), "x");
        assert_null(json_object_get(json_object_get(row, "object"), "spec"));
        answer_done(&a);
}

static void includeObject_says_what_a_row_carries(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);

        a = ask_as(f, TABLE, PODS "?includeObject=Object");
        assert_string_equal(tree_at(a.tree, "rows.0.object.kind"), "Pod");
        assert_string_equal(tree_at(a.tree, "rows.0.object.spec.containers.0.name"), "c");
        answer_done(&a);

        a = ask_as(f, TABLE, PODS "?includeObject=None");
        assert_int_equal(size_at(a.tree, "rows"), 1);
        assert_null(json_object_get(json_array_get(json_object_get(a.tree, "rows"), 0), "object"));
        answer_done(&a);

        a = ask_as(f, TABLE, PODS "?includeObject=Some");
        assert_int_equal(a.status, 400);
        answer_done(&a);
}

static void one_object_becomes_a_table_of_one_row(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);

        a = ask_as(f, KUBECTL, PODS "/a");

        assert_string_equal(tree_at(a.tree, "kind"), "Table");
        assert_string_equal(tree_at(a.tree, "metadata.resourceVersion"),
                            tree_at(a.tree, "rows.0.object.metadata.resourceVersion"));
        assert_string_equal(tree_at(a.tree, "rows.0.cells.0"), "a");
        answer_done(&a);
}

static void writes_answer_in_the_form_too(void **state) {
        struct fixture *f = *state;
        struct answer a;
        f->accept = KUBECTL;

        a = fixture_ask(f, "POST", PODS "?dryRun=All", pod_json("a", ""));
        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "rows.0.cells.0"), "a");
        answer_done(&a);
        a = fixture_ask(f, "POST", PODS, pod_json("a", ""));
        assert_string_equal(tree_at(a.tree, "rows.0.cells.0"), "a");
        answer_done(&a);
        a = fixture_patch(f, PODS "/a", "application/merge-patch+json",
                          "{\"metadata\":{\"labels\":{\"l\":\"m\"}}}");
        assert_string_equal(tree_at(a.tree, "rows.0.object.metadata.labels.l"), "m");
        answer_done(&a);
        f->accept = NULL;
}

static void failures_stay_a_status(void **state) {
        struct fixture *f = *state;
        struct answer a = ask_as(f, TABLE, PODS "/absent");

        assert_int_equal(a.status, 404);
        assert_string_equal(tree_at(a.tree, "kind"), "Status");
        answer_done(&a);
}

static void metadata_alone_can_be_had(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("a", "\"app\":\"x\""), 201);

        a = ask_as(f, PARTIAL ",application/json", PODS "/a");
        assert_string_equal(tree_at(a.tree, "kind"), "PartialObjectMetadata");
        assert_string_equal(tree_at(a.tree, "metadata.labels.app"), "x");
        assert_null(json_object_get(a.tree, "spec"));
        answer_done(&a);

        a = ask_as(f, PARTIAL_LIST, PODS);
        assert_string_equal(tree_at(a.tree, "kind"), "PartialObjectMetadataList");
        assert_string_equal(tree_at(a.tree, "apiVersion"), "meta.k8s.io/v1");
        assert_string_equal(tree_at(a.tree, "items.0.kind"), "PartialObjectMetadata");
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "a");
        answer_done(&a);
}

/* The text of the next event, parsed. */
static json_t *next_object(struct watch *w, const char **ret_prefix) {
        struct watch_event e;
        json_t *tree;

        assert_int_equal(watch_next(w, &e), WATCH_EVENT);
        *ret_prefix = e.prefix;
        tree = json_loadb(e.object, e.object_len, 0, NULL);
        assert_non_null(tree);
        return tree;
}

static void a_watch_tells_tables_of_one_row(void **state) {
        struct fixture *f = *state;
        const char *prefix;
        struct answer w;
        json_t *tree;
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);

        w = ask_as(f, KUBECTL,
                   PODS "?watch=1&sendInitialEvents=true&resourceVersionMatch="
                        "NotOlderThan&allowWatchBookmarks=true");

        tree = next_object(w.watch, &prefix);
        assert_non_null(strstr(prefix, "ADDED"));
        assert_string_equal(tree_at(tree, "kind"), "Table");
        assert_string_equal(tree_at(tree, "columnDefinitions.0.name"), "Name");
        assert_string_equal(tree_at(tree, "rows.0.object.metadata.name"), "a");
        json_decref(tree);
        tree = next_object(w.watch, &prefix);
        assert_non_null(strstr(prefix, "BOOKMARK"));
        assert_string_equal(
                json_string_value(json_object_get(
                        json_object_get(
                                json_object_get(
                                        json_object_get(
                                                json_array_get(json_object_get(tree, "rows"), 0),
                                                "object"),
                                        "metadata"),
                                "annotations"),
                        "k8s.io/initial-events-end")),
                "true");
        json_decref(tree);
        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);
        tree = next_object(w.watch, &prefix);
        assert_true(json_is_null(json_object_get(tree, "columnDefinitions")));
        assert_string_equal(tree_at(tree, "rows.0.cells.0"), "b");
        json_decref(tree);
        answer_done(&w);
}

static void a_row_is_made_once_for_all_watchers_of_a_form(void **state) {
        struct fixture *f = *state;
        struct answer w[10];
        const char *prefix;
        uint64_t before;
        for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
                char buf[64];

                w[i] = ask_as(f, i < 5 ? TABLE : PARTIAL, PODS "?watch=1");
                assert_string_equal(watch_word(w[i].watch, buf, sizeof(buf)), "idle");
        }
        fixture_do(f, "POST", PODS, pod_json("a", ""), 201);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                json_decref(next_object(w[i].watch, &prefix));
        before = renderings_made(hub_renderings(f->registry->hub));

        fixture_do(f, "POST", PODS, pod_json("b", ""), 201);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                json_decref(next_object(w[i].watch, &prefix));

        assert_int_equal(renderings_made(hub_renderings(f->registry->hub)) - before, 2);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                answer_done(&w[i]);
}

static void remembered_rows_are_bounded_in_bytes(void **state) {
        struct fixture *f = *state;
        const struct form form = { .as = FORM_TABLE, .include = FORM_INCLUDE_OBJECT };
        AUTO(renderings) struct renderings *all = renderings_new(f->registry->wall_usec);
        AUTO_FREE char *big = calloc(1, 400001);
        struct record *records[2];
        const char *const names[] = { "a", "b" };
        uint64_t made;

        memset(big, 'x', 400000);
        for (size_t i = 0; i < 2; i++) {
                AUTO_FREE char *json = str_format(
                        "{\"metadata\":{\"name\":\"%s\"},\"data\":{\"k\":\"%s\"}}", names[i], big);

                fixture_do(f, "POST", "/api/v1/namespaces/default/configmaps", json, 201);
                records[i] = registry_find(f->registry, "", "configmaps", "default", names[i]);
        }
        for (size_t i = 0; i < 4; i++) {
                struct rendering *one = NULL;
                struct record *r = records[i / 2];

                assert_int_equal(renderings_get(all, &form, r->resource->kind, r, false, &one), 0);
                rendering_unref(one);
        }
        made = renderings_made(all);
        assert_int_equal(made, 2);

        /* The second one drove the first one out. */
        for (size_t i = 0; i < 2; i++) {
                struct rendering *one = NULL;
                struct record *r = records[1 - i];

                assert_int_equal(renderings_get(all, &form, r->resource->kind, r, false, &one), 0);
                rendering_unref(one);
                assert_int_equal(renderings_made(all), made + i);
        }
}

static void the_first_entry_that_can_be_served_wins(void **state) {
        static const struct {
                const char *accept;
                int result;
                enum form_as as;
        } cases[] = {
                { NULL, 0, FORM_OBJECT },
                { "", 0, FORM_OBJECT },
                { "*/*", 0, FORM_OBJECT },
                { "application/*;q=0.1", 0, FORM_OBJECT },
                { "application/vnd.kubernetes.protobuf", 0, FORM_OBJECT },
                { "application/vnd.kubernetes.protobuf, */*", 0, FORM_OBJECT },
                { "text/html,application/json", 0, FORM_OBJECT },
                { "text/html", -ENOTSUP, 0 },
                { "application/json;as=Table;v=v9;g=meta.k8s.io", -ENOTSUP, 0 },
                { "application/json;as=Table;v=v9;g=meta.k8s.io,application/json", 0, FORM_OBJECT },
                { "application/json ; g=meta.k8s.io ; v=v1beta1 ; as=Table", 0, FORM_TABLE },
                { "application/json;as=Chair;v=v1;g=meta.k8s.io,*/*", 0, FORM_OBJECT },
                { PARTIAL, 0, FORM_PARTIAL },
                { ",,;", -ENOTSUP, 0 },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct form form = { 0 };

                assert_int_equal(form_negotiate(cases[i].accept, NULL, &form, NULL),
                                 cases[i].result);
                assert_int_equal(form.as, cases[i].as);
        }
}

static void what_nobody_can_serve_is_406(void **state) {
        struct fixture *f = *state;
        struct answer a = ask_as(f, "text/html", PODS);

        assert_int_equal(a.status, 406);
        assert_string_equal(tree_at(a.tree, "reason"), "NotAcceptable");
        assert_string_equal(a.type, "application/json");
        answer_done(&a);
}

/* ---- lists that are made while they are sent ---- */

static void records_make(struct fixture *f, unsigned n, struct record_list *ret) {
        struct kind_state *kind = registry_kind_named(f->registry, "", "Pod");
        char name[16];

        for (unsigned i = 0; i < n; i++) {
                (void) snprintf(name, sizeof(name), "p-%03u", i);
                fixture_do(f, "POST", PODS, pod_json(name, ""), 201);
        }
        for (size_t i = 0; i < kind->table.n; i++)
                assert_int_equal(record_list_add(ret, kind->table.items[i]), 0);
}

static struct body *pods_body(struct fixture *f, uint8_t as, unsigned n) {
        AUTO_DONE(record_list) struct record_list records = { 0 };
        const struct present_list list = {
                .form = { .as = as },
                .kind = &pod_kind,
                .revision = 7,
                .n_remaining = -1,
        };
        struct body *b;

        records_make(f, n, &records);
        b = list_body_new(&list, &records);
        assert_non_null(b);
        return b;
}

static void a_long_list_is_made_piece_by_piece(void **state) {
        static const uint8_t forms[] = { FORM_OBJECT, FORM_TABLE, FORM_PARTIAL };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                AUTO(body) struct body *b = pods_body(f, forms[i], i == 0 ? 50 : 0);
                size_t n, n_turns = 0;

                assert_false(body_is_whole(b));
                while (body_advance(b) > 0) {
                        (void) body_pieces(b, &n);
                        assert_true(n > 0 && n <= 3 * 8 + 1);
                        n_turns++;
                }
                assert_int_equal(n_turns, 7);
                assert_int_equal(body_advance(b), 0);
        }
}

/* Objects as they are stored have a known length, and it is the right one. */
static void its_length_is_known_where_nothing_is_made(void **state) {
        struct fixture *f = *state;
        AUTO(body) struct body *objects = pods_body(f, FORM_OBJECT, 50);
        AUTO(body) struct body *table = pods_body(f, FORM_TABLE, 0);
        size_t told = body_len(objects), len = 0;
        AUTO_FREE char *text = body_flatten(objects, &len);

        assert_int_equal(told, len);
        assert_int_equal(strlen(text), len);
        assert_true(body_len(table) == BODY_LEN_UNKNOWN);
}

static void it_tells_the_state_it_was_asked_in(void **state) {
        struct fixture *f = *state;
        AUTO(body) struct body *b = pods_body(f, FORM_TABLE, 50);
        AUTO_FREE char *text = NULL;

        assert_int_equal(body_advance(b), 1);
        fixture_do(f, "DELETE", PODS "/p-049?gracePeriodSeconds=0", NULL, 200);
        fixture_do(f, "POST", PODS, pod_json("p-0495", ""), 201);
        text = body_flatten(b, NULL);

        assert_non_null(strstr(text, "p-049\""));
        assert_null(strstr(text, "p-0495"));
}

static void a_reader_may_leave_in_the_middle(void **state) {
        struct fixture *f = *state;
        AUTO(body) struct body *unread = pods_body(f, FORM_TABLE, 50);
        AUTO(body) struct body *begun = pods_body(f, FORM_TABLE, 0);
        (void) unread;

        assert_int_equal(body_advance(begun), 1);
        assert_int_equal(body_advance(begun), 1);
}

static void long_tables_are_whole_and_in_order(void **state) {
        struct fixture *f = *state;
        AUTO_DONE(record_list) struct record_list records = { 0 };
        struct answer a;

        records_make(f, 50, &records);
        a = ask_as(f, TABLE, PODS "?limit=40");

        assert_int_equal(size_at(a.tree, "rows"), 40);
        for (size_t i = 0; i < 40; i++) {
                AUTO_FREE char *at = str_format("rows.%zu.cells.0", i);
                AUTO_FREE char *name = str_format("p-%03zu", i);

                assert_string_equal(tree_at(a.tree, at), name);
        }
        assert_true(*tree_at(a.tree, "metadata.continue"));
        answer_done(&a);
}

static struct answer ask_yaml(struct fixture *f, const char *accept, const char *method,
                              const char *url, const char *body) {
        struct answer a;

        f->accept = accept;
        a = fixture_ask(f, method, url, body);
        f->accept = NULL;
        return a;
}

static void whoever_asks_for_yaml_first_gets_it(void **state) {
        static const char MAPS[] = "/api/v1/namespaces/default/configmaps";
        static const char YAML[] = "application/yaml";
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", MAPS, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"on\"}}", 201);

        a = ask_yaml(f, YAML, "GET", "/api/v1/namespaces/default/configmaps/m", NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.type, YAML);
        assert_true(
                str_starts_with(a.text, "apiVersion: v1\ndata:\n  a: \"on\"\nkind: ConfigMap\n"));
        answer_done(&a);
        a = ask_yaml(f, "application/yaml, application/json", "GET", MAPS, NULL);
        assert_non_null(strstr(a.text, "\nkind: ConfigMapList\n"));
        answer_done(&a);
        a = ask_yaml(f, "application/yaml;as=Table;v=v1;g=meta.k8s.io", "GET", MAPS, NULL);
        assert_non_null(strstr(a.text, "\nkind: Table\n"));
        answer_done(&a);
        a = ask_yaml(f, YAML, "GET", "/api/v1/namespaces/default/configmaps/none", NULL);
        assert_int_equal(a.status, 404);
        assert_string_equal(a.type, YAML);
        assert_non_null(strstr(a.text, "\nmessage: configmaps \"none\" not found\n"));
        answer_done(&a);
        a = ask_yaml(f, YAML, "GET", "/apis/apps", NULL);
        assert_non_null(strstr(a.text, "kind: APIGroup\n"));
        answer_done(&a);
        a = ask_yaml(f, "application/json, application/yaml", "GET", MAPS, NULL);
        assert_string_equal(a.type, "application/json");
        answer_done(&a);
        a = ask_yaml(f, YAML, "GET", "/healthz", NULL);
        assert_string_equal(a.text, "ok");
        answer_done(&a);
        a = ask_yaml(f, YAML, "GET", "/api/v1/namespaces/default/configmaps?watch=1", NULL);
        assert_int_equal(a.status, 406);
        answer_done(&a);
}

static void objects_may_come_in_yaml(void **state) {
        struct fixture *f = *state;
        struct answer a = { 0 };

        fixture_send(f, "POST", "/api/v1/namespaces/default/configmaps", "application/yaml",
                     "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: yam\ndata: {a: b}\n", &a);
        fixture_run(f, 0);

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "data.a"), "b");
        answer_done(&a);
        fixture_send(f, "PUT", "/api/v1/namespaces/default/configmaps/yam", "application/yaml",
                     "a: [\n", &a);
        fixture_run(f, 0);
        assert_int_equal(a.status, 400);
        answer_done(&a);
}

static void long_answers_are_not_made_yaml(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *big = malloc((1U << 20) + 1);
        struct answer a;
        assert_non_null(big);
        memset(big, 'x', 1U << 20);
        big[1U << 20] = '\0';
        for (unsigned i = 0; i < 3; i++) {
                AUTO_FREE char *body = str_format(
                        "{\"metadata\":{\"name\":\"m%u\"},\"data\":{\"a\":\"%s\"}}", i, big);

                fixture_do(f, "POST", "/api/v1/namespaces/default/configmaps", body, 201);
        }

        a = ask_yaml(f, "application/yaml", "GET", "/api/v1/configmaps", NULL);

        assert_int_equal(a.status, 406);
        assert_non_null(strstr(tree_at(a.tree, "message"), "too long for application/yaml"));
        answer_done(&a);
        fixture_do(f, "GET", "/api/v1/configmaps", NULL, 200);
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_long_list_is_made_piece_by_piece),
                TEST(its_length_is_known_where_nothing_is_made),
                TEST(it_tells_the_state_it_was_asked_in),
                TEST(a_reader_may_leave_in_the_middle),
                TEST(long_tables_are_whole_and_in_order),
                TEST(a_list_becomes_a_table),
                TEST(includeObject_says_what_a_row_carries),
                TEST(one_object_becomes_a_table_of_one_row),
                TEST(writes_answer_in_the_form_too),
                TEST(failures_stay_a_status),
                TEST(metadata_alone_can_be_had),
                TEST(a_watch_tells_tables_of_one_row),
                TEST(a_row_is_made_once_for_all_watchers_of_a_form),
                TEST(remembered_rows_are_bounded_in_bytes),
                TEST(what_nobody_can_serve_is_406),
                TEST(whoever_asks_for_yaml_first_gets_it),
                TEST(objects_may_come_in_yaml),
                TEST(long_answers_are_not_made_yaml),
                cmocka_unit_test(the_first_entry_that_can_be_served_wins),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
