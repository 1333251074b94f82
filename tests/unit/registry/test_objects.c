#include "tests/unit/registry/fixture.h"

#include <string.h>

#define PODS "/api/v1/namespaces/default/pods"
#define JSON "application/json"
#define SERVICES "/api/v1/namespaces/default/services"
#define CONFIGS "/api/v1/namespaces/default/configmaps"

static void starts_with_its_default_objects(void **state) {
        struct fixture *f = *state;
        struct answer a =
                fixture_ask(f, "GET", "/api/v1/namespaces/default/services/kubernetes", NULL);

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.clusterIP"), "10.96.0.1");
        answer_done(&a);
        fixture_do(f, "GET", "/api/v1/namespaces/kube-system", NULL, 200);
        fixture_do(f, "GET", "/api/v1/namespaces/kube-node-lease", NULL, 200);
}

static void stamps_and_defaults_a_new_object(void **state) {
        struct fixture *f = *state;

        struct answer a = fixture_ask(f, "POST", PODS, pod_json("web", ""));

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "metadata.creationTimestamp"), "2027-01-15T08:00:00Z");
        assert_int_equal(strlen(tree_at(a.tree, "metadata.uid")), 36);
        assert_string_equal(tree_at(a.tree, "spec.restartPolicy"), "Always");
        assert_string_equal(tree_at(a.tree, "status.phase"), "Pending");
        assert_string_not_equal(tree_at(a.tree, "metadata.resourceVersion"), "");
        answer_done(&a);
}

static void refuses_a_second_object_of_the_name(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);

        a = fixture_ask(f, "POST", PODS, pod_json("web", ""));

        assert_int_equal(a.status, 409);
        assert_string_equal(tree_at(a.tree, "reason"), "AlreadyExists");
        assert_string_equal(tree_at(a.tree, "message"), "pods \"web\" already exists");
        assert_string_equal(tree_at(a.tree, "details.kind"), "pods");
        answer_done(&a);
}

static void two_writers_of_one_name_take_turns(void **state) {
        struct fixture *f = *state;
        struct answer a, b;

        fixture_send(f, "POST", PODS, JSON, pod_json("web", ""), &a);
        fixture_send(f, "POST", PODS, JSON, pod_json("web", ""), &b);
        fixture_run(f, 0);

        assert_int_equal(a.status, 201);
        assert_int_equal(b.status, 409);
        answer_done(&a);
        answer_done(&b);
}

static void answers_only_when_the_store_has_it(void **state) {
        struct fixture *f = *state;
        struct answer a, b;

        fixture_send(f, "POST", PODS, JSON, pod_json("web", ""), &a);
        b = fixture_ask(f, "GET", "/version", NULL);
        answer_done(&b);
        fixture_run(f, 0);

        assert_int_equal(a.status, 201);
        answer_done(&a);
}

static void makes_up_a_name(void **state) {
        struct fixture *f = *state;

        struct answer a = fixture_ask(f, "POST", "/api/v1/namespaces/default/configmaps",
                                      "{\"metadata\":{\"generateName\":\"cm-\"}}");

        assert_int_equal(a.status, 201);
        assert_int_equal(strlen(tree_at(a.tree, "metadata.name")), strlen("cm-12345"));
        answer_done(&a);
}

static void says_what_is_not_there(void **state) {
        struct fixture *f = *state;
        struct answer a =
                fixture_ask(f, "GET", "/apis/apps/v1/namespaces/default/deployments/x", NULL);

        assert_int_equal(a.status, 404);
        assert_string_equal(tree_at(a.tree, "message"), "deployments.apps \"x\" not found");
        assert_string_equal(tree_at(a.tree, "details.group"), "apps");
        answer_done(&a);
        a = fixture_ask(f, "POST", "/api/v1/namespaces/nope/pods", pod_json("web", ""));
        assert_int_equal(a.status, 404);
        assert_string_equal(tree_at(a.tree, "message"), "namespaces \"nope\" not found");
        assert_string_equal(tree_at(a.tree, "details.name"), "nope");
        assert_string_equal(tree_at(a.tree, "details.kind"), "namespaces");
        answer_done(&a);
        fixture_do(f, "GET", "/api/v1/bogus", NULL, 404);
        fixture_do(f, "GET", "/nowhere", NULL, 404);
        fixture_do(f, "PUT", PODS, "{}", 405);
}

