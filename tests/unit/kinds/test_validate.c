#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "api/kinds/workload.h"
#include "tests/unit/kinds/fixture.h"

/* A change to a good object, and what is to be said about it. */
static const char service[] = "{'apiVersion':'v1','kind':'Service','metadata':{'name':'web'},"
                              "'spec':{'ports':[{'port':80}],'selector':{'app':'web'}}}";

static const struct wrong wrong_pods[] = {
        { "metadata/name", "'Web'", "metadata.name",
          "Invalid value: \"Web\": a lowercase RFC 1123 subdomain must consist of" },
        { "metadata/name", "''", "metadata.name",
          "Required value: name or generateName is required" },
        { "metadata/labels", "{'a b':'c'}", "metadata.labels",
          "Invalid value: \"a b\": name part must consist of" },
        { "metadata/labels", "{'a':'c d'}", "metadata.labels[a]",
          "Invalid value: \"c d\": a valid label must be" },
        { "metadata/creationTimestamp", "'yesterday'", "metadata.creationTimestamp",
          "Invalid value: \"yesterday\": must be an RFC 3339 time" },
        { "spec/containers", "[]", "spec.containers", "Required value" },
        { "spec/containers", NULL, "spec.containers", "Required value" },
        { "spec/containers", "'x'", "spec.containers", "Invalid value: \"x\": must be a list" },
        { "spec/containers", "[{'name':'c','image':'i'},{'name':'c','image':'i'}]",
          "spec.containers[1].name", "Duplicate value: \"c\"" },
        { "spec/containers/0/name", "'C_1'", "spec.containers[0].name",
          "Invalid value: \"C_1\": a lowercase RFC 1123 label" },
        { "spec/containers/0/image", NULL, "spec.containers[0].image", "Required value" },
        { "spec/containers/0/image", "' x'", "spec.containers[0].image",
          "Invalid value: \" x\": must not have leading or trailing whitespace" },
        { "spec/containers/0/continers", "1", "spec.containers[0].continers", "unknown field" },
        { "spec/containers/0/ports", "[{'containerPort':0}]",
          "spec.containers[0].ports[0].containerPort",
          "Invalid value: 0: must be between 1 and 65535, inclusive" },
        { "spec/containers/0/ports", "[{'containerPort':80,'protocol':'tcp'}]",
          "spec.containers[0].ports[0].protocol",
          "Unsupported value: \"tcp\": supported values: \"TCP\", \"UDP\", \"SCTP\"" },
        { "spec/containers/0/ports",
          "[{'containerPort':80,'name':'a'},{'containerPort':81,'name':'a'}]",
          "spec.containers[0].ports[1].name", "Duplicate value: \"a\"" },
        { "spec/containers/0/ports",
          "[{'containerPort':53,'protocol':'UDP'},{'containerPort':53,'protocol':'TCP'}]", NULL,
          NULL },
        { "spec/containers/0/resources", "{'requests':{'cpu':'2'},'limits':{'cpu':'1'}}",
          "spec.containers[0].resources.requests",
          "Invalid value: \"2\": must be less than or equal to cpu limit of 1" },
        { "spec/containers/0/resources", "{'limits':{'memory':'64MB'}}",
          "spec.containers[0].resources.limits[memory]",
          "Invalid value: \"64MB\": quantities must match" },
        { "spec/containers/0/resources", "{'limits':{'memory':'-1'}}",
          "spec.containers[0].resources.limits[memory]",
          "Invalid value: \"-1\": must be greater than or equal to 0" },
        { "spec/containers/0/resources", "{'limits':{'cores':'1'}}",
          "spec.containers[0].resources.limits[cores]",
          "Invalid value: \"cores\": must be a standard resource" },
        { "spec/containers/0/livenessProbe", "{'periodSeconds':5}",
          "spec.containers[0].livenessProbe", "Required value: must specify a handler type" },
        { "spec/containers/0/livenessProbe", "{'exec':{'command':['x']},'tcpSocket':{'port':1}}",
          "spec.containers[0].livenessProbe",
          "Forbidden: may not specify more than 1 handler type" },
        { "spec/containers/0/livenessProbe", "{'tcpSocket':{'port':1},'successThreshold':2}",
          "spec.containers[0].livenessProbe.successThreshold", "Invalid value: 2: must be 1" },
        { "spec/containers/0/readinessProbe", "{'httpGet':{'port':'http'},'successThreshold':2}",
          NULL, NULL },
        { "spec/containers/0/readinessProbe", "{'httpGet':{'port':'http'},'periodSeconds':0}",
          "spec.containers[0].readinessProbe.periodSeconds",
          "Invalid value: 0: must be greater than or equal to 1" },
        { "spec/containers/0/volumeMounts", "[{'name':'v','mountPath':'/x'}]",
          "spec.containers[0].volumeMounts[0].name", "Not found: \"v\"" },
        { "spec/containers/0/env", "[{'name':'a=b','value':'x'}]", "spec.containers[0].env[0].name",
          "Invalid value: \"a=b\": a valid environment" },
        { "spec/containers/0/env", "[{'name':'A','value':1}]", "spec.containers[0].env[0].value",
          "Invalid value: 1: must be a string; put it in quotes" },
        { "spec/containers/0/env",
          "[{'name':'A','value':'x','valueFrom':{'fieldRef':{'fieldPath':'status.podIP'}}}"
          "]",
          "spec.containers[0].env[0].valueFrom",
          "Invalid value: \"\": may not be specified when `value` is not empty" },
        { "spec/containers/0/env", "[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'spec.x'}}}]",
          "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath", "Invalid value: \"spec.x\"" },
        { "spec/initContainers", "[{'name':'c','image':'i'}]", "spec.initContainers[0].name",
          "Duplicate value: \"c\"" },
        { "spec/initContainers",
          "[{'name':'i','image':'i','readinessProbe':{'tcpSocket':{'port':1}}}]",
          "spec.initContainers[0].readinessProbe", "Forbidden: may not be set for init" },
        { "spec/initContainers",
          "[{'name':'i','image':'i','restartPolicy':'Always','readinessProbe':"
          "{'tcpSocket':{'port':1}}}]",
          NULL, NULL },
        { "spec/volumes", "[{'name':'v','emptyDir':{},'hostPath':{'path':'/'}}]", "spec.volumes[0]",
          "Forbidden: may not specify more than 1 volume type" },
        { "spec/volumes", "[{'name':'v','configMap':{}}]", "spec.volumes[0].configMap.name",
          "Required value" },
        { "spec/volumes", "[{'name':'v','persistentVolumeClaim':{'claimName':'x'}}]",
          "spec.volumes[0].persistentVolumeClaim", "kept but not acted on" },
        { "spec/restartPolicy", "'always'", "spec.restartPolicy",
          "Unsupported value: \"always\": supported values: \"Always\", \"OnFailure\"" },
        { "spec/tolerations", "[{'operator':'Equal'}]", "spec.tolerations[0].operator",
          "Invalid value: \"Equal\": operator must be Exists when `key` is empty" },
        { "spec/affinity", "{'podAffinity':{}}", "spec.affinity", "kept but not acted on" },
        { "spec/affinity", "{}", NULL, NULL },
        { "spec/affinity", "null", NULL, NULL },
        { "spec/dnsPolicy", "'None'", "spec.dnsConfig.nameservers", "Required value: must" },
        { "spec/terminationGracePeriodSeconds", "-1", "spec.terminationGracePeriodSeconds",
          "Invalid value: -1: must be greater than or equal to 0" },
        { "spec/terminationGracePeriodSeconds", "'3'", "spec.terminationGracePeriodSeconds",
          "Invalid value: \"3\": must be an integer" },
        { "status", "{}", NULL, NULL },
};

