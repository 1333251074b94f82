#include "base/clock.h"
#include "tests/unit/kinds/fixture.h"

#define NOW "2026-01-02T00:00:00Z"

static uint64_t now(void) {
        uint64_t usec = 0;

        assert_int_equal(clock_parse(NOW, &usec), 0);
        return usec;
}

static void ages_are_printed_as_kubectl_does(void **state) {
        static const struct {
                uint64_t seconds;
                const char *text;
        } cases[] = {
                { 0, "0s" },
                { 119, "119s" },
                { 120, "2m" },
                { 185, "3m5s" },
                { 599, "9m59s" },
                { 600, "10m" },
                { 179 * 60, "179m" },
                { 180 * 60, "3h" },
                { 185 * 60, "3h5m" },
                { 8 * 3600 + 60, "8h" },
                { 47 * 3600, "47h" },
                { 48 * 3600, "2d" },
                { (7 * 24 + 5) * 3600, "7d5h" },
                { 8 * 86400 + 3600, "8d" },
                { 729ULL * 86400, "729d" },
                { 730ULL * 86400, "2y" },
                { 800ULL * 86400, "2y70d" },
        };
        char buf[AGE_TEXT_MAX];
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_string_equal(age_format(1000, 1000 + cases[i].seconds * USEC_PER_SEC, buf),
                                    cases[i].text);
        assert_string_equal(age_format(0, 1000, buf), "<unknown>");
        assert_string_equal(age_format(2000, 1000, buf), "0s");
}