static void refuses_a_stale_version(void **state) {
        struct fixture *f = *state;
        const char *old =
                "{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"1\"},\"data\":{\"a\":\"2\"}}";
        struct answer a;
        fixture_do(f, "POST", "/api/v1/namespaces/default/configmaps",
                   "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}", 201);

        a = fixture_ask(f, "PUT", "/api/v1/namespaces/default/configmaps/c", old);

        assert_int_equal(a.status, 409);
        assert_string_equal(tree_at(a.tree, "reason"), "Conflict");
        assert_string_equal(
                tree_at(a.tree, "message"),
                "Operation cannot be fulfilled on configmaps \"c\": the object has been "
                "modified; please apply your changes to the latest version and try again");
        answer_done(&a);
}

static void keeps_the_version_when_nothing_changes(void **state) {
        struct fixture *f = *state;
        const char *same = "{\"metadata\":{\"name\":\"c\"},\"data\":{\"a\":\"1\"}}";
        struct answer a = fixture_ask(f, "POST", "/api/v1/namespaces/default/configmaps", same);
        struct answer b = fixture_ask(f, "PUT", "/api/v1/namespaces/default/configmaps/c", same);

        assert_int_equal(b.status, 200);
        assert_string_equal(tree_at(a.tree, "metadata.resourceVersion"),
                            tree_at(b.tree, "metadata.resourceVersion"));
        answer_done(&a);
        answer_done(&b);
}

static void explains_what_is_invalid(void **state) {
        struct fixture *f = *state;

        struct answer a = fixture_ask(
                f, "POST", "/apis/apps/v1/namespaces/default/deployments",
                "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":-1,\"selector\":{"
                "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"
                "\"b\"}},"
                "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");

        assert_int_equal(a.status, 422);
        assert_string_equal(tree_at(a.tree, "reason"), "Invalid");
        assert_non_null(
                strstr(tree_at(a.tree, "message"),
                       "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: -1"));
        assert_string_equal(tree_at(a.tree, "details.causes.0.reason"), "FieldValueInvalid");
        assert_string_equal(tree_at(a.tree, "details.causes.0.field"), "spec.replicas");
        assert_string_equal(tree_at(a.tree, "details.kind"), "Deployment");
        answer_done(&a);
}

static void treats_unknown_fields_as_asked(void **state) {
        struct fixture *f = *state;
        const char *body = "{\"metadata\":{\"name\":\"c\"},\"bogus\":1}";
        const char *path = "/api/v1/namespaces/default/configmaps";
        struct answer a;

        a = fixture_ask(f, "POST", "/api/v1/namespaces/default/configmaps?fieldValidation=Strict",
                        body);
        assert_int_equal(a.status, 400);
        assert_string_equal(tree_at(a.tree, "message"),
                            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict "
                            "decoding error: unknown field \"bogus\"");
        answer_done(&a);
        a = fixture_ask(f, "POST", path, body);
        assert_int_equal(a.status, 201);
        assert_string_equal(a.warning, "299 - \"unknown field \\\"bogus\\\"\"");
        assert_null(strstr(a.text, "bogus"));
        answer_done(&a);
        a = fixture_ask(f, "PUT", "/api/v1/namespaces/default/configmaps/c?fieldValidation=Ignore",
                        body);
        assert_int_equal(a.n_warnings, 0);
        answer_done(&a);
}

static void a_dry_run_stores_nothing(void **state) {
        struct fixture *f = *state;
        const char *service =
                "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}";
        struct answer a, b;

        a = fixture_ask(f, "POST", "/api/v1/namespaces/default/services?dryRun=All", service);
        fixture_do(f, "GET", "/api/v1/namespaces/default/services/s", NULL, 404);
        b = fixture_ask(f, "POST", "/api/v1/namespaces/default/services", service);

        assert_int_equal(a.status, 201);
        assert_int_equal(b.status, 201);
        assert_string_not_equal(tree_at(b.tree, "spec.clusterIP"), "");
        answer_done(&a);
        answer_done(&b);
}

