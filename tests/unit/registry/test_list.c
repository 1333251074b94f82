#include "base/str.h"
#include "daemon/registry/list_options.h"
#include "tests/unit/registry/fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"

static int setup(void **state) {
        static struct fixture f;

        fixture_init(&f);
        fixture_do(&f, "POST", PODS, pod_json("a", "\"app\":\"x\""), 201);
        fixture_do(&f, "POST", PODS, pod_json("b", "\"app\":\"x\""), 201);
        fixture_do(&f, "POST", PODS, pod_json("c", ""), 201);
        *state = &f;
        return 0;
}

static const char *with_revision(struct fixture *f, const char *query, int64_t more) {
        static char url[256];

        (void) snprintf(url, sizeof(url), PODS "?resourceVersion=%" PRId64 "%s",
                        (int64_t) registry_revision(f->registry) + more, query);
        return url;
}

/* A refusal's code, reason and a part of its message. */
static void refused(struct fixture *f, const char *url, unsigned status, const char *reason,
                    const char *part) {
        struct answer a = fixture_ask(f, "GET", url, NULL);

        if (a.status != status || !strstr(tree_at(a.tree, "message"), part))
                print_error("%s: %s\n", url, a.text);
        assert_int_equal(a.status, status);
        assert_string_equal(tree_at(a.tree, "reason"), reason);
        assert_non_null(strstr(tree_at(a.tree, "message"), part));
        answer_done(&a);
}

static void a_list_may_be_any_that_is_new_enough(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "GET", PODS "?resourceVersion=0", NULL, 200);
        fixture_do(f, "GET", PODS "?resourceVersion=1", NULL, 200);
        fixture_do(f, "GET", PODS "?resourceVersion=1&resourceVersionMatch=NotOlderThan", NULL,
                   200);
        fixture_do(f, "GET", with_revision(f, "&resourceVersionMatch=Exact", 0), NULL, 200);
        fixture_do(f, "GET", PODS "/a?resourceVersion=0", NULL, 200);
}

static void a_state_that_is_gone_or_to_come_is_refused(void **state) {
        struct fixture *f = *state;

        refused(f, with_revision(f, "&resourceVersionMatch=Exact", -1), 410, "Expired", "too old");
        refused(f, with_revision(f, "", 5), 504, "Timeout", "Too large resource version");
        refused(f,
                with_revision(f, "&watch=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan",
                              5),
                504, "Timeout", "Too large resource version");
        refused(f, PODS "?resourceVersion=x", 400, "BadRequest", "resourceVersion: Invalid value");
        refused(f, PODS "?limit=-1", 400, "BadRequest", "limit");
        refused(f, PODS "?watch=1&timeoutSeconds=x", 400, "BadRequest", "timeoutSeconds");
}

static void options_that_contradict_each_other_are_invalid(void **state) {
        struct fixture *f = *state;
        struct answer a;

        refused(f, PODS "?resourceVersionMatch=Exact", 422, "Invalid",
                "forbidden unless resourceVersion is provided");
        refused(f, PODS "?resourceVersionMatch=Exact&resourceVersion=0", 422, "Invalid",
                "forbidden for resourceVersion \"0\"");
        refused(f, PODS "?resourceVersionMatch=Newest&resourceVersion=1", 422, "Invalid",
                "Unsupported value");
        refused(f, PODS "?resourceVersionMatch=Exact&resourceVersion=1&continue=x", 422, "Invalid",
                "forbidden when continue is provided");
        refused(f, PODS "?sendInitialEvents=true", 422, "Invalid", "forbidden for list");
        refused(f, PODS "?watch=1&sendInitialEvents=true", 422, "Invalid",
                "requires setting resourceVersionMatch to NotOlderThan");
        refused(f, PODS "?watch=1&sendInitialEvents=false&resourceVersionMatch=Exact", 422,
                "Invalid", "Unsupported value");
        refused(f, PODS "?watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1", 422,
                "Invalid", "forbidden for watch");
        a = fixture_ask(f, "GET", PODS "?resourceVersionMatch=Exact", NULL);
        assert_string_equal(tree_at(a.tree, "details.kind"), "ListOptions");
        assert_string_equal(tree_at(a.tree, "details.causes.0.field"), "resourceVersionMatch");
        assert_string_equal(tree_at(a.tree, "details.causes.0.reason"), "FieldValueForbidden");
        answer_done(&a);
}

