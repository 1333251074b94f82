/* Kinds that are stored without a controller of orch's: defaults, checks and rows as Kubernetes has
 * them. */
#include "base/clock.h"
#include "tests/unit/kinds/fixture.h"

#define NOW "2026-01-02T00:00:00Z"

#define POD_TEMPLATE(policy)                                                                       \
        "{'metadata':{'labels':{'a':'b'}},'spec':{'restartPolicy':'" policy                        \
        "','containers':[{'name':'c','image':'i'}]}}"
#define OBJECT(version, kind) "{'apiVersion':'" version "','kind':'" kind "','metadata':{'name':'x'"
#define JOB OBJECT("batch/v1", "Job") "},'spec':{'template':" POD_TEMPLATE("Never")
#define CRON_JOB                                                                                   \
        OBJECT("batch/v1", "CronJob")                                                              \
        "},'spec':{'schedule':'*/5 * * * *','jobTemplate':{'spec':{'template':" POD_TEMPLATE(      \
                "OnFailure") "}}}}"
#define SET(kind)                                                                                  \
        OBJECT("apps/v1", kind)                                                                    \
        "},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':" POD_TEMPLATE("Always")
#define CLAIM                                                                                      \
        OBJECT("v1", "PersistentVolumeClaim")                                                      \
        "},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}}"
#define VOLUME                                                                                     \
        OBJECT("v1", "PersistentVolume")                                                           \
        "},'spec':{'accessModes':['ReadWriteOnce','ReadOnlyMany'],'capacity':{'storage':'5Gi'},"   \
        "'hostPath':{'path':'/x'}"
#define AUTOSCALER(version)                                                                        \
        OBJECT("autoscaling/" version, "HorizontalPodAutoscaler")                                  \
        "},'spec':{'scaleTargetRef':{'kind':'Deployment','name':'web'},'maxReplicas':3"
#define INGRESS(path)                                                                              \
        OBJECT("networking.k8s.io/v1", "Ingress")                                                  \
        "},'spec':{'ingressClassName':'n','tls':[{'hosts':['h']}],'rules':[{'host':'h','http':{"   \
        "'paths':[{'path':'" path                                                                  \
        "','pathType':'Prefix','backend':{'service':{'name':'s','port':{'number':80}}}}]}}]}}"
#define BUDGET(spec) OBJECT("policy/v1", "PodDisruptionBudget") "},'spec':{" spec "}}"

static const struct kind *kind_of(const json_t *tree) {
        const struct kind *k = kind_find(json_string_value(json_object_get(tree, "apiVersion")),
                                         json_string_value(json_object_get(tree, "kind")));

        assert_non_null(k);
        return k;
}

static json_t *at(json_t *tree, const char *path) {
        char name[128];

        while (tree && *path) {
                size_t n = strcspn(path, "/");

                assert_true(n < sizeof(name));
                memcpy(name, path, n);
                name[n] = '\0';
                tree = json_is_array(tree) ? json_array_get(tree, (size_t) atoi(name))
                                           : json_object_get(tree, name);
                path += n + (path[n] == '/');
        }
        return tree;
}

