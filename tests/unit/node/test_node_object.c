/* The Node as the server is told of it, over a client that answers when the test says so. */
#include "api/client/client.h"
#include "base/str.h"
#include "daemon/loop/loop.h"
#include "daemon/node/node_object.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
        struct client client;
        struct client_call call;
        struct client_handlers handlers;
        void *data;
        bool is_open; /* a call waits for its answer */
        char *path, *body;
        struct loop *loop;
        struct node_facts facts;
        struct node_object *object;
        unsigned n_registered;
};

static int fake_start(struct client *c, const struct client_request *r,
                      const struct client_handlers *h, void *data, struct client_call **ret_call,
                      struct err *e) {
        struct fixture *f = CONTAINER_OF(c, struct fixture, client);
        (void) e;

        assert_false(f->is_open);
        free(f->path);
        free(f->body);
        f->path = strdup(r->path);
        f->body = strdup(r->body);
        f->handlers = *h;
        f->data = data;
        f->is_open = true;
        f->call.client = c;
        *ret_call = &f->call;
        return 0;
}

static void fake_cancel(struct client_call *call) {
        CONTAINER_OF(call->client, struct fixture, client)->is_open = false;
}

static void fake_free(struct client *c) {
        (void) c;
}

static void on_registered(void *userdata) {
        struct fixture *f = userdata;

        f->n_registered++;
}

static int setup(void **state) {
        static const struct client_vtable CLIENT = { fake_start, fake_cancel, fake_free };
        static struct fixture fixture;
        struct fixture *f = &fixture;
        struct err e = { 0 };

        fixture = (struct fixture){ .facts = { .name = "n1",
                                               .host_ip = "192.0.2.1",
                                               .pod_cidr = "10.0.0.0/24",
                                               .cpu_milli = 1000,
                                               .memory_bytes = 1 << 30,
                                               .n_pods = 10 } };
        client_init(&f->client, &CLIENT);
        assert_int_equal(loop_new(&f->loop, &e), 0);
        assert_int_equal(node_object_new(f->loop, &f->client, &f->facts,
                                         &(struct node_object_events){ on_registered, f },
                                         &f->object, &e),
                         0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        node_object_unref(f->object);
        assert_false(f->is_open);
        loop_unref(f->loop);
        free(f->path);
        free(f->body);
        return 0;
}

static void answer(struct fixture *f, unsigned status) {
        static const char text[] = "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":"
                                   "\"NotFound\",\"message\":\"no\",\"code\":404}";
        const struct client_answer a = { .status = status,
                                         .body = status < 300 ? "{}" : text,
                                         .body_len = status < 300 ? 2 : strlen(text),
                                         .fd = -1 };

        assert_true(f->is_open);
        f->is_open = false;
        f->handlers.on_done(f->data, &a);
}

/* Lets what is due at once happen, until something is asked. */
static void expect(struct fixture *f, const char *path, const char *in_body) {
        while (!f->is_open)
                assert_true(loop_step(f->loop, USEC_NEVER) >= 0);
        assert_string_equal(f->path, path);
        if (!strstr(f->body, in_body))
                fail_msg("%s is not in %s", in_body, f->body);
}

static void expect_nothing(struct fixture *f) {
        for (int i = 0; i < 5; i++)
                assert_true(loop_step(f->loop, 0) >= 0);
        assert_false(f->is_open);
}

#define NODE "/api/v1/nodes/n1"
#define LEASE "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1"

static void register_node(struct fixture *f) {
        expect(f, "/api/v1/nodes", "\"kind\":\"Node\"");
        answer(f, 201);
        expect(f, NODE "/status", "\"conditions\"");
        answer(f, 200);
        expect(f, LEASE, "renewTime");
        answer(f, 200);
        assert_int_equal(f->n_registered, 1);
}

static void set_images(struct fixture *f, const char *name) {
        json_t *images = json_pack("[{s:[s], s:i}]", "names", name, "sizeBytes", 7);

        node_object_set_images(f->object, images);
        json_decref(images);
}

static void images_that_are_known_come_with_the_registration(void **state) {
        struct fixture *f = *state;

        set_images(f, "a:1");
        expect(f, "/api/v1/nodes", "\"kind\":\"Node\"");
        answer(f, 201);
        expect(f, NODE "/status", "\"images\":[{\"names\":[\"a:1\"],\"sizeBytes\":7}]");
        answer(f, 200);
        expect(f, LEASE, "renewTime");
        answer(f, 200);
        expect_nothing(f);
}

static void other_images_are_told_once_and_alone(void **state) {
        struct fixture *f = *state;

        register_node(f);
        expect_nothing(f);
        set_images(f, "a:1");
        expect(f, NODE "/status", "\"a:1\"");
        assert_string_equal(f->body,
                            "{\"status\":{\"images\":[{\"names\":[\"a:1\"],\"sizeBytes\":7}]}}");
        answer(f, 200);
        expect_nothing(f);
        /* The same list again: the server's disk isn't written for it. */
        set_images(f, "a:1");
        expect_nothing(f);
}

static void images_that_change_while_they_are_told_are_told_again(void **state) {
        struct fixture *f = *state;

        register_node(f);
        set_images(f, "a:1");
        expect(f, NODE "/status", "\"a:1\"");
        set_images(f, "a:2");
        answer(f, 200);
        expect(f, NODE "/status", "\"a:2\"");
        answer(f, 200);
        expect_nothing(f);
}

static void a_refused_list_waits_for_the_next_heartbeat(void **state) {
        struct fixture *f = *state;

        register_node(f);
        set_images(f, "a:1");
        expect(f, NODE "/status", "\"a:1\"");
        answer(f, 500);
        expect_nothing(f);
}

static void a_node_that_is_gone_is_made_anew_with_its_images(void **state) {
        struct fixture *f = *state;

        register_node(f);
        set_images(f, "a:1");
        expect(f, NODE "/status", "\"a:1\"");
        answer(f, 404);
        expect(f, "/api/v1/nodes", "\"kind\":\"Node\"");
        answer(f, 201);
        expect(f, NODE "/status", "\"a:1\"");
        answer(f, 200);
        expect(f, LEASE, "renewTime");
        answer(f, 200);
        expect_nothing(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(images_that_are_known_come_with_the_registration,
                                                setup, teardown),
                cmocka_unit_test_setup_teardown(other_images_are_told_once_and_alone, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(
                        images_that_change_while_they_are_told_are_told_again, setup, teardown),
                cmocka_unit_test_setup_teardown(a_refused_list_waits_for_the_next_heartbeat, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_node_that_is_gone_is_made_anew_with_its_images,
                                                setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
