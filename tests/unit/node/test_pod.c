#include "api/client/timer.h"
#include "api/kinds/config.h"
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/network/ipam.h"
#include "daemon/node/context.h"
#include "daemon/node/events.h"
#include "daemon/node/pod.h"
#include "daemon/node/pod_internal.h"
#include "daemon/node/prober.h"
#include "daemon/node/sources.h"
#include "daemon/runtime/runtime.h"
#include "tests/unit/node/fakes.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The driver of one pod, over a fake runtime: what is done to the machine and what the server is
 * told. */

struct fixture {
        char dir[64];
        struct node_config config;
        struct context ctx;
        struct timers *timers;
        struct fake_client client;
        struct node_pod *pod;
        int64_t others_cpu_milli;
        bool is_over;
};

static int no_config_map(void *data, const char *ns, const char *name,
                         const struct config_map **ret) {
        (void) data;
        (void) ns;
        (void) name;
        (void) ret;
        return -ENOENT;
}

static int no_secret(void *data, const char *ns, const char *name, const struct secret **ret) {
        (void) data;
        (void) ns;
        (void) name;
        (void) ret;
        return -ENOENT;
}

static void no_services(void *data, const char *ns,
                        void (*fn)(void *fn_data, const struct service *s), void *fn_data) {
        (void) data;
        (void) ns;
        (void) fn;
        (void) fn_data;
}

static void on_source(void *userdata, const struct kind *kind, const char *ns, const char *name) {
        (void) userdata;
        (void) kind;
        (void) ns;
        (void) name;
}

static void on_over(void *userdata, struct node_pod *p) {
        struct fixture *f = userdata;
        (void) p;
        f->is_over = true;
}

