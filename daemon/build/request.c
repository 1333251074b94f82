#include "daemon/build/request.h"

#include "api/dockerfile/build_wire.h"
#include "api/text/text.h"
#include "base/str.h"

#include <stdlib.h>

#define REQUEST_BYTES_MAX (1U << 20)
#define REQUEST_TAGS_MAX 32

static int request_tags(struct build_request *q, struct err *e) {
        json_t *list = json_object_get(q->root, BUILD_WIRE_TAGS);
        size_t n = json_array_size(list);

        if (n > REQUEST_TAGS_MAX)
                return err_set(e, -EINVAL, "more than %d names for one image", REQUEST_TAGS_MAX);
        q->tags = calloc(n + 1, sizeof(*q->tags));
        if (!q->tags)
                return err_set(e, -ENOMEM, "out of memory");
        for (size_t i = 0; i < n; i++) {
                q->tags[i] = json_string_value(json_array_get(list, i));
                if (!q->tags[i])
                        return err_set(e, -EINVAL, "a name of the image is no text");
                q->n_tags++;
        }
        return 0;
}

static int request_args(struct build_request *q, struct err *e) {
        json_t *args = json_object_get(q->root, BUILD_WIRE_ARGS), *value;
        const char *name;
        struct build_pair *pairs = calloc(json_object_size(args) + 1, sizeof(*pairs));
        size_t n = 0;

        if (!pairs)
                return err_set(e, -ENOMEM, "out of memory");
        q->options.args.items = pairs;
        json_object_foreach(args, name, value) {
                if (!json_is_string(value))
                        return err_set(e, -EINVAL, "build argument %s is no text", name);
                pairs[n++] = (struct build_pair){ name, json_string_value(value) };
        }
        q->options.args.n = n;
        return 0;
}

static const char *request_text(const struct build_request *q, const char *key) {
        const char *text = json_string_value(json_object_get(q->root, key));

        return str_is_empty(text) ? NULL : text;
}

int build_request_read(const char *text, size_t len, const char *machine, struct build_request *ret,
                       struct err *e) {
        AUTO_DONE(build_request) struct build_request q = { 0 };
        json_t *epoch;
        int r = text_read_json(text, len, REQUEST_BYTES_MAX, &q.root, e);

        if (r == 0 && !json_is_object(q.root))
                r = err_set(e, -EINVAL, "the request is no object");
        if (r == 0)
                r = request_tags(&q, e);
        if (r == 0)
                r = request_args(&q, e);
        if (r < 0)
                return r;
        q.file = request_text(&q, BUILD_WIRE_NAME);
        q.options.target = request_text(&q, BUILD_WIRE_TARGET);
        q.options.platform = request_text(&q, BUILD_WIRE_PLATFORM);
        q.options.machine = machine;
        q.has_no_cache = json_is_true(json_object_get(q.root, BUILD_WIRE_NO_CACHE));
        q.has_no_network = str_eq(request_text(&q, BUILD_WIRE_NETWORK), "none");
        q.memory_bytes = json_integer_value(json_object_get(q.root, BUILD_WIRE_MEMORY));
        q.cpu_milli = json_integer_value(json_object_get(q.root, BUILD_WIRE_CPU));
        epoch = json_object_get(q.root, BUILD_WIRE_EPOCH);
        q.has_epoch = json_is_integer(epoch);
        q.epoch = json_integer_value(epoch);
        if (q.memory_bytes < 0 || q.cpu_milli < 0 || q.epoch < 0)
                return err_set(e, -EINVAL, "limits and times aren't negative");
        *ret = q;
        q = (struct build_request){ 0 };
        return 0;
}

void build_request_done(struct build_request *q) {
        json_decref(q->root);
        free(q->tags);
        free(q->options.args.items);
        *q = (struct build_request){ 0 };
}
