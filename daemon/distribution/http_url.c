#include "base/str.h"
#include "daemon/distribution/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* One part of a URL, to be freed by curl_free(); NULL: not there. Ports have their default. */
static char *url_part(CURLU *url, CURLUPart part) {
        char *text = NULL;

        return curl_url_get(url, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) ==
                               CURLUE_OK
                       ? text
                       : NULL;
}

static bool url_part_same(CURLU *a, CURLU *b, CURLUPart part) {
        char *x = url_part(a, part), *y = url_part(b, part);
        bool is_same = x && y && strcasecmp(x, y) == 0;

        curl_free(x);
        curl_free(y);
        return is_same;
}

bool http_same_origin(const char *a, const char *b) {
        CURLU *x = curl_url(), *y = curl_url();
        bool is_same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
                       curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK &&
                       url_part_same(x, y, CURLUPART_SCHEME) &&
                       url_part_same(x, y, CURLUPART_HOST) && url_part_same(x, y, CURLUPART_PORT);

        curl_url_cleanup(x);
        curl_url_cleanup(y);
        return is_same;
}

char *http_resolve(const char *base, const char *location) {
        CURLU *url = curl_url();
        char *found = NULL, *copy = NULL;

        if (url && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
            curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK &&
            curl_url_get(url, CURLUPART_URL, &found, 0) == CURLUE_OK &&
            (str_starts_with(found, "https://") || str_starts_with(found, "http://")))
                copy = strdup(found);
        curl_free(found);
        curl_url_cleanup(url);
        return copy;
}

char *http_host_of(const char *url) {
        CURLU *parsed = curl_url();
        char *host = NULL, *port = NULL, *text = NULL;

        if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
            curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
                (void) curl_url_get(parsed, CURLUPART_PORT, &port, 0);
                text = str_format("%s%s%s", host, port ? ":" : "", str_or_empty(port));
        }
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(parsed);
        return text;
}

char *http_escape(const char *text) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        strbuf_add(&b, "");
        for (const char *p = text; *p; p++) {
                if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || strchr("-._~", *p))
                        strbuf_add_char(&b, *p);
                else
                        strbuf_addf(&b, "%%%02X", (unsigned) (unsigned char) *p);
        }
        return strbuf_steal(&b);
}
