#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "daemon/pki/cert.h"
#include "daemon/pki/client.h"
#include "daemon/pki/jwt.h"
#include "daemon/pki/pki.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define NOW_USEC (1800000000ULL * USEC_PER_SEC)
#define YEAR_USEC (365ULL * 86400 * USEC_PER_SEC)

static const char *const NAMES[] = { "localhost", "127.0.0.1", "::1", "kubernetes" };

struct place {
        char directory[64];
};

static int setup(void **state) {
        static struct place p;

        strcpy(p.directory, "/tmp/orch-test-pki-XXXXXX");
        assert_non_null(mkdtemp(p.directory));
        *state = &p;
        return 0;
}

static int teardown(void **state) {
        struct place *p = *state;

        return dir_remove_all(AT_FDCWD, p->directory, NULL);
}

static struct pki *open_at(const struct place *p, uint64_t now_usec, size_t n_names) {
        const struct pki_options o = {
                .directory = p->directory,
                .names = NAMES,
                .n_names = n_names,
                .now_usec = now_usec,
        };
        struct pki *pki = NULL;
        struct err e = { 0 };

        if (pki_open(&o, &pki, &e) < 0)
                fail_msg("%s", e.text);
        return pki;
}

static char *file_text(const struct place *p, const char *name) {
        AUTO_FREE char *path = str_format("%s/%s", p->directory, name);
        char *text = NULL;

        assert_int_equal(file_read(path, 1 << 20, &text, NULL, NULL), 0);
        return text;
}

static void identity_of(const char *text, struct identity *ret) {
        assert_int_equal(identity_parse(text, strlen(text), ret, NULL), 0);
}

static void makes_its_keys_once(void **state) {
        static const char *const files[] = { "ca.pem", "server.pem", "admin.pem",
                                             "service-account.pem" };
        struct place *p = *state;

        pki_unref(open_at(p, NOW_USEC, 4));
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                AUTO_FREE char *path = str_format("%s/%s", p->directory, files[i]);
                AUTO_FREE char *before = file_text(p, files[i]);
                AUTO_FREE char *after = NULL;
                struct stat s;

                assert_int_equal(stat(path, &s), 0);
                assert_int_equal(s.st_mode & 0777, 0600);
                pki_unref(open_at(p, NOW_USEC + 8 * YEAR_USEC, 4));
                after = file_text(p, files[i]);
                assert_string_equal(before, after);
        }
}

/* What a power cut between any two writes leaves is completed, and what was there stays. */
static void completes_what_is_missing(void **state) {
        static const char *const files[] = { "ca.pem", "server.pem", "admin.pem",
                                             "service-account.pem" };
        struct place *p = *state;

        for (size_t n = 0; n < ARRAY_SIZE(files); n++) {
                AUTO_FREE char *ca = NULL;
                AUTO_FREE char *again = NULL;

                pki_unref(open_at(p, NOW_USEC, 4));
                ca = file_text(p, "ca.pem");
                for (size_t i = n; i < ARRAY_SIZE(files); i++) {
                        AUTO_FREE char *path = str_format("%s/%s", p->directory, files[i]);

                        assert_int_equal(unlink(path), 0);
                }
                pki_unref(open_at(p, NOW_USEC, 4));
                again = file_text(p, "ca.pem");
                if (n > 0)
                        assert_string_equal(ca, again);
                else
                        assert_string_not_equal(ca, again);
        }
}

static void a_new_authority_signs_everything_anew(void **state) {
        struct place *p = *state;
        AUTO_FREE char *path = str_format("%s/ca.pem", p->directory);
        AUTO_DONE(identity) struct identity ca = { 0 };
        AUTO_DONE(identity) struct identity server = { 0 };
        AUTO_FREE char *ca_text = NULL;
        AUTO_FREE char *server_text = NULL;
        unsigned found = 0;

        pki_unref(open_at(p, NOW_USEC, 4));
        assert_int_equal(unlink(path), 0);
        pki_unref(open_at(p, NOW_USEC, 4));

        ca_text = file_text(p, "ca.pem");
        server_text = file_text(p, "server.pem");
        identity_of(ca_text, &ca);
        identity_of(server_text, &server);
        assert_int_equal(gnutls_x509_crt_verify(server.cert, &ca.cert, 1, 0, &found), 0);
        assert_int_equal(found, 0);
}