static void pods_are_checked_as_kubernetes_does(void **state) {
        (void) state;

        fixture_assert_findings(FIXTURE_POD, &pod_kind, wrong_pods, ARRAY_SIZE(wrong_pods));
}

static void deployments_are_checked_as_kubernetes_does(void **state) {
        static const struct wrong cases[] = {
                { "spec/replicas", "-1", "spec.replicas",
                  "Invalid value: -1: must be greater than or equal to 0" },
                { "spec/replicas", "'3'", "spec.replicas",
                  "Invalid value: \"3\": must be an integer" },
                { "spec/selector", NULL, "spec.selector", "Required value" },
                { "spec/selector", "{}", "spec.selector", "Invalid value: {}: empty selector" },
                { "spec/selector", "{'matchLabels':{'app':'api'}}", "spec.template.metadata.labels",
                  "Invalid value: `selector` does not match template `labels`" },
                { "spec/selector", "{'matchExpressions':[{'key':'app','operator':'In'}]}",
                  "spec.selector.matchExpressions[0].values", "Required value" },
                { "spec/selector", "{'matchExpressions':[{'key':'app','operator':'Exists'}]}", NULL,
                  NULL },
                { "spec/template/spec/restartPolicy", "'Never'", "spec.template.spec.restartPolicy",
                  "Unsupported value: \"Never\": supported values: \"Always\"" },
                { "spec/strategy", "{'type':'Recreate','rollingUpdate':{}}",
                  "spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy" },
                { "spec/strategy", "{'rollingUpdate':{'maxSurge':0,'maxUnavailable':'0%'}}",
                  "spec.strategy.rollingUpdate.maxUnavailable",
                  "Invalid value: 0: may not be 0 when `maxSurge` is 0" },
                { "spec/strategy", "{'rollingUpdate':{'maxSurge':'x'}}",
                  "spec.strategy.rollingUpdate.maxSurge", "Invalid value: \"x\": a valid percent" },
                { "spec/strategy", "{'rollingUpdate':{'maxUnavailable':'101%'}}",
                  "spec.strategy.rollingUpdate.maxUnavailable",
                  "Invalid value: \"101%\": must not be greater than 100%" },
                { "spec/progressDeadlineSeconds", "0", "spec.progressDeadlineSeconds",
                  "Invalid value: 0: must be greater than minReadySeconds" },
        };
        (void) state;

        fixture_assert_findings(FIXTURE_DEPLOYMENT, &deployment_kind, cases, ARRAY_SIZE(cases));
}