static void make_dirs(const char *dir) {
        static const char *const names[] = { "node/wanted", "node", "volumes" };

        for (size_t i = 0; i < 3; i++) {
                AUTO_FREE char *path = str_format("%s/%s", dir, names[i]);

                assert_int_equal(dir_make_all(path, 0700, NULL), 0);
        }
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        struct ip_prefix cidr;

        fake_world_reset();
        strcpy(f->dir, "/tmp/orch-test-pod-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        make_dirs(f->dir);
        f->config = (struct node_config){ .name = "n1",
                                          .state_dir = f->dir,
                                          .run_dir = f->dir,
                                          .cluster_domain = "cluster.local",
                                          .host_resolv_conf = "/dev/null" };
        fake_client_init(&f->client);
        f->ctx = (struct context){ .config = &f->config,
                                   .client = &f->client.base,
                                   .host_ip = "192.0.2.1",
                                   .dns_address = "10.244.0.1",
                                   .cpu_milli = 4000,
                                   .memory_bytes = 1 << 30,
                                   .pod_sources = { .config_map = no_config_map,
                                                    .secret = no_secret,
                                                    .each_service = no_services } };
        assert_int_equal(loop_new(&f->ctx.loop, NULL), 0);
        assert_int_equal(timers_new_event(loop_event(f->ctx.loop), &f->timers, NULL), 0);
        assert_int_equal(ip_prefix_parse("10.244.0.0/24", &cidr), 0);
        assert_int_equal(ipam_new(&cidr, &f->ctx.ipam, NULL), 0);
        assert_int_equal(
                events_new(f->ctx.loop, &f->client.base, "orchd-node", "n1", &f->ctx.events, NULL),
                0);
        assert_int_equal(prober_new(f->ctx.loop, &f->ctx.prober, NULL), 0);
        assert_int_equal(sources_new(&f->client.base, f->timers, on_source, NULL, &f->ctx.sources),
                         0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        node_pod_unref(f->pod);
        sources_unref(f->ctx.sources);
        events_unref(f->ctx.events);
        prober_unref(f->ctx.prober);
        ipam_unref(f->ctx.ipam);
        timers_free_event(f->timers);
        loop_unref(f->ctx.loop);
        fake_client_done(&f->client);
        (void) dir_remove_all(AT_FDCWD, f->dir, NULL);
        free(f);
        return 0;
}

#define POD(meta, spec)                                                                            \
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\",\"namespace\":"  \
        "\"default\",\"uid\":\"u1\"" meta "},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"      \
        "\"name\":\"web\",\"image\":\"web:1\"" spec "}]}}"

static struct object *decode(const char *text) {
        struct object *o = NULL;
        struct err e = { 0 };

        if (object_new_from_text(&pod_kind, text, strlen(text), true, &o, &e) < 0)
                fail_msg("%s", e.text);
        return o;
}

static void settle(struct fixture *f) {
        for (int i = 0; i < 20; i++) {
                fake_deliver();
                while (loop_step(f->ctx.loop, 0) > 0)
                        ;
        }
}

static void others(void *userdata, const struct node_pod *p, int64_t *cpu, int64_t *memory) {
        const struct fixture *f = userdata;
        (void) p;
        (void) memory;
        *cpu += f->others_cpu_milli;
}

static void begin(struct fixture *f, const char *text) {
        const struct node_pod_events events = { .on_over = on_over,
                                                .others = others,
                                                .userdata = f };
        AUTO(object) struct object *o = decode(text);

        assert_int_equal(node_pod_new(&f->ctx, o, &events, &f->pod, NULL), 0);
        node_pod_run(f->pod);
        settle(f);
}

static void change(struct fixture *f, const char *text) {
        AUTO(object) struct object *o = decode(text);

        node_pod_update(f->pod, o);
        settle(f);
}

static void exits(struct fixture *f, uint64_t instance, int code) {
        const struct runtime_container_status status = { .pod_uid = "u1",
                                                         .container = "web",
                                                         .instance = instance,
                                                         .state = RUNTIME_STATE_EXITED,
                                                         .exit_code = code,
                                                         .started_usec = clock_wall_usec(),
                                                         .finished_usec = clock_wall_usec() };

        node_pod_exited(f->pod, &status);
        settle(f);
}

static const char *status_body(struct fixture *f) {
        struct fake_call *call = fake_client_open(&f->client, CLIENT_PATCH, "/status");

        return call ? call->body : "";
}

static void a_pod_is_made_started_and_reported_ready_in_one_write(void **state) {
        struct fixture *f = *state;

        begin(f, POD("", ",\"args\":[\"a\",\"$(X)\"],\"env\":[{\"name\":\"X\",\"value\":\"1\"}]"));

        assert_true(fake_did("create u1"));
        assert_true(fake_did("attach u1 10.244.0.2"));
        assert_true(fake_did("start web 0"));
        assert_string_equal(fake_world.args_text, "/bin/web --serve a 1");
        assert_non_null(strstr(status_body(f), "{\"metadata\":{\"uid\":\"u1\"},\"status\":{"));
        assert_non_null(strstr(status_body(f), "\"phase\":\"Running\""));
        assert_non_null(strstr(status_body(f), "\"podIP\":\"10.244.0.2\""));
        assert_non_null(strstr(status_body(f), "\"imageID\":\"sha256:abc\""));
        fake_answer(fake_client_open(&f->client, CLIENT_PATCH, "/status"), 200, "{}");
        settle(f);
        assert_null(fake_client_open(&f->client, CLIENT_PATCH, "/status"));
}

static void the_first_exit_is_followed_by_a_new_life_at_once(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));

        exits(f, 0, 1);

        assert_true(fake_did("start web 1"));
        fake_answer(fake_client_open(&f->client, CLIENT_PATCH, "/status"), 200, "{}");
        settle(f);
        assert_non_null(strstr(status_body(f), "\"restartCount\":1"));
        assert_non_null(strstr(status_body(f), "\"lastState\":{\"terminated\":{\"exitCode\":1"));
}

static void an_exit_told_twice_counts_once(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));

        exits(f, 0, 1);
        exits(f, 0, 1);

        assert_false(fake_did("start web 2"));
}

