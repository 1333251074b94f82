#include "daemon/registry/list_options.h"

#include "api/schema/base64.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/str.h"
#include "daemon/registry/call.h"
#include "daemon/registry/state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A watch without timeoutSeconds ends after this long to twice as long, at random, so that those
 * who began together don't come again together (--min-request-timeout of kube-apiserver). */
#define WATCH_TIMEOUT_S 1800
#define WATCH_TIMEOUT_MAX_S (86400 * 365)
#define TOKEN_MAX_BYTES 1024U
#define TOKEN_PREFIX "v1:"

/* ---- tokens ---- */

void position_done(struct position *p) {
        free(p->memory);
        *p = (struct position){ 0 };
}

char *position_write(uint64_t revision, const char *namespace_, const char *name) {
        AUTO_FREE char *plain =
                str_format(TOKEN_PREFIX "%" PRIu64 "/%s/%s", revision, namespace_, name);
        size_t len;
        char *token;

        if (!plain)
                return NULL;
        len = strlen(plain);
        token = malloc(base64_encoded_len(len) + 1);
        if (!token)
                return NULL;
        base64_encode((const uint8_t *) plain, len, token);
        /* For URLs, without what must be escaped there (RFC 4648, section 5). */
        for (char *at = token; *at; at++)
                *at = (char) (*at == '+' ? '-' : *at == '/' ? '_' : *at);
        token[strcspn(token, "=")] = '\0';
        return token;
}

/* Standard base64 of a token. */
static char *token_padded(const char *token) {
        size_t len = strlen(token), padding = (4 - len % 4) % 4;
        char *text = malloc(len + padding + 1);

        if (!text)
                return NULL;
        for (size_t i = 0; i < len; i++)
                text[i] = (char) (token[i] == '-' ? '+' : token[i] == '_' ? '/' : token[i]);
        memset(text + len, '=', padding);
        text[len + padding] = '\0';
        return text;
}

/* "v1:REVISION/NAMESPACE/NAME", which stays the position's. */
static int plain_split(char *plain, struct position *ret) {
        char *name, *namespace_;
        int64_t revision;

        if (!str_starts_with(plain, TOKEN_PREFIX))
                return -EINVAL;
        plain += strlen(TOKEN_PREFIX);
        namespace_ = strchr(plain, '/');
        if (!namespace_)
                return -EINVAL;
        *namespace_++ = '\0';
        name = strchr(namespace_, '/');
        if (!name || str_to_int64(plain, 1, INT64_MAX, &revision) < 0)
                return -EINVAL;
        *name++ = '\0';
        if (*name == '\0')
                return -EINVAL;
        ret->revision = (uint64_t) revision;
        ret->namespace_ = namespace_;
        ret->name = name;
        return 0;
}

int position_read(const char *token, struct position *ret) {
        AUTO_FREE char *text = NULL, *plain = NULL;
        struct position p = { 0 };
        size_t len;

        *ret = (struct position){ .namespace_ = "", .name = "" };
        if (str_is_empty(token))
                return 0;
        if (strlen(token) > TOKEN_MAX_BYTES || strlen(token) % 4 == 1)
                return -EINVAL;
        text = token_padded(token);
        plain = text ? calloc(1, base64_decoded_max(strlen(text)) + 1) : NULL;
        if (!plain)
                return -ENOMEM;
        if (base64_decode(text, strlen(text), (uint8_t *) plain, &len) < 0)
                return -EINVAL;
        plain[len] = '\0';
        if (strlen(plain) != len || plain_split(plain, &p) < 0)
                return -EINVAL;
        *ret = p;
        ret->memory = STEAL(plain);
        return 0;
}

/* ---- options ---- */

void list_options_done(struct list_options *o) {
        position_done(&o->position);
}

static bool number_read(struct call *c, const char *key, int64_t *ret) {
        if (query_number(&c->query, key, ret) >= 0)
                return true;
        call_fail(c, 400, "BadRequest", "%s: Invalid value: \"%s\": must be a number from 0", key,
                  query_get(&c->query, key));
        return false;
}

static bool match_fail(struct call *c, enum diag_reason reason, const char *text) {
        call_fail_options(c, "ListOptions", reason, "resourceVersionMatch", text);
        return false;
}

