#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/str.h"
#include "daemon/plan/pod_security.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

struct row {
        const char *name;
        const char *spec;                  /* JSON, of the pod */
        const char *baseline, *restricted; /* what is wrong; "": nothing */
};

#define OK_CONTEXT                                                                                 \
        "\"securityContext\":{\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,"           \
        "\"capabilities\":{\"drop\":[\"ALL\"]},\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}"
#define OK_CONTAINER "{\"name\":\"c\",\"image\":\"i\"," OK_CONTEXT "}"
#define ONE(context)                                                                               \
        "{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"securityContext\":{" context "}}]}"
#define OK_REST                                                                                    \
        "\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":"   \
        "\"RuntimeDefault\"}"

static const struct row ROWS[] = {
        { "nothing is wrong", "{\"containers\":[" OK_CONTAINER "]}", "", "" },
        { "nothing is said", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}", "",
          "allowPrivilegeEscalation != false (container \"c\" must set "
          "securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "
          "\"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod "
          "or container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or "
          "container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or "
          "\"Localhost\")" },
        { "two containers are told at once",
          "{\"initContainers\":[{\"name\":\"a\",\"image\":\"i\",\"securityContext\":{"
          "\"privileged\":"
          "true}}],\"containers\":[{\"name\":\"b\",\"image\":\"i\",\"securityContext\":{"
          "\"privileged\":true}}]}",
          "privileged (containers \"a\", \"b\" must not set securityContext.privileged=true)",
          NULL },
        { "the host's namespaces",
          "{\"hostNetwork\":true,\"hostPID\":true,\"containers\":[" OK_CONTAINER "]}",
          "host namespaces (hostNetwork=true, hostPID=true)",
          "host namespaces (hostNetwork=true, hostPID=true)" },
        { "the host's ports",
          "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"," OK_CONTEXT
          ",\"ports\":[{\"containerPort\":80,\"hostPort\":80},{\"containerPort\":81,\"hostPort\":"
          "8081}]}]}",
          "hostPort (container \"c\" uses hostPorts 80, 8081)",
          "hostPort (container \"c\" uses hostPorts 80, 8081)" },
        { "the host's paths",
          "{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/"
          "\"}}],\"containers\":[" OK_CONTAINER "]}",
          "hostPath volumes (volume \"v\")",
          "restricted volume types (volume \"v\" uses restricted volume type \"hostPath\")" },
        { "ordinary volumes",
          "{\"volumes\":[{\"name\":\"e\",\"emptyDir\":{}},{\"name\":\"c\",\"configMap\":{\"name\":"
          "\"x\"}},{\"name\":\"p\",\"persistentVolumeClaim\":{\"claimName\":\"x\"}}],"
          "\"containers\":"
          "[" OK_CONTAINER "]}",
          "", "" },
        { "capabilities that baseline allows",
          ONE(OK_REST ",\"capabilities\":{\"add\":[\"CHOWN\"],\"drop\":[\"ALL\"]}"), "",
          "unrestricted capabilities (container \"c\" must not include \"CHOWN\" in "
          "securityContext.capabilities.add)" },
        { "the capability that restricted allows",
          ONE(OK_REST ",\"capabilities\":{\"add\":[\"NET_BIND_SERVICE\"],\"drop\":[\"ALL\"]}"), "",
          "" },
        { "capabilities that nobody allows",
          ONE(OK_REST
              ",\"capabilities\":{\"add\":[\"NET_ADMIN\",\"SYS_TIME\"],\"drop\":[\"ALL\"]}"),
          "non-default capabilities (container \"c\" must not include \"NET_ADMIN\", \"SYS_TIME\" "
          "in "
          "securityContext.capabilities.add)",
          "unrestricted capabilities (container \"c\" must not include \"NET_ADMIN\", \"SYS_TIME\" "
          "in securityContext.capabilities.add)" },
        { "unmasked proc",
          ONE(OK_REST ",\"capabilities\":{\"drop\":[\"ALL\"]},\"procMount\":\"Unmasked\""),
          "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")",
          "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")" },
        { "no seccomp",
          ONE("\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,\"capabilities\":{\"drop\":"
              "["
              "\"ALL\"]},\"seccompProfile\":{\"type\":\"Unconfined\"}"),
          "seccompProfile (container \"c\" must not set securityContext.seccompProfile.type to "
          "\"Unconfined\")",
          "seccompProfile (container \"c\" must set securityContext.seccompProfile.type to "
          "\"RuntimeDefault\" or \"Localhost\")" },
        { "the pod's context counts for its containers",
          "{\"securityContext\":{\"runAsNonRoot\":true,\"seccompProfile\":{\"type\":\"Localhost\","
          "\"localhostProfile\":\"p\"}},\"containers\":[{\"name\":\"c\",\"image\":\"i\","
          "\"securityContext\":{\"allowPrivilegeEscalation\":false,\"capabilities\":{\"drop\":["
          "\"ALL\"]}}}]}",
          "", "" },
        { "a container may not take the pod's word back",
          "{\"securityContext\":{\"runAsNonRoot\":true},\"containers\":[{\"name\":\"c\",\"image\":"
          "\"i\",\"securityContext\":{\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":false,"
          "\"capabilities\":{\"drop\":[\"ALL\"]},\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}}"
          "]}",
          "",
          "runAsNonRoot != true (container \"c\" must not set "
          "securityContext.runAsNonRoot=false)" },
        { "user 0", "{\"securityContext\":{\"runAsUser\":0},\"containers\":[" OK_CONTAINER "]}", "",
          "runAsUser=0 (pod must not set runAsUser=0)" },
        { "sysctls",
          "{\"securityContext\":{\"sysctls\":[{\"name\":\"kernel.msgmax\",\"value\":\"1\"},{"
          "\"name\":"
          "\"net.ipv4.tcp_syncookies\",\"value\":\"1\"}]},\"containers\":[" OK_CONTAINER "]}",
          "forbidden sysctls (kernel.msgmax)", "forbidden sysctls (kernel.msgmax)" },
        { "SELinux' user",
          "{\"securityContext\":{\"seLinuxOptions\":{\"user\":\"u\"}},\"containers\":[" OK_CONTAINER
          "]}",
          "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions)",
          "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions)" },
        { "SELinux' type that is allowed",
          "{\"securityContext\":{\"seLinuxOptions\":{\"type\":\"container_t\"}},\"containers\":"
          "[" OK_CONTAINER "]}",
          "", "" },
        { "Windows' host processes",
          "{\"securityContext\":{\"windowsOptions\":{\"hostProcess\":true}},\"containers\":"
          "[" OK_CONTAINER "]}",
          "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
          "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)" },
        { "no AppArmor",
          "{\"securityContext\":{\"appArmorProfile\":{\"type\":\"Unconfined\"}},\"containers\":"
          "[" OK_CONTAINER "]}",
          "forbidden AppArmor profile (pod must not set AppArmor profile type to \"Unconfined\")",
          "forbidden AppArmor profile (pod must not set AppArmor profile type to \"Unconfined\")" },
};

