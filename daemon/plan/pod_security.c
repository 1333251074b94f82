#include "daemon/plan/pod_security.h"

#include "api/kinds/labels.h"
#include "api/kinds/pod.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define APP_ARMOR_PREFIX "container.apparmor.security.beta.kubernetes.io/"

/* ---- what checks share ---- */

/* What a check has found: names of containers (or volumes) and what they do. */
struct finding {
        struct strbuf names, values;
        size_t n;
        size_t n_values;
};

static void finding_done(struct finding *f) {
        strbuf_done(&f->names);
        strbuf_done(&f->values);
}
DEFINE_AUTO_DONE(finding);

static void finding_add(struct finding *f, const char *name) {
        strbuf_addf(&f->names, "%s\"%s\"", f->n++ > 0 ? ", " : "", str_or_empty(name));
}

/* Values are told once each. */
static void finding_add_value(struct finding *f, const char *value) {
        if (f->values.s && strstr(f->values.s, value))
                return;
        strbuf_addf(&f->values, "%s%s", f->n_values++ > 0 ? ", " : "", value);
}

/* "container "a"" or "containers "a", "b"". */
static void add_named(struct strbuf *out, const struct finding *f, const char *noun) {
        strbuf_addf(out, "%s%s %s", noun, f->n == 1 ? "" : "s", str_or_empty(f->names.s));
}

/* Ends one half of a detail: halves are told apart by "; ". */
static void add_break(struct strbuf *out) {
        if (out->len > 0)
                strbuf_add(out, "; ");
}

typedef bool (*container_bad_fn)(const struct security_context *sc);

/* Calls fn for every container of the pod, the ephemeral ones too. */
static void each_container(const struct pod_spec *spec,
                           void (*fn)(const struct container *c, void *data), void *data) {
        const struct containers *lists[] = { &spec->init_containers, &spec->containers,
                                             &spec->ephemeral_containers };

        for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
                for (size_t i = 0; i < lists[l]->n; i++)
                        fn(&lists[l]->items[i], data);
}

struct bad_containers {
        container_bad_fn is_bad;
        struct finding finding;
};

static void collect_bad(const struct container *c, void *data) {
        static const struct security_context NONE = { 0 };
        struct bad_containers *b = data;

        if (b->is_bad(c->security_context ? c->security_context : &NONE))
                finding_add(&b->finding, c->name);
}

/* Adds "container "c" WORDS" for the containers whose context is bad. */
static void check_containers(const struct pod_spec *spec, container_bad_fn is_bad,
                             const char *words, struct strbuf *out) {
        struct bad_containers b = { .is_bad = is_bad };

        each_container(spec, collect_bad, &b);
        if (b.finding.n > 0) {
                add_break(out);
                add_named(out, &b.finding, "container");
                strbuf_addf(out, " %s", words);
        }
        out->has_failed |= b.finding.names.has_failed;
        finding_done(&b.finding);
}

/* ---- baseline ---- */

static bool is_unconfined_app_armor(const struct security_context *sc) {
        return sc->app_armor_profile && str_eq(sc->app_armor_profile->type, "Unconfined");
}

static void check_app_armor(const struct object_meta *meta, const struct pod_spec *spec,
                            struct strbuf *out) {
        const struct pod_security_context *sc = spec->security_context;

        if (sc && sc->app_armor_profile && str_eq(sc->app_armor_profile->type, "Unconfined"))
                strbuf_add(out, "pod must not set AppArmor profile type to \"Unconfined\"");
        check_containers(spec, is_unconfined_app_armor,
                         "must not set AppArmor profile type to \"Unconfined\"", out);
        for (size_t i = 0; i < meta->annotations.n; i++) {
                const struct string_pair *a = &meta->annotations.items[i];

                if (!str_starts_with(a->key, APP_ARMOR_PREFIX) ||
                    str_eq(a->value, "runtime/default") || str_starts_with(a->value, "localhost/"))
                        continue;
                add_break(out);
                strbuf_addf(out, "annotation %s=\"%s\"", a->key, str_or_empty(a->value));
        }
}

