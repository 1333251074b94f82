#include "daemon/registry/commit.h"

#include "base/log.h"
#include "base/str.h"
#include "daemon/registry/authorize.h"
#include "daemon/registry/crd.h"
#include "daemon/registry/expiry.h"
#include "daemon/registry/quotas.h"
#include "daemon/registry/state.h"
#include "daemon/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many memory-only changes one write of the offset is good for. */
#define OFFSET_STEP 1000000ULL

struct commit {
        struct list link;
        struct registry *registry;
        struct kind_state *kind; /* NULL: the offset's own write */
        enum change change;
        struct record *now, *old;
        uint64_t offset_kept; /* what holds once this is durable; 0: unchanged */
        bool is_volatile, is_answered, has_place;
        int result;
        struct err err;
        commit_done_fn done;
        void *data;
};

static void commit_free(struct commit *c) {
        if (c->has_place)
                table_release(&c->kind->table);
        record_unref(c->now);
        record_unref(c->old);
        free(c);
}

static void commit_publish(struct commit *c) {
        struct registry *r = c->registry;
        struct table *t = &c->kind->table;

        table_release(t);
        c->has_place = false;
        if (c->kind->is_removed)
                return;
        if (c->change == CHANGE_DELETED)
                table_remove(t, c->now->namespace_, c->now->name);
        else
                table_put(t, record_ref(c->now));
        authorize_learn(r, c->now, c->change == CHANGE_DELETED);
        quotas_learn(r->quotas, c->change == CHANGE_DELETED ? NULL : c->now, c->old);
        if (c->kind->resource.flags & RESOURCE_DEFINITION)
                crd_published(r, c->change, c->now);
        else if (c->kind->is_terminating)
                crd_object_published(r);
        hub_publish(r->hub, c->change, c->now, c->old);
        if (c->old && c->old != c->now)
                record_forget_object(c->old);
        if (c->kind->resource.flags & RESOURCE_VOLATILE && c->change != CHANGE_DELETED)
                expiry_add(r, c->now);
}

/* Takes answered changes off the front: readers see revisions in order, whatever the store's
 * answers are. Not recursive: a done() that submits memory-only changes finds is_draining. */
static void commits_drain(struct registry *r) {
        if (r->is_draining)
                return;
        r->is_draining = true;
        while (!list_is_empty(&r->commits)) {
                struct commit *c = CONTAINER_OF(r->commits.next, struct commit, link);

                if (!c->is_answered)
                        break;
                list_remove(&c->link);
                if (c->result == 0 && c->offset_kept > 0)
                        r->revisions.offset_kept = c->offset_kept;
                if (c->kind && c->result == 0)
                        commit_publish(c);
                else if (c->kind)
                        r->revisions.offset++; /* the store didn't use the number */
                if (c->done)
                        c->done(c->data, c->result, c->err.text, c->now);
                commit_free(c);
        }
        r->is_draining = false;
}

/* After the authors have been told: whoever owns the process may want to start anew. */
static void failure_check(struct registry *r) {
        void (*tell)(void *data, const char *text) = r->on_failure;
        const char *text = tell ? store_failure(r->store) : NULL;

        if (!text)
                return;
        r->on_failure = NULL;
        tell(r->on_failure_data, text);
}

static void commit_stored(void *userdata, int result, const struct store_result *answer,
                          const struct err *e) {
        struct commit *c = userdata;
        struct registry *r = c->registry; /* draining frees c */

        c->is_answered = true;
        c->result = result;
        if (result == 0 && c->now)
                c->now->stored_revision = c->change == CHANGE_DELETED ? 0 : answer->revision;
        if (result < 0 && e)
                c->err = *e;
        if (result == -EAGAIN)
                (void) err_set(&c->err, -EAGAIN, "the store has another version of this object");
        if (result < 0)
                LOG_WARN(c->now ? c->now->name : NULL,
                         "a change could not be stored (%s); its author has been told",
                         err_text(&c->err));
        commits_drain(r);
        failure_check(r);
}

static int commit_store(struct commit *c, const char *key, struct err *e) {
        char offset[24];
        struct store_op ops[2];
        struct store_compare compare = { .key = key };
        struct store_txn txn = { .ops = ops };

        if (c->kind) {
                ops[txn.n_ops++] = (struct store_op){
                        .verb = c->change == CHANGE_DELETED ? STORE_DELETE : STORE_PUT,
                        .key = key,
                        .value = c->now->json,
                        .value_len = c->now->json_len,
                };
                compare.condition = c->old ? STORE_MOD_REVISION_IS : STORE_IS_ABSENT;
                compare.revision = c->old ? c->old->stored_revision : 0;
                txn.compares = &compare;
                txn.n_compares = 1;
        }
        if (c->offset_kept > 0) {
                (void) snprintf(offset, sizeof(offset), "%" PRIu64, c->offset_kept);
                ops[txn.n_ops++] = (struct store_op){
                        .verb = STORE_PUT,
                        .key = OFFSET_KEY,
                        .value = offset,
                        .value_len = strlen(offset),
                };
        }
        return store_transact(c->registry->store, &txn, commit_stored, c, e);
}