static void service_addresses_are_unique_and_given_back(void **state) {
        struct fixture *f = *state;
        const char *path = "/api/v1/namespaces/default/services";
        const char *fixed = "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"clusterIP\":\"10.96.0.77\","
                            "\"ports\":[{\"port\":80}]}}";
        const char *again = "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"clusterIP\":\"10.96.0.77\","
                            "\"ports\":[{\"port\":80}]}}";
        struct answer a;
        fixture_do(f, "POST", path, fixed, 201);
        fixture_restart(f);

        a = fixture_ask(f, "POST", path, again);
        assert_int_equal(a.status, 422);
        assert_non_null(strstr(a.text, "provided IP is already allocated"));
        answer_done(&a);

        fixture_do(f, "DELETE", "/api/v1/namespaces/default/services/b", NULL, 200);
        fixture_do(f, "POST", path, again, 201);
}

static void a_replaced_service_keeps_what_it_was_given(void **state) {
        struct fixture *f = *state;
        const char *first = "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIP\":\"10.96.0.77\","
                            "\"ports\":[{\"port\":80}]}}";
        const char *second =
                "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"clusterIP\":\"\",\"ports\":"
                "[{\"port\":81}]}}";
        struct answer a;
        fixture_do(f, "POST", SERVICES, first, 201);

        a = fixture_ask(f, "PUT", SERVICES "/s", second);

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "spec.clusterIP"), "10.96.0.77");
        assert_string_equal(tree_at(a.tree, "spec.clusterIPs.0"), "10.96.0.77");
        assert_string_equal(tree_at(a.tree, "spec.ipFamilies.0"), "IPv4");
        assert_string_equal(tree_at(a.tree, "spec.ipFamilyPolicy"), "SingleStack");
        answer_done(&a);
}

/* The node port of a service's first port; 0: none. */
static json_int_t node_port(const struct answer *a) {
        const json_t *ports = json_object_get(json_object_get(a->tree, "spec"), "ports");

        return json_integer_value(json_object_get(json_array_get(ports, 0), "nodePort"));
}

static const char *service_json(const char *name, const char *type, const char *port) {
        static char text[256];

        (void) snprintf(text, sizeof(text),
                        "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"type\":\"%s\",\"ports\":[{"
                        "\"port\":80%s}]}}",
                        name, type, port);
        return text;
}

static void node_ports_are_given_and_kept(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", SERVICES, service_json("a", "NodePort", ""));
        struct answer b = fixture_ask(f, "POST", SERVICES, service_json("b", "LoadBalancer", ""));
        json_int_t first = node_port(&a);

        assert_in_range(first, 30000, 32767);
        assert_in_range(node_port(&b), 30000, 32767);
        assert_int_not_equal(first, node_port(&b));
        answer_done(&a);
        answer_done(&b);
        a = fixture_ask(f, "PUT", SERVICES "/a", service_json("a", "NodePort", ""));
        assert_int_equal(node_port(&a), first);
        answer_done(&a);
        fixture_send(f, "PATCH", SERVICES "/a", "application/merge-patch+json",
                     "{\"spec\":{\"type\":\"ClusterIP\"}}", &a);
        fixture_run(f, 0);
        assert_int_equal(a.status, 200);
        assert_int_equal(node_port(&a), 0);
        assert_string_equal(tree_at(a.tree, "spec.externalTrafficPolicy"), "");
        answer_done(&a);
}

static void node_ports_are_taken_once(void **state) {
        struct fixture *f = *state;
        struct answer a, b;

        fixture_send(f, "POST", SERVICES, JSON,
                     service_json("a", "NodePort", ",\"nodePort\":30200"), &a);
        fixture_send(f, "POST", SERVICES, JSON,
                     service_json("b", "NodePort", ",\"nodePort\":30200"), &b);
        fixture_run(f, 0);

        assert_int_equal(a.status, 201);
        assert_int_equal(b.status, 422);
        assert_string_equal(tree_at(b.tree, "details.causes.0.field"), "spec.ports[0].nodePort");
        assert_string_equal(tree_at(b.tree, "details.causes.0.message"),
                            "Invalid value: 30200: provided port is already allocated");
        answer_done(&a);
        answer_done(&b);
        fixture_restart(f);
        fixture_do(f, "POST", SERVICES, service_json("b", "NodePort", ",\"nodePort\":30200"), 422);
        fixture_do(f, "POST", SERVICES, service_json("b", "NodePort", ",\"nodePort\":80"), 422);
        fixture_do(f, "DELETE", SERVICES "/a", NULL, 200);
        fixture_do(f, "POST", SERVICES, service_json("b", "NodePort", ",\"nodePort\":30200"), 201);
}