static const char *const BASELINE_CAPABILITIES[] = {
        "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",       "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT", NULL,
};
static const char *const RESTRICTED_CAPABILITIES[] = { "NET_BIND_SERVICE", NULL };

struct added_capabilities {
        const char *const *allowed;
        struct finding finding;
};

static void collect_added(const struct container *c, void *data) {
        struct added_capabilities *a = data;
        const struct capabilities *caps =
                c->security_context ? c->security_context->capabilities : NULL;
        bool is_bad = false;

        for (size_t i = 0; caps && i < caps->add.n; i++) {
                AUTO_FREE char *quoted = NULL;

                if (str_is_any(caps->add.items[i], a->allowed))
                        continue;
                quoted = str_format("\"%s\"", caps->add.items[i]);
                if (quoted)
                        finding_add_value(&a->finding, quoted);
                else
                        a->finding.values.has_failed = true;
                is_bad = true;
        }
        if (is_bad)
                finding_add(&a->finding, c->name);
}

static void check_added(const struct pod_spec *spec, const char *const *allowed,
                        struct strbuf *out) {
        struct added_capabilities a = { .allowed = allowed };

        each_container(spec, collect_added, &a);
        if (a.finding.n > 0) {
                add_break(out);
                add_named(out, &a.finding, "container");
                strbuf_addf(out, " must not include %s in securityContext.capabilities.add",
                            str_or_empty(a.finding.values.s));
        }
        out->has_failed |= a.finding.names.has_failed || a.finding.values.has_failed;
        finding_done(&a.finding);
}

static void check_capabilities_baseline(const struct object_meta *meta, const struct pod_spec *spec,
                                        struct strbuf *out) {
        (void) meta;
        check_added(spec, BASELINE_CAPABILITIES, out);
}

static void check_host_namespaces(const struct object_meta *meta, const struct pod_spec *spec,
                                  struct strbuf *out) {
        const struct {
                bool is_set;
                const char *words;
        } each[] = { { spec->host_network, "hostNetwork=true" },
                     { spec->host_pid, "hostPID=true" },
                     { spec->host_ipc, "hostIPC=true" } };

        (void) meta;
        for (size_t i = 0; i < ARRAY_SIZE(each); i++)
                if (each[i].is_set)
                        strbuf_addf(out, "%s%s", out->len > 0 ? ", " : "", each[i].words);
}

static void check_host_path(const struct object_meta *meta, const struct pod_spec *spec,
                            struct strbuf *out) {
        AUTO_DONE(finding) struct finding f = { 0 };

        (void) meta;
        for (size_t i = 0; i < spec->volumes.n; i++)
                if (spec->volumes.items[i].host_path)
                        finding_add(&f, spec->volumes.items[i].name);
        if (f.n > 0)
                add_named(out, &f, "volume");
        out->has_failed |= f.names.has_failed;
}

static void collect_host_ports(const struct container *c, void *data) {
        struct finding *f = data;
        bool is_bad = false;

        for (size_t i = 0; i < c->ports.n; i++) {
                char number[24];

                if (c->ports.items[i].host_port == 0)
                        continue;
                (void) snprintf(number, sizeof(number), "%" PRId64, c->ports.items[i].host_port);
                finding_add_value(f, number);
                is_bad = true;
        }
        if (is_bad)
                finding_add(f, c->name);
}

static void check_host_ports(const struct object_meta *meta, const struct pod_spec *spec,
                             struct strbuf *out) {
        AUTO_DONE(finding) struct finding f = { 0 };

        (void) meta;
        each_container(spec, collect_host_ports, &f);
        if (f.n == 0)
                return;
        add_named(out, &f, "container");
        strbuf_addf(out, " %s hostPort%s %s", f.n == 1 ? "uses" : "use", f.n_values == 1 ? "" : "s",
                    str_or_empty(f.values.s));
        out->has_failed |= f.names.has_failed || f.values.has_failed;
}

static bool is_privileged(const struct security_context *sc) {
        return sc->privileged.value;
}

