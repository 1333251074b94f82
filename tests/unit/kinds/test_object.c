#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/kinds/workload.h"
#include "api/schema/quantity.h"
#include "tests/unit/kinds/fixture.h"

static void a_deployment_is_decoded_into_members(void **state) {
        json_t *tree = fixture_tree(FIXTURE_DEPLOYMENT);
        AUTO(object) struct object *o = NULL;
        const struct deployment *d;
        const struct container *c;
        (void) state;

        assert_int_equal(kind_default(&deployment_kind, tree, NULL), 0);
        assert_int_equal(object_new_from_json(NULL, tree, true, &o, NULL), 0);
        json_decref(tree);
        d = OBJECT_AS(deployment, o);
        c = &d->spec.template.spec.containers.items[0];

        assert_string_equal(o->meta->name, "web");
        assert_int_equal(o->meta->creation_timestamp, 0);
        assert_true(d->spec.replicas.is_set);
        assert_int_equal(d->spec.replicas.value, 3);
        assert_string_equal(string_map_get(&d->spec.selector.match_labels, "app"), "web");
        assert_int_equal(d->spec.template.spec.containers.n, 1);
        assert_int_equal(c->ports.items[0].container_port, 8080);
        assert_string_equal(c->ports.items[0].protocol, "TCP");
        assert_int_equal(quantity_map_get(&c->resources.requests, "cpu").milli, 1000);
        assert_int_equal(quantity_value(quantity_map_get(&c->resources.limits, "memory")), 1 << 30);
        assert_string_equal(c->image_pull_policy, "Always");
        assert_int_equal(c->liveness_probe->period_seconds, 10);
        assert_int_equal(c->liveness_probe->http_get->port.number, 8080);
        assert_null(c->readiness_probe);
        assert_string_equal(d->spec.strategy.rolling_update->max_surge.text, "25%");
        assert_int_equal(d->spec.progress_deadline_seconds.value, 600);
        assert_int_equal(d->spec.template.spec.termination_grace_period_seconds.value, 30);
}

static void the_kept_text_says_everything(void **state) {
        json_t *tree = fixture_tree(FIXTURE_POD), *back;
        AUTO(object) struct object *o = NULL;
        (void) state;

        fixture_set(tree, "spec/affinity", "{'nodeAffinity':{}}");
        assert_int_equal(object_new_from_json(NULL, tree, true, &o, NULL), 0);
        back = object_json(o);

        assert_true(json_equal(back, tree));
        json_decref(back);
        json_decref(tree);
}

static void encoding_is_the_reverse_of_decoding(void **state) {
        json_t *tree = fixture_tree(FIXTURE_DEPLOYMENT), *back;
        AUTO(object) struct object *o = NULL, *again = NULL;
        (void) state;

        assert_int_equal(kind_default(&deployment_kind, tree, NULL), 0);
        assert_int_equal(object_new_from_json(NULL, tree, false, &o, NULL), 0);
        back = object_json(o);
        assert_int_equal(object_new_from_json(NULL, back, false, &again, NULL), 0);

        assert_true(schema_equal(o->kind->schema, o->meta, again->meta));
        json_decref(back);
        json_decref(tree);
}

static void an_unknown_kind_is_named(void **state) {
        json_t *tree = fixture_tree("{'apiVersion':'v2','kind':'Pod'}");
        struct object *o = NULL;
        struct err e = { 0 };
        (void) state;

        assert_int_equal(object_new_from_json(NULL, tree, false, &o, &e), -ENOENT);

        assert_string_equal(e.text, "no kind \"Pod\" in version \"v2\"");
        json_decref(tree);
}

static void secrets_hold_bytes(void **state) {
        json_t *tree = fixture_tree("{'apiVersion':'v1','kind':'Secret','metadata':{'name':'s'},"
                                    "'data':{'a':'AAEC'},'stringData':{'b':'hello'}}");
        AUTO(object) struct object *o = NULL;
        const struct bytes_pair *a, *b;
        (void) state;

        assert_int_equal(kind_default(&secret_kind, tree, NULL), 0);
        assert_int_equal(object_new_from_json(NULL, tree, false, &o, NULL), 0);
        a = bytes_map_get(&OBJECT_AS(secret, o)->data, "a");
        b = bytes_map_get(&OBJECT_AS(secret, o)->data, "b");

        assert_int_equal(a->len, 3);
        assert_memory_equal(a->data, "\0\1\2", 3);
        assert_int_equal(b->len, 5);
        assert_memory_equal(b->data, "hello", 6);
        assert_string_equal(OBJECT_AS(secret, o)->type, "Opaque");
        assert_null(json_object_get(tree, "stringData"));
        json_decref(tree);
}

static void kinds_are_found_by_what_people_write(void **state) {
        static const struct {
                const char *word;
                const struct kind *kind;
        } cases[] = {
                { "po", &pod_kind },
                { "Pod", &pod_kind },
                { "PODS", &pod_kind },
                { "deploy", &deployment_kind },
                { "deployments.apps", &deployment_kind },
                { "deployments.v1.apps", &deployment_kind },
                { "deployments.batch", NULL },
                { "bogus", NULL },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_ptr_equal(kind_by_word(cases[i].word), cases[i].kind);
        assert_string_equal(kind_nearest_word("deploymnets"), "deployments");
        assert_ptr_equal(kind_by_resource("apps", "v1", "deployments"), &deployment_kind);
        assert_ptr_equal(kind_by_resource("", "v1", "deployments"), NULL);
}

static void every_kind_is_whole(void **state) {
        (void) state;

        for (size_t i = 0; kind_all()[i]; i++) {
                const struct kind *k = kind_all()[i];
                const struct field *meta = schema_field(k->schema, "metadata");

                assert_true(k->is_stored);
                assert_non_null(meta);
                assert_int_equal(meta->offset, 0);
                assert_ptr_equal(kind_find(k->api_version, k->name), k);
                assert_non_null(k->short_names);
                assert_non_null(k->columns);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_deployment_is_decoded_into_members),
                cmocka_unit_test(the_kept_text_says_everything),
                cmocka_unit_test(encoding_is_the_reverse_of_decoding),
                cmocka_unit_test(an_unknown_kind_is_named),
                cmocka_unit_test(secrets_hold_bytes),
                cmocka_unit_test(kinds_are_found_by_what_people_write),
                cmocka_unit_test(every_kind_is_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