static void pages_tell_what_remains_unless_selected(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", PODS "?limit=1&labelSelector=app%3Dx", NULL);
        AUTO_FREE char *url = NULL;
        const json_t *meta = json_object_get(a.tree, "metadata");

        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "a");
        assert_null(json_object_get(meta, "remainingItemCount"));
        assert_null(strchr(tree_at(meta, "continue"), '/'));
        url = str_format(PODS "?limit=1&labelSelector=app%%3Dx&continue=%s",
                         tree_at(meta, "continue"));
        answer_done(&a);
        a = fixture_ask(f, "GET", url, NULL);
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "b");
        assert_null(json_object_get(json_object_get(a.tree, "metadata"), "continue"));
        answer_done(&a);
        a = fixture_ask(f, "GET", PODS "?limit=1", NULL);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(a.tree, "metadata"),
                                                            "remainingItemCount")),
                         2);
        answer_done(&a);
        refused(f, PODS "?continue=nonsense!", 400, "BadRequest", "continue key is not valid");
        refused(f, PODS "?continue=bm9uZQ", 400, "BadRequest", "continue key is not valid");
}

/* Whichever page a client takes the revision from, a watch from there tells all that changed
 * meanwhile. */
static void all_pages_tell_the_first_ones_revision(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "GET", PODS "?limit=1", NULL), w;
        AUTO_FREE char *first = strdup(tree_at(a.tree, "metadata.resourceVersion"));
        AUTO_FREE char *next =
                str_format(PODS "?limit=5&continue=%s", tree_at(a.tree, "metadata.continue"));
        AUTO_FREE char *watch = str_format(PODS "?watch=1&resourceVersion=%s", first);
        char buf[64];

        answer_done(&a);
        fixture_do(f, "DELETE", PODS "/a", NULL, 200);
        a = fixture_ask(f, "GET", next, NULL);
        assert_string_equal(tree_at(a.tree, "metadata.resourceVersion"), first);
        assert_string_equal(tree_at(a.tree, "items.0.metadata.name"), "b");
        answer_done(&a);
        w = fixture_ask(f, "GET", watch, NULL);
        assert_string_equal(watch_word(w.watch, buf, sizeof(buf)), "DELETED a");
        answer_done(&w);
}

static void a_page_ends_where_its_namespace_does(void **state) {
        struct fixture *f = *state;
        AUTO_FREE char *token = position_write(1, "default", "b"), *url = NULL;
        struct answer a;

        url = str_format("/api/v1/namespaces/kube-system/pods?continue=%s", token);
        a = fixture_ask(f, "GET", url, NULL);
        assert_int_equal(a.status, 200);
        assert_int_equal(json_array_size(json_object_get(a.tree, "items")), 0);
        answer_done(&a);
}

static void tokens_name_any_object(void **state) {
        static const char *const NAMES[][2] = { { "", "system:node:a" },
                                                { "default", "a" },
                                                { "n", "ab" },
                                                { "n", "abc" },
                                                { "n", "abcd" } };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
                AUTO_FREE char *token = position_write(i + 1, NAMES[i][0], NAMES[i][1]);
                AUTO_DONE(position) struct position p = { 0 };

                assert_int_equal(strcspn(token, "+/=%&?"), strlen(token));
                assert_int_equal(position_read(token, &p), 0);
                assert_int_equal(p.revision, i + 1);
                assert_string_equal(p.namespace_, NAMES[i][0]);
                assert_string_equal(p.name, NAMES[i][1]);
        }
}

static size_t n_listed(struct fixture *f, const char *url) {
        struct answer a = fixture_ask(f, "GET", url, NULL);
        size_t n = json_array_size(json_object_get(a.tree, "items"));

        if (a.status != 200)
                print_error("%s: %s\n", url, a.text);
        assert_int_equal(a.status, 200);
        answer_done(&a);
        return n;
}

