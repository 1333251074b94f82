/* An answer of a server, in pieces whose size the first byte chooses. */
#include "api/client/client.h"
#include "api/client/http_parse.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct http_parser p;
        enum http_event event = HTTP_MORE;
        size_t at = 1, n, step = size ? data[0] + 1U : 1U;
        struct client_answer a = { .fd = -1 };
        int r = 0;

        http_parser_init(&p);
        while (r == 0 && event != HTTP_END && at < size) {
                size_t len = MIN(step, size - at);

                r = http_parser_feed(&p, data + at, len, &n, &event, NULL);
                assert(n <= len);
                if (r == 0 && event == HTTP_BODY)
                        assert((const uint8_t *) p.piece + p.piece_len <= data + at + n);
                if (r == 0 && event == HTTP_HEAD) {
                        size_t len_unused;

                        a.headers = http_parser_headers(&p);
                        (void) client_answer_header(&a, "Warning", 0, &len_unused);
                }
                at += r == 0 ? MIN(n, len) : 0;
        }
        if (r == 0)
                (void) http_parser_eof(&p, NULL);
        http_parser_done(&p);
        a = (struct client_answer){ .status = 500, .body = "", .fd = -1 };
        (void) client_status_parse((const char *) data, size, NULL, NULL);
        return 0;
}
