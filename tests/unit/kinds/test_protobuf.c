/* Protobuf bodies: real ones of kubectl, and what is wrong, odd or too much. */
#include "api/kinds/bodies.h"
#include "api/kinds/config.h"
#include "api/kinds/event.h"
#include "api/kinds/meta.h"
#include "api/kinds/protobuf.h"
#include "api/kinds/storage.h"
#include "tests/unit/kinds/fixture.h"
#include "tests/unit/kinds/kubectl_bodies.h"

#include <stdlib.h>

static size_t unhex(const char *hex, uint8_t *out) {
        size_t n = strlen(hex) / 2;

        for (size_t i = 0; i < n; i++) {
                char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

                out[i] = (uint8_t) strtoul(pair, NULL, 16);
        }
        return n;
}

/* A message's tree as text, single quotes for double ones; "error CODE" when it is refused. */
static const char *decoded(const struct schema *s, const char *hex, struct diags *d) {
        static char text[2048];
        uint8_t data[1024];
        json_t *tree = NULL;
        struct err e = { 0 };
        int r = protobuf_decode(s, data, unhex(hex, data), d, &tree, &e);
        AUTO_FREE char *dump = r == 0 ? json_dumps(tree, JSON_COMPACT) : NULL;

        json_decref(tree);
        if (r < 0) {
                assert_true(err_text(&e)[0] != '\0');
                (void) snprintf(text, sizeof(text), "error %s",
                                r == -EINVAL  ? "EINVAL"
                                : r == -E2BIG ? "E2BIG"
                                              : "?");
                return text;
        }
        (void) snprintf(text, sizeof(text), "%s", dump);
        for (char *p = text; *p; p++)
                if (*p == '"')
                        *p = '\'';
        return text;
}

static void bodies_of_kubectl_become_what_json_would_be(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(kubectl_bodies); i++) {
                const struct kubectl_body *b = &kubectl_bodies[i];
                struct protobuf_envelope envelope = { 0 };
                json_auto_t *wanted = fixture_tree(b->json);
                json_auto_t *tree = NULL;
                AUTO_FREE char *text = NULL;
                const struct kind *k;
                struct diags d = { 0 };
                uint8_t data[1024];

                assert_int_equal(protobuf_envelope_read(data, unhex(b->hex, data), &envelope, NULL),
                                 0);
                assert_string_equal(envelope.kind, b->kind);
                k = kind_find(envelope.api_version, envelope.kind);
                assert_non_null(k);
                assert_int_equal(
                        protobuf_decode(k->schema, envelope.raw, envelope.raw_len, &d, &tree, NULL),
                        0);
                text = json_dumps(tree, JSON_COMPACT);

                if (!json_equal(tree, wanted))
                        fail_msg("%s: %s", b->kind, text);
                assert_int_equal(d.n, 0);
                diags_done(&d);
        }
}

/* Every type, and what counts as absent. Field numbers stand in front of each value. */
static void zero_counts_only_where_go_has_a_pointer(void **state) {
        const struct schema *claim = &persistent_volume_claim_spec_schema;
        (void) state;

        /* storageClassName is a pointer, volumeName isn't */
        assert_string_equal(decoded(claim,
                                    "1a00"
                                    "2a00",
                                    NULL),
                            "{'storageClassName':''}");
        /* gracePeriodSeconds, orphanDependents: pointers */
        assert_string_equal(decoded(&delete_options_schema,
                                    "0800"
                                    "1800",
                                    NULL),
                            "{'gracePeriodSeconds':0,'orphanDependents':false}");
        assert_string_equal(decoded(&delete_options_schema,
                                    "081e"
                                    "12050a03616263"
                                    "2203416c6c"
                                    "2a03416c6c",
                                    NULL),
                            "{'gracePeriodSeconds':30,'preconditions':{'uid':'abc'},"
                            "'propagationPolicy':'All','dryRun':['All']}");
}

static void times_are_rfc_3339(void **state) {
        (void) state;

        /* creationTimestamp 1767323045 = 2026-01-02T03:04:05Z; an empty message is none */
        assert_string_equal(decoded(&object_meta_schema, "420608a5ebdcca06", NULL),
                            "{'creationTimestamp':'2026-01-02T03:04:05Z'}");
        assert_string_equal(decoded(&object_meta_schema, "4200", NULL), "{}");
        /* eventTime with 6000 nanoseconds */
        assert_string_equal(decoded(event_kind.schema, "520908a5ebdcca0610f02e", NULL),
                            "{'eventTime':'2026-01-02T03:04:05.000006Z'}");
        assert_string_equal(decoded(&object_meta_schema,
                                    "420b"
                                    "08ffffffffffffffffff01",
                                    NULL),
                            "error EINVAL");
}