static void check_privileged(const struct object_meta *meta, const struct pod_spec *spec,
                             struct strbuf *out) {
        (void) meta;
        check_containers(spec, is_privileged, "must not set securityContext.privileged=true", out);
}

static bool is_proc_unmasked(const struct security_context *sc) {
        return !str_is_empty(sc->proc_mount) && !str_eq(sc->proc_mount, "Default");
}

static void check_proc_mount(const struct object_meta *meta, const struct pod_spec *spec,
                             struct strbuf *out) {
        (void) meta;
        check_containers(spec, is_proc_unmasked,
                         "must not set securityContext.procMount to \"Unmasked\"", out);
}

static bool is_se_linux_forbidden(const struct se_linux_options *o) {
        static const char *const TYPES[] = { "container_t", "container_init_t", "container_kvm_t",
                                             "container_engine_t", NULL };

        return o && ((!str_is_empty(o->type) && !str_is_any(o->type, TYPES)) ||
                     !str_is_empty(o->user) || !str_is_empty(o->role));
}

static bool is_se_linux_bad(const struct security_context *sc) {
        return is_se_linux_forbidden(sc->se_linux_options);
}

static void check_se_linux(const struct object_meta *meta, const struct pod_spec *spec,
                           struct strbuf *out) {
        (void) meta;
        if (spec->security_context &&
            is_se_linux_forbidden(spec->security_context->se_linux_options))
                strbuf_add(out, "pod set forbidden securityContext.seLinuxOptions");
        check_containers(spec, is_se_linux_bad, "set forbidden securityContext.seLinuxOptions",
                         out);
}

static bool is_seccomp_unconfined(const struct security_context *sc) {
        return sc->seccomp_profile && str_eq(sc->seccomp_profile->type, "Unconfined");
}

static void check_seccomp_baseline(const struct object_meta *meta, const struct pod_spec *spec,
                                   struct strbuf *out) {
        const struct pod_security_context *sc = spec->security_context;

        (void) meta;
        if (sc && sc->seccomp_profile && str_eq(sc->seccomp_profile->type, "Unconfined"))
                strbuf_add(
                        out,
                        "pod must not set securityContext.seccompProfile.type to \"Unconfined\"");
        check_containers(spec, is_seccomp_unconfined,
                         "must not set securityContext.seccompProfile.type to \"Unconfined\"", out);
}

static void check_sysctls(const struct object_meta *meta, const struct pod_spec *spec,
                          struct strbuf *out) {
        static const char *const ALLOWED[] = {
                "kernel.shm_rmid_forced",
                "net.ipv4.ip_local_port_range",
                "net.ipv4.ip_unprivileged_port_start",
                "net.ipv4.tcp_syncookies",
                "net.ipv4.ping_group_range",
                "net.ipv4.ip_local_reserved_ports",
                "net.ipv4.tcp_keepalive_time",
                "net.ipv4.tcp_fin_timeout",
                "net.ipv4.tcp_keepalive_intvl",
                "net.ipv4.tcp_keepalive_probes",
                "net.ipv4.tcp_rmem",
                "net.ipv4.tcp_wmem",
                NULL,
        };
        const struct pod_security_context *sc = spec->security_context;

        (void) meta;
        for (size_t i = 0; sc && i < sc->sysctls.n; i++)
                if (!str_is_any(sc->sysctls.items[i].name, ALLOWED))
                        strbuf_addf(out, "%s%s", out->len > 0 ? ", " : "",
                                    str_or_empty(sc->sysctls.items[i].name));
}

static bool is_host_process(const struct security_context *sc) {
        return sc->windows_options && sc->windows_options->host_process.value;
}

static void check_host_process(const struct object_meta *meta, const struct pod_spec *spec,
                               struct strbuf *out) {
        static const char WORDS[] = "must not set securityContext.windowsOptions.hostProcess=true";
        const struct pod_security_context *sc = spec->security_context;

        (void) meta;
        if (sc && sc->windows_options && sc->windows_options->host_process.value)
                strbuf_addf(out, "pod %s", WORDS);
        check_containers(spec, is_host_process, WORDS, out);
}

/* ---- restricted ---- */

