#include "cli/waiting.h"

#include "api/kinds/object.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/fetch.h"
#include "cli/progress.h"
#include "cli/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#define RETRY_USEC (200 * USEC_PER_MSEC)

uint64_t waiting_due(const struct option_number *timeout) {
        if (!timeout->is_set || timeout->value <= 0)
                return USEC_NEVER;
        return clock_now_usec() + (uint64_t) timeout->value;
}

/* ---- the wait ---- */

struct state {
        struct session *session;
        const struct waiting *w;
        struct progress progress;
        char text[WAITING_TEXT_MAX];
        enum waiting_state verdict;
};

static void judge(struct state *st, const json_t *object) {
        char text[WAITING_TEXT_MAX] = "";

        st->verdict = st->w->judge(st->w->data, object, text, sizeof(text));
        if (str_eq(text, st->text))
                return;
        (void) snprintf(st->text, sizeof(st->text), "%s", text);
        if (st->w->is_verbose && text[0])
                progress_say(&st->progress, text);
        else
                progress_set(&st->progress, text);
}

static enum stream_verdict on_event(void *data, const char *line, size_t len) {
        struct state *st = data;
        json_t *event = json_loadb(line, len, 0, NULL);
        const json_t *object = json_object_get(event, "object");
        const char *type = tree_text(event, "type", NULL);
        bool is_over = str_eq(type, "ERROR") || !event;

        if (str_eq(type, "DELETED"))
                judge(st, NULL);
        else if (!is_over && !str_eq(type, "BOOKMARK"))
                judge(st, object);
        json_decref(event);
        return is_over || st->verdict != WAITING_PENDING ? STREAM_STOP : STREAM_GO_ON;
}

static void on_tick(void *data) {
        struct state *st = data;

        progress_tick(&st->progress);
}

/* One list and one watch. */
static int wait_round(struct state *st, struct err *e) {
        static const struct stream_handlers handlers = { .on_line = on_event, .on_tick = on_tick };
        const struct waiting *w = st->w;
        AUTO_FREE char *selector = str_format("metadata.name=%s", w->name);
        AUTO_FREE char *path = NULL;
        struct fetch f = { .kind = w->kind,
                           .namespace_ = w->namespace_,
                           .field_selector = selector };
        json_t *list = NULL;
        int r = selector ? fetch_list(st->session, &f, &list, e)
                         : err_errno(e, -ENOMEM, "cannot wait");

        if (r < 0)
                return r;
        judge(st, json_array_get(json_object_get(list, "items"), 0));
        path = fetch_path(st->session, &f);
        (void) client_path_query(&path, "watch", "1");
        (void) client_path_query(&path, "resourceVersion",
                                 tree_text(list, "metadata", "resourceVersion", NULL));
        json_decref(list);
        if (st->verdict != WAITING_PENDING)
                return 0;
        if (!path)
                return err_errno(e, -ENOMEM, "cannot wait");
        r = session_stream(st->session, path, &handlers, st, w->due_usec, e);
        return r < 0 ? r : 0;
}

int waiting_run(struct session *s, const struct waiting *w, struct err *e) {
        struct state st = { .session = s, .w = w };
        int r = 0;

        progress_init(&st.progress, s);
        while (r == 0 && st.verdict == WAITING_PENDING) {
                r = wait_round(&st, e);
                if (r == -ESTALE) /* the watch fell behind: list again */
                        r = 0;
                if (r == 0 && st.verdict == WAITING_PENDING)
                        (void) usleep(RETRY_USEC);
        }
        progress_done(&st.progress);
        if (r == -ETIMEDOUT)
                return err_set(e, r, "timed out waiting for %s/%s%s%s", w->kind->plural, w->name,
                               st.text[0] ? ": " : "", st.text);
        if (r == 0 && st.verdict == WAITING_FAILED)
                return err_set(e, -ECANCELED, "%s", st.text);
        return r;
}

/* ---- judges ---- */

static const json_t *find_condition(const json_t *object, const char *type) {
        const json_t *conditions = tree_get(object, "status", "conditions", NULL), *c;
        size_t i;

        json_array_foreach(conditions, i, c) {
                if (strcasecmp(tree_text(c, "type", NULL), type) == 0)
                        return c;
        }
        return NULL;
}

bool waiting_has_condition(const json_t *object, const char *type, const char *status) {
        const json_t *c = find_condition(object, type);

        return c && strcasecmp(tree_text(c, "status", NULL), status) == 0;
}

/* As kubectl rollout status decides and words it. */
enum waiting_state waiting_judge_rollout(void *data, const json_t *o, char *text, size_t size) {
        const char *name = tree_text(o, "metadata", "name", NULL);
        json_int_t wanted = tree_get(o, "spec", "replicas", NULL)
                                    ? tree_number(o, "spec", "replicas", NULL)
                                    : 1;
        json_int_t updated = tree_number(o, "status", "updatedReplicas", NULL);
        json_int_t all = tree_number(o, "status", "replicas", NULL);
        json_int_t available = tree_number(o, "status", "availableReplicas", NULL);
        const json_t *progressing = find_condition(o, "Progressing");

