#include "daemon/registry/metrics.h"

#include "api/schema/schema.h"
#include "base/map.h"
#include "base/process_usage.h"
#include "base/str.h"
#include "daemon/registry/hub.h"
#include "daemon/registry/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Upper bounds of the histogram, in microseconds, and as Prometheus writes them. */
static const struct {
        uint64_t usec;
        const char *text;
} BOUNDS[] = {
        { 500, "0.0005" }, { 1000, "0.001" },  { 2500, "0.0025" }, { 5000, "0.005" },
        { 10000, "0.01" }, { 25000, "0.025" }, { 100000, "0.1" },  { 250000, "0.25" },
        { 1000000, "1" },  { 5000000, "5" },
};

#define CODES_MAX 12

/* One set of labels. */
struct series {
        struct {
                unsigned code;
                uint64_t n;
        } codes[CODES_MAX]; /* those seen; the last one counts all further ones, too */
        unsigned n_codes;
        uint64_t buckets[ARRAY_SIZE(BOUNDS)]; /* not cumulative */
        uint64_t n_timed, sum_usec;
};

struct metrics {
        struct map series;   /* labels as text → struct series */
        struct series other; /* where the map is full */
};

struct metrics *metrics_new(void) {
        return calloc(1, sizeof(struct metrics));
}

void metrics_unref(struct metrics *m) {
        if (!m)
                return;
        map_done(&m->series, free);
        free(m);
}

const char *metrics_verb(const char *method, bool has_name, bool is_watch, bool is_apply) {
        if (str_eq(method, "GET"))
                return is_watch ? "WATCH" : has_name ? "GET" : "LIST";
        if (str_eq(method, "PATCH"))
                return is_apply ? "APPLY" : "PATCH";
        if (str_eq(method, "DELETE"))
                return has_name ? "DELETE" : "DELETECOLLECTION";
        if (str_eq(method, "POST"))
                return "POST";
        return str_eq(method, "PUT") ? "PUT" : "OTHER";
}

/* The labels of a request; names of kinds need no escapes. */
static void labels_write(const struct metrics_request *r, char *buf, size_t len) {
        const struct kind *k = r->asked;

        (void) snprintf(
                buf, len,
                "verb=\"%s\",group=\"%s\",version=\"%s\",resource=\"%s\",subresource=\"%s\","
                "scope=\"%s\"",
                r->verb, k ? k->group : "", k ? k->version : "", k ? k->plural : "",
                str_or_empty(r->subresource), str_or_empty(r->scope));
}

static struct series *series_of(struct metrics *m, const char *labels) {
        struct series *s = map_get(&m->series, labels);

        if (s)
                return s;
        if (m->series.n >= METRICS_SERIES_MAX)
                return &m->other;
        s = calloc(1, sizeof(*s));
        if (s && map_put(&m->series, labels, s, NULL) == 0)
                return s;
        free(s);
        return &m->other;
}

static void count_code(struct series *s, unsigned code) {
        unsigned i = 0;

        while (i < s->n_codes && s->codes[i].code != code)
                i++;
        if (i == s->n_codes && s->n_codes < CODES_MAX)
                s->codes[s->n_codes++].code = code;
        s->codes[i < CODES_MAX ? i : CODES_MAX - 1].n++;
}

void metrics_observe(struct metrics *m, const struct metrics_request *r) {
        char labels[1024];
        struct series *s;

        labels_write(r, labels, sizeof(labels));
        s = series_of(m, labels);
        count_code(s, r->code);
        if (r->is_long)
                return;
        s->n_timed++;
        s->sum_usec += r->usec;
        for (size_t i = 0; i < ARRAY_SIZE(BOUNDS); i++) {
                if (r->usec > BOUNDS[i].usec)
                        continue;
                s->buckets[i]++;
                return;
        }
}

/* ---- the text ---- */