static void the_second_exit_waits(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));
        exits(f, 0, 1);
        fake_answer(fake_client_open(&f->client, CLIENT_PATCH, "/status"), 200, "{}");

        exits(f, 1, 1);

        assert_false(fake_did("start web 2"));
        fake_answer(fake_client_open(&f->client, CLIENT_PATCH, "/status"), 200, "{}");
        settle(f);
        assert_non_null(
                strstr(status_body(f),
                       "back-off 10s restarting failed container=web pod=web-1_default(u1)"));
}

static void deletion_asks_waits_removes_and_takes_the_object_away(void **state) {
        struct fixture *f = *state;
        struct fake_call *call;
        begin(f, POD("", ""));

        change(f, POD(",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
                      "\"deletionGracePeriodSeconds\":30",
                      ""));
        assert_true(fake_did("signal web 15"));
        assert_false(fake_did("remove"));
        exits(f, 0, 0);
        assert_true(fake_did("remove"));
        call = fake_client_open(&f->client, CLIENT_DELETE, "/api/v1/namespaces/default/pods/web-1");
        assert_non_null(call);
        assert_non_null(strstr(call->body, "\"gracePeriodSeconds\":0"));
        assert_non_null(strstr(call->body, "\"preconditions\":{\"uid\":\"u1\"}"));
        fake_answer(call, 200, "{}");
        settle(f);

        assert_true(f->is_over);
        assert_int_equal(ipam_n_used(f->ctx.ipam), 0);
}

static void no_grace_kills_at_once(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));

        change(f, POD(",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
                      "\"deletionGracePeriodSeconds\":0",
                      ""));

        assert_true(fake_did("kill web"));
        assert_false(fake_did("signal web 15"));
}

static void a_missing_image_says_how_to_load_it_and_starts_when_it_came(void **state) {
        struct fixture *f = *state;
        fake_world.has_image = false;
        begin(f, POD("", ""));
        assert_false(fake_did("start web 0"));
        assert_int_equal(node_pod_log_life(f->pod, NULL, false, &(const char *){ NULL },
                                           &(uint64_t){ 0 }, NULL),
                         -EINVAL);

        fake_world.has_image = true;
        node_pod_image_changed(f->pod);
        settle(f);

        assert_true(fake_did("start web 0"));
}

static void a_program_that_cannot_start_is_a_start_error_and_restarts(void **state) {
        struct fixture *f = *state;
        fake_world.start_result = -ENOENT;

        begin(f, POD("", ""));

        /* At once, then only after the back-off. */
        assert_true(fake_did("start web 1"));
        assert_false(fake_did("start web 2"));
}

static bool says_ready(struct fixture *f) {
        return strstr(status_body(f), "\"ready\":true") != NULL;
}

static void a_healthcheck_of_the_image_holds_readiness_back(void **state) {
        struct fixture *f = *state;
        fake_world.has_health = true;

        begin(f, POD("", ""));

        assert_true(fake_did("start web 0"));
        assert_true(fake_did("exec web /bin/check"));
        assert_false(says_ready(f));
}

static void a_healthcheck_is_nothing_beside_a_probe_of_the_manifest(void **state) {
        struct fixture *f = *state;
        fake_world.has_health = true;

        begin(f, POD("", ",\"readinessProbe\":{\"exec\":{\"command\":[\"/own\"]}}"));

        assert_true(fake_did("exec web /own"));
        assert_false(fake_did("exec web /bin/check"));
}

static void a_healthcheck_is_ignored_where_the_pod_says_so(void **state) {
        struct fixture *f = *state;
        fake_world.has_health = true;

        begin(f, POD(",\"annotations\":{\"orch.dev/image-healthcheck\":\"ignore\"}", ""));

        assert_true(says_ready(f));
        assert_false(fake_did("exec web /bin/check"));
}

