/* bench-present [PODS]: what a list costs in each form, object by object: as it is, as metadata
 * alone, as a Table. Ratios count: all forms are measured in the same process. */
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/present.h"
#include "daemon/registry/record.h"
#include "daemon/registry/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A running pod of one container, about as long as real ones are. */
static const char POD[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-7d4b9c5f6d-%05u\","
        "\"namespace\":\"default\",\"uid\":\"0b9f6c1e-6c39-4c1c-8c39-0123456%05u\","
        "\"resourceVersion\":\"%u\",\"generateName\":\"web-7d4b9c5f6d-\",\"creationTimestamp\":"
        "\"2026-01-02T03:04:05Z\",\"labels\":{\"app\":\"web\",\"pod-template-hash\":"
        "\"7d4b9c5f6d\"},\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":"
        "\"ReplicaSet\",\"name\":\"web-7d4b9c5f6d\",\"uid\":\"1b9f6c1e-6c39-4c1c-8c39-0123456789ab"
        "\",\"controller\":true,\"blockOwnerDeletion\":true}]},\"spec\":{\"containers\":[{\"name\":"
        "\"web\",\"image\":\"registry.example/team/web:1.25.3\",\"ports\":[{\"containerPort\":8080,"
        "\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\","
        "\"value\":\"2\"}],\"resources\":{\"requests\":{\"cpu\":\"50m\",\"memory\":\"64Mi\"},"
        "\"limits\":{\"memory\":\"128Mi\"}},\"readinessProbe\":{\"httpGet\":{\"path\":\"/healthz\","
        "\"port\":8080,\"scheme\":\"HTTP\"},\"timeoutSeconds\":1,\"periodSeconds\":10,"
        "\"successThreshold\":1,\"failureThreshold\":3},\"terminationMessagePath\":"
        "\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":"
        "\"IfNotPresent\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,"
        "\"dnsPolicy\":\"ClusterFirst\",\"serviceAccountName\":\"default\",\"nodeName\":\"n1\","
        "\"securityContext\":{},\"schedulerName\":\"default-scheduler\"},\"status\":{\"phase\":"
        "\"Running\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\","
        "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"},{\"type\":\"Initialized\",\"status\":"
        "\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"},{\"type\":\"ContainersReady\","
        "\"status\":\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"},{\"type\":\"Ready\","
        "\"status\":\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"}],\"hostIP\":"
        "\"192.0.2.1\",\"podIP\":\"10.1.2.3\",\"podIPs\":[{\"ip\":\"10.1.2.3\"}],\"startTime\":"
        "\"2026-01-02T03:04:05Z\",\"containerStatuses\":[{\"name\":\"web\",\"state\":{\"running\":"
        "{\"startedAt\":\"2026-01-02T03:04:05Z\"}},\"lastState\":{},\"ready\":true,"
        "\"restartCount\":0,\"image\":\"registry.example/team/web:1.25.3\",\"imageID\":"
        "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
        "\"containerID\":\"orch://0123456789abcdef\",\"started\":true}],\"qosClass\":\"Burstable\"}"
        "}";

static void die(const char *what) {
        (void) fprintf(stderr, "bench-present: %s\n", what);
        exit(1);
}

static void measure(const char *name, const struct form *form, struct record **records, size_t n,
                    double *base) {
        const struct present_list list = {
                .form = *form,
                .kind = &pod_kind,
                .now_usec = clock_wall_usec(),
                .n_remaining = -1,
        };
        struct body *b = body_new();
        uint64_t start = clock_now_usec(), usec;
        double each;

        if (!b)
                die("memory is out");
        for (size_t i = 0; i < n; i++)
                present_list_item(&list, records[i], i == 0, b);
        usec = clock_now_usec() - start;
        if (body_has_failed(b))
                die("memory is out");
        each = (double) usec / (double) n;
        if (*base == 0)
                *base = each;
        printf("%-22s %8.2f µs an object, %6.1f ms for all, %5.1f MB, ratio %.1f\n", name, each,
               (double) usec / 1000, (double) body_len(b) / 1e6, each / *base);
        body_unref(b);
}

int main(int argc, char **argv) {
        size_t n = argc > 1 ? (size_t) atoi(argv[1]) : 10000;
        const struct resource resource = resource_of(&pod_kind);
        struct record **records = calloc(n, sizeof(struct record *));
        double base = 0;

        if (!records)
                die("memory is out");
        for (unsigned i = 0; i < n; i++) {
                AUTO_FREE char *text = str_format(POD, i, i, i + 1);

                if (!text || record_parse(&resource, text, strlen(text), &records[i], NULL) < 0)
                        die("a pod can't be read");
        }
        for (unsigned round = 0; round < 2; round++) {
                base = 0;
                measure("object", &(struct form){ 0 }, records, n, &base);
                measure("metadata alone", &(struct form){ .as = FORM_PARTIAL, .is_list = true },
                        records, n, &base);
                measure("table", &(struct form){ .as = FORM_TABLE }, records, n, &base);
                measure("table, whole objects",
                        &(struct form){ .as = FORM_TABLE, .include = FORM_INCLUDE_OBJECT }, records,
                        n, &base);
        }
        for (size_t i = 0; i < n; i++)
                record_unref(records[i]);
        free(records);
        return 0;
}
