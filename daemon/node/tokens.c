#include "daemon/node/tokens.h"

#include "api/client/client.h"
#include "api/client/timer.h"
#include "api/kinds/pod.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LIFE_SECONDS 3600
#define LIFE_LEAST_USEC (10 * USEC_PER_SEC)
#define REFRESH_PCT 80
/* A clock that is set after the start, as on boards without a battery, ends tokens at once. */
#define SWEEP_USEC (60 * USEC_PER_SEC)
#define JITTER_PCT 5

static const struct backoff RETRY = { .base_usec = USEC_PER_SEC, .most_usec = 60 * USEC_PER_SEC };

/*   asked --201--> held --80 % of its life--> asked, still held
 *     \--no answer, refused--> waiting --back-off--> asked            */
struct token {
        struct tokens *owner;
        char *uid, *path, *body; /* owned: of the pod, of the request */
        struct client_call *call;
        struct timer *timer;
        char *text;          /* owned; the last one that came, NULL: none */
        char *refusal;       /* owned; why none came, NULL: not refused */
        uint64_t end_usec;   /* of text, wall clock */
        uint64_t since_usec; /* when it was first asked for */
        unsigned n_failures;
        bool was_told; /* that nobody answers */
};

struct tokens {
        struct client *client;
        struct timers *timers;
        tokens_change_fn on_change;
        void *userdata;
        struct map items;    /* "UID SECONDS AUDIENCE" → struct token, owned */
        struct timer *sweep; /* while there are items */
        uint64_t (*wall_usec)(void);
        uint64_t seed;
};

static uint64_t now_usec(const struct tokens *t) {
        return t->timers->vtable->now_usec(t->timers);
}

static void token_free(void *value) {
        struct token *k = value;

        if (!k)
                return;
        client_cancel(k->call);
        if (k->timer)
                k->owner->timers->vtable->cancel(k->owner->timers, k->timer);
        free(k->uid);
        free(k->path);
        free(k->body);
        free(k->text);
        free(k->refusal);
        free(k);
}

int tokens_new(const struct tokens_options *options, struct tokens **ret) {
        struct tokens *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        *t = (struct tokens){ .client = options->client,
                              .timers = options->timers,
                              .on_change = options->on_change,
                              .userdata = options->userdata,
                              .wall_usec =
                                      options->wall_usec ? options->wall_usec : clock_wall_usec,
                              .seed = clock_wall_usec() };
        *ret = t;
        return 0;
}

void tokens_unref(struct tokens *t) {
        if (!t)
                return;
        map_done(&t->items, token_free);
        if (t->sweep)
                t->timers->vtable->cancel(t->timers, t->sweep);
        free(t);
}

/* ---- asking ---- */

static void token_ask(struct token *k);

static void token_due(void *data) {
        struct token *k = data;

        k->timer = NULL;
        token_ask(k);
}

/* Out of memory for a timer the token stays as it is until the pod asks again. */
static void token_ask_after(struct token *k, uint64_t delay_usec) {
        struct timers *timers = k->owner->timers;

        if (k->timer)
                timers->vtable->cancel(timers, STEAL(k->timer));
        (void) timers->vtable->add(timers, now_usec(k->owner) + delay_usec, token_due, k,
                                   &k->timer);
}

/* Four fifths of what is left of its life. */
static uint64_t refresh_delay(struct tokens *t, uint64_t end_usec) {
        uint64_t wall_usec = t->wall_usec();
        uint64_t life_usec = end_usec > wall_usec ? end_usec - wall_usec : 0;

        life_usec = MAX(life_usec, LIFE_LEAST_USEC);
        return life_usec / 100 * REFRESH_PCT -
               backoff_random(&t->seed) % (life_usec / 100 * JITTER_PCT);
}