static void managed_fields_carry_json(void **state) {
        (void) state;

        /* manager "m", fieldsV1 {"f:a":{}}; then the same with a brace that doesn't close */
        assert_string_equal(
                decoded(&object_meta_schema, "8a01110a016d3a0c0a0a7b22663a61223a7b7d7d", NULL),
                "{'managedFields':[{'manager':'m','fieldsV1':{'f:a':{}}}]}");
        assert_string_equal(
                decoded(&object_meta_schema, "8a01110a016d3a0c0a0a7b22663a61223a7b7d7b", NULL),
                "error EINVAL");
}

static void maps_may_lack_key_and_value(void **state) {
        (void) state;

        /* data: {"": ""}, {"a": ""} */
        assert_string_equal(decoded(config_map_kind.schema,
                                    "1200"
                                    "12030a0161",
                                    NULL),
                            "{'data':{'':'','a':''}}");
        /* binaryData: {"a": bytes ff 00} */
        assert_string_equal(decoded(config_map_kind.schema, "1a070a01611202ff00", NULL),
                            "{'binaryData':{'a':'/wA='}}");
}

static void unknown_numbers_are_dropped_with_a_warning(void **state) {
        struct diags d = { 0 };
        (void) state;

        /* number 99 as a text, as zero, and as a fixed number */
        assert_string_equal(decoded(config_map_kind.schema,
                                    "9a060178"
                                    "980600"
                                    "9d0601000000"
                                    "0a030a0161",
                                    &d),
                            "{'metadata':{'name':'a'}}");

        assert_int_equal(d.n, 2);
        assert_int_equal(d.n_errors, 0);
        assert_int_equal(d.items[0].reason, DIAG_UNKNOWN);
        diags_done(&d);
}

static void malformed_messages_are_refused(void **state) {
        static const char *const wrong[] = {
                "0a", /* a key without its value */
                "0a05"
                "61",                     /* a length beyond the end */
                "0880",                   /* a varint without end */
                "08ffffffffffffffffff02", /* more than 64 bits */
                "00",                     /* number 0 */
                "0b0c",                   /* a group */
                "0a0161",                 /* metadata: not a message */
                "0801",                   /* metadata: a number */
                "0a04"
                "0a02c328", /* a name that isn't UTF-8 */
                "0a05"
                "0a03610062", /* a name with NUL */
        };
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (!str_eq(decoded(config_map_kind.schema, wrong[i], NULL), "error EINVAL"))
                        fail_msg("%s: %s", wrong[i],
                                 decoded(config_map_kind.schema, wrong[i], NULL));
}

static void amplification_has_an_end(void **state) {
        size_t n = 500000;
        AUTO_FREE uint8_t *data = malloc(2 * n);
        struct err e = { 0 };
        json_t *tree = NULL;
        (void) state;
        assert_non_null(data);
        for (size_t i = 0; i < n; i++) { /* finalizers: an empty text, again and again */
                data[2 * i] = 0x72;
                data[2 * i + 1] = 0;
        }

        assert_int_equal(protobuf_decode(&object_meta_schema, data, 2 * n, NULL, &tree, &e),
                         -E2BIG);
        assert_null(tree);
}

static void envelopes_are_checked(void **state) {
        static const char *const wrong[] = {
                "",
                "6b387300"
                "0aff", /* cut */
                "7b7d", /* JSON */
                "6b387300"
                "1a04677a6970", /* encoded */
        };
        struct protobuf_envelope envelope;
        uint8_t data[64];
        struct err e;
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
                e = (struct err){ 0 };
                assert_int_equal(protobuf_envelope_read(data, unhex(wrong[i], data), &envelope, &e),
                                 -EINVAL);
                assert_true(err_text(&e)[0] != '\0');
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bodies_of_kubectl_become_what_json_would_be),
                cmocka_unit_test(zero_counts_only_where_go_has_a_pointer),
                cmocka_unit_test(times_are_rfc_3339),
                cmocka_unit_test(managed_fields_carry_json),
                cmocka_unit_test(maps_may_lack_key_and_value),
                cmocka_unit_test(unknown_numbers_are_dropped_with_a_warning),
                cmocka_unit_test(malformed_messages_are_refused),
                cmocka_unit_test(amplification_has_an_end),
                cmocka_unit_test(envelopes_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