static bool may_escalate(const struct security_context *sc) {
        return !sc->allow_privilege_escalation.is_set || sc->allow_privilege_escalation.value;
}

static void check_escalation(const struct object_meta *meta, const struct pod_spec *spec,
                             struct strbuf *out) {
        (void) meta;
        check_containers(spec, may_escalate,
                         "must set securityContext.allowPrivilegeEscalation=false", out);
}

static bool keeps_capabilities(const struct security_context *sc) {
        for (size_t i = 0; sc->capabilities && i < sc->capabilities->drop.n; i++)
                if (str_eq(sc->capabilities->drop.items[i], "ALL"))
                        return false;
        return true;
}

static void check_capabilities_restricted(const struct object_meta *meta,
                                          const struct pod_spec *spec, struct strbuf *out) {
        (void) meta;
        check_containers(spec, keeps_capabilities,
                         "must set securityContext.capabilities.drop=[\"ALL\"]", out);
        check_added(spec, RESTRICTED_CAPABILITIES, out);
}

/* The field that is a volume's source where the restricted level forbids it, else NULL. */
static const char *restricted_volume_type(const struct volume *v) {
        if (v->host_path)
                return "hostPath";
        if (v->empty_dir || v->config_map || v->secret || v->downward_api || v->projected ||
            v->persistent_volume_claim || v->csi || v->ephemeral || v->image)
                return NULL;
        return "unknown";
}

static void check_volumes(const struct object_meta *meta, const struct pod_spec *spec,
                          struct strbuf *out) {
        AUTO_DONE(finding) struct finding f = { 0 };

        (void) meta;
        for (size_t i = 0; i < spec->volumes.n; i++) {
                const char *type = restricted_volume_type(&spec->volumes.items[i]);
                AUTO_FREE char *quoted = type ? str_format("\"%s\"", type) : NULL;

                if (!type)
                        continue;
                finding_add(&f, spec->volumes.items[i].name);
                finding_add_value(&f, str_or_empty(quoted));
                out->has_failed |= !quoted;
        }
        if (f.n == 0)
                return;
        add_named(out, &f, "volume");
        strbuf_addf(out, " %s restricted volume type%s %s", f.n == 1 ? "uses" : "use",
                    f.n_values == 1 ? "" : "s", str_or_empty(f.values.s));
        out->has_failed |= f.names.has_failed || f.values.has_failed;
}

static bool says_root(const struct security_context *sc) {
        return sc->run_as_non_root.is_set && !sc->run_as_non_root.value;
}

static bool says_nothing_of_root(const struct security_context *sc) {
        return !sc->run_as_non_root.is_set;
}

static void check_non_root(const struct object_meta *meta, const struct pod_spec *spec,
                           struct strbuf *out) {
        const struct pod_security_context *sc = spec->security_context;
        bool is_set = sc && sc->run_as_non_root.is_set;

        (void) meta;
        if (is_set && !sc->run_as_non_root.value)
                strbuf_add(out, "pod must not set securityContext.runAsNonRoot=false");
        check_containers(spec, says_root, "must not set securityContext.runAsNonRoot=false", out);
        if (out->len == 0 && !is_set) {
                struct strbuf named = { 0 };

                check_containers(spec, says_nothing_of_root,
                                 "must set securityContext.runAsNonRoot=true", &named);
                if (named.len > 0)
                        strbuf_addf(out, "pod or %s", named.s);
                out->has_failed |= named.has_failed;
                strbuf_done(&named);
        }
}

static bool is_root(const struct security_context *sc) {
        return sc->run_as_user.is_set && sc->run_as_user.value == 0;
}

static void check_user(const struct object_meta *meta, const struct pod_spec *spec,
                       struct strbuf *out) {
        const struct pod_security_context *sc = spec->security_context;

        (void) meta;
        if (sc && sc->run_as_user.is_set && sc->run_as_user.value == 0)
                strbuf_add(out, "pod must not set runAsUser=0");
        check_containers(spec, is_root, "must not set runAsUser=0", out);
}