/* ValidateListOptions() of apimachinery, for a list. */
static bool list_match_check(struct call *c, const char *match) {
        const char *revision = query_get(&c->query, "resourceVersion");

        if (query_get(&c->query, "sendInitialEvents")) {
                call_fail_options(c, "ListOptions", DIAG_FORBIDDEN, "sendInitialEvents",
                                  "Forbidden: sendInitialEvents is forbidden for list");
                return false;
        }
        if (str_is_empty(match))
                return true;
        if (!str_is_empty(query_get(&c->query, "continue")))
                return match_fail(c, DIAG_FORBIDDEN,
                                  "Forbidden: resourceVersionMatch is forbidden when continue is "
                                  "provided");
        if (str_is_empty(revision))
                return match_fail(c, DIAG_FORBIDDEN,
                                  "Forbidden: resourceVersionMatch is forbidden unless "
                                  "resourceVersion is provided");
        if (!str_eq(match, "Exact") && !str_eq(match, "NotOlderThan"))
                return match_fail(c, DIAG_NOT_SUPPORTED,
                                  "Unsupported value: supported values: \"Exact\", "
                                  "\"NotOlderThan\", \"\"");
        if (str_eq(match, "Exact") && str_eq(revision, "0"))
                return match_fail(c, DIAG_FORBIDDEN,
                                  "Forbidden: resourceVersionMatch \"exact\" is forbidden for "
                                  "resourceVersion \"0\"");
        return true;
}

/* The same for a watch. */
static bool watch_match_check(struct call *c, const char *match) {
        if (!query_get(&c->query, "sendInitialEvents")) {
                if (str_is_empty(match))
                        return true;
                return match_fail(c, DIAG_FORBIDDEN,
                                  "Forbidden: resourceVersionMatch is forbidden for watch unless "
                                  "sendInitialEvents is provided");
        }
        if (str_is_empty(match))
                return match_fail(c, DIAG_FORBIDDEN,
                                  "Forbidden: sendInitialEvents requires setting "
                                  "resourceVersionMatch to NotOlderThan");
        if (!str_eq(match, "NotOlderThan"))
                return match_fail(c, DIAG_NOT_SUPPORTED,
                                  "Unsupported value: supported values: \"NotOlderThan\"");
        return true;
}

static bool revision_read(struct call *c, uint64_t *ret) {
        int64_t n = 0;

        if (!number_read(c, "resourceVersion", &n))
                return false;
        *ret = (uint64_t) n;
        return true;
}

static bool revision_has_come(struct call *c, uint64_t revision) {
        uint64_t now = hub_revision(c->registry->hub);

        if (revision <= now)
                return true;
        call_fail_too_large(c, revision, now);
        return false;
}

static bool list_revision_check(struct call *c, const struct list_options *o) {
        if (o->revision > 0 && *o->position.name) {
                call_fail(c, 400, "BadRequest",
                          "specifying resource version is not allowed when using continue");
                return false;
        }
        if (!revision_has_come(c, MAX(o->revision, o->position.revision)))
                return false;
        /* Only the newest state is in memory. */
        if (o->match == REVISION_EXACT && o->revision < hub_revision(c->registry->hub)) {
                call_fail(c, 410, "Expired",
                          "The resourceVersion for the provided list is too old.");
                return false;
        }
        return true;
}

static bool position_take(struct call *c, struct position *ret) {
        int r = position_read(query_get(&c->query, "continue"), ret);

        if (r == -ENOMEM)
                call_fail_memory(c);
        else if (r < 0)
                call_fail(c, 400, "BadRequest", "continue key is not valid");
        return r == 0;
}

static int64_t watch_timeout_pick(void) {
        uint32_t random = 0;

        (void) !getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return WATCH_TIMEOUT_S + (int64_t) (random % WATCH_TIMEOUT_S);
}

static bool watch_options_read(struct call *c, struct list_options *o) {
        const char *send = query_get(&c->query, "sendInitialEvents");
        int64_t timeout_s = 0;

        if (!number_read(c, "timeoutSeconds", &timeout_s))
                return false;
        if (timeout_s == 0)
                timeout_s = watch_timeout_pick();
        o->timeout_usec = (uint64_t) MIN(timeout_s, WATCH_TIMEOUT_MAX_S) * USEC_PER_SEC;
        o->has_bookmarks = query_bool(&c->query, "allowWatchBookmarks");
        o->has_initial_end = query_bool(&c->query, "sendInitialEvents");
        o->sends_initial = send ? o->has_initial_end : o->revision == 0;
        return !o->has_initial_end || revision_has_come(c, o->revision);
}

bool list_options_read(struct call *c, bool is_watch, struct list_options *ret) {
        AUTO_DONE(list_options) struct list_options o = { 0 };
        const char *match = query_get(&c->query, "resourceVersionMatch");
        int64_t limit = 0;

        if (!number_read(c, "limit", &limit) || !revision_read(c, &o.revision) ||
            !(is_watch ? watch_match_check(c, match) : list_match_check(c, match)))
                return false;
        o.limit = (size_t) limit;
        if (str_eq(match, "Exact"))
                o.match = REVISION_EXACT;
        else if (!str_is_empty(match))
                o.match = REVISION_NOT_OLDER;
        if (is_watch ? !watch_options_read(c, &o)
                     : !position_take(c, &o.position) || !list_revision_check(c, &o))
                return false;
        *ret = o;
        o = (struct list_options){ 0 };
        return true;
}

bool list_options_check_get(struct call *c) {
        uint64_t revision = 0;

        return revision_read(c, &revision) && revision_has_come(c, revision);
}