static const struct {
        const char *object, *path, *value;
} defaults[] = {
        { JOB "}}", "spec/completions", "1" },
        { JOB "}}", "spec/parallelism", "1" },
        { JOB "}}", "spec/backoffLimit", "6" },
        { JOB ",'backoffLimitPerIndex':1}}", "spec/backoffLimit", "2147483647" },
        { JOB "}}", "spec/completionMode", "'NonIndexed'" },
        { JOB "}}", "spec/suspend", "false" },
        { JOB "}}", "spec/podReplacementPolicy", "'TerminatingOrFailed'" },
        { JOB "}}", "spec/template/spec/dnsPolicy", "'ClusterFirst'" },
        { JOB ",'parallelism':4}}", "spec/completions", NULL },
        { JOB "}}", "metadata/labels", "{'a':'b'}" },
        { CRON_JOB, "spec/concurrencyPolicy", "'Allow'" },
        { CRON_JOB, "spec/successfulJobsHistoryLimit", "3" },
        { CRON_JOB, "spec/failedJobsHistoryLimit", "1" },
        { CRON_JOB, "spec/jobTemplate/spec/backoffLimit", "6" },
        { SET("StatefulSet") "}}", "spec/replicas", "1" },
        { SET("StatefulSet") "}}", "spec/podManagementPolicy", "'OrderedReady'" },
        { SET("StatefulSet") "}}", "spec/updateStrategy",
          "{'type':'RollingUpdate','rollingUpdate':{'partition':0}}" },
        { SET("StatefulSet") "}}", "spec/persistentVolumeClaimRetentionPolicy",
          "{'whenDeleted':'Retain','whenScaled':'Retain'}" },
        { SET("StatefulSet") ",'volumeClaimTemplates':[{'metadata':{'name':'d'},'spec':{}}]"
                             "}}",
          "spec/volumeClaimTemplates/0/spec/volumeMode", "'Filesystem'" },
        { SET("DaemonSet") "}}", "spec/updateStrategy",
          "{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':1,'maxSurge':0}}" },
        { SET("DaemonSet") "}}", "spec/revisionHistoryLimit", "10" },
        { CLAIM "}}", "spec/volumeMode", "'Filesystem'" },
        { CLAIM "}}", "status/phase", "'Pending'" },
        { VOLUME "}}", "spec/persistentVolumeReclaimPolicy", "'Retain'" },
        { VOLUME "}}", "spec/hostPath/type", "''" },
        { OBJECT("storage.k8s.io/v1", "StorageClass") "},'provisioner':'p'}", "volumeBindingMode",
          "'Immediate'" },
        { AUTOSCALER("v2") "}}", "spec/minReplicas", "1" },
        { AUTOSCALER("v2") "}}", "spec/metrics/0/resource/target/averageUtilization", "80" },
        { AUTOSCALER("v1") "}}", "spec/targetCPUUtilizationPercentage", "80" },
        { OBJECT("v1", "LimitRange") "},'spec':{'limits':[{'type':'Container','max':"
                                     "{'cpu':1},'min':{'memory':'1Mi'}}]}}",
          "spec/limits/0/default", "{'cpu':'1'}" },
        { OBJECT("v1", "LimitRange") "},'spec':{'limits':[{'type':'Container','max':"
                                     "{'cpu':1},'min':{'memory':'1Mi'}}]}}",
          "spec/limits/0/defaultRequest", "{'cpu':'1','memory':'1Mi'}" },
        { OBJECT("networking.k8s.io/v1", "NetworkPolicy") "},'spec':{'podSelector':{}}}",
          "spec/policyTypes", "['Ingress']" },
        { OBJECT("networking.k8s.io/v1",
                 "NetworkPolicy") "},'spec':{'podSelector':{},'egress':[{}]}}",
          "spec/policyTypes", "['Ingress','Egress']" },
        { OBJECT("scheduling.k8s.io/v1", "PriorityClass") "},'value':1}", "preemptionPolicy",
          "'PreemptLowerPriority'" },
        { OBJECT("v1", "Endpoints") "},'subsets':[{'addresses':[{'ip':'10.0.0.1'}],"
                                    "'ports':[{'port':80}]}]}",
          "subsets/0/ports/0/protocol", "'TCP'" },
};

static void defaults_are_those_of_kubernetes(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
                json_auto_t *tree = fixture_tree(defaults[i].object);
                AUTO_FREE char *list =
                        str_format("[%s]", defaults[i].value ? defaults[i].value : "");
                json_auto_t *wanted = fixture_tree(list);
                const json_t *value;
                AUTO_FREE char *text = NULL;

                assert_int_equal(kind_default(kind_of(tree), tree, NULL), 0);
                value = at(tree, defaults[i].path);
                text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("none");

                if (defaults[i].value ? !json_equal(value, json_array_get(wanted, 0))
                                      : value != NULL)
                        fail_msg("%s %s: %s instead of %s", kind_of(tree)->name, defaults[i].path,
                                 text, defaults[i].value ? defaults[i].value : "nothing");
        }
}

