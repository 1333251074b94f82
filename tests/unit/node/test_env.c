#include "api/kinds/config.h"
#include "api/kinds/pod.h"
#include "api/kinds/service.h"
#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/node/downward.h"
#include "daemon/node/env.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct string_pair settings_items[] = { { "level", "debug" },
                                               { "1st", "left out" },
                                               { "color", "red" } };
static const struct config_map settings = { .data = { settings_items, 3 } };
static struct bytes_pair key_items[] = { { "token", (const uint8_t *) "s3cret", 6 } };
static const struct secret keys = { .data = { key_items, 1 } };

static int find_config_map(void *data, const char *ns, const char *name,
                           const struct config_map **ret) {
        (void) data;
        (void) ns;
        if (str_eq(name, "late"))
                return -EAGAIN;
        if (!str_eq(name, "settings"))
                return -ENOENT;
        *ret = &settings;
        return 0;
}

static int find_secret(void *data, const char *ns, const char *name, const struct secret **ret) {
        (void) data;
        (void) ns;
        if (!str_eq(name, "keys"))
                return -ENOENT;
        *ret = &keys;
        return 0;
}

static void each_service(void *data, const char *ns,
                         void (*fn)(void *fn_data, const struct service *s), void *fn_data) {
        struct service_port port = { .name = "web-ui", .port = 80, .protocol = "TCP" };
        struct service s = { .metadata = { .name = "my-db", .namespace = ns },
                             .spec = { .cluster_ip = "10.96.0.9" } };
        (void) data;

        s.spec.ports.items = &port;
        s.spec.ports.n = 1;
        fn(fn_data, &s);
        s.spec.cluster_ip = "None";
        s.metadata.name = "headless";
        fn(fn_data, &s);
}

static const struct pod_sources sources = { .config_map = find_config_map,
                                            .secret = find_secret,
                                            .each_service = each_service };
static const struct pod_facts facts = { .pod_ip = "10.244.0.5",
                                        .host_ip = "192.0.2.1",
                                        .node_name = "n1",
                                        .node_cpu_milli = 4000,
                                        .node_memory_bytes = 1 << 30 };

struct fixture {
        struct arena *a;
        struct pod pod;
        struct container c;
        struct env_var vars[8];
        struct env_request q;
        struct env env;
        struct err e;
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->a = arena_new(0);
        f->pod.metadata = (struct object_meta){ .name = "web-1", .namespace = "shop", .uid = "u1" };
        f->pod.spec.enable_service_links = (struct opt_bool){ true, false };
        f->c.name = "web";
        f->c.env.items = f->vars;
        f->q = (struct env_request){
                .pod = &f->pod, .container = &f->c, .sources = &sources, .facts = &facts
        };
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        env_done(&f->env);
        arena_unref(f->a);
        free(f);
        return 0;
}

static void set(struct fixture *f, const char *name, const char *value) {
        f->vars[f->c.env.n++] = (struct env_var){ .name = name, .value = value };
}

static int build(struct fixture *f) {
        return env_build(f->a, &f->q, &f->env, &f->e);
}

static void later_values_win_and_see_earlier_ones(void **state) {
        static const char *const image_env[] = { "PATH=/bin", "A=image" };
        struct fixture *f = *state;
        f->q.image_env = image_env;
        f->q.n_image_env = 2;
        set(f, "A", "own");
        set(f, "B", "$(A)-$(PATH)-$(NOPE)-$$(A)-$");
        set(f, "A", "last");

        assert_int_equal(build(f), 0);

        assert_int_equal(f->env.n, 3);
        assert_string_equal(env_get(&f->env, "A"), "last");
        assert_string_equal(env_get(&f->env, "B"), "own-/bin-$(NOPE)-$(A)-$");
}

static void odd_references_stay_as_they_are(void **state) {
        static const char *const texts[] = { "$(", "$(A", "a$", "$", "()", "$(A B)", "" };
        struct fixture *f = *state;
        set(f, "A", "1");
        assert_int_equal(build(f), 0);

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                assert_string_equal(env_expand(f->a, &f->env, texts[i]), texts[i]);
        assert_string_equal(env_expand(f->a, &f->env, "$$$(A)$(A)"), "$11");
}

static void config_maps_and_secrets_give_keys_and_all_they_have(void **state) {
        struct fixture *f = *state;
        struct config_map_env_source all = { .name = "settings" };
        struct env_from_source from = { .prefix = "S_", .config_map_ref = &all };
        struct secret_key_selector key = { .name = "keys", .key = "token" };
        struct env_var_source source = { .secret_key_ref = &key };
        f->c.env_from.items = &from;
        f->c.env_from.n = 1;
        f->vars[f->c.env.n++] = (struct env_var){ .name = "TOKEN", .value_from = &source };

        assert_int_equal(build(f), 0);

        assert_string_equal(env_get(&f->env, "S_level"), "debug");
        assert_string_equal(env_get(&f->env, "S_1st"), "left out");
        assert_string_equal(env_get(&f->env, "TOKEN"), "s3cret");
}

static void names_that_no_shell_takes_are_left_out(void **state) {
        struct fixture *f = *state;
        struct config_map_env_source all = { .name = "settings" };
        struct env_from_source from = { .config_map_ref = &all };
        f->c.env_from.items = &from;
        f->c.env_from.n = 1;

        assert_int_equal(build(f), 0);

        assert_int_equal(f->env.n, 2);
        assert_null(env_get(&f->env, "1st"));
}

