#pragma once

/* A pod for tests of its plan. */
#include "base/arena.h"
#include "base/clock.h"
#include "daemon/plan/pod_plan.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define S USEC_PER_SEC
#define NOW (1000 * S)

/* One container "web" in a pod that is as good as it gets; tests bend it. */
struct fixture {
        struct arena *a;
        struct container_wanted cw[3];
        struct container_observed co[3];
        struct pod_wanted w;
        struct pod_observed o;
        struct pod_plan *plan;
};

static inline int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->a = arena_new(0);
        f->cw[0].name = "web";
        f->cw[1].name = "side";
        f->cw[2].name = "third";
        f->w = (struct pod_wanted){ .name = "web-1",
                                    .ns = "default",
                                    .uid = "u1",
                                    .grace_usec = 30 * S,
                                    .n = 1,
                                    .containers = f->cw };
        f->o = (struct pod_observed){ .sandbox = SANDBOX_READY, .containers = f->co };
        for (size_t i = 0; i < 3; i++)
                f->co[i] = (struct container_observed){ .life = CONTAINER_RUNNING,
                                                        .started_usec = 900 * S,
                                                        .is_started = true,
                                                        .is_probe_ready = true };
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        arena_unref(f->a);
        free(f);
        return 0;
}

static inline struct pod_plan *plan(struct fixture *f) {
        assert_int_equal(pod_plan(f->a, &f->w, &f->o, NOW, &f->plan), 0);
        return f->plan;
}

static inline void exits(struct container_observed *c, int code, uint64_t lived_usec,
                         uint64_t ago_usec) {
        c->life = CONTAINER_EXITED;
        c->exited_usec = NOW - ago_usec;
        c->started_usec = c->exited_usec - lived_usec;
        c->exit = (struct container_exit){ .code = code };
}

static inline void assert_only(const struct pod_plan *p, enum pod_action_kind kind,
                               size_t container) {
        assert_int_equal(p->n, 1);
        assert_int_equal(p->actions[0].kind, kind);
        assert_int_equal(p->actions[0].container, container);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
