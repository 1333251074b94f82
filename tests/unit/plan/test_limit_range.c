/* Limit ranges, as a table: limits and a pod, what speaks against it and what it is given. */
#include "api/kinds/object.h"
#include "api/kinds/pod.h"
#include "api/kinds/quota.h"
#include "base/str.h"
#include "daemon/plan/limit_range.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define OF(type, rest) "{\"type\":\"" type "\"," rest "}"
#define C(name, requests, limits)                                                                  \
        "{\"name\":\"" name "\",\"image\":\"i\",\"resources\":{\"requests\":{" requests            \
        "},\"limits\":{" limits "}}}"
#define CPU(amount) "\"cpu\":\"" amount "\""

struct row {
        const char *name;
        const char *limits;     /* JSON list */
        const char *containers; /* JSON list */
        const char *findings;   /* "": none */
        const char *given;      /* the annotation behind its beginning; "": nothing */
};

static const struct row ROWS[] = {
        { "within the limits nothing is found",
          OF("Container", "\"max\":{" CPU("1") "},\"min\":{" CPU("100m") "}"),
          C("c", CPU("100m"), CPU("1")), "", "" },
        { "more than the most", OF("Container", "\"max\":{" CPU("1") "}"), C("c", "", CPU("2")),
          "maximum cpu usage per Container is 1, but limit is 2", "" },
        { "no limit where there is a most", OF("Container", "\"max\":{" CPU("1") "}"),
          C("c", "", ""), "maximum cpu usage per Container is 1.  No limit is specified", "" },
        { "less than the least", OF("Container", "\"min\":{\"memory\":\"64Mi\"}"),
          C("c", "\"memory\":\"1Mi\"", ""),
          "minimum memory usage per Container is 64Mi, but request is 1Mi", "" },
        { "no request where there is a least", OF("Container", "\"min\":{" CPU("1") "}"),
          C("c", "", ""), "minimum cpu usage per Container is 1.  No request is specified", "" },
        { "several at once, the same one once", OF("Container", "\"max\":{" CPU("1") "}"),
          C("a", "", CPU("2")) "," C("b", "", CPU("2")) "," C("c", "", CPU("25")),
          "[maximum cpu usage per Container is 1, but limit is 2, maximum cpu usage per Container "
          "is 1, but limit is 25]",
          "" },
        { "a limit too far from its request",
          OF("Container", "\"maxLimitRequestRatio\":{" CPU("2") "}"),
          C("c", CPU("100m"), CPU("500m")),
          "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000", "" },
        { "no request to compare with", OF("Container", "\"maxLimitRequestRatio\":{" CPU("2") "}"),
          C("c", "", CPU("500m")),
          "cpu max limit to request ratio per Container is 2, but no request is specified or "
          "request is 0",
          "" },
        { "the pod as a whole", OF("Pod", "\"max\":{" CPU("3") "}"),
          C("a", "", CPU("2")) "," C("b", "", CPU("2")),
          "maximum cpu usage per Pod is 3, but limit is 4", "" },
        { "defaults are given where nothing is said",
          OF("Container",
             "\"default\":{" CPU("1") ",\"memory\":\"1Gi\"},\"defaultRequest\":{" CPU("100m") "}"),
          C("a", "", "") "," C("b", CPU("1"), CPU("1")), "",
          "cpu request for container a; cpu, memory limit for container a; memory limit for "
          "container b" },
        { "pods are given nothing", OF("Pod", "\"default\":{" CPU("1") "}"), C("a", "", ""), "",
          "" },
};

static struct object *decoded(const struct kind *k, char *take_text) {
        AUTO_FREE char *text = take_text;
        struct object *o = NULL;
        struct err e = { 0 };

        if (object_new_from_text(k, text, strlen(text), false, &o, &e) < 0)
                fail_msg("%s: %s", err_text(&e), text);
        return o;
}

static void each_pod_is_judged_and_filled(void **state) {
        (void) state;

        for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
                const struct row *row = &ROWS[i];
                AUTO(object)
                struct object *l = decoded(
                        &limit_range_kind,
                        str_format("{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[%s]}}",
                                   row->limits));
                AUTO(object)
                struct object *p = decoded(
                        &pod_kind,
                        str_format("{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[%s]}}",
                                   row->containers));
                const struct pod_spec *spec = &OBJECT_AS(pod, p)->spec;
                struct limit_defaults d = { 0 };
                AUTO_FREE char *why = NULL, *given = NULL;

                assert_int_equal(limit_range_defaults(OBJECT_AS(limit_range, l), spec, &d), 0);
                given = limit_defaults_format(&d, spec);
                if (!str_ends_with(given, *row->given ? row->given : "set: "))
                        fail_msg("%s: given %s", row->name, given);
                limit_defaults_done(&d);
                if (*row->given)
                        continue; /* judged when it has them */
                assert_int_equal(limit_range_check_pod(OBJECT_AS(limit_range, l), spec, &why), 0);
                if (!str_eq(str_or_empty(why), row->findings))
                        fail_msg("%s: %s", row->name, str_or_empty(why));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_pod_is_judged_and_filled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