static void a_pod_of_jobs_ends_once(void **state) {
        struct fixture *f = *state;
        begin(f, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\","
                 "\"namespace\":\"default\",\"uid\":\"u1\"},"
                 "\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"web\","
                 "\"image\":\"web:1\"}]}}");

        exits(f, 0, 3);

        assert_true(fake_did("remove"));
        assert_false(fake_did("start web 1"));
        fake_answer(fake_client_open(&f->client, CLIENT_PATCH, "/status"), 200, "{}");
        settle(f);
        assert_non_null(strstr(status_body(f), "\"phase\":\"Failed\""));
        assert_non_null(strstr(status_body(f), "\"exitCode\":3"));
}

static void a_write_that_found_no_server_is_tried_again(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));

        fake_answer(fake_client_open(&f->client, CLIENT_PATCH, "/status"), 500, "{}");
        settle(f);

        assert_false(f->is_over);
        assert_false(fake_did("remove"));
        assert_null(fake_client_open(&f->client, CLIENT_PATCH, "/status")); /* later, not at once */
}

static void what_a_pod_used_is_marked_when_it_goes(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));
        assert_false(fake_did_like("used"));

        node_pod_unref(f->pod);
        f->pod = NULL;

        assert_true(fake_did("used sha256:abc"));
}

static void a_second_node_finds_everything_running(void **state) {
        struct fixture *f = *state;
        const struct node_pod_events events = { .on_over = on_over, .userdata = f };
        const struct runtime_container_status status = { .pod_uid = "u1",
                                                         .container = "web",
                                                         .instance = 1,
                                                         .pid = 5,
                                                         .state = RUNTIME_STATE_RUNNING,
                                                         .started_usec = clock_wall_usec() };
        AUTO(object) struct object *o = decode(POD("", ""));
        begin(f, POD("", ""));
        exits(f, 0, 1);
        node_pod_unref(f->pod);
        ipam_unref(f->ctx.ipam);
        assert_int_equal(
                ipam_new(&(struct ip_prefix){ ip_from_u32(0x0af40000), 24 }, &f->ctx.ipam, NULL),
                0);
        fake_world.n_log = 0;

        assert_int_equal(node_pod_new(&f->ctx, o, &events, &f->pod, NULL), 0);
        node_pod_adopt(f->pod, (struct runtime_pod *) (void *) f);
        node_pod_adopt_container(f->pod, &status);
        node_pod_run(f->pod);
        settle(f);

        assert_int_equal(fake_world.n_log, 0);
        assert_int_equal(ipam_n_used(f->ctx.ipam), 1);
        assert_non_null(strstr(status_body(f), "\"podIP\":\"10.244.0.2\""));
        assert_non_null(strstr(status_body(f), "\"restartCount\":1"));
        assert_true(node_pod_is_running(f->pod, "web", 1));
}

static void our_own_status_coming_back_changes_nothing(void **state) {
        struct fixture *f = *state;
        size_t n;
        begin(f, POD("", ""));
        n = f->client.n;

        change(f, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-1\","
                  "\"namespace\":\"default\",\"uid\":\"u1\","
                  "\"resourceVersion\":\"7\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"
                  "\"name\":\"web\",\"image\":\"web:1\"}]},"
                  "\"status\":{\"phase\":\"Running\"}}");

        assert_int_equal(f->client.n, n);
}

/* ---- resize ---- */

#define SIZED(meta, cpu, memory, policy)                                                           \
        POD(meta, ",\"resources\":{\"requests\":{\"cpu\":\"" cpu "\",\"memory\":\"" memory         \
                  "\"},\"limits\":{\"cpu\":\"1\",\"memory\":\"" memory "\"}}" policy)
#define ON_MEMORY                                                                                  \
        ",\"resizePolicy\":[{\"resourceName\":\"memory\",\"restartPolicy\":\"RestartContainer\"}]"

/* Answers the status that waits, so that the next one is sent; returns the newest body. */
static const char *next_status(struct fixture *f) {
        struct fake_call *call = fake_client_open(&f->client, CLIENT_PATCH, "/status");

        if (call)
                fake_answer(call, 200, "{}");
        for (int i = 0; i < 50 && !*status_body(f); i++) {
                (void) loop_step(f->ctx.loop, 10 * USEC_PER_MSEC);
                settle(f);
        }
        return status_body(f);
}