static void empty_maps_of_metadata_are_not_kept(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(
                f, "POST", CONFIGS,
                "{\"metadata\":{\"name\":\"a\",\"labels\":{\"k\":\"v\"}},\"data\":{\"x\":\"y\"}}",
                201);

        fixture_send(
                f, "PATCH", CONFIGS "/a", "application/merge-patch+json",
                "{\"metadata\":{\"labels\":{\"k\":null},\"annotations\":{}},\"data\":{\"x\":null}}",
                &a);
        fixture_run(f, 0);

        assert_int_equal(a.status, 200);
        assert_null(json_object_get(json_object_get(a.tree, "metadata"), "labels"));
        assert_null(json_object_get(json_object_get(a.tree, "metadata"), "annotations"));
        assert_null(json_object_get(a.tree, "data"));
        answer_done(&a);
}

static void names_of_finalizers_are_checked(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", CONFIGS,
                                      "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"a b\"]}}");

        assert_int_equal(a.status, 422);
        assert_string_equal(tree_at(a.tree, "details.causes.0.field"), "metadata.finalizers[0]");
        answer_done(&a);
        fixture_do(f, "POST", CONFIGS,
                   "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"orphan\",\"example.com/a\"]}}",
                   201);
}

static void paths_and_queries_must_be_utf8(void **state) {
        struct fixture *f = *state;

        fixture_do(f, "GET", CONFIGS "/%ff", NULL, 400);
        fixture_do(f, "GET", CONFIGS "?labelSelector=%c3%28", NULL, 400);
        fixture_do(f, "GET", CONFIGS "/%c3%a4", NULL, 404);
}

static void generation_counts_changes_of_the_spec(void **state) {
        struct fixture *f = *state;
        const char *path = "/apis/apps/v1/namespaces/default/deployments/d";
        struct answer a;
        fixture_do(f, "POST", "/apis/apps/v1/namespaces/default/deployments",
                   "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{"
                   "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":"
                   "\"b\"}},"
                   "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
                   201);

        a = fixture_patch(f, path, "application/merge-patch+json",
                          "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(a.tree, "metadata"),
                                                            "generation")),
                         1);
        answer_done(&a);
        a = fixture_patch(f, path, "application/merge-patch+json",
                          "{\"spec\":{\"replicas\":3},\"status\":{\"replicas\":9}}");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(a.tree, "metadata"),
                                                            "generation")),
                         2);
        assert_null(json_object_get(json_object_get(a.tree, "status"), "replicas"));
        answer_done(&a);
        a = fixture_patch(f, "/apis/apps/v1/namespaces/default/deployments/d/status",
                          "application/merge-patch+json",
                          "{\"spec\":{\"replicas\":7},\"status\":{\"replicas\":3}}");
        assert_int_equal(a.status, 200);
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(a.tree, "spec"), "replicas")),
                3);
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(a.tree, "status"), "replicas")),
                3);
        answer_done(&a);
        a = fixture_patch(f, "/apis/apps/v1/namespaces/default/deployments/d/scale",
                          "application/merge-patch+json", "{\"spec\":{\"replicas\":5}}");
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "kind"), "Scale");
        assert_string_equal(tree_at(a.tree, "status.selector"), "a=b");
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(a.tree, "spec"), "replicas")),
                5);
        answer_done(&a);
}

static void refuses_unknown_patch_types(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);

        a = fixture_patch(f, PODS "/web", "text/plain", "{}");

        assert_int_equal(a.status, 415);
        answer_done(&a);
}

static void a_bound_pod_waits_for_its_node(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);
        fixture_do(f, "POST", PODS "/web/binding", "{\"target\":{\"name\":\"n1\"}}", 201);
        fixture_do(f, "POST", PODS "/web/binding", "{\"target\":{\"name\":\"n2\"}}", 409);

        a = fixture_ask(f, "DELETE", PODS "/web?gracePeriodSeconds=5", NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "metadata.deletionTimestamp"), "2027-01-15T08:00:05Z");
        answer_done(&a);
        fixture_do(f, "GET", PODS "/web", NULL, 200);

        a = fixture_ask(f, "DELETE", PODS "/web", "{\"gracePeriodSeconds\":0}");
        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "status"), "Success");
        assert_string_not_equal(tree_at(a.tree, "details.uid"), "");
        answer_done(&a);
        fixture_do(f, "GET", PODS "/web", NULL, 404);
}

