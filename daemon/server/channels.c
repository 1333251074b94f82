#include "daemon/server/channels.h"

#include <string.h>

static bool text_take(struct channels *c, const uint8_t *bytes, size_t len, bool is_last,
                      struct channel_said *ret) {
        if (len > sizeof(c->text) - c->len)
                c->is_too_long = true;
        if (!c->is_too_long && len > 0)
                memcpy(c->text + c->len, bytes, len);
        if (!c->is_too_long)
                c->len += len;
        if (!is_last || c->is_too_long)
                return false;
        *ret = (struct channel_said){ .channel = c->channel, .bytes = c->text, .len = c->len };
        return true;
}

bool channels_take(struct channels *c, const struct websocket_piece *p, struct channel_said *ret) {
        const uint8_t *bytes = p->bytes;
        size_t len = p->len;

        if (p->is_first) {
                c->has_channel = c->is_too_long = false;
                c->len = 0;
        }
        if (!c->has_channel && len == 0)
                return false;
        if (!c->has_channel) {
                c->has_channel = true;
                c->channel = *bytes++;
                len--;
        }
        if (c->channel >= c->n_streams)
                return text_take(c, bytes, len, p->is_last, ret);
        *ret = (struct channel_said){ .channel = c->channel, .bytes = bytes, .len = len };
        return len > 0;
}