static const struct {
        const char *object, *field, *text;
} mistakes[] = {
        { OBJECT("batch/v1", "Job") "},'spec':{'template':" POD_TEMPLATE("Always") "}}",
          "spec.template.spec.restartPolicy", "Unsupported value: \"Always\"" },
        { JOB ",'completionMode':'Indexed','parallelism':2}}", "spec.completions",
          "Required value" },
        { OBJECT("batch/v1", "CronJob") "},'spec':{'schedule':'* * "
                                        "*','jobTemplate':{'spec':{'template'"
                                        ":" POD_TEMPLATE("Never") "}}}}",
          "spec.schedule", "expected exactly 5 fields" },
        { OBJECT("apps/v1", "StatefulSet") "},'spec':{'selector':{'matchLabels':{'a':'c'}},"
                                           "'template':" POD_TEMPLATE("Always") "}}",
          "spec.template.metadata.labels", "does not match" },
        { SET("DaemonSet") ",'updateStrategy':{'rollingUpdate':{'maxSurge':1}}}}",
          "spec.updateStrategy.rollingUpdate.maxSurge", "may not be set" },
        { OBJECT("v1", "PersistentVolumeClaim") "},'spec':{}}", "spec.accessModes",
          "at least 1 access mode" },
        { OBJECT("v1", "PersistentVolumeClaim") "},'spec':{}}", "spec.resources[storage]",
          "Required value" },
        { OBJECT("v1", "PersistentVolume") "},'spec':{'accessModes':['ReadWriteOnce']}}",
          "spec.capacity", "Required value" },
        { AUTOSCALER("v2") ",'minReplicas':4}}", "spec.maxReplicas", "`minReplicas`" },
        { AUTOSCALER("v1") ",'minReplicas':0}}", "spec.minReplicas", "equal to 1" },
        { AUTOSCALER("v2") ",'metrics':[{'type':'Pods'}]}}", "spec.metrics[0]",
          "must populate information" },
        { BUDGET("'minAvailable':1,'maxUnavailable':1"), "spec", "cannot be both set" },
        { BUDGET("'minAvailable':'half'"), "spec.minAvailable", "percent" },
        { OBJECT("scheduling.k8s.io/v1", "PriorityClass") "},'value':1000000001}", "value",
          "maximum allowed value" },
        { OBJECT("v1", "LimitRange") "},'spec':{'limits':[{'type':'Pod','max':{'cpu':1},"
                                     "'min':{'cpu':2}}]}}",
          "spec.limits[0]", "min value is greater than max value" },
        { INGRESS("x"), "spec.rules[0].http.paths[0].path", "must be an absolute path" },
        { OBJECT("networking.k8s.io/v1", "Ingress") "},'spec':{}}", "spec",
          "either `defaultBackend` or `rules`" },
        { OBJECT("networking.k8s.io/v1",
                 "NetworkPolicy") "},'spec':{'podSelector':{},'ingress':[{'from':[{}]}]}}",
          "spec.ingress[0].from[0]", "must specify a peer" },
        { OBJECT("v1", "Endpoints") "},'subsets':[{}]}", "subsets[0]", "`addresses`" },
        { OBJECT("v1", "ReplicationController") "}}", "kind", "use a Deployment" },
        { JOB "}}", "kind", "Job objects are only kept" },
};

static void what_is_wrong_is_found(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
                json_auto_t *tree = fixture_tree(mistakes[i].object);
                struct diags d = { 0 };
                const struct diag *found;
                AUTO_FREE char *lines = NULL;

                assert_int_equal(kind_default(kind_of(tree), tree, NULL), 0);
                assert_int_equal(kind_validate(kind_of(tree), tree, 0, &d), 0);
                lines = fixture_lines(&d);
                found = fixture_finding(&d, mistakes[i].field);

                if (!found || !strstr(found->text, mistakes[i].text))
                        fail_msg("%s %s: %s", kind_of(tree)->name, mistakes[i].field, lines);
                diags_done(&d);
        }
}

