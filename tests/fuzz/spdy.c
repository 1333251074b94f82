/* SPDY/3.1 as it comes, in pieces whose size the first byte chooses; and what we write about it is
 * read again as it was meant. */
#include "api/client/spdy.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void event_survives(struct spdy_writer *w, struct spdy_reader *copy,
                           const struct spdy_event *event) {
        AUTO_DONE(strbuf) struct strbuf out = { 0 };
        struct spdy_event again;
        size_t used, len = 4;

        for (size_t i = 0; i < event->n_headers; i++)
                len += 8 + strlen(event->headers[i].name) + strlen(event->headers[i].value);
        if (len > SPDY_BLOCK_MAX_BYTES / 2)
                return;
        for (size_t i = 0; i < event->n_headers; i++)
                if (event->headers[i].name[0] == '\0')
                        return;
        spdy_put_headers(w, &out, event);
        if (out.has_failed)
                return;
        assert(spdy_read(copy, out.s, out.len, &used, &again, NULL) == 1);
        assert(used == out.len && again.id == event->id && again.n_headers == event->n_headers);
        for (size_t i = 0; i < event->n_headers; i++)
                assert(str_eq(again.headers[i].value, event->headers[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        AUTO(spdy_reader) struct spdy_reader *r = NULL, *copy = NULL;
        struct spdy_writer w = { 0 };
        size_t at = 1, step = size ? data[0] + 1U : 1U;
        struct spdy_event event;
        int result = 0;

        if (spdy_reader_new(&r) < 0 || spdy_reader_new(&copy) < 0)
                return 0;
        while (result >= 0 && at < size) {
                size_t len = MIN(step, size - at), used;

                result = spdy_read(r, data + at, len, &used, &event, NULL);
                assert(used <= len && (result != 0 || used == len));
                if (result == 1 && event.kind == SPDY_DATA)
                        assert(event.len <= len);
                if (result == 1 && (event.kind == SPDY_OPEN || event.kind == SPDY_REPLY))
                        event_survives(&w, copy, &event);
                at += used;
        }
        return 0;
}