static bool token_take(struct token *k, const struct client_answer *a) {
        json_t *tree = json_loadb(a->body, a->body_len, 0, NULL);
        const json_t *status = json_object_get(tree, "status");
        const char *text = json_string_value(json_object_get(status, "token"));
        const char *expires = json_string_value(json_object_get(status, "expirationTimestamp"));
        char *copy = str_is_empty(text) ? NULL : strdup(text);

        if (copy) {
                free(k->text);
                free(k->refusal);
                k->text = copy;
                k->refusal = NULL;
                k->n_failures = 0;
                if (!expires || clock_parse(expires, &k->end_usec) < 0)
                        k->end_usec = k->owner->wall_usec() + LIFE_SECONDS * USEC_PER_SEC;
                token_ask_after(k, refresh_delay(k->owner, k->end_usec));
        }
        json_decref(tree);
        return copy;
}

/* The message of a Status. */
static char *refusal_of(const struct client_answer *a) {
        json_t *tree = json_loadb(a->body, a->body_len, 0, NULL);
        const char *message = json_string_value(json_object_get(tree, "message"));
        char *text = message ? strdup(message) : str_format("HTTP status %u", a->status);

        json_decref(tree);
        return text;
}

/* Returns whether the pod should know. */
static bool token_fail(struct token *k, const struct client_answer *a) {
        bool is_refused = a->error == 0 && a->status >= 400 && a->status < 500 && a->status != 429;
        uint64_t waited_usec = now_usec(k->owner) - k->since_usec;
        uint64_t delay_usec = backoff_delay(&RETRY, ++k->n_failures);
        bool was_refused = k->refusal, is_news;

        free(k->refusal);
        k->refusal = is_refused ? refusal_of(a) : NULL;
        is_news = is_refused ? !was_refused : waited_usec >= TOKENS_PATIENCE_USEC && !k->was_told;
        if (!is_refused && waited_usec >= TOKENS_PATIENCE_USEC)
                k->was_told = true;
        else if (!is_refused)
                delay_usec = MIN(delay_usec, TOKENS_PATIENCE_USEC - waited_usec);
        token_ask_after(k, delay_usec);
        if (k->text)
                LOG_DEBUG(k->path, "no fresh token (%s); the last one stays",
                          a->error < 0 ? a->error_text : "refused");
        return is_news && !k->text;
}

static void on_done(void *data, const struct client_answer *a) {
        struct token *k = data;
        struct tokens *t = k->owner;
        AUTO_FREE char *uid = strdup(k->uid);
        bool is_news;

        k->call = NULL;
        is_news = a->error == 0 && a->status == 201 && token_take(k, a);
        if (!is_news)
                is_news = token_fail(k, a);
        /* The pod may go meanwhile, and its tokens with it. */
        if (is_news && uid)
                t->on_change(t->userdata, uid);
}

static void token_ask(struct token *k) {
        static const struct client_handlers HANDLERS = { .on_done = on_done };
        const struct client_request request = {
                .method = CLIENT_POST,
                .path = k->path,
                .body = k->body,
                .body_len = strlen(k->body),
        };

        if (k->call)
                return;
        if (client_start(k->owner->client, &request, &HANDLERS, k, &k->call, NULL) < 0)
                token_ask_after(k, USEC_PER_SEC);
}

static void sweep_set(struct tokens *t);

static void sweep_due(void *data) {
        struct tokens *t = data;
        uint64_t wall_usec = t->wall_usec();

        t->sweep = NULL;
        MAP_FOREACH(i, &t->items) {
                struct token *k = i->value;

                if (k->text && wall_usec >= k->end_usec && k->n_failures == 0)
                        token_ask(k);
        }
        sweep_set(t);
}

static void sweep_set(struct tokens *t) {
        if (!t->sweep && t->items.n > 0)
                (void) t->timers->vtable->add(t->timers, now_usec(t) + SWEEP_USEC, sweep_due, t,
                                              &t->sweep);
}

/* ---- what is wanted ---- */

static int64_t seconds_of(const struct service_account_token_projection *p) {
        return p->expiration_seconds.is_set ? p->expiration_seconds.value : LIFE_SECONDS;
}