static void sets_a_damaged_file_aside(void **state) {
        struct place *p = *state;
        AUTO_FREE char *path = str_format("%s/server.pem", p->directory);
        AUTO_FREE char *text = NULL;
        AUTO_FREE char *aside = NULL;

        pki_unref(open_at(p, NOW_USEC, 4));
        text = file_text(p, "server.pem");
        text[strlen(text) / 2] = '\0';
        assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, false, NULL), 0);
        pki_unref(open_at(p, NOW_USEC, 4));

        aside = file_text(p, "server.pem.damaged");
        assert_string_equal(aside, text);
}

static void no_clock_is_too_early(void **state) {
        struct place *p = *state;
        AUTO_DONE(identity) struct identity server = { 0 };
        AUTO_FREE char *text = NULL;

        /* A board without a battery makes its keys in 1970. */
        pki_unref(open_at(p, 5 * USEC_PER_SEC, 4));
        text = file_text(p, "server.pem");
        identity_of(text, &server);

        assert_int_equal(gnutls_x509_crt_get_activation_time(server.cert), 0);
        assert_true(cert_end_usec(server.cert) > CERT_CLOCK_FLOOR_USEC + 9 * YEAR_USEC);
}

static void the_authority_has_no_end(void **state) {
        struct place *p = *state;
        AUTO_DONE(identity) struct identity ca = { 0 };
        AUTO_FREE char *text = NULL;

        pki_unref(open_at(p, NOW_USEC, 4));
        text = file_text(p, "ca.pem");
        identity_of(text, &ca);

        assert_int_equal(cert_end_usec(ca.cert), USEC_NEVER);
}

static void renews_before_the_end(void **state) {
        struct place *p = *state;
        AUTO_FREE char *server = NULL;
        AUTO_FREE char *admin = NULL;
        AUTO_FREE char *server_after = NULL;
        AUTO_FREE char *admin_after = NULL;
        AUTO_DONE(identity) struct identity now = { 0 };

        pki_unref(open_at(p, NOW_USEC, 4));
        server = file_text(p, "server.pem");
        admin = file_text(p, "admin.pem");
        pki_unref(open_at(p, NOW_USEC + 9 * YEAR_USEC + USEC_PER_SEC, 4));
        server_after = file_text(p, "server.pem");
        admin_after = file_text(p, "admin.pem");

        assert_string_not_equal(server, server_after);
        assert_string_not_equal(admin, admin_after);
        identity_of(server_after, &now);
        assert_true(cert_end_usec(now.cert) > NOW_USEC + 18 * YEAR_USEC);
}

static void other_names_need_another_certificate(void **state) {
        struct place *p = *state;
        AUTO_FREE char *before = NULL;
        AUTO_FREE char *after = NULL;
        AUTO_DONE(identity) struct identity now = { 0 };

        pki_unref(open_at(p, NOW_USEC, 4));
        before = file_text(p, "server.pem");
        pki_unref(open_at(p, NOW_USEC, 3));
        after = file_text(p, "server.pem");

        assert_string_not_equal(before, after);
        identity_of(after, &now);
        assert_true(cert_has_names(now.cert, NAMES, 3));
        assert_false(cert_has_names(now.cert, NAMES, 4));
        assert_false(cert_has_names(now.cert, NAMES, 2));
}

static void learns_the_addresses_that_clients_come_in_on(void **state) {
        static const char *const wanted[] = { "localhost", "127.0.0.1", "::1", "kubernetes",
                                              "192.168.7.9" };
        struct place *p = *state;
        AUTO(pki) struct pki *pki = open_at(p, NOW_USEC, 4);
        unsigned first, same, next;
        AUTO_FREE char *pem = NULL;
        AUTO_FREE char *key = NULL;
        AUTO_FREE char *both = NULL;
        AUTO_DONE(identity) struct identity now = { 0 };

        assert_int_equal(pki_server_check(pki, NULL, NOW_USEC, &first, NULL), 0);
        assert_int_equal(pki_server_check(pki, "127.0.0.1", NOW_USEC, &same, NULL), 0);
        assert_int_equal(pki_server_check(pki, "192.168.7.9", NOW_USEC, &next, NULL), 0);

        assert_int_equal(first, same);
        assert_true(next > first);
        pem = pki_server_cert_pem(pki);
        key = pki_server_key_pem(pki);
        both = str_format("%s%s", key, pem);
        identity_of(both, &now);
        assert_true(cert_has_names(now.cert, wanted, 5));
        for (int i = 0; i < 100; i++) {
                AUTO_FREE char *address = str_format("10.0.0.%d", i);

                assert_int_equal(pki_server_check(pki, address, NOW_USEC, &next, NULL), 0);
        }
}

