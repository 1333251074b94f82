/* What objects cost, as a table: hard limits and an object, what it costs of each of them. */
#include "api/kinds/object.h"
#include "api/kinds/quota.h"
#include "api/schema/quantity.h"
#include "base/str.h"
#include "daemon/plan/quota.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define HARD(names) "{\"hard\":{" names "}}"
#define POD(spec) "{\"metadata\":{\"name\":\"p\"},\"spec\":{" spec "}}"
#define C(name, requests, limits)                                                                  \
        "{\"name\":\"" name "\",\"image\":\"i\",\"resources\":{\"requests\":{" requests            \
        "},\"limits\":{" limits "}}"
#define ONE(requests, limits) POD("\"containers\":[" C("c", requests, limits) "}]")
#define SERVICE(spec) "{\"metadata\":{\"name\":\"s\"},\"spec\":{" spec "}}"

struct row {
        const char *name;
        const char *spec; /* of the quota */
        const char *api_version, *kind, *object;
        const char *cost; /* in the order of hard; "-": the quota is not about it */
};

static const struct row ROWS[] = {
        { "a pod is one", HARD("\"pods\":\"1\",\"count/pods\":\"1\""), "v1", "Pod", ONE("", ""),
          "1 1" },
        { "requests have two names",
          HARD("\"cpu\":\"1\",\"requests.cpu\":\"1\",\"limits.cpu\":\"1\""), "v1", "Pod",
          ONE("\"cpu\":\"250m\"", "\"cpu\":\"1\""), "250m 250m 1" },
        { "amounts keep their style", HARD("\"memory\":\"1\",\"requests.memory\":\"1\""), "v1",
          "Pod", ONE("\"memory\":\"1Gi\"", ""), "1Gi 1Gi" },
        { "containers are added", HARD("\"cpu\":\"1\""), "v1", "Pod",
          POD("\"containers\":[" C("a", "\"cpu\":\"1\"", "") "}," C("b", "\"cpu\":\"2\"", "") "}]"),
          "3" },
        { "an init container counts when it needs more", HARD("\"cpu\":\"1\""), "v1", "Pod",
          POD("\"initContainers\":[" C("i", "\"cpu\":\"5\"",
                                       "") "}],\"containers\":[" C("a", "\"cpu\":\"1\"", "") "}]"),
          "5" },
        { "a sidecar is added to all after it", HARD("\"cpu\":\"1\""), "v1", "Pod",
          POD("\"initContainers\":[" C(
                  "s", "\"cpu\":\"2\"",
                  "") ",\"restartPolicy\":\"Always\"}," C("i", "\"cpu\":\"5\"",
                                                          "") "}],\"containers\":[" C("a",
                                                                                      "\"cpu\":"
                                                                                      "\"1\"",
                                                                                      "") "}]"),
          "7" },
        { "extended resources by their requests", HARD("\"requests.example.com/gpu\":\"1\""), "v1",
          "Pod", ONE("\"example.com/gpu\":\"2\"", "\"example.com/gpu\":\"2\""), "2" },
        { "what has ended is an object only",
          HARD("\"pods\":\"1\",\"cpu\":\"1\",\"count/pods\":\"1\""), "v1", "Pod",
          "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[" C(
                  "c", "\"cpu\":\"1\"", "") "}]},"
                                            "\"status\":{\"phase\":\"Failed\"}}",
          "0 0 1" },
        { "a claim's storage is none of a pod's", HARD("\"requests.storage\":\"1\""), "v1", "Pod",
          ONE("\"cpu\":\"1\"", ""), "-" },
        { "scope BestEffort takes what asks for nothing",
          "{\"hard\":{\"pods\":\"1\"},\"scopes\":[\"BestEffort\"]}", "v1", "Pod", ONE("", ""),
          "1" },
        { "and nothing else", "{\"hard\":{\"pods\":\"1\"},\"scopes\":[\"BestEffort\"]}", "v1",
          "Pod", ONE("\"cpu\":\"1\"", ""), "-" },
        { "scope Terminating takes what has a deadline",
          "{\"hard\":{\"pods\":\"1\"},\"scopes\":[\"Terminating\"]}", "v1", "Pod",
          POD("\"activeDeadlineSeconds\":5,\"containers\":[]"), "1" },
        { "scope NotTerminating the rest",
          "{\"hard\":{\"pods\":\"1\"},\"scopes\":[\"NotTerminating\"]}", "v1", "Pod",
          POD("\"activeDeadlineSeconds\":5,\"containers\":[]"), "-" },
        { "a selector takes classes",
          "{\"hard\":{\"pods\":\"1\"},\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":"
          "\"PriorityClass\",\"operator\":\"In\",\"values\":[\"high\"]}]}}",
          "v1", "Pod", POD("\"priorityClassName\":\"high\",\"containers\":[]"), "1" },
        { "and leaves others",
          "{\"hard\":{\"pods\":\"1\"},\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":"
          "\"PriorityClass\",\"operator\":\"In\",\"values\":[\"high\"]}]}}",
          "v1", "Pod", POD("\"priorityClassName\":\"low\",\"containers\":[]"), "-" },
        { "nothing but pods is in a scope",
          "{\"hard\":{\"configmaps\":\"1\"},\"scopes\":[\"NotTerminating\"]}", "v1", "ConfigMap",
          "{\"metadata\":{\"name\":\"m\"}}", "-" },
        { "a service is one", HARD("\"services\":\"1\",\"services.nodeports\":\"1\""), "v1",
          "Service", SERVICE("\"ports\":[{\"port\":1}]"), "1 0" },
        { "a balanced one has ports, too",
          HARD("\"services.loadbalancers\":\"1\",\"services.nodeports\":\"1\",\"count/"
               "services\":\"1\""),
          "v1", "Service",
          SERVICE("\"type\":\"LoadBalancer\",\"ports\":[{\"port\":1},{\"port\":2}]"), "1 2 1" },
        { "a claim has a size and a class",
          HARD("\"requests.storage\":\"1\",\"gold.storageclass.storage.k8s.io/"
               "requests.storage\":\"1\","
               "\"tin.storageclass.storage.k8s.io/persistentvolumeclaims\":\"1\","
               "\"persistentvolumeclaims\":\"1\""),
          "v1", "PersistentVolumeClaim",
          "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"storageClassName\":\"gold\",\"resources\":{"
          "\"requests\":{\"storage\":\"2Gi\"}}}}",
          "2Gi 2Gi 0 1" },
        { "any kind is counted by name and group",
          HARD("\"count/deployments.apps\":\"1\",\"count/deployments\":\"1\""), "apps/v1",
          "Deployment", "{\"metadata\":{\"name\":\"d\"}}", "1 0" },
        { "some by their plain name", HARD("\"secrets\":\"1\",\"count/secrets\":\"1\""), "v1",
          "Secret", "{\"metadata\":{\"name\":\"s\"}}", "1 1" },
};