static void what_may_not_change_stays(void **state) {
        static const struct {
                const char *old, *fresh;
                bool is_allowed;
        } cases[] = {
                { CLAIM ",'storageClassName':'a'}}", CLAIM ",'storageClassName':'b'}}", false },
                { CLAIM "}}", CLAIM ",'volumeName':'v'}}", true },
                { JOB "}}", JOB ",'completions':2}}", false },
                { JOB "}}", JOB ",'parallelism':1,'completions':1,'suspend':true}}", true },
                { SET("StatefulSet") "}}", SET("StatefulSet") ",'replicas':5}}", true },
                { SET("StatefulSet") "}}", SET("StatefulSet") ",'serviceName':'s'}}", false },
                { OBJECT("scheduling.k8s.io/v1", "PriorityClass") "},'value':1}",
                  OBJECT("scheduling.k8s.io/v1", "PriorityClass") "},'value':2}", false },
                { OBJECT("storage.k8s.io/v1", "StorageClass") "},'provisioner':'p'}",
                  OBJECT("storage.k8s.io/v1", "StorageClass") "},'provisioner':'q'}", false },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                json_auto_t *before = fixture_tree(cases[i].old);
                json_auto_t *after = fixture_tree(cases[i].fresh);
                AUTO(object) struct object *old = NULL;
                AUTO(object) struct object *fresh = NULL;
                struct diags d = { 0 };

                assert_int_equal(kind_default(kind_of(before), before, NULL), 0);
                assert_int_equal(kind_default(kind_of(after), after, NULL), 0);
                assert_int_equal(object_new_from_json(NULL, before, false, &old, NULL), 0);
                assert_int_equal(object_new_from_json(NULL, after, false, &fresh, NULL), 0);
                kind_validate_update(old->kind, old, fresh, &d);

                if ((d.n_errors == 0) != cases[i].is_allowed)
                        fail_msg("%s to %s", cases[i].old, cases[i].fresh);
                diags_done(&d);
        }
}

/* Without the age, which is the same for all. */
static const char *const rows[][2] = {
        { JOB "},'status':{'succeeded':1,'startTime':'2026-01-01T23:59:00Z',"
              "'completionTime':'2026-01-01T23:59:30Z','conditions':[{'type':'Complete',"
              "'status':'True'}]}}",
          "['x','Complete','1/1','30s','<unknown>','c','i','<none>']" },
        { JOB "}}", "['x','Running','0/1','','<unknown>','c','i','<none>']" },
        { CRON_JOB, "['x','*/5 * * * *','<none>','False',0,'<none>','<unknown>','c','i',"
                    "'<none>']" },
        { SET("StatefulSet") "},'status':{'readyReplicas':1}}", "['x','1/1','<unknown>','c','i']" },
        { SET("DaemonSet") "},'status':{'desiredNumberScheduled':2}}",
          "['x',2,0,0,0,0,'<none>','<unknown>','c','i','a=b']" },
        { CLAIM ",'volumeName':'v','storageClassName':'s'},'status':{'phase':'Bound',"
                "'accessModes':['ReadWriteOnce'],'capacity':{'storage':'2Gi'}}}",
          "['x','Bound','v','2Gi','RWO','s','<unset>','<unknown>','Filesystem']" },
        { CLAIM "}}", "['x','Pending','','','','','<unset>','<unknown>','Filesystem']" },
        { VOLUME ",'claimRef':{'namespace':'n','name':'c'}},'status':{'phase':'Bound'}}",
          "['x','5Gi','RWO,ROX','Retain','Bound','n/c','','<unset>','','<unknown>',"
          "'Filesystem']" },
        { "{'apiVersion':'storage.k8s.io/v1','kind':'StorageClass','metadata':{'name':'x',"
          "'annotations':{'storageclass.kubernetes.io/is-default-class':'true'}},"
          "'provisioner':'p'}",
          "['x (default)','p','Delete','Immediate',false,'<unknown>']" },
        { AUTOSCALER("v2") "}}",
          "['x','Deployment/web','cpu: <unknown>/80%','1',3,0,'<unknown>']" },
        { AUTOSCALER("v2") "},'status':{'currentReplicas':2,'currentMetrics':[{'type':"
                           "'Resource','resource':{'name':'cpu','current':{"
                           "'averageUtilization':12}}}]}}",
          "['x','Deployment/web','cpu: 12%/80%','1',3,2,'<unknown>']" },
        { AUTOSCALER("v1") ",'targetCPUUtilizationPercentage':50}}",
          "['x','Deployment/web','cpu: <unknown>/50%','1',3,0,'<unknown>']" },
        { BUDGET("'minAvailable':'50%'"), "['x','50%','N/A',0,'<unknown>']" },
        { OBJECT("scheduling.k8s.io/v1", "PriorityClass") "},'value':7}",
          "['x',7,false,'<unknown>','PreemptLowerPriority']" },
        { OBJECT("node.k8s.io/v1", "RuntimeClass") "},'handler':'crun'}",
          "['x','crun','<unknown>']" },
        { OBJECT("v1", "ResourceQuota") "},'status':{'hard':{'pods':'3','limits.cpu':'2'},"
                                        "'used':{'pods':'1'}}}",
          "['x','pods: 1/3','limits.cpu: 0/2','<unknown>']" },
        { OBJECT("v1", "Endpoints") "},'subsets':[{'addresses':[{'ip':'10.0.0.1'},{'ip':"
                                    "'10.0.0.2'}],'ports':[{'port':80},{'port':81}]}]}",
          "['x','10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...','<unknown>']" },
        { INGRESS("/"), "['x','n','h','','80, 443','<unknown>']" },
        { OBJECT("networking.k8s.io/v1", "IngressClass") "},'spec':{'controller':'c'}}",
          "['x','c','<none>','<unknown>']" },
        { OBJECT("networking.k8s.io/v1", "NetworkPolicy") "},'spec':{'podSelector':{}}}",
          "['x','<none>','<unknown>']" },
        { OBJECT("apps/v1", "ControllerRevision") ",'ownerReferences':[{'apiVersion':'apps/"
                                                  "v1','kind':'DaemonSet','name':'d',"
                                                  "'uid':'u','controller':true}]},'revision':3}",
          "['x','daemonset.apps/d',3,'<unknown>']" },
};