static char *key_of(const struct pod *pod, const struct service_account_token_projection *p) {
        return str_format("%s %lld %s", pod->metadata.uid, (long long) seconds_of(p),
                          str_or_empty(p->audience));
}

static char *body_of(const struct pod *pod, const struct service_account_token_projection *p) {
        json_t *audiences =
                str_is_empty(p->audience) ? json_array() : json_pack("[s]", p->audience);
        json_t *tree = json_pack(
                "{s:s,s:s,s:{s:o,s:I,s:{s:s,s:s,s:s,s:s}}}", "apiVersion",
                "authentication.k8s.io/v1", "kind", "TokenRequest", "spec", "audiences", audiences,
                "expirationSeconds", (json_int_t) seconds_of(p), "boundObjectRef", "apiVersion",
                "v1", "kind", "Pod", "name", pod->metadata.name, "uid", pod->metadata.uid);
        char *text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;

        json_decref(tree);
        return text;
}

static struct token *token_add(struct tokens *t, const struct pod *pod,
                               const struct service_account_token_projection *p, const char *key) {
        struct token *k = calloc(1, sizeof(*k));
        const char *account = pod->spec.service_account_name;

        if (!k)
                return NULL;
        k->owner = t;
        k->since_usec = now_usec(t);
        k->uid = strdup(pod->metadata.uid);
        k->path = str_format("/api/v1/namespaces/%s/serviceaccounts/%s/token",
                             pod->metadata.namespace, str_is_empty(account) ? "default" : account);
        k->body = body_of(pod, p);
        if (!k->uid || !k->path || !k->body || map_put(&t->items, key, k, NULL) < 0) {
                token_free(k);
                return NULL;
        }
        token_ask(k);
        sweep_set(t);
        return k;
}

static struct token *token_find(struct tokens *t, const struct pod *pod,
                                const struct service_account_token_projection *p) {
        AUTO_FREE char *key = key_of(pod, p);
        struct token *k = key ? map_get(&t->items, key) : NULL;

        return k || !key ? k : token_add(t, pod, p, key);
}

int tokens_get(struct tokens *t, const struct pod *pod,
               const struct service_account_token_projection *want, const char **ret_token,
               struct err *e) {
        const struct token *k = token_find(t, pod, want);

        if (!k)
                return err_set(e, -ENOMEM, "out of memory");
        if (k->text) {
                *ret_token = k->text;
                return 0;
        }
        if (k->refusal)
                return err_set(e, -EACCES, "failed to fetch token: %s", k->refusal);
        if (k->was_told)
                return err_set(e, -EHOSTDOWN, "the server gives no token, nobody answers");
        return err_set(e, -EAGAIN, "the account's token is not known yet");
}

/* Calls fn for each token that the pod's volumes project. */
static void each_projection(struct tokens *t, const struct pod *pod,
                            void (*fn)(struct tokens *t, const struct pod *pod,
                                       const struct service_account_token_projection *p)) {
        for (size_t i = 0; i < pod->spec.volumes.n; i++) {
                const struct projected_volume_source *p = pod->spec.volumes.items[i].projected;

                for (size_t j = 0; p && j < p->sources.n; j++)
                        if (p->sources.items[j].service_account_token)
                                fn(t, pod, p->sources.items[j].service_account_token);
        }
}

static void want_one(struct tokens *t, const struct pod *pod,
                     const struct service_account_token_projection *p) {
        (void) token_find(t, pod, p);
}

static void unwant_one(struct tokens *t, const struct pod *pod,
                       const struct service_account_token_projection *p) {
        AUTO_FREE char *key = key_of(pod, p);

        if (key)
                token_free(map_remove(&t->items, key));
}

void tokens_want(struct tokens *t, const struct pod *pod) {
        each_projection(t, pod, want_one);
}

void tokens_unwant(struct tokens *t, const struct pod *pod) {
        each_projection(t, pod, unwant_one);
}
