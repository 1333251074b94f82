/* Frames of orch-stream, in pieces whose size the first byte chooses. */
#include "api/client/stream.h"
#include "base/macros.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct stream_reader r = { 0 };
        struct stream_frame f;
        size_t at = 1, step = size ? data[0] + 1U : 1U;
        int result = 0;

        while (result >= 0 && at < size) {
                size_t len = MIN(step, size - at);

                if (stream_reader_add(&r, data + at, len) < 0)
                        break;
                at += len;
                while ((result = stream_reader_next(&r, &f, NULL)) > 0)
                        assert(f.data + f.len <= r.bytes + r.len);
        }
        stream_reader_done(&r);
        return 0;
}