static void a_pod_is_bound_by_the_name_in_a_binding(void **state) {
        static const char BINDINGS[] = "/api/v1/namespaces/default/bindings";
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);

        a = fixture_ask(
                f, "POST", BINDINGS,
                "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"web\"},"
                "\"target\":{\"kind\":\"Node\",\"name\":\"n1\"}}");

        assert_int_equal(a.status, 201);
        assert_string_equal(tree_at(a.tree, "status"), "Success");
        answer_done(&a);
        a = fixture_ask(f, "GET", PODS "/web", NULL);
        assert_string_equal(tree_at(a.tree, "spec.nodeName"), "n1");
        answer_done(&a);
        fixture_do(f, "POST", BINDINGS,
                   "{\"metadata\":{\"name\":\"gone\"},\"target\":{\"name\":\"n1\"}}", 404);
        fixture_do(f, "POST", BINDINGS, "{\"target\":{\"name\":\"n1\"}}", 422);
        fixture_do(f, "POST", "/api/v1/bindings",
                   "{\"metadata\":{\"name\":\"web\"},\"target\":{\"name\":\"n1\"}}", 405);
        fixture_do(f, "GET", BINDINGS, NULL, 405);
}

/* What Kubernetes' decoder can't read is a bad request, not an invalid object. */
static void malformed_values_are_bad_requests(void **state) {
        static const struct {
                const char *url, *body, *message;
        } cases[] = {
                { "/api/v1/namespaces/default/secrets",
                  "{\"metadata\":{\"name\":\"s\"},\"data\":{\"a\":\"*\"}}",
                  "Secret in version \"v1\" cannot be handled as a Secret: data[a]: illegal base64 "
                  "data" },
                { "/api/v1/namespaces/default/events",
                  "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"namespace\":\"default\"},"
                  "\"firstTimestamp\":\"noon\"}",
                  "Event in version \"v1\" cannot be handled as a Event: firstTimestamp: Invalid "
                  "value: \"noon\": must be an RFC 3339 time" },
                { "/api/v1/namespaces/default/resourcequotas",
                  "{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"cpu\":\"much\"}}}",
                  "quantities must match the regular expression" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct answer a = fixture_ask(f, "POST", cases[i].url, cases[i].body);

                if (a.status != 400 || !strstr(tree_at(a.tree, "message"), cases[i].message))
                        fail_msg("%s", a.text);
                assert_string_equal(tree_at(a.tree, "reason"), "BadRequest");
                answer_done(&a);
        }
}

static void finalizers_hold_an_object(void **state) {
        struct fixture *f = *state;
        const char *path = "/api/v1/namespaces/default/configmaps/c";
        struct answer a;
        fixture_do(f, "POST", "/api/v1/namespaces/default/configmaps",
                   "{\"metadata\":{\"name\":\"c\",\"finalizers\":[\"example.com/hold\"]}}", 201);

        fixture_do(f, "DELETE", path, NULL, 200);
        a = fixture_ask(f, "GET", path, NULL);
        assert_string_not_equal(tree_at(a.tree, "metadata.deletionTimestamp"), "");
        answer_done(&a);
        a = fixture_patch(
                f, path, "application/merge-patch+json",
                "{\"metadata\":{\"finalizers\":[\"example.com/hold\",\"example.com/more\"]}}");
        assert_int_equal(a.status, 422);
        answer_done(&a);
        fixture_do(f, "PUT", path, "{\"metadata\":{\"name\":\"c\"}}", 200);
        fixture_do(f, "GET", path, NULL, 404);
}

static void foreground_deletion_leaves_a_marker(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", "/api/v1/namespaces/default/configmaps",
                   "{\"metadata\":{\"name\":\"c\"}}", 201);

        a = fixture_ask(f, "DELETE", "/api/v1/namespaces/default/configmaps/c",
                        "{\"propagationPolicy\":\"Foreground\"}");

        assert_int_equal(a.status, 200);
        assert_string_equal(tree_at(a.tree, "metadata.finalizers.0"), "foregroundDeletion");
        answer_done(&a);
}

static void preconditions_protect_a_successor(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", PODS, pod_json("web", ""), 201);

        fixture_do(f, "DELETE", PODS "/web", "{\"preconditions\":{\"uid\":\"other\"}}", 409);
        fixture_do(f, "GET", PODS "/web", NULL, 200);
}