        (void) data;
        if (!o) {
                (void) snprintf(text, size, "the deployment was deleted");
                return WAITING_FAILED;
        }
        if (tree_number(o, "metadata", "generation", NULL) >
            tree_number(o, "status", "observedGeneration", NULL)) {
                (void) snprintf(text, size, "Waiting for deployment spec update to be observed...");
                return WAITING_PENDING;
        }
        if (str_eq(tree_text(progressing, "reason", NULL), "ProgressDeadlineExceeded")) {
                (void) snprintf(text, size, "deployment \"%s\" exceeded its progress deadline",
                                name);
                return WAITING_FAILED;
        }
        if (updated < wanted)
                (void) snprintf(
                        text, size,
                        "Waiting for deployment \"%s\" rollout to finish: %" JSON_INTEGER_FORMAT
                        " out of %" JSON_INTEGER_FORMAT " new replicas have been updated...",
                        name, updated, wanted);
        else if (all > updated)
                (void) snprintf(
                        text, size,
                        "Waiting for deployment \"%s\" rollout to finish: %" JSON_INTEGER_FORMAT
                        " old replicas are pending termination...",
                        name, all - updated);
        else if (available < updated)
                (void) snprintf(
                        text, size,
                        "Waiting for deployment \"%s\" rollout to finish: %" JSON_INTEGER_FORMAT
                        " of %" JSON_INTEGER_FORMAT " updated replicas are available...",
                        name, available, updated);
        else {
                (void) snprintf(text, size, "deployment \"%s\" successfully rolled out", name);
                return WAITING_MET;
        }
        return WAITING_PENDING;
}

static enum waiting_state judge_pod(void *data, const json_t *o, char *text, size_t size) {
        const char *phase = tree_text(o, "status", "phase", NULL);
        const char *name = tree_text(o, "metadata", "name", NULL);

        (void) data;
        if (!o || str_eq(phase, "Failed")) {
                (void) snprintf(text, size, "pod \"%s\" %s", name, o ? "failed" : "was deleted");
                return WAITING_FAILED;
        }
        if (waiting_has_condition(o, "Ready", "True") || str_eq(phase, "Succeeded"))
                return WAITING_MET;
        (void) snprintf(text, size, "Waiting for pod \"%s\" to be ready (%s)...", name, phase);
        return WAITING_PENDING;
}

static enum waiting_state judge_replica_set(void *data, const json_t *o, char *text, size_t size) {
        json_int_t wanted = tree_number(o, "spec", "replicas", NULL);
        json_int_t ready = tree_number(o, "status", "readyReplicas", NULL);

        (void) data;
        if (!o) {
                (void) snprintf(text, size, "the replica set was deleted");
                return WAITING_FAILED;
        }
        if (ready >= wanted)
                return WAITING_MET;
        (void) snprintf(text, size,
                        "Waiting for replicaset \"%s\": %" JSON_INTEGER_FORMAT
                        " of %" JSON_INTEGER_FORMAT " replicas are ready...",
                        tree_text(o, "metadata", "name", NULL), ready, wanted);
        return WAITING_PENDING;
}

int waiting_until_ready(struct session *s, const struct kind *k, const char *namespace_,
                        const char *name, uint64_t due_usec, struct err *e) {
        struct waiting w = {
                .kind = k, .namespace_ = namespace_, .name = name, .due_usec = due_usec
        };

        if (str_eq(k->plural, "deployments"))
                w.judge = waiting_judge_rollout;
        else if (str_eq(k->plural, "pods"))
                w.judge = judge_pod;
        else if (str_eq(k->plural, "replicasets"))
                w.judge = judge_replica_set;
        return w.judge ? waiting_run(s, &w, e) : 0;
}

static enum waiting_state judge_gone(void *data, const json_t *o, char *text, size_t size) {
        const char *uid = data;

        if (!o || (uid && !str_eq(uid, tree_text(o, "metadata", "uid", NULL))))
                return WAITING_MET;
        (void) snprintf(text, size, "Waiting for \"%s\" to be gone...",
                        tree_text(o, "metadata", "name", NULL));
        return WAITING_PENDING;
}

int waiting_until_gone(struct session *s, const struct waiting *what, const char *uid,
                       struct err *e) {
        struct waiting w = *what;
        int r;

        w.judge = judge_gone;
        w.data = (void *) uid;
        r = waiting_run(s, &w, e);
        /* Its kind is gone, too. */
        if (r == -ENOENT && s->reason == CLIENT_REASON_NOT_FOUND) {
                s->exit_code = EXIT_OK;
                return 0;
        }
        return r;
}
