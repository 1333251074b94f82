#include "daemon/server/audit.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "base/uid.h"
#include "daemon/loop/work.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/path.h"
#include "daemon/registry/rest_message.h"
#include "daemon/registry/review.h"
#include "daemon/registry/user.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define URI_MAX_BYTES 4096
#define AGENT_MAX_BYTES 512
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

struct audit {
        unsigned n_refs; /* the owner's and the job's */
        struct loop *loop;
        char *path;
        int fd; /* -1 after a failed rotation */
        uint64_t bytes, max_bytes;
        struct strbuf waiting;
        struct strbuf writing; /* the job's alone while it runs, and what comes of it: */
        int written;           /* 0 or a negative errno; 1: no thread has come to it */
        uint64_t n_lost;
        bool is_running, has_failed, is_closed;
};

/* ---- a line ---- */

static json_t *object_ref(const struct access *a, const struct path *p) {
        json_t *ref = json_object();
        const struct {
                const char *key, *value;
        } PARTS[] = {
                { "resource", a->resource },  { "namespace", a->namespace_ },
                { "name", a->name },          { "apiGroup", a->group },
                { "apiVersion", p->version }, { "subresource", a->subresource },
        };

        for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++)
                if (!str_is_empty(PARTS[i].value))
                        (void) json_object_set_new(ref, PARTS[i].key, json_string(PARTS[i].value));
        return ref;
}

/* verb and objectRef, as the rules see them. */
static void attributes_put(json_t *event, const struct audit_event *v) {
        const struct rest_request q = { .method = v->method, .path = v->path, .query = v->query };
        AUTO_DONE(path) struct path path = { 0 };
        AUTO_DONE(query) struct query query = { 0 };
        struct authorize_attributes a;

        if (path_parse(v->path, &path, NULL) < 0 || query_parse(v->query, &query, NULL) < 0) {
                (void) json_object_set_new(event, "verb", json_string(v->method));
                return;
        }
        authorize_attributes(&q, &path, &query, &a);
        (void) json_object_set_new(event, "verb", json_string(str_or_empty(a.access.verb)));
        if (!a.access.path)
                (void) json_object_set_new(event, "objectRef", object_ref(&a.access, &path));
}

static void people_put(json_t *event, const struct audit_event *v) {
        (void) json_object_set_new(event, "user",
                                   v->asker ? review_user_info(v->asker) : json_object());
        if (v->asker && v->user && v->asker != v->user)
                (void) json_object_set_new(event, "impersonatedUser", review_user_info(v->user));
        if (v->source)
                (void) json_object_set_new(event, "sourceIPs", json_pack("[s]", v->source));
        if (v->user_agent)
                (void) json_object_set_new(
                        event, "userAgent",
                        json_stringn(v->user_agent, strnlen(v->user_agent, AGENT_MAX_BYTES)));
}

char *audit_format(const struct audit_event *v, const char *id) {
        AUTO_FREE char *uri =
                str_format("%s%s%s", v->path, v->query ? "?" : "", str_or_empty(v->query));
        char begin[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX], *text;
        json_t *event;

        if (!uri)
                return NULL;
        event = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s%}", "kind", "Event", "apiVersion",
                          "audit.k8s.io/v1", "level", "Metadata", "auditID", id, "stage",
                          "ResponseComplete", "requestURI", uri, strnlen(uri, URI_MAX_BYTES));
        attributes_put(event, v);
        people_put(event, v);
        (void) json_object_set_new(event, "responseStatus",
                                   json_pack("{s:{},s:i}", "metadata", "code", (int) v->code));
        (void) json_object_set_new(event, "requestReceivedTimestamp",
                                   json_string(clock_format_micro(v->begin_usec, begin)));
        (void) json_object_set_new(event, "stageTimestamp",
                                   json_string(clock_format_micro(v->end_usec, end)));
        text = event ? json_dumps(event, JSON_COMPACT) : NULL;
        json_decref(event);
        return text;
}

/* ---- the file; on a work thread ---- */

static int file_open(struct audit *a) {
        struct stat s;

        a->fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (a->fd < 0 || fstat(a->fd, &s) < 0)
                return -errno;
        a->bytes = (uint64_t) s.st_size;
        return 0;
}

