#include "base/macros.h"
#include "base/str.h"
#include "cli/kubeconfig.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const char FIRST[] =
        "apiVersion: v1\nkind: Config\ncurrent-context: far\n"
        "contexts:\n- name: far\n  context: {cluster: c, user: u, namespace: shop}\n"
        "- name: lost\n  context: {cluster: nowhere, user: u}\n"
        "- name: strange\n  context: {cluster: c, user: plugin}\n"
        "- name: proxied\n  context: {cluster: behind, user: u}\n"
        "clusters:\n- name: c\n  cluster: {server: 'https://far.lan:6443', "
        "certificate-authority-data: Q0E=, tls-server-name: api}\n"
        "- name: behind\n  cluster: {server: 'https://far.lan', proxy-url: 'http://proxy'}\n"
        "- name: broken\n  cluster: {server: 'https://far.lan', certificate-authority-data: '*'}\n"
        "users:\n- name: u\n  user: {client-certificate: me.pem, client-key: /keys/me.key}\n"
        "- name: plugin\n  user: {exec: {command: login}}\n";
static const char SECOND[] =
        "current-context: second\n"
        "contexts: [{name: second, context: {cluster: c, user: t}}, "
        "{name: bad, context: {cluster: broken}}]\n"
        "users: [{name: t, user: {tokenFile: token}}, {name: u, user: {token: not-me}}]\n";

/* The disk of these tests. */
static int read_fake(const char *path, char **ret_text, struct err *e) {
        static const struct {
                const char *path, *text;
        } files[] = {
                { "/home/a/config", FIRST },     { "/home/b/config", SECOND },
                { "/home/a/me.pem", "CERT" },    { "/keys/me.key", "KEY" },
                { "/home/b/token", "secret\n" }, { "/home/list", "- a\n" },
                { "/home/broken", "a: [\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                if (str_eq(files[i].path, path)) {
                        *ret_text = strdup(files[i].text);
                        return *ret_text ? 0 : -ENOMEM;
                }
        return err_errno(e, -ENOENT, "cannot open %s", path);
}

static void a_context_gives_server_user_and_namespace(void **state) {
        AUTO_DONE(kubeconfig) struct kubeconfig k = { 0 };
        (void) state;

        assert_int_equal(kubeconfig_load("/home/a/config", NULL, read_fake, &k, NULL), 0);

        assert_string_equal(k.server, "https://far.lan:6443");
        assert_string_equal(k.server_name, "api");
        assert_string_equal(k.namespace_, "shop");
        assert_string_equal(k.ca_pem, "CA");
        assert_string_equal(k.cert_pem, "CERT");
        assert_string_equal(k.key_pem, "KEY");
        assert_null(k.token);
        assert_false(k.is_insecure);
}

static void of_several_files_the_first_that_says_something_counts(void **state) {
        AUTO_DONE(kubeconfig) struct kubeconfig k = { 0 };
        (void) state;

        assert_int_equal(
                kubeconfig_load("/none:/home/a/config:/home/b/config", NULL, read_fake, &k, NULL),
                0);
        assert_string_equal(k.cert_pem, "CERT");
        assert_null(k.token);
        kubeconfig_done(&k);
        assert_int_equal(
                kubeconfig_load("/home/b/config::/home/a/config", NULL, read_fake, &k, NULL), 0);
        assert_string_equal(k.token, "secret");
        assert_string_equal(k.server, "https://far.lan:6443");
        assert_null(k.namespace_);
}

static void what_is_missing_or_strange_is_named(void **state) {
        static const struct {
                const char *paths, *context;
                int result;
                const char *text;
        } cases[] = {
                { "/none", NULL, -ENOENT, "/none" },
                { "/none:/neither", NULL, -ENOENT, "/none:/neither" },
                { "/home/a/config", "x", -ENOENT, "no context \"x\"" },
                { "/home/a/config", "lost", -ENOENT, "no cluster \"nowhere\"" },
                { "/home/a/config", "strange", -EINVAL, "by \"exec\"" },
                { "/home/a/config", "proxied", -EINVAL, "behind a proxy" },
                { "/home/b/config:/home/a/config", "bad", -EINVAL,
                  "certificate-authority-data of the kubeconfig is no base64" },
                { "/home/list", NULL, -EINVAL, "/home/list is no kubeconfig" },
                { "/home/broken", NULL, -EINVAL, "/home/broken can't be read" },
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                AUTO_DONE(kubeconfig) struct kubeconfig k = { 0 };
                struct err e = { 0 };
                int r = kubeconfig_load(cases[i].paths, cases[i].context, read_fake, &k, &e);

                if (r != cases[i].result || !strstr(e.text, cases[i].text))
                        fail_msg("%s, %s: %d %s", cases[i].paths, str_or_empty(cases[i].context), r,
                                 e.text);
                assert_null(k.server);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_context_gives_server_user_and_namespace),
                cmocka_unit_test(of_several_files_the_first_that_says_something_counts),
                cmocka_unit_test(what_is_missing_or_strange_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