static void a_change_of_resources_is_written_to_the_running_container(void **state) {
        struct fixture *f = *state;
        const char *body;
        begin(f, SIZED("", "100m", "64Mi", ""));
        fake_world.n_log = 0;

        change(f, SIZED(",\"generation\":2", "200m", "128Mi", ""));

        assert_string_equal(fake_world.log[0], "limit pod 200 1000 128 128");
        assert_string_equal(fake_world.log[1], "limit web 200 1000 128 128");
        assert_string_equal(fake_world.log[2], "limit pod 200 1000 128 128");
        assert_int_equal(fake_world.n_log, 3);
        body = next_status(f);
        assert_non_null(
                strstr(body, "\"allocatedResources\":{\"cpu\":\"200m\",\"memory\":\"128Mi\"}"));
        assert_non_null(strstr(body, "\"requests\":{\"cpu\":\"200m\",\"memory\":\"128Mi\"}"));
        assert_null(strstr(body, "PodResize"));
}

static void a_policy_of_restart_ends_the_container_and_starts_it_at_once(void **state) {
        struct fixture *f = *state;
        begin(f, SIZED("", "100m", "64Mi", ON_MEMORY));
        fake_world.n_log = 0;

        change(f, SIZED(",\"generation\":2", "100m", "128Mi", ON_MEMORY));

        assert_string_equal(fake_world.log[0], "limit pod 100 1000 128 128");
        assert_true(fake_did("signal web 15"));
        assert_false(fake_did_like("limit web"));
        exits(f, 0, 0);
        assert_true(fake_did("start web 1"));
        assert_string_equal(fake_world.log[fake_world.n_log - 1], "limit pod 100 1000 128 128");
        assert_non_null(strstr(next_status(f), "\"memory\":\"128Mi\""));
        assert_null(strstr(status_body(f), "PodResize"));
}

static void what_the_node_hasnt_stays_pending_and_the_old_size_counts(void **state) {
        struct fixture *f = *state;
        const char *body;
        begin(f, SIZED("", "100m", "64Mi", ""));
        fake_world.n_log = 0;

        change(f, SIZED(",\"generation\":2", "100m", "2Gi", ""));

        assert_int_equal(fake_world.n_log, 0);
        body = next_status(f);
        assert_non_null(strstr(body, "\"type\":\"PodResizePending\""));
        assert_non_null(strstr(body, "\"reason\":\"Infeasible\""));
        assert_non_null(strstr(body, "Node didn't have enough capacity: memory, requested: "
                                     "2147483648, capacity: 1073741824"));
        assert_non_null(
                strstr(body, "\"allocatedResources\":{\"cpu\":\"100m\",\"memory\":\"64Mi\"}"));
        exits(f, 0, 1);
        assert_true(fake_did("start web 1")); /* with the old size: nothing is left to be written */
        assert_false(fake_did_like("limit"));
}

static void what_others_hold_is_deferred_until_they_leave(void **state) {
        struct fixture *f = *state;
        f->others_cpu_milli = 3900;
        begin(f, SIZED("", "100m", "64Mi", ""));
        change(f, SIZED(",\"generation\":2", "200m", "64Mi", ""));
        assert_non_null(strstr(next_status(f), "\"reason\":\"Deferred\""));
        assert_false(fake_did_like("limit"));

        f->others_cpu_milli = 1000;
        node_pod_room_changed(f->pod);

        assert_true(fake_did("limit web 200 1000 64 64"));
        assert_null(strstr(next_status(f), "PodResize"));
}

static void less_memory_than_is_in_use_is_not_written_but_told(void **state) {
        struct fixture *f = *state;
        const char *body;
        begin(f, SIZED("", "100m", "64Mi", ""));
        fake_world.used_bytes = 50 << 20;

        change(f, SIZED(",\"generation\":2", "100m", "40Mi", ""));

        assert_false(fake_did_like("limit"));
        body = next_status(f);
        assert_non_null(strstr(body, "\"type\":\"PodResizeInProgress\""));
        assert_non_null(strstr(body, "\"reason\":\"Error\""));
        assert_non_null(strstr(body, "attempting to set container \\\"web\\\" memory limit "
                                     "(41943040) below current usage (52428800)"));
        /* Taken back, all is well. */
        change(f, SIZED(",\"generation\":3", "100m", "64Mi", ""));
        assert_null(strstr(next_status(f), "PodResize"));
}