static void services_are_checked_as_kubernetes_does(void **state) {
        static const struct wrong cases[] = {
                { "metadata/name", "'1web'", "metadata.name",
                  "Invalid value: \"1web\": a DNS-1035 label" },
                { "spec/ports", NULL, "spec.ports", "Required value" },
                { "spec/ports", "[{'port':80},{'port':81}]", "spec.ports[0].name",
                  "Required value" },
                { "spec/ports", "[{'name':'a','port':80},{'name':'a','port':81}]",
                  "spec.ports[1].name", "Duplicate value: \"a\"" },
                { "spec/ports", "[{'name':'a','port':80},{'name':'b','port':80}]", "spec.ports[1]",
                  "Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}" },
                { "spec/ports", "[{'port':80,'nodePort':30000}]", "spec.ports[0].nodePort",
                  "Forbidden: may not be used when `type` is 'ClusterIP'" },
                { "spec/ports", "[{'port':80,'targetPort':'web_port'}]", "spec.ports[0].targetPort",
                  "Invalid value: \"web_port\": must contain only" },
                { "spec/clusterIP", "'10.0.0'", "spec.clusterIP",
                  "Invalid value: \"10.0.0\": must be a valid IP address" },
                { "spec/clusterIP", "'None'", NULL, NULL },
                { "spec/type", "'ExternalName'", "spec.externalName", "Required value" },
        };
        (void) state;

        fixture_assert_findings(service, &service_kind, cases, ARRAY_SIZE(cases));
}

static void all_findings_come_at_once_with_suggestions(void **state) {
        json_t *tree = fixture_tree(FIXTURE_DEPLOYMENT);
        struct diags d = { 0 };
        (void) state;

        fixture_set(tree, "spec/replica", "1");
        fixture_set(tree, "spec/replicas", "-1");
        fixture_set(tree, "spec/template/spec/containers/0/imagePullPolicy", "'always'");
        assert_int_equal(kind_validate(&deployment_kind, tree, 0, &d), 0);

        assert_int_equal(d.n_errors, 3);
        assert_string_equal(fixture_finding(&d, "spec.replica")->hint,
                            "did you mean \"replicas\"?");
        assert_string_equal(
                fixture_finding(&d, "spec.template.spec.containers[0].imagePullPolicy")->hint,
                "did you mean \"Always\"?");
        diags_done(&d);
        json_decref(tree);
}

static void unknown_fields_may_be_warnings_and_pruned(void **state) {
        json_t *tree = fixture_tree(FIXTURE_POD);
        struct diags d = { 0 };
        (void) state;

        fixture_set(tree, "spec/bogus", "1");
        assert_int_equal(kind_validate(&pod_kind, tree, SCHEMA_ALLOW_UNKNOWN, &d), 0);
        assert_int_equal(d.n_errors, 0);
        assert_int_equal(d.n, 1);
        assert_int_equal(d.items[0].reason, DIAG_UNKNOWN);

        assert_int_equal(schema_prune(&pod_schema, tree), 0);

        assert_null(json_object_get(json_object_get(tree, "spec"), "bogus"));
        assert_non_null(json_object_get(json_object_get(tree, "spec"), "containers"));
        diags_done(&d);
        json_decref(tree);
}

static struct object *object_of(const char *quoted, const char *path, const char *value) {
        json_t *tree = fixture_tree(quoted);
        struct object *o = NULL;

        if (path)
                fixture_set(tree, path, value);
        assert_int_equal(object_new_from_json(NULL, tree, false, &o, NULL), 0);
        json_decref(tree);
        return o;
}