/* An object, and its cells. */
static const char *const rows[][2] = {
        { "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','creationTimestamp':"
          "'2026-01-01T23:59:00Z'},'spec':{'nodeName':'n','containers':[{'name':'c'},"
          "{'name':'d'}]},'status':{'phase':'Running','podIP':'10.1.0.2','"
          "containerStatuses':["
          "{'name':'c','ready':true,'restartCount':2,'state':{'running':{}},'lastState':"
          "{'terminated':{'exitCode':1,'finishedAt':'2026-01-01T23:59:30Z'}}},"
          "{'name':'d','ready':false,'restartCount':0,'state':{'waiting':{'reason':"
          "'CrashLoopBackOff'}}}]}}",
          "['p','1/2','CrashLoopBackOff','2 (30s "
          "ago)','60s','10.1.0.2','n','<none>','<none>']" },
        { "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p','deletionTimestamp':"
          "'2026-01-01T23:59:00Z'},'spec':{'containers':[{'name':'c'}]},'status':{'phase':"
          "'Running'}}",
          "['p','0/1','Terminating','0','<unknown>','<none>','<none>','<none>','<none>']" },
        { "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'initContainers'"
          ":["
          "{'name':'i'},{'name':'j'}],'containers':[{'name':'c'}]},'status':{'phase':'"
          "Pending',"
          "'initContainerStatuses':[{'name':'i','state':{'terminated':{'exitCode':0}}},{'"
          "name':"
          "'j','state':{'running':{}}}]}}",
          "['p','0/1','Init:1/2','0','<unknown>','<none>','<none>','<none>','<none>']" },
        { "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p'},'spec':{'containers':["
          "{'name':'c'}]},'status':{'phase':'Failed','containerStatuses':[{'name':'c','"
          "state':"
          "{'terminated':{'exitCode':3}}}]}}",
          "['p','0/1','ExitCode:3','0','<unknown>','<none>','<none>','<none>','<none>']" },
        { "{'apiVersion':'apps/v1','kind':'Deployment','metadata':{'name':'d'},'spec':{"
          "'replicas':3,'selector':{'matchLabels':{'app':'w'}},'template':{'spec':{'"
          "containers':"
          "[{'name':'a','image':'x'},{'name':'b','image':'y'}]}}},'status':{'readyReplicas'"
          ":2,"
          "'updatedReplicas':3,'availableReplicas':1}}",
          "['d','2/3',3,1,'<unknown>','a,b','x,y','app=w']" },
        { "{'apiVersion':'v1','kind':'Service','metadata':{'name':'s'},'spec':{'type':"
          "'NodePort','clusterIP':'10.0.0.1','ports':[{'port':80,'nodePort':30000,'"
          "protocol':"
          "'TCP'},{'port':53,'protocol':'UDP'}],'selector':{'a':'b'}}}",
          "['s','NodePort','10.0.0.1','<none>','80:30000/TCP,53/UDP','<unknown>','a=b']" },
        { "{'apiVersion':'v1','kind':'Node','metadata':{'name':'n','labels':"
          "{'node-role.kubernetes.io/edge':''}},'spec':{'unschedulable':true},'status':"
          "{'conditions':[{'type':'Ready','status':'True'}],'addresses':[{'type':'"
          "InternalIP',"
          "'address':'10.0.0.9'}],'nodeInfo':{'kubeletVersion':'v1'}}}",
          "['n','Ready,SchedulingDisabled','edge','<unknown>','v1','10.0.0.9','<none>','<"
          "none>',"
          "'<none>','<none>']" },
        { "{'apiVersion':'v1','kind':'Event','metadata':{'name':'e'},'involvedObject':{'"
          "kind':"
          "'Pod','name':'P'},'reason':'Started','message':'m','type':'Normal','count':2,'"
          "source':"
          "{'component':'node','host':'h'},'lastTimestamp':'2026-01-01T23:59:30Z',"
          "'firstTimestamp':'2026-01-01T23:58:00Z'}",
          "['30s','Normal','Started','pod/P','','node, h','m','2m',2,'e']" },
        { "{'apiVersion':'v1','kind':'Event','metadata':{'name':'e'},'involvedObject':{"
          "'kind':'Pod','name':'p'},'reason':'R','message':'m','type':'Normal',"
          "'firstTimestamp':'2026-01-01T23:58:00Z'}",
          "['2m','Normal','R','pod/p','','','m','2m',1,'e']" },
        { "{'apiVersion':'discovery.k8s.io/"
          "v1','kind':'EndpointSlice','metadata':{'name':'x'},"
          "'addressType':'IPv4','ports':[{'port':8080}],'endpoints':[{'addresses':['10.0.0."
          "1']},"
          "{'addresses':['10.0.0.2']},{'addresses':['10.0.0.3']},{'addresses':['10.0.0.4']}"
          "]}",
          "['x','IPv4','8080','10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...','<unknown>']" },
        { "{'apiVersion':'v1','kind':'Secret','metadata':{'name':'x'},'type':'Opaque','"
          "data':"
          "{'a':''}}",
          "['x','Opaque',1,'<unknown>']" },
        { "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role','metadata':{'name':"
          "'r','creationTimestamp':'2026-01-01T23:59:00Z'},'rules':[]}",
          "['r','2026-01-01T23:59:00Z']" },
        { "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'RoleBinding','metadata':{"
          "'name':'b'},'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User',"
          "'name':'jane'},{'kind':'User','name':'joe'},{'kind':'ServiceAccount','name':"
          "'a','namespace':'n'}]}",
          "['b','Role/r','<unknown>','jane, joe','','n/a']" },
        { "{'apiVersion':'v1','kind':'ServiceAccount','metadata':{'name':'a'}}",
          "['a',0,'<unknown>']" },
};

static void rows_look_like_kubectls(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                json_t *tree = fixture_tree(rows[i][0]), *expected = fixture_tree(rows[i][1]);
                json_t *cells = json_array();
                AUTO(object) struct object *o = NULL;

                assert_int_equal(object_new_from_json(NULL, tree, false, &o, NULL), 0);
                assert_int_equal(kind_add_cells(o->kind, o, now(), cells), 0);
                if (!json_equal(cells, expected))
                        fail_msg("case %zu: %s", i, json_dumps(cells, JSON_COMPACT));
                assert_int_equal(json_array_size(cells), o->kind->n_columns);
                json_decref(tree);
                json_decref(expected);
                json_decref(cells);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ages_are_printed_as_kubectl_does),
                cmocka_unit_test(rows_look_like_kubectls),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