static void takes_over(struct fixture *f, const char *text, uint64_t instance) {
        const struct node_pod_events events = { .on_over = on_over,
                                                .others = others,
                                                .userdata = f };
        const struct runtime_container_status status = { .pod_uid = "u1",
                                                         .container = "web",
                                                         .instance = instance,
                                                         .pid = 5,
                                                         .state = RUNTIME_STATE_RUNNING,
                                                         .started_usec = clock_wall_usec() };
        AUTO(object) struct object *o = decode(text);

        node_pod_unref(f->pod);
        f->pod = NULL;
        fake_world.n_log = 0;
        assert_int_equal(node_pod_new(&f->ctx, o, &events, &f->pod, NULL), 0);
        node_pod_adopt(f->pod, (struct runtime_pod *) (void *) f);
        node_pod_adopt_container(f->pod, &status);
        node_pod_run(f->pod);
        settle(f);
}

static void a_second_node_goes_on_where_the_first_was_killed(void **state) {
        struct fixture *f = *state;
        begin(f, SIZED("", "100m", "64Mi", ""));

        /* What is in force is known: nothing to do. */
        takes_over(f, SIZED("", "100m", "64Mi", ""), 0);
        assert_int_equal(fake_world.n_log, 0);
        /* Asked for while nobody looked. */
        takes_over(f, SIZED(",\"generation\":2", "200m", "64Mi", ""), 0);
        assert_true(fake_did("limit web 200 1000 64 64"));
        /* Asked for what can't be: the old size counts on, also after the next one took over. */
        takes_over(f, SIZED(",\"generation\":3", "9", "64Mi", ""), 0);
        takes_over(f, SIZED(",\"generation\":3", "9", "64Mi", ""), 0);
        assert_int_equal(fake_world.n_log, 0);
        assert_non_null(strstr(status_body(f), "\"allocatedResources\":{\"cpu\":\"200m\""));
}

static void a_restart_for_resources_is_finished_by_the_second_node(void **state) {
        struct fixture *f = *state;
        begin(f, SIZED("", "100m", "64Mi", ON_MEMORY));
        change(f, SIZED(",\"generation\":2", "100m", "128Mi", ON_MEMORY));
        assert_true(fake_did("signal web 15"));

        /* Killed while it ends: it is told to end by the grace that is left, and starts anew. */
        takes_over(f, SIZED(",\"generation\":2", "100m", "128Mi", ON_MEMORY), 0);
        exits(f, 0, 0);
        assert_true(fake_did("start web 1"));
        /* Killed after it started anew, before that was written down: no third life. */
        takes_over(f, SIZED(",\"generation\":2", "100m", "128Mi", ON_MEMORY), 2);
        assert_false(fake_did_like("signal"));
        assert_false(fake_did_like("start"));
}

static const struct runtime_container_status died = { .pod_uid = "u1",
                                                      .container = "web",
                                                      .state = RUNTIME_STATE_EXITED };

static void a_life_that_began_as_the_first_node_died_is_ready(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));

        /* Its start was written down, its running wasn't. */
        node_pod_exited(f->pod, &died);
        assert_true(fake_did("start web 1"));
        fake_forget();
        takes_over(f, POD("", ""), 1);

        assert_true(node_pod_is_running(f->pod, "web", 1));
        assert_non_null(strstr(status_body(f), "\"type\":\"Ready\",\"status\":\"True\""));
}