/* PATH.3 becomes PATH.4 and so on. What can't be renamed is written on. */
static int file_rotate(struct audit *a) {
        for (int i = AUDIT_FILES - 1; i > 0; i--) {
                AUTO_FREE char *from =
                        i > 1 ? str_format("%s.%d", a->path, i - 1) : strdup(a->path);
                AUTO_FREE char *to = str_format("%s.%d", a->path, i);

                if (!from || !to)
                        return -ENOMEM;
                if (rename(from, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        macros_close_fd(&a->fd);
        a->fd = -1;
        return file_open(a);
}

static int file_write(struct audit *a) {
        int r = 0;

        if (a->fd >= 0 && a->bytes > 0 && a->bytes + a->writing.len > a->max_bytes)
                r = file_rotate(a);
        else if (a->fd < 0)
                r = file_open(a);
        if (r == 0 || a->fd >= 0)
                r = fd_write_all(a->fd, a->writing.s, a->writing.len);
        if (r == 0)
                a->bytes += a->writing.len;
        return r;
}

static int job_run(void *job) {
        struct audit *a = job;

        return a->written = file_write(a);
}

/* ---- the loop's side ---- */

static void audit_free(struct audit *a) {
        if (--a->n_refs > 0)
                return;
        macros_close_fd(&a->fd);
        strbuf_done(&a->waiting);
        strbuf_done(&a->writing);
        free(a->path);
        free(a);
}

/* Told once, until it works again. */
static void result_tell(struct audit *a, int r) {
        if (r < 0 && !a->has_failed)
                LOG_WARN("audit", "%s can't be written (%s); events are lost until it can", a->path,
                         strerror(-r));
        else if (r == 0 && a->has_failed)
                LOG_NOTICE("audit", "%s is written again", a->path);
        a->has_failed = r < 0;
}

static void write_next(struct audit *a);

/* At the end, without a thread. */
static void write_rest(struct audit *a) {
        strbuf_reset(&a->writing);
        strbuf_add_len(&a->writing, a->waiting.s, a->waiting.len);
        if (a->waiting.len > 0 && !a->writing.has_failed)
                (void) file_write(a);
        strbuf_reset(&a->waiting);
}

static void job_done(void *job, int r) {
        struct audit *a = job;

        a->is_running = false;
        if (r == -ECANCELED) /* the loop ends: before a thread had the time, or just after */
                r = a->written > 0 ? file_write(a) : a->written;
        result_tell(a, r);
        strbuf_reset(&a->writing);
        if (a->is_closed)
                write_rest(a);
        else
                write_next(a);
        audit_free(a);
}

static void write_next(struct audit *a) {
        struct strbuf empty;

        if (a->is_running || a->waiting.len == 0)
                return;
        empty = a->writing;
        a->writing = a->waiting;
        a->waiting = empty;
        if (a->n_lost > 0) {
                LOG_WARN("audit", "%llu events were lost: the disk is slower than they come",
                         (unsigned long long) a->n_lost);
                a->n_lost = 0;
        }
        a->n_refs++;
        a->is_running = true;
        a->written = 1;
        if (work_submit(a->loop, job_run, job_done, a) == 0)
                return;
        a->n_refs--;
        a->is_running = false;
        a->n_lost++;
        strbuf_reset(&a->writing);
}

int audit_open(struct loop *loop, const char *path, uint64_t max_bytes, struct audit **ret_audit,
               struct err *e) {
        AUTO(audit) struct audit *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return err_set(e, -ENOMEM, "memory is out");
        a->n_refs = 1;
        a->loop = loop;
        a->fd = -1;
        a->max_bytes = max_bytes ? max_bytes : AUDIT_FILE_BYTES;
        a->path = strdup(path);
        if (!a->path)
                return err_set(e, -ENOMEM, "memory is out");
        r = file_open(a);
        if (r < 0)
                return err_errno(e, r,
                                 "cannot open the audit log %s; give its folder to the server's "
                                 "user, or choose another with --audit-log",
                                 path);
        *ret_audit = STEAL(a);
        return 0;
}

void audit_unref(struct audit *a) {
        if (!a)
                return;
        a->is_closed = true;
        if (!a->is_running)
                write_rest(a);
        audit_free(a);
}

/* What machines do all day says nothing about people. */
static bool is_noise(const struct audit_event *v) {
        static const char *const PATHS[] = {
                "/healthz",
                "/livez",
                "/readyz",
                LEASES,
        };

        for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++)
                if (str_starts_with(v->path, PATHS[i]))
                        return v->code < 400;
        return false;
}

void audit_add(struct audit *a, const struct audit_event *v) {
        AUTO_FREE char *line = NULL;
        char id[UID_TEXT_MAX];

        if (is_noise(v))
                return;
        line = audit_format(v, uid_new(id));
        if (!line || a->waiting.len + strlen(line) + 1 > AUDIT_WAITING_BYTES) {
                a->n_lost++;
                return;
        }
        strbuf_add(&a->waiting, line);
        strbuf_add_char(&a->waiting, '\n');
        if (a->waiting.has_failed) {
                strbuf_done(&a->waiting);
                a->n_lost++;
        }
        write_next(a);
}