static void refuses_a_name_that_is_none(void **state) {
        static const char *const names[] = { "Not A Name" };
        struct place *p = *state;
        const struct pki_options o = { .directory = p->directory, .names = names, .n_names = 1 };
        struct pki *pki = NULL;
        struct err e = { 0 };

        assert_int_equal(pki_open(&o, &pki, &e), -EINVAL);
        assert_non_null(strstr(e.text, "\"Not A Name\" is neither"));
}

/* ---- client certificates ---- */

static int client_of(gnutls_x509_crt_t ca, gnutls_x509_crt_t cert, uint64_t now_usec,
                     struct pki_client *c, struct err *e) {
        gnutls_datum_t der = { 0 };
        int r;

        assert_int_equal(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der), 0);
        r = pki_client_check(ca, &der, 1, now_usec, c, e);
        gnutls_free(der.data);
        return r;
}

static void the_administrator_is_known(void **state) {
        struct place *p = *state;
        AUTO(pki) struct pki *pki = open_at(p, NOW_USEC, 4);
        AUTO_DONE(identity) struct identity admin = { 0 };
        AUTO_DONE(pki_client) struct pki_client c = { 0 };
        AUTO_FREE char *text = file_text(p, "admin.pem");

        identity_of(text, &admin);
        assert_int_equal(client_of(pki_ca(pki), admin.cert, NOW_USEC, &c, NULL), 0);
        assert_string_equal(c.name, "kubernetes-admin");
        assert_int_equal(c.n_groups, 1);
        assert_string_equal(c.groups[0], "system:masters");
        assert_int_equal(c.end_usec, cert_end_usec(admin.cert));
}

static void refuses_other_certificates(void **state) {
        struct place *p = *state, foreign;
        AUTO(pki) struct pki *pki = open_at(p, NOW_USEC, 4), *other = NULL;
        AUTO_DONE(identity) struct identity admin = { 0 };
        AUTO_DONE(identity) struct identity server = { 0 };
        AUTO_FREE char *admin_text = file_text(p, "admin.pem");
        AUTO_FREE char *server_text = file_text(p, "server.pem");
        struct pki_client c = { 0 };
        struct err e = { 0 };

        identity_of(admin_text, &admin);
        identity_of(server_text, &server);
        strcat(strcpy(foreign.directory, p->directory), "/x");
        other = open_at(&foreign, NOW_USEC, 4);
        assert_int_equal(client_of(pki_ca(other), admin.cert, NOW_USEC, &c, &e), -EKEYREJECTED);
        assert_string_equal(e.text, "it is not signed by this cluster's authority");
        assert_int_equal(client_of(pki_ca(pki), server.cert, NOW_USEC, &c, &e), -EKEYREJECTED);
        assert_string_equal(e.text, "it is not meant for clients");
        assert_int_equal(client_of(pki_ca(pki), admin.cert, NOW_USEC + 11 * YEAR_USEC, &c, &e),
                         -EKEYREJECTED);
        assert_non_null(strstr(e.text, "it has expired at "));
}

static void a_kubeconfig_has_all_inside(void **state) {
        struct place *p = *state;
        AUTO(pki) struct pki *pki = open_at(p, NOW_USEC, 4);
        AUTO_FREE char *text = pki_kubeconfig(pki, "https://127.0.0.1:6443");

        assert_non_null(strstr(text, "server: https://127.0.0.1:6443\n"));
        assert_non_null(strstr(text, "certificate-authority-data: LS0t"));
        assert_non_null(strstr(text, "client-key-data: LS0t"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(makes_its_keys_once, setup, teardown),
                cmocka_unit_test_setup_teardown(completes_what_is_missing, setup, teardown),
                cmocka_unit_test_setup_teardown(a_new_authority_signs_everything_anew, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(sets_a_damaged_file_aside, setup, teardown),
                cmocka_unit_test_setup_teardown(no_clock_is_too_early, setup, teardown),
                cmocka_unit_test_setup_teardown(the_authority_has_no_end, setup, teardown),
                cmocka_unit_test_setup_teardown(renews_before_the_end, setup, teardown),
                cmocka_unit_test_setup_teardown(other_names_need_another_certificate, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(learns_the_addresses_that_clients_come_in_on, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(refuses_a_name_that_is_none, setup, teardown),
                cmocka_unit_test_setup_teardown(the_administrator_is_known, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_other_certificates, setup, teardown),
                cmocka_unit_test_setup_teardown(a_kubeconfig_has_all_inside, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
