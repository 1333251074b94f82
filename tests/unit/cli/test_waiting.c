#include "cli/waiting.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static enum waiting_state judge(const char *json, char text[WAITING_TEXT_MAX]) {
        json_t *o = json ? json_loads(json, 0, NULL) : NULL;
        enum waiting_state state;

        text[0] = '\0';
        state = waiting_judge_rollout(NULL, o, text, WAITING_TEXT_MAX);
        json_decref(o);
        return state;
}

#define DEPLOYMENT(status)                                                                         \
        "{\"metadata\":{\"name\":\"web\",\"generation\":2},\"spec\":{\"replicas\":3},\"status\":{" \
        "\"observedGeneration\":2," status "}}"

static void rollout_is_judged_as_kubectl_does(void **state) {
        static const struct {
                const char *json;
                enum waiting_state state;
                const char *says;
        } cases[] = {
                { "{\"metadata\":{\"name\":\"web\",\"generation\":2},\"status\":{"
                  "\"observedGeneration\":1}}",
                  WAITING_PENDING, "spec update to be observed" },
                { DEPLOYMENT("\"updatedReplicas\":1,\"replicas\":3,\"availableReplicas\":3"),
                  WAITING_PENDING, "1 out of 3 new replicas" },
                { DEPLOYMENT("\"updatedReplicas\":3,\"replicas\":4,\"availableReplicas\":4"),
                  WAITING_PENDING, "1 old replicas are pending" },
                { DEPLOYMENT("\"updatedReplicas\":3,\"replicas\":3,\"availableReplicas\":2"),
                  WAITING_PENDING, "2 of 3 updated replicas are available" },
                { DEPLOYMENT("\"updatedReplicas\":3,\"replicas\":3,\"availableReplicas\":3"),
                  WAITING_MET, "successfully rolled out" },
                { DEPLOYMENT("\"updatedReplicas\":1,\"conditions\":[{\"type\":\"Progressing\","
                             "\"status\":\"False\",\"reason\":\"ProgressDeadlineExceeded\"}]"),
                  WAITING_FAILED, "exceeded its progress deadline" },
                { NULL, WAITING_FAILED, "deleted" },
        };
        char text[WAITING_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(judge(cases[i].json, text), cases[i].state);
                assert_non_null(strstr(text, cases[i].says));
        }
}

static void conditions_are_compared_without_case(void **state) {
        json_t *o = json_loads(
                "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}", 0,
                NULL);
        (void) state;

        assert_true(waiting_has_condition(o, "ready", "true"));
        assert_false(waiting_has_condition(o, "Ready", "False"));
        assert_false(waiting_has_condition(o, "Available", "True"));
        assert_false(waiting_has_condition(NULL, "Ready", "True"));
        json_decref(o);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rollout_is_judged_as_kubectl_does),
                cmocka_unit_test(conditions_are_compared_without_case),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
