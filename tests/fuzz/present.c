/* What clients say about the form of an answer (Accept, includeObject), tokens of lists, and the
 * part of a JSON text that is its metadata: a text's own reader and the shortcut agree. */
#include "api/text/span.h"
#include "api/text/text.h"
#include "daemon/registry/list_options.h"
#include "daemon/registry/negotiate.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accept(const char *text) {
        const char *at = text;
        struct accept_entry e;
        struct form f = { 0 };

        while (accept_next(&at, &e)) {
                assert(at >= text && at <= text + strlen(text));
                (void) accept_is_json(&e);
        }
        (void) form_negotiate(text, text, &f, NULL);
        assert(f.as <= FORM_PARTIAL && f.include <= FORM_INCLUDE_NONE);
}

static void check_token(const char *text) {
        struct position p;
        char *token;

        if (position_read(text, &p) == 0 && *p.name) {
                struct position again;

                token = position_write(p.revision, p.namespace_, p.name);
                assert(token && position_read(token, &again) == 0);
                assert(p.revision == again.revision);
                assert(strcmp(p.namespace_, again.namespace_) == 0);
                assert(p.revision == again.revision);
                assert(strcmp(p.name, again.name) == 0);
                position_done(&again);
                free(token);
        }
        position_done(&p);
}

static void check_span(const char *text, size_t len) {
        json_t *tree = NULL, *part = NULL;
        struct text_span span;
        bool is_there = text_json_member(text, len, "metadata", &span);

        if (is_there)
                assert(span.at >= text && span.at + span.len <= text + len);
        if (text_read_json(text, len, 0, &tree, NULL) < 0)
                return;
        /* An escaped name isn't found, so only what is found must be right. */
        if (is_there && json_is_object(tree)) {
                assert(text_read_json(span.at, span.len, 0, &part, NULL) == 0);
                assert(json_equal(part, json_object_get(tree, "metadata")));
        }
        json_decref(part);
        json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1);

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        check_span(text, size);
        check_accept(text);
        check_token(text);
        free(text);
        return 0;
}
