/* Request bodies in protobuf: the envelope, then the object by its kind's table. */
#include "api/kinds/protobuf.h"

#include "api/kinds/object.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct protobuf_envelope envelope = { 0 };
        struct diags d = { 0 };
        struct err e = { 0 };
        const struct kind *k;
        json_t *tree = NULL;

        if (protobuf_envelope_read(data, size, &envelope, &e) < 0)
                return 0;
        assert(envelope.raw_len <= size);
        k = kind_find(envelope.api_version, envelope.kind);
        if (k && protobuf_decode(k->schema, envelope.raw, envelope.raw_len, &d, &tree, &e) == 0) {
                struct diags found = { 0 };
                char *text = json_dumps(tree, JSON_COMPACT);

                assert(text); /* whatever comes out can be written as JSON */
                free(text);
                /* All fields are known, and the tables' own checks cope with them. */
                assert(kind_default(k, tree, &e) == 0);
                assert(kind_validate(k, tree, 0, &found) == 0);
                for (size_t i = 0; i < found.n; i++)
                        assert(found.items[i].reason != DIAG_UNKNOWN);
                diags_done(&found);
        }
        diags_done(&d);
        json_decref(tree);
        return 0;
}