static bool is_seccomp_allowed(const struct seccomp_profile *p) {
        return p && (str_eq(p->type, "RuntimeDefault") || str_eq(p->type, "Localhost"));
}

static bool is_seccomp_forbidden(const struct security_context *sc) {
        return sc->seccomp_profile && !is_seccomp_allowed(sc->seccomp_profile);
}

static bool is_seccomp_missing(const struct security_context *sc) {
        return !sc->seccomp_profile;
}

#define SECCOMP_WORDS                                                                              \
        "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\""

static void check_seccomp_restricted(const struct object_meta *meta, const struct pod_spec *spec,
                                     struct strbuf *out) {
        const struct pod_security_context *sc = spec->security_context;
        bool is_set = sc && sc->seccomp_profile;

        (void) meta;
        if (is_set && !is_seccomp_allowed(sc->seccomp_profile))
                strbuf_add(out, "pod " SECCOMP_WORDS);
        check_containers(spec, is_seccomp_forbidden, SECCOMP_WORDS, out);
        if (out->len == 0 && !is_set) {
                struct strbuf named = { 0 };

                check_containers(spec, is_seccomp_missing, SECCOMP_WORDS, &named);
                if (named.len > 0)
                        strbuf_addf(out, "pod or %s", named.s);
                out->has_failed |= named.has_failed;
                strbuf_done(&named);
        }
}

/* ---- all of it ---- */

typedef void (*check_fn)(const struct object_meta *meta, const struct pod_spec *spec,
                         struct strbuf *out);

struct check {
        const char *reason;
        check_fn baseline;   /* NULL: nothing */
        check_fn restricted; /* in place of baseline's; NULL: the same */
};

/* In the order of messages: what baseline asks, then what only the restricted level asks. */
static const struct check CHECKS[] = {
        { "forbidden AppArmor profile", check_app_armor, NULL },
        { "host namespaces", check_host_namespaces, NULL },
        { "hostPort", check_host_ports, NULL },
        { "privileged", check_privileged, NULL },
        { "procMount", check_proc_mount, NULL },
        { "seLinuxOptions", check_se_linux, NULL },
        { "forbidden sysctls", check_sysctls, NULL },
        { "hostProcess", check_host_process, NULL },
        { "allowPrivilegeEscalation != false", NULL, check_escalation },
        { "non-default capabilities", check_capabilities_baseline, NULL },
        { "unrestricted capabilities", NULL, check_capabilities_restricted },
        { "hostPath volumes", check_host_path, NULL },
        { "restricted volume types", NULL, check_volumes },
        { "runAsNonRoot != true", NULL, check_non_root },
        { "runAsUser=0", NULL, check_user },
        { "seccompProfile", check_seccomp_baseline, check_seccomp_restricted },
};

/* Baseline's checks that stricter ones of the restricted level stand in for. */
static bool is_replaced(const struct check *c, enum pod_security_level level) {
        return level == POD_SECURITY_RESTRICTED &&
               (c->baseline == check_capabilities_baseline || c->baseline == check_host_path);
}

int pod_security_check(enum pod_security_level level, const struct object_meta *meta,
                       const struct pod_spec *spec, char **ret_why) {
        AUTO_DONE(strbuf) struct strbuf why = { 0 };

        *ret_why = NULL;
        for (size_t i = 0; level != POD_SECURITY_PRIVILEGED && i < ARRAY_SIZE(CHECKS); i++) {
                const struct check *c = &CHECKS[i];
                check_fn fn = level == POD_SECURITY_RESTRICTED && c->restricted ? c->restricted
                                                                                : c->baseline;
                AUTO_DONE(strbuf) struct strbuf detail = { 0 };

                if (!fn || is_replaced(c, level))
                        continue;
                fn(meta, spec, &detail);
                if (detail.len > 0)
                        strbuf_addf(&why, "%s%s (%s)", why.len > 0 ? ", " : "", c->reason,
                                    detail.s);
                why.has_failed |= detail.has_failed;
        }
        if (why.has_failed)
                return -ENOMEM;
        if (why.len > 0)
                *ret_why = strbuf_steal(&why);
        return 0;
}