static void assert_finds(const struct row *row, const struct pod *pod,
                         enum pod_security_level level, const char *want) {
        char *why = NULL;

        if (!want)
                return;
        assert_int_equal(pod_security_check(level, &pod->metadata, &pod->spec, &why), 0);
        if (!str_eq(str_or_empty(why), want))
                fail_msg("%s: at %s: got \"%s\", want \"%s\"", row->name,
                         pod_security_level_name(level), str_or_empty(why), want);
        free(why);
}

static struct object *pod_of(const char *spec) {
        AUTO_FREE char *text = str_format("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{"
                                          "\"name\":\"p\"},\"spec\":%s}",
                                          spec);
        struct object *o = NULL;
        struct err e = { 0 };

        assert_non_null(text);
        if (object_new_from_text(&pod_kind, text, strlen(text), false, &o, &e) < 0)
                fail_msg("%s: %s", text, err_text(&e));
        return o;
}

static void tells_what_a_level_forbids(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
                AUTO(object) struct object *o = pod_of(ROWS[i].spec);
                const struct pod *pod = OBJECT_AS(pod, o);

                assert_finds(&ROWS[i], pod, POD_SECURITY_PRIVILEGED, "");
                assert_finds(&ROWS[i], pod, POD_SECURITY_BASELINE, ROWS[i].baseline);
                assert_finds(&ROWS[i], pod, POD_SECURITY_RESTRICTED, ROWS[i].restricted);
        }
}

static void reads_a_namespaces_labels(void **state) {
        struct string_pair pairs[] = {
                { "pod-security.kubernetes.io/enforce", "baseline" },
                { "pod-security.kubernetes.io/warn", "restricted" },
                { "pod-security.kubernetes.io/warn-version", "v1.30" },
        };
        const struct object_meta meta = { .labels = { .items = pairs, .n = ARRAY_SIZE(pairs) } };
        struct pod_security_policy p;
        (void) state;

        p = pod_security_policy_of(&meta);

        assert_int_equal(p.enforce, POD_SECURITY_BASELINE);
        assert_int_equal(p.audit, POD_SECURITY_PRIVILEGED);
        assert_int_equal(p.warn, POD_SECURITY_RESTRICTED);
        assert_string_equal(p.enforce_version, "latest");
        assert_string_equal(p.warn_version, "v1.30");
}

static void an_unknown_level_is_the_strictest_where_it_is_enforced(void **state) {
        struct string_pair pairs[] = {
                { "pod-security.kubernetes.io/enforce", "bogus" },
                { "pod-security.kubernetes.io/warn", "bogus" },
        };
        const struct object_meta meta = { .labels = { .items = pairs, .n = ARRAY_SIZE(pairs) } };
        struct pod_security_policy p;
        (void) state;

        p = pod_security_policy_of(&meta);

        assert_int_equal(p.enforce, POD_SECURITY_RESTRICTED);
        assert_int_equal(p.warn, POD_SECURITY_PRIVILEGED);
}

static void bad_labels_are_told(void **state) {
        (void) state;
        assert_null(pod_security_label_error("app", "x"));
        assert_null(pod_security_label_error("pod-security.kubernetes.io/enforce", "baseline"));
        assert_null(
                pod_security_label_error("pod-security.kubernetes.io/enforce-version", "v1.29"));
        assert_non_null(pod_security_label_error("pod-security.kubernetes.io/enforce", "strict"));
        assert_non_null(
                pod_security_label_error("pod-security.kubernetes.io/audit-version", "1.29"));
        assert_non_null(
                pod_security_label_error("pod-security.kubernetes.io/warn-version", "v1.x"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tells_what_a_level_forbids),
                cmocka_unit_test(reads_a_namespaces_labels),
                cmocka_unit_test(an_unknown_level_is_the_strictest_where_it_is_enforced),
                cmocka_unit_test(bad_labels_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
