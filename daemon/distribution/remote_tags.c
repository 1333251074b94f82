#include "daemon/distribution/remote_tags.h"

#include "api/text/text.h"
#include "base/str.h"

#include <string.h>

#define TAGS_PAGE_BYTES_MAX (4U << 20)

/* "</v2/NAME/tags/list?last=x&n=100>; rel=\"next\"": the path of that page. The
 * caller's; NULL: no next page. */
static char *tags_next(const char *link) {
        const char *end = link ? strchr(link, '>') : NULL;
        AUTO_FREE char *path = NULL;
        char *query;

        if (!end || link[0] != '<' || !strstr(end, "next"))
                return NULL;
        path = strndup(link + 1, (size_t) (end - link - 1));
        query = path ? strchr(path, '?') : NULL;
        /* Only its query counts: a page lies where the first one did. */
        return query ? str_format("tags/list%s", query) : NULL;
}

static int tags_take(const struct remote_answer *answer, json_t *all, struct err *e) {
        json_t *root = NULL;
        const json_t *tag;
        size_t i;
        int r = text_read_json(str_or_empty(answer->body), answer->body_len, TAGS_PAGE_BYTES_MAX,
                               &root, NULL);

        if (r < 0 || !json_is_object(root)) {
                json_decref(root);
                return err_set(e, -EBADMSG, "the registry's list of tags is malformed");
        }
        json_array_foreach(json_object_get(root, "tags"), i, tag) {
                if (!json_is_string(tag))
                        continue;
                if (json_array_size(all) >= TAGS_MAX) {
                        r = err_set(e, -E2BIG, "more than %d tags", TAGS_MAX);
                        break;
                }
                (void) json_array_append(all, (json_t *) tag);
        }
        json_decref(root);
        return r;
}

int remote_tags_list(struct remote *remote, json_t **ret, struct err *e) {
        AUTO_FREE char *path = strdup("tags/list");
        json_t *all = json_array();
        int r = path && all ? 0 : err_set(e, -ENOMEM, "out of memory");

        for (size_t page = 0; r == 0 && path; page++) {
                AUTO_DONE(remote_answer) struct remote_answer answer = { 0 };

                if (page >= TAGS_PAGES_MAX)
                        r = err_set(e, -E2BIG, "more than %d pages of tags", TAGS_PAGES_MAX);
                else
                        r = remote_ask(remote,
                                       &(struct remote_request){ .method = "GET",
                                                                 .path = path,
                                                                 .accept = "application/json",
                                                                 .max_bytes = TAGS_PAGE_BYTES_MAX,
                                                                 .size_bytes = UINT64_MAX },
                                       &answer, e);
                if (r == 0)
                        r = tags_take(&answer, all, e);
                free(path);
                path = r == 0 ? tags_next(answer.link) : NULL;
        }
        if (r < 0) {
                json_decref(all);
                return r;
        }
        *ret = all;
        return 0;
}