static struct object *decoded(const struct kind *k, const char *text) {
        struct object *o = NULL;
        struct err e = { 0 };

        if (object_new_from_text(k, text, strlen(text), false, &o, &e) < 0)
                fail_msg("%s: %s", err_text(&e), text);
        return o;
}

static void each_object_costs_what_it_says(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
                const struct row *row = &ROWS[i];
                const struct kind *k = kind_find(row->api_version, row->kind);
                AUTO_FREE char *text =
                        str_format("{\"metadata\":{\"name\":\"q\"},\"spec\":%s}", row->spec);
                AUTO(object) struct object *quota = decoded(&resource_quota_kind, text);
                AUTO(object) struct object *o = decoded(k, row->object);
                const struct resource_quota_spec *spec = &OBJECT_AS(resource_quota, quota)->spec;
                const struct quota_item item = { .kind = k, .decoded = o->meta };
                AUTO_DONE(strbuf) struct strbuf b = { 0 };
                struct quantity cost[8];

                if (!quota_cost(spec, &item, cost))
                        strbuf_add(&b, "-");
                else
                        for (size_t h = 0; h < spec->hard.n; h++) {
                                char amount[QUANTITY_TEXT_MAX];

                                strbuf_addf(&b, "%s%s", h > 0 ? " " : "",
                                            quantity_format(cost[h], amount));
                        }
                if (!str_eq(b.s, row->cost))
                        fail_msg("%s: costs %s, not %s", row->name, b.s, row->cost);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_object_costs_what_it_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