static void rows_look_like_kubectls(void **state) {
        uint64_t now = 0;
        (void) state;

        assert_int_equal(clock_parse(NOW, &now), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                json_auto_t *tree = fixture_tree(rows[i][0]);
                json_auto_t *wanted = fixture_tree(rows[i][1]);
                json_auto_t *cells = json_array();
                AUTO(object) struct object *o = NULL;
                AUTO_FREE char *text = NULL;

                assert_int_equal(kind_default(kind_of(tree), tree, NULL), 0);
                assert_int_equal(object_new_from_json(NULL, tree, false, &o, NULL), 0);
                assert_int_equal(kind_add_cells(o->kind, o, now, cells), 0);
                text = json_dumps(cells, JSON_COMPACT);

                if (!json_equal(cells, wanted))
                        fail_msg("%s: %s", o->kind->name, text);
                assert_int_equal(json_array_size(cells), o->kind->n_columns);
        }
}

/* apiVersion and kind are the registry's business. */
static void both_ways_to_another_version_lose_nothing(void **state) {
        static const char *const cases[] = {
                AUTOSCALER("v2") ",'minReplicas':2,'behavior':{'scaleUp':{'selectPolicy':'Max'}},"
                                 "'metrics':[{'type':'Resource','resource':{'name':'cpu','target':"
                                 "{'type':'Utilization','averageUtilization':70}}},{'type':'Pods',"
                                 "'pods':{'metric':{'name':'m'},'target':{'type':'AverageValue',"
                                 "'averageValue':'1'}}}]}}",
                OBJECT("v1", "Event") "},'involvedObject':{'name':'p'},'message':'m','count':2,"
                                      "'firstTimestamp':'2026-01-01T00:00:00Z','lastTimestamp':"
                                      "null,'eventTime':'2026-01-01T00:00:00.000001Z',"
                                      "'reportingComponent':'c','reportingInstance':'',"
                                      "'source':{'component':'k'}}",
        };
        static const char *const versions[][2] = {
                { "autoscaling/v1", "HorizontalPodAutoscaler" },
                { "events.k8s.io/v1", "Event" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct kind *view = kind_find(versions[i][0], versions[i][1]);
                json_auto_t *tree = fixture_tree(cases[i]);
                json_auto_t *before = json_deep_copy(tree);
                struct diags d = { 0 };
                AUTO_FREE char *text = NULL;

                assert_int_equal(kind_from_stored(view, tree), 0);
                assert_int_equal(kind_validate(view, tree, SCHEMA_NO_WARNINGS, &d), 0);
                assert_int_equal(d.n_errors, 0);
                assert_int_equal(kind_to_stored(view, tree), 0);
                text = json_dumps(tree, JSON_COMPACT);

                if (!json_equal(tree, before))
                        fail_msg("%s: %s", view->name, text);
                diags_done(&d);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults_are_those_of_kubernetes),
                cmocka_unit_test(what_is_wrong_is_found),
                cmocka_unit_test(what_may_not_change_stays),
                cmocka_unit_test(rows_look_like_kubectls),
                cmocka_unit_test(both_ways_to_another_version_lose_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