static int build_key(struct fixture *f, const char *name, const char *key, bool is_optional) {
        struct config_map_key_selector selector = { .name = name,
                                                    .key = key,
                                                    .optional = { true, is_optional } };
        struct env_var_source source = { .config_map_key_ref = &selector };

        f->c.env.n = 0;
        f->vars[f->c.env.n++] = (struct env_var){ .name = "X", .value_from = &source };
        env_done(&f->env);
        return build(f);
}

static void missing_references_are_named_in_kubernetes_words(void **state) {
        struct fixture *f = *state;

        assert_int_equal(build_key(f, "nope", "k", false), -ENOENT);
        assert_string_equal(f->e.text, "configmap \"nope\" not found");
        assert_int_equal(build_key(f, "settings", "k", false), -ENOENT);
        assert_string_equal(f->e.text, "couldn't find key k in ConfigMap shop/settings");
        assert_int_equal(build_key(f, "late", "k", true), -EAGAIN);
}

static void optional_references_may_be_missing(void **state) {
        struct fixture *f = *state;

        assert_int_equal(build_key(f, "nope", "k", true), 0);
        assert_null(env_get(&f->env, "X"));
        assert_int_equal(build_key(f, "settings", "k", true), 0);
        assert_null(env_get(&f->env, "X"));
}

static void services_are_told_as_docker_links(void **state) {
        struct fixture *f = *state;
        f->pod.spec.enable_service_links = (struct opt_bool){ 0 };

        assert_int_equal(build(f), 0);

        assert_string_equal(env_get(&f->env, "MY_DB_SERVICE_HOST"), "10.96.0.9");
        assert_string_equal(env_get(&f->env, "MY_DB_SERVICE_PORT"), "80");
        assert_string_equal(env_get(&f->env, "MY_DB_SERVICE_PORT_WEB_UI"), "80");
        assert_string_equal(env_get(&f->env, "MY_DB_PORT"), "tcp://10.96.0.9:80");
        assert_string_equal(env_get(&f->env, "MY_DB_PORT_80_TCP_ADDR"), "10.96.0.9");
        assert_null(env_get(&f->env, "HEADLESS_SERVICE_HOST"));
}

static void the_downward_api_knows_the_pod(void **state) {
        struct string_pair labels[] = { { "app", "web" }, { "quote", "a\"b" } };
        struct fixture *f = *state;
        const struct downward_subject subject = { &f->pod, &f->c, &facts };
        const char *v = NULL;
        f->pod.metadata.labels = (struct string_map){ labels, 2 };

        assert_int_equal(downward_field(f->a, &subject, "metadata.namespace", &v, &f->e), 0);
        assert_string_equal(v, "shop");
        assert_int_equal(downward_field(f->a, &subject, "status.podIP", &v, &f->e), 0);
        assert_string_equal(v, "10.244.0.5");
        assert_int_equal(downward_field(f->a, &subject, "metadata.labels['app']", &v, &f->e), 0);
        assert_string_equal(v, "web");
        assert_int_equal(downward_field(f->a, &subject, "metadata.labels['nope']", &v, &f->e), 0);
        assert_string_equal(v, "");
        assert_int_equal(downward_field(f->a, &subject, "metadata.labels", &v, &f->e), 0);
        assert_string_equal(v, "app=\"web\"\nquote=\"a\\\"b\"");
        assert_int_equal(downward_field(f->a, &subject, "spec.nope", &v, &f->e), -EINVAL);
        assert_int_equal(downward_field(f->a, &subject, "metadata.labels[", &v, &f->e), -EINVAL);
}

static void resources_are_rounded_up_in_units_of_the_divisor(void **state) {
        struct quantity_pair limits[] = {
                { "cpu", { .is_set = true, .milli = 1500 } },
                { "memory", { .is_set = true, .milli = INT64_C(1000) * (64 << 20) } }
        };
        struct resource_field_selector field = { .resource = "limits.cpu" };
        struct fixture *f = *state;
        const struct downward_subject subject = { &f->pod, &f->c, &facts };
        const char *v = NULL;
        f->c.resources.limits = (struct quantity_map){ limits, 2 };

        assert_int_equal(downward_resource(f->a, &subject, &field, &v, &f->e), 0);
        assert_string_equal(v, "2");
        field.divisor = (struct quantity){ .is_set = true, .milli = 1 };
        assert_int_equal(downward_resource(f->a, &subject, &field, &v, &f->e), 0);
        assert_string_equal(v, "1500");
        field = (struct resource_field_selector){ .resource = "limits.memory",
                                                  .divisor = { .is_set = true,
                                                               .milli = INT64_C(1000) << 20 } };
        assert_int_equal(downward_resource(f->a, &subject, &field, &v, &f->e), 0);
        assert_string_equal(v, "64");
        field.resource = "memory";
        assert_int_equal(downward_resource(f->a, &subject, &field, &v, &f->e), -EINVAL);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH(later_values_win_and_see_earlier_ones),
                WITH(odd_references_stay_as_they_are),
                WITH(config_maps_and_secrets_give_keys_and_all_they_have),
                WITH(names_that_no_shell_takes_are_left_out),
                WITH(missing_references_are_named_in_kubernetes_words),
                WITH(optional_references_may_be_missing),
                WITH(services_are_told_as_docker_links),
                WITH(the_downward_api_knows_the_pod),
                WITH(resources_are_rounded_up_in_units_of_the_divisor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