static void what_may_not_change_is_guarded(void **state) {
        static const struct {
                const char *good, *path, *value, *field;
        } cases[] = {
                { FIXTURE_POD, "spec/containers/0/image", "'web:2'", NULL },
                { FIXTURE_POD, "spec/nodeName", "'n1'", NULL },
                { FIXTURE_POD, "spec/hostname", "'x'", "spec" },
                { FIXTURE_POD, "spec/containers", "[{'name':'d','image':'web:1'}]", "spec" },
                { FIXTURE_POD, "metadata/name", "'x'", "metadata.name" },
                { FIXTURE_DEPLOYMENT, "spec/replicas", "7", NULL },
                { FIXTURE_DEPLOYMENT, "spec/selector", "{'matchLabels':{'a':'b'}}",
                  "spec.selector" },
                { "{'apiVersion':'v1','kind':'Service','metadata':{'name':'s'},'spec':{'clusterIP':"
                  "'10.0.0.1'}}",
                  "spec/clusterIP", "'10.0.0.2'", "spec.clusterIP" },
                { "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'s'},'type':'a'}", "type",
                  "'b'", "type" },
                { "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'s'},'immutable':true,"
                  "'data':{'a':'1'}}",
                  "data", "{'a':'2'}", "data" },
                { "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'s'},'data':{'a':'1'}}",
                  "data", "{'a':'2'}", NULL },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO(object) struct object *old = object_of(cases[i].good, NULL, NULL);
                AUTO(object)
                struct object *fresh = object_of(cases[i].good, cases[i].path, cases[i].value);
                struct diags d = { 0 };

                kind_validate_update(old->kind, old, fresh, &d);

                if (cases[i].field)
                        assert_non_null(fixture_finding(&d, cases[i].field));
                else
                        assert_int_equal(d.n, 0);
                diags_done(&d);
        }
}

static void defaults_are_those_of_kubernetes(void **state) {
        static const char good[] =
                "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'web','creationTimestamp':null}"
                ","
                "'spec':{'containers':[{'name':'c','image':'reg:5000/web','resources':{'limits':"
                "{'memory':'1024Mi'},'requests':{'cpu':0.5}},'readinessProbe':{'httpGet':{'port':1}"
                "}},"
                "{'name':'d','image':'web@sha256:0'}],'volumes':[{'name':'v'},{'name':'w','secret':"
                "{'secretName':'s'}}]}}";
        static const char full[] =
                "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'web'},'spec':{'containers':["
                "{'name':'c','image':'reg:5000/"
                "web','resources':{'limits':{'memory':'1Gi'},'requests':"
                "{'cpu':'500m','memory':'1Gi'}},'readinessProbe':{'httpGet':{'port':1,'path':'/',"
                "'scheme':'HTTP'},'timeoutSeconds':1,'periodSeconds':10,'successThreshold':1,"
                "'failureThreshold':3},'terminationMessagePath':'/dev/termination-log',"
                "'terminationMessagePolicy':'File','imagePullPolicy':'Always'},{'name':'d','image':"
                "'web@sha256:0','terminationMessagePath':'/dev/termination-log',"
                "'terminationMessagePolicy':'File','resources':{},'imagePullPolicy':'IfNotPresent'}"
                "],"
                "'volumes':[{'name':'v','emptyDir':{}},{'name':'w','secret':{'secretName':'s',"
                "'defaultMode':420}}],'restartPolicy':'Always','terminationGracePeriodSeconds':30,"
                "'dnsPolicy':'ClusterFirst','schedulerName':'default-scheduler',"
                "'enableServiceLinks':true,'securityContext':{}}}";
        json_t *tree = fixture_tree(good), *expected = fixture_tree(full);
        (void) state;

        assert_int_equal(kind_default(&pod_kind, tree, NULL), 0);
        if (!json_equal(tree, expected))
                fail_msg("%s", json_dumps(tree, JSON_COMPACT));
        assert_int_equal(kind_default(&pod_kind, tree, NULL), 0);

        assert_true(json_equal(tree, expected));
        json_decref(tree);
        json_decref(expected);
}

static void a_service_gets_its_target_ports(void **state) {
        json_t *tree = fixture_tree(service), *port;
        (void) state;

        assert_int_equal(kind_default(&service_kind, tree, NULL), 0);
        port = json_array_get(json_object_get(json_object_get(tree, "spec"), "ports"), 0);

        assert_int_equal(json_integer_value(json_object_get(port, "targetPort")), 80);
        assert_string_equal(json_string_value(json_object_get(port, "protocol")), "TCP");
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(tree, "spec"), "type")),
                "ClusterIP");
        json_decref(tree);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pods_are_checked_as_kubernetes_does),
                cmocka_unit_test(deployments_are_checked_as_kubernetes_does),
                cmocka_unit_test(services_are_checked_as_kubernetes_does),
                cmocka_unit_test(all_findings_come_at_once_with_suggestions),
                cmocka_unit_test(unknown_fields_may_be_warnings_and_pruned),
                cmocka_unit_test(what_may_not_change_is_guarded),
                cmocka_unit_test(defaults_are_those_of_kubernetes),
                cmocka_unit_test(a_service_gets_its_target_ports),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