static struct commit *commit_new(struct registry *r) {
        struct commit *c = calloc(1, sizeof(*c));

        if (c) {
                c->registry = r;
                list_init(&c->link);
        }
        return c;
}

/* Before a number is used that the store won't count: what the offset may grow to goes to the disk
 * first, so that no number comes twice after a crash. */
static void offset_keep(struct registry *r) {
        struct err e = { 0 };
        struct commit *c;

        if (r->revisions.offset < r->revisions.offset_kept)
                return;
        c = commit_new(r);
        if (!c)
                return;
        c->offset_kept = r->revisions.offset + OFFSET_STEP;
        list_append(&r->commits, &c->link);
        if (commit_store(c, OFFSET_KEY, &e) < 0) {
                LOG_WARN(
                        NULL,
                        "the revision offset could not be stored (%s); the next change tries again",
                        err_text(&e));
                list_remove(&c->link);
                commit_free(c);
                return;
        }
        /* Written once, not once a change until the answer is here. */
        r->revisions.offset_kept = c->offset_kept;
}

int commit_submit(struct registry *r, const struct change_request *request, struct err *e) {
        struct commit *c = commit_new(r);
        AUTO_FREE char *key = NULL;
        int result;

        if (!c)
                return err_set(e, -ENOMEM, "memory is out");
        c->kind = request->kind;
        c->change = request->change;
        c->is_volatile = request->is_volatile;
        c->done = request->done;
        c->data = request->data;
        c->old = request->old ? record_ref(request->old) : NULL;
        if (c->is_volatile)
                offset_keep(r);
        result = record_new(&c->kind->resource, request->tree, r->revisions.last + 1, &c->now, e);
        /* Without it the controllers read the text. */
        if (result == 0 && c->kind->has_object_readers && c->change != CHANGE_DELETED)
                (void) record_decode(c->now, request->tree, &c->kind->outline_bytes);
        if (result == 0 && table_reserve(&c->kind->table) < 0)
                result = err_set(e, -ENOMEM, "memory is out");
        c->has_place = result == 0;
        if (result == 0 &&
            !(key = registry_key(&c->kind->resource, c->now->namespace_, c->now->name)))
                result = err_set(e, -ENOMEM, "memory is out");
        if (result == 0 && !c->is_volatile) {
                /* A failed write has used a number up: the same care as for memory-only ones. */
                if (r->revisions.offset > r->revisions.offset_kept)
                        c->offset_kept = r->revisions.offset + OFFSET_STEP;
                result = commit_store(c, key, e);
        }
        if (result < 0) {
                commit_free(c);
                return result;
        }
        r->revisions.last++;
        list_append(&r->commits, &c->link);
        if (c->is_volatile) {
                c->now->stored_revision = c->old ? c->old->stored_revision : 0;
                c->is_answered = true;
                r->revisions.offset++;
                commits_drain(r);
        }
        return 0;
}

/* ---- turns ---- */

struct busy {
        struct list waiting;
};

int turn_begin(struct registry *r, struct turn *t, char *take_key) {
        struct busy *b;

        list_init(&t->link);
        if (!take_key)
                return -ENOMEM;
        b = map_get(&r->busy, take_key);
        if (b) {
                t->registry = r;
                t->key = take_key;
                list_append(&b->waiting, &t->link);
                return 0;
        }
        b = malloc(sizeof(*b));
        if (!b || map_put(&r->busy, take_key, b, NULL) < 0) {
                free(b);
                free(take_key);
                return -ENOMEM;
        }
        list_init(&b->waiting);
        t->registry = r;
        t->key = take_key;
        t->run(t);
        return 0;
}

void turn_end(struct turn *t) {
        AUTO_FREE char *key = STEAL(t->key);
        struct registry *r = t->registry;
        struct busy *b;
        struct turn *next;

        if (!key)
                return;
        b = map_get(&r->busy, key);
        if (!b)
                return;
        if (!list_is_empty(&b->waiting)) {
                next = CONTAINER_OF(b->waiting.next, struct turn, link);
                list_remove(&next->link);
                next->run(next);
                return;
        }
        free(map_remove(&r->busy, key));
        registry_check_idle(r);
}
