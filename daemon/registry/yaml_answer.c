#include "daemon/registry/yaml_answer.h"

#include "api/text/text.h"
#include "base/str.h"
#include "daemon/registry/body.h"
#include "daemon/registry/negotiate.h"
#include "daemon/registry/watch.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX_BYTES (2U << 20) /* any object fits */

bool yaml_is_wanted(const char *accept) {
        struct accept_entry e;

        while (accept && accept_next(&accept, &e)) {
                if (strcasecmp(e.type, "application/yaml") == 0)
                        return true;
                if (accept_is_json(&e))
                        return false;
        }
        return false;
}

struct yaml_sink {
        struct rest_sink sink; /* whom it goes to */
        void *data;
};

struct yaml_sink *yaml_sink_new(const struct rest_sink *sink, void *data) {
        struct yaml_sink *y = malloc(sizeof(*y));

        if (y)
                *y = (struct yaml_sink){ *sink, data };
        return y;
}

/* NULL: memory is out. */
static struct body *body_of_text(char *take_text) {
        AUTO(body) struct body *b = body_new();

        if (!b || !take_text) {
                free(take_text);
                return NULL;
        }
        body_add_text(b, take_text, strlen(take_text));
        return body_has_failed(b) ? NULL : STEAL(b);
}

static void respond_refusal(const struct rest_sink *sink, void *data, const char *message) {
        struct rest_response r;

        rest_status(&r, 406, "NotAcceptable", message);
        sink->respond(data, &r);
        rest_response_done(&r);
}

static char *text_rewrite(const char *json, size_t len) {
        json_t *tree = json ? text_parse_json(json, len) : NULL;
        char *yaml = tree ? text_yaml_dump(tree) : NULL;

        json_decref(tree);
        return yaml;
}

/* Returns 0, -E2BIG, or 1 where nothing is to be rewritten. */
static int response_rewrite(struct rest_response *r) {
        AUTO_FREE char *json = NULL;
        size_t len = 0;

        if (!r->body || body_has_failed(r->body) || !str_eq(r->content_type, "application/json"))
                return 1;
        json = body_flatten(r->body, &len);
        if (json && len > ANSWER_MAX_BYTES)
                return -E2BIG;
        if (json && len == 0)
                return 1;
        body_unref(r->body);
        r->body = body_of_text(text_rewrite(json, len));
        r->content_type = "application/yaml";
        if (!r->body)
                r->status = 500;
        return 0;
}

static void yaml_respond(void *data, struct rest_response *take_response) {
        struct yaml_sink *y = data;

        if (response_rewrite(take_response) == -E2BIG)
                respond_refusal(&y->sink, y->data,
                                "the answer is too long for application/yaml: ask for less with "
                                "limit, or for application/json");
        else
                y->sink.respond(y->data, take_response);
        free(y);
}

static void yaml_stream(void *data, struct watch *take_watch) {
        struct yaml_sink *y = data;

        watch_unref(take_watch);
        respond_refusal(&y->sink, y->data,
                        "only the following media types are accepted: application/json, "
                        "application/json;stream=watch");
        free(y);
}

const struct rest_sink YAML_SINK = { .respond = yaml_respond, .stream = yaml_stream };