static void head_write(struct strbuf *b, const char *name, const char *type, const char *help) {
        strbuf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counts_write(struct strbuf *b, const char *labels, const struct series *s) {
        for (unsigned i = 0; i < s->n_codes; i++)
                strbuf_addf(b, "apiserver_request_total{%s%scode=\"%u\"} %" PRIu64 "\n", labels,
                            *labels ? "," : "", s->codes[i].code, s->codes[i].n);
}

static void seconds_write(struct strbuf *b, uint64_t usec) {
        strbuf_addf(b, "%" PRIu64 ".%06" PRIu64 "\n", usec / 1000000, usec % 1000000);
}

static void times_write(struct strbuf *b, const char *labels, const struct series *s) {
        static const char NAME[] = "apiserver_request_duration_seconds";
        const char *comma = *labels ? "," : "";
        uint64_t sum = 0;

        if (s->n_timed == 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(BOUNDS); i++) {
                sum += s->buckets[i];
                strbuf_addf(b, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", NAME, labels, comma,
                            BOUNDS[i].text, sum);
        }
        strbuf_addf(b, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", NAME, labels, comma, s->n_timed);
        strbuf_addf(b, "%s_sum{%s} ", NAME, labels);
        seconds_write(b, s->sum_usec);
        strbuf_addf(b, "%s_count{%s} %" PRIu64 "\n", NAME, labels, s->n_timed);
}

static void requests_write(struct strbuf *b, const struct metrics *m) {
        head_write(b, "apiserver_request_total", "counter",
                   "Requests that were answered, by verb, kind and HTTP code.");
        MAP_FOREACH(i, &m->series)
                counts_write(b, i->key, i->value);
        counts_write(b, "", &m->other);
        head_write(b, "apiserver_request_duration_seconds", "histogram",
                   "How long answers took, without watches and streams.");
        MAP_FOREACH(i, &m->series)
                times_write(b, i->key, i->value);
        times_write(b, "", &m->other);
}

/* "pods", "deployments.apps". */
static void resource_write(struct strbuf *b, const struct kind *k) {
        strbuf_addf(b, "%s%s%s", k->plural, *k->group ? "." : "", k->group);
}

static void objects_write(struct strbuf *b, const struct registry *r) {
        head_write(b, "apiserver_storage_objects", "gauge", "Objects that are kept, by kind.");
        for (size_t i = 0; i < r->kinds.n; i++) {
                strbuf_add(b, "apiserver_storage_objects{resource=\"");
                resource_write(b, r->kinds.items[i]->resource.kind);
                strbuf_addf(b, "\"} %zu\n", r->kinds.items[i]->table.n);
        }
        head_write(b, "orch_storage_bytes", "gauge",
                   "Memory of the objects that are kept, by kind.");
        for (size_t i = 0; i < r->kinds.n; i++) {
                strbuf_add(b, "orch_storage_bytes{resource=\"");
                resource_write(b, r->kinds.items[i]->resource.kind);
                strbuf_addf(b, "\"} %zu\n", r->kinds.items[i]->table.bytes);
        }
        head_write(b, "apiserver_longrunning_requests", "gauge", "Watches that are open.");
        strbuf_addf(b, "apiserver_longrunning_requests{verb=\"WATCH\"} %zu\n",
                    hub_n_watches(r->hub));
        head_write(b, "orch_revision", "counter", "The newest resource version.");
        strbuf_addf(b, "orch_revision %" PRIu64 "\n", hub_revision(r->hub));
}

static void process_write(struct strbuf *b) {
        struct process_usage u;

        if (process_usage_read(&u) < 0)
                return;
        head_write(b, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
        strbuf_add(b, "process_cpu_seconds_total ");
        seconds_write(b, u.cpu_usec);
        head_write(b, "process_resident_memory_bytes", "gauge", "Resident memory.");
        strbuf_addf(b, "process_resident_memory_bytes %" PRIu64 "\n", u.resident_bytes);
        head_write(b, "process_virtual_memory_bytes", "gauge", "Virtual memory.");
        strbuf_addf(b, "process_virtual_memory_bytes %" PRIu64 "\n", u.virtual_bytes);
        head_write(b, "process_open_fds", "gauge", "Open file descriptors.");
        strbuf_addf(b, "process_open_fds %u\n", u.n_fds);
        head_write(b, "process_max_fds", "gauge", "Most file descriptors that may be open.");
        strbuf_addf(b, "process_max_fds %" PRIu64 "\n", u.max_fds);
        head_write(b, "process_start_time_seconds", "gauge", "When the process began.");
        strbuf_add(b, "process_start_time_seconds ");
        seconds_write(b, u.start_wall_usec);
}

char *metrics_text(const struct registry *r) {
        AUTO_DONE(strbuf) struct strbuf b = { 0 };

        head_write(&b, "orch_build_info", "gauge", "Which orch this is.");
        strbuf_addf(&b, "orch_build_info{version=\"%s\"} 1\n", ORCH_VERSION);
        requests_write(&b, r->metrics);
        objects_write(&b, r);
        process_write(&b);
        return strbuf_steal(&b);
}