static void a_life_that_the_first_node_did_not_write_down_is_left_alone(void **state) {
        struct fixture *f = *state;
        begin(f, POD("", ""));
        f->pod->seen.containers[0].is_unhealthy = true;
        node_pod_run(f->pod);
        assert_true(fake_did("signal web 15"));

        /* What was being ended has ended, and another life has begun. */
        takes_over(f, POD("", ""), 1);

        assert_false(fake_did_like("signal"));
        assert_false(fake_did_like("kill"));
        assert_false(f->pod->seen.containers[0].is_unhealthy);
        assert_int_equal(f->pod->seen.containers[0].stop, STOP_NONE);
        assert_non_null(strstr(status_body(f), "\"type\":\"Ready\",\"status\":\"True\""));
}

static void what_the_kernel_refuses_is_told_and_tried_again(void **state) {
        struct fixture *f = *state;
        begin(f, SIZED("", "100m", "64Mi", ""));
        fake_world.update_result = -ENOENT;

        change(f, SIZED(",\"generation\":2", "200m", "64Mi", ""));

        assert_non_null(strstr(next_status(f), "\"reason\":\"Error\""));
        assert_false(fake_did_like("limit web"));
        fake_world.update_result = 0;
        change(f, SIZED(",\"generation\":3", "300m", "64Mi", ""));
        assert_true(fake_did("limit web 300 1000 64 64"));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void an_address_is_found_in_the_kernels_table(void **state) {
        static const char text[] =
                "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
                "     |-- 10.244.0.1\n        /32 link UNICAST\n"
                "Local:\n     |-- 10.244.0.7\n        /32 host LOCAL\n"
                "        |-- 127.0.0.1\n           /32 host LOCAL\n     |-- 10.2";
        struct ip_prefix within, elsewhere;
        struct ip_addr ip;
        char found[IP_TEXT_MAX];
        (void) state;
        assert_int_equal(ip_prefix_parse("10.244.0.0/24", &within), 0);
        assert_int_equal(ip_prefix_parse("10.245.0.0/24", &elsewhere), 0);

        ip = pod_ip_in_trie(text, &within);

        ip_format(&ip, found);
        assert_string_equal(found, "10.244.0.7");
        assert_int_equal(pod_ip_in_trie(text, &elsewhere).family, IP_NONE);
        assert_int_equal(pod_ip_in_trie("", &within).family, IP_NONE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(a_pod_is_made_started_and_reported_ready_in_one_write),
                WITH(the_first_exit_is_followed_by_a_new_life_at_once),
                WITH(an_exit_told_twice_counts_once),
                WITH(the_second_exit_waits),
                WITH(deletion_asks_waits_removes_and_takes_the_object_away),
                WITH(no_grace_kills_at_once),
                WITH(a_missing_image_says_how_to_load_it_and_starts_when_it_came),
                WITH(a_program_that_cannot_start_is_a_start_error_and_restarts),
                WITH(a_healthcheck_of_the_image_holds_readiness_back),
                WITH(a_healthcheck_is_nothing_beside_a_probe_of_the_manifest),
                WITH(a_healthcheck_is_ignored_where_the_pod_says_so),
                WITH(a_pod_of_jobs_ends_once),
                WITH(a_write_that_found_no_server_is_tried_again),
                WITH(what_a_pod_used_is_marked_when_it_goes),
                WITH(a_second_node_finds_everything_running),
                WITH(our_own_status_coming_back_changes_nothing),
                WITH(a_change_of_resources_is_written_to_the_running_container),
                WITH(a_policy_of_restart_ends_the_container_and_starts_it_at_once),
                WITH(what_the_node_hasnt_stays_pending_and_the_old_size_counts),
                WITH(what_others_hold_is_deferred_until_they_leave),
                WITH(less_memory_than_is_in_use_is_not_written_but_told),
                WITH(a_second_node_goes_on_where_the_first_was_killed),
                WITH(a_restart_for_resources_is_finished_by_the_second_node),
                WITH(a_life_that_began_as_the_first_node_died_is_ready),
                WITH(a_life_that_the_first_node_did_not_write_down_is_left_alone),
                WITH(what_the_kernel_refuses_is_told_and_tried_again),
                cmocka_unit_test(an_address_is_found_in_the_kernels_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