static void a_collection_goes_by_its_selector(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", PODS, pod_json("a", "\"app\":\"x\""), 201);
        fixture_do(f, "POST", PODS, pod_json("b", "\"app\":\"x\""), 201);
        fixture_do(f, "POST", PODS, pod_json("c", ""), 201);

        fixture_do(f, "DELETE", PODS "?labelSelector=app%3Dx", NULL, 200);

        fixture_do(f, "GET", PODS "/a", NULL, 404);
        fixture_do(f, "GET", PODS "/b", NULL, 404);
        fixture_do(f, "GET", PODS "/c", NULL, 200);
}

static void a_namespace_goes_when_it_is_finalized(void **state) {
        struct fixture *f = *state;
        struct answer a;
        fixture_do(f, "POST", "/api/v1/namespaces", "{\"metadata\":{\"name\":\"n\"}}", 201);

        a = fixture_ask(f, "DELETE", "/api/v1/namespaces/n", NULL);
        assert_string_equal(tree_at(a.tree, "status.phase"), "Terminating");
        answer_done(&a);
        a = fixture_ask(f, "POST", "/api/v1/namespaces/n/pods", pod_json("web", ""));
        assert_int_equal(a.status, 403);
        assert_string_equal(tree_at(a.tree, "details.causes.0.reason"), "NamespaceTerminating");
        answer_done(&a);
        fixture_do(f, "PUT", "/api/v1/namespaces/n/finalize",
                   "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"finalizers\":[]}}", 200);
        fixture_do(f, "GET", "/api/v1/namespaces/n", NULL, 404);
        fixture_do(f, "DELETE", "/api/v1/namespaces/default", NULL, 403);
}

static void objects_survive_a_restart(void **state) {
        struct fixture *f = *state;
        struct answer a = fixture_ask(f, "POST", PODS, pod_json("web", "")), b;
        uint64_t revision = registry_revision(f->registry);

        fixture_restart(f);
        b = fixture_ask(f, "GET", PODS "/web", NULL);

        assert_string_equal(a.text, b.text);
        assert_true(registry_revision(f->registry) >= revision);
        answer_done(&a);
        answer_done(&b);
}

static void bad_bodies_are_refused(void **state) {
        struct fixture *f = *state;
        fixture_do(f, "POST", PODS, "{", 400);
        fixture_do(f, "POST", PODS, "[]", 400);
        fixture_do(f, "POST", PODS, NULL, 400);
        fixture_do(f, "POST", PODS, "{\"kind\":\"Service\"}", 400);
        fixture_do(f, "POST", PODS, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"}}", 400);
        fixture_do(f, "POST", PODS, "{\"metadata\":7}", 422);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(starts_with_its_default_objects),
                TEST(stamps_and_defaults_a_new_object),
                TEST(refuses_a_second_object_of_the_name),
                TEST(two_writers_of_one_name_take_turns),
                TEST(answers_only_when_the_store_has_it),
                TEST(makes_up_a_name),
                TEST(says_what_is_not_there),
                TEST(refuses_a_stale_version),
                TEST(keeps_the_version_when_nothing_changes),
                TEST(explains_what_is_invalid),
                TEST(treats_unknown_fields_as_asked),
                TEST(a_dry_run_stores_nothing),
                TEST(service_addresses_are_unique_and_given_back),
                TEST(a_replaced_service_keeps_what_it_was_given),
                TEST(node_ports_are_given_and_kept),
                TEST(node_ports_are_taken_once),
                TEST(empty_maps_of_metadata_are_not_kept),
                TEST(names_of_finalizers_are_checked),
                TEST(paths_and_queries_must_be_utf8),
                TEST(generation_counts_changes_of_the_spec),
                TEST(refuses_unknown_patch_types),
                TEST(a_bound_pod_waits_for_its_node),
                TEST(a_pod_is_bound_by_the_name_in_a_binding),
                TEST(malformed_values_are_bad_requests),
                TEST(finalizers_hold_an_object),
                TEST(foreground_deletion_leaves_a_marker),
                TEST(preconditions_protect_a_successor),
                TEST(a_collection_goes_by_its_selector),
                TEST(a_namespace_goes_when_it_is_finalized),
                TEST(objects_survive_a_restart),
                TEST(bad_bodies_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