static void fields_that_records_do_not_keep_select_too(void **state) {
        static const struct {
                const char *url;
                size_t n;
        } cases[] = {
                { PODS "?fieldSelector=spec.restartPolicy%3DAlways", 3 },
                { PODS "?fieldSelector=spec.restartPolicy!%3DAlways", 0 },
                { PODS "?fieldSelector=spec.hostNetwork%3Dfalse", 3 },
                { PODS "?fieldSelector=spec.hostNetwork%3Dtrue", 0 },
                { PODS "?fieldSelector=spec.schedulerName%3Ddefault-scheduler,metadata.name%3Db",
                  1 },
                { PODS "?fieldSelector=spec.serviceAccountName%3Dnobody", 0 },
                { PODS "?fieldSelector=status.podIP%3D", 3 },
                { PODS "?fieldSelector=status.nominatedNodeName%3D", 3 },
                { "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse", 1 },
                { "/api/v1/nodes?fieldSelector=spec.unschedulable%3Dtrue", 1 },
                { "/apis/batch/v1/jobs?fieldSelector=status.successful%3D0", 1 },
                { "/apis/apps/v1/replicasets?fieldSelector=status.replicas%3D3", 0 },
                { "/api/v1/events?fieldSelector=reportingComponent%3Dpress", 1 },
                { "/api/v1/events?fieldSelector=source%3Dpress", 1 },
                { "/api/v1/events?fieldSelector=reason%3DTold,type%3DNormal", 1 },
                { "/api/v1/events?fieldSelector=involvedObject.fieldPath%3Dsp%5C%5Cec", 1 },
                { "/apis/events.k8s.io/v1/events?fieldSelector=reportingController%3Dpress", 1 },
                { "/apis/events.k8s.io/v1/events?fieldSelector=regarding.fieldPath%3Dx", 0 },
        };
        struct fixture *f = *state;
        fixture_do(f, "POST", "/api/v1/nodes", "{\"metadata\":{\"name\":\"n1\"}}", 201);
        fixture_do(f, "POST", "/api/v1/nodes",
                   "{\"metadata\":{\"name\":\"n2\"},\"spec\":{\"unschedulable\":true}}", 201);
        fixture_do(f, "POST", "/apis/batch/v1/namespaces/default/jobs",
                   "{\"metadata\":{\"name\":\"j\"},\"spec\":{\"template\":{\"spec\":{"
                   "\"restartPolicy\":"
                   "\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
                   201);
        fixture_do(f, "POST", "/api/v1/namespaces/default/events",
                   "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"default\","
                   "\"fieldPath\":\"sp\\\\ec\"},\"reason\":\"Told\",\"type\":\"Normal\","
                   "\"reportingComponent\":\"press\"}",
                   201);

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (n_listed(f, cases[i].url) != cases[i].n)
                        fail_msg("%s: not %zu", cases[i].url, cases[i].n);
}

static void fields_that_select_nothing_are_named(void **state) {
        struct fixture *f = *state;

        refused(f, PODS "?fieldSelector=spec.bogus%3D1", 400, "BadRequest",
                "field label not supported: spec.bogus");
        refused(f, "/api/v1/configmaps?fieldSelector=data.a%3D1", 400, "BadRequest",
                "\"data.a\" is not a known field selector: only \"metadata.name\", "
                "\"metadata.namespace\"");
        fixture_do(f, "GET", "/api/v1/configmaps?fieldSelector=metadata.namespace%3Dn", NULL, 200);
        refused(f, PODS "?labelSelector=a%20b", 400, "BadRequest",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        refused(f, PODS "?labelSelector=a%3D%24", 400, "BadRequest",
                "unable to parse requirement: values[0][a]: Invalid value: \"$\": a valid label");
        refused(f, PODS "?labelSelector=a%20in%20(b", 400, "BadRequest", "expected: ',' or ')'");
        refused(f, PODS "?labelSelector=a%2C", 400, "BadRequest", "identifier after ','");
        refused(f, PODS "?labelSelector=%3Db", 400, "BadRequest", "found '=', expected: !");
        refused(f, PODS "?fieldSelector=metadata.name", 400, "BadRequest",
                "invalid selector: 'metadata.name'; can't understand 'metadata.name'");
}

static void a_watch_may_begin_without_what_is_there(void **state) {
        struct fixture *f = *state;
        char buf[64];
        struct answer w = fixture_ask(
                f, "GET", PODS "?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
                NULL);

        assert_string_equal(watch_word(w.watch, buf, sizeof(buf)), "idle");
        answer_done(&w);
        w = fixture_ask(f, "GET", PODS "/b?watch=true", NULL);
        assert_string_equal(watch_word(w.watch, buf, sizeof(buf)), "ADDED b");
        assert_string_equal(watch_word(w.watch, buf, sizeof(buf)), "idle");
        answer_done(&w);
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(fields_that_records_do_not_keep_select_too),
                TEST(a_list_may_be_any_that_is_new_enough),
                TEST(a_state_that_is_gone_or_to_come_is_refused),
                TEST(options_that_contradict_each_other_are_invalid),
                TEST(pages_tell_what_remains_unless_selected),
                TEST(all_pages_tell_the_first_ones_revision),
                TEST(a_page_ends_where_its_namespace_does),
                TEST(fields_that_select_nothing_are_named),
                TEST(a_watch_may_begin_without_what_is_there),
                cmocka_unit_test(tokens_name_any_object),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
