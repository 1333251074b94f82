/* api-load ADDRESS COMMAND: requests to the API from many connections, closed loop. One thread.
 *
 *   fill N CLIENTS            a node, N pods bound to it, and their status
 *   create KIND N CLIENTS     N objects: configmaps, or pods that are bound to the node
 *   status N CLIENTS          N changes of the pods' status
 *   get N CLIENTS [LISTERS]   GETs of random pods; LISTERS more connections list all of them;
 *                             with TABLE=1 in the environment as kubectl does, as a Table
 * meanwhile list N                    N lists of all pods, one after another watch N RATE SECONDS
 * N watches of all pods while pods change RATE times a second idle N SECONDS            N
 * connections that say nothing
 *
 * ADDRESS: a unix socket, or HOST:PORT (numbers). Prints "name value" lines. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NODE "bench-node"
#define REQUEST_MAX 8192
#define ANSWER_MAX 65536
#define GIVE_UP_USEC (120 * 1000000ULL)

/* A connection and the request on it. */
struct client {
        int fd;
        unsigned number;
        bool is_lister, is_flying;
        uint64_t sent_usec;
        size_t head_len, to_come; /* of the answer; to_come counts once the head is whole */
        bool has_head, is_chunked;
        char tail[5]; /* the last bytes of a chunked answer */
        char head[ANSWER_MAX];
};

struct load {
        const char *address;
        struct client *clients;
        unsigned n_clients;
        int epoll;
        uint64_t next, n;   /* requests given out, wanted */
        uint64_t done, bad; /* answered */
        uint64_t bytes;     /* of all bodies */
        uint64_t *took_usec;
        /* Writes request number i for a client. Returns its length. */
        int (*request)(struct load *l, const struct client *c, uint64_t i, char *room);
        const char *kind;
        uint64_t n_pods;
        uint64_t n_lists; /* that listers have read */
        bool wants_tables;
};

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static void die(const char *what) {
        (void) fprintf(stderr, "api-load: %s: %s\n", what, strerror(errno));
        exit(1);
}

static int dial_unix(const char *path) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
        if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0)
                die(path);
        return fd;
}

/* Addresses of one's own by the hundred: a port in TIME_WAIT would stall a dial. */
static int dial_tcp(const char *address, unsigned number) {
        struct sockaddr_in to = { .sin_family = AF_INET }, from = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
        char host[64];
        const char *colon = strrchr(address, ':');

        (void) snprintf(host, sizeof(host), "%.*s", (int) (colon - address), address);
        to.sin_port = htons((uint16_t) atoi(colon + 1));
        from.sin_addr.s_addr = htonl(0x7f000002 + number / 1000);
        if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
            bind(fd, (struct sockaddr *) &from, sizeof(from)) < 0 ||
            connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0)
                die(address);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
}

static int dial(const char *address, unsigned number) {
        return address[0] == '/' ? dial_unix(address) : dial_tcp(address, number);
}

static void send_all(int fd, const char *bytes, size_t len) {
        while (len > 0) {
                ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

                if (n < 0)
                        die("send");
                bytes += n;
                len -= (size_t) n;
        }
}

/* ---- requests ---- */

static int request_write(char *room, const char *method, const char *path, const char *type,
                         const char *body) {
        return snprintf(
                room, REQUEST_MAX,
                "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: api-load\r\n"
                "Accept: application/json\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
                method, path, type, strlen(body), body);
}

static const char POD[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod-%06llu\","
        "\"namespace\":\"default\",\"labels\":{\"app\":"
        "\"shop\",\"app.kubernetes.io/name\":\"shop\",\"app.kubernetes.io/"
        "part-of\":\"site\",\"pod-template-hash\":\"6d4cf56db6\"},"
        "\"annotations\":{\"prometheus.io/scrape\":\"true\",\"prometheus.io/"
        "port\":\"8080\"}},\"spec\":{\"nodeName\":\"" NODE "\","
        "\"containers\":[{\"name\":\"web\",\"image\":\"registry.local/shop/"
        "web:1.24.3\",\"args\":[\"--listen\",\"0.0.0.0:8080\"],"
        "\"ports\":[{\"name\":\"http\",\"containerPort\":8080}],\"env\":[{\"name\":\"LOG_LEVEL\","
        "\"value\":\"info\"},{\"name\":"
        "\"POD_NAME\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}},{\"name\":"
        "\"DATABASE_URL\",\"valueFrom\":{"
        "\"secretKeyRef\":{\"name\":\"shop\",\"key\":\"url\"}}}],\"resources\":{\"requests\":{"
        "\"cpu\":\"100m\",\"memory\":\"64Mi\"},"
        "\"limits\":{\"memory\":\"128Mi\"}},\"readinessProbe\":{\"httpGet\":{\"path\":\"/"
        "ready\",\"port\":\"http\"}},"
        "\"livenessProbe\":{\"httpGet\":{\"path\":\"/"
        "live\",\"port\":\"http\"},\"periodSeconds\":20},\"volumeMounts\":[{\"name\":"
        "\"config\",\"mountPath\":\"/etc/"
        "shop\"}],\"securityContext\":{\"runAsNonRoot\":true,\"runAsUser\":1000}}],\"volumes\":[{"
        "\"name\":\"config\",\"configMap\":{\"name\":\"shop\"}}],\"terminationGracePeriodSeconds\":"
        "30}}";

static const char STATUS[] = "{\"status\":{\"phase\":\"Running\",\"hostIP\":\"10.0.0.2\",\"podIP\":"
                             "\"10.244.%llu.%llu\",\"podIPs\":[{\"ip\":\"10.244.%llu.%llu\"}],"
                             "\"startTime\":\"2026-01-02T03:04:05Z\",\"conditions\":[{\"type\":"
                             "\"PodScheduled\",\"status\":\"True\",\"lastTransitionTime\":"
                             "\"2026-01-02T03:04:05Z\"},{\"type\":\"Initialized\",\"status\":"
                             "\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"},{"
                             "\"type\":\"ContainersReady\",\"status\":\"True\","
                             "\"lastTransitionTime\":\"2026-01-02T03:04:06Z\"},{\"type\":\"Ready\","
                             "\"status\":\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:06Z\"}]"
                             ",\"containerStatuses\":[{\"name\":\"web\",\"image\":"
                             "\"registry.local/shop/"
                             "web:1.24.3\",\"imageID\":\"sha256:"
                             "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\","
                             "\"containerID\":\"orch://"
                             "%016llx\",\"ready\":true,\"started\":true,\"restartCount\":0,"
                             "\"state\":{\"running\":{\"startedAt\":"
                             "\"2026-01-02T03:04:06Z\"}}}]}}";

static const char CONFIG_MAP[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"map-%d-%06llu\","
        "\"namespace\":\"default\"},\"data\":{\"config\":"
        "\"%.1600s\"}}";

static const char FILLER[] = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvw"
                             "xyz0123456789abcdefghijklmnop";

static int request_pod(struct load *l, const struct client *c, uint64_t i, char *room) {
        char body[REQUEST_MAX / 2];

        (void) snprintf(body, sizeof(body), POD, (unsigned long long) i);
        return request_write(room, "POST", "/api/v1/namespaces/default/pods", "application/json",
                             body);
}

static int request_status(struct load *l, const struct client *c, uint64_t i, char *room) {
        unsigned long long n = i;
        char body[REQUEST_MAX / 2], path[256];

        (void) snprintf(body, sizeof(body), STATUS, n / 250 % 250, n % 250, n / 250 % 250, n % 250,
                        n);
        (void) snprintf(path, sizeof(path), "/api/v1/namespaces/default/pods/pod-%06llu/status",
                        n % l->n_pods);
        return request_write(room, "PATCH", path, "application/merge-patch+json", body);
}

static int request_create(struct load *l, const struct client *c, uint64_t i, char *room) {
        char body[REQUEST_MAX / 2], text[1601] = "";

        if (strcmp(l->kind, "pods") == 0)
                return request_pod(l, c, l->n_pods + i, room);
        for (size_t at = 0; at + sizeof(FILLER) < sizeof(text); at += sizeof(FILLER) - 1)
                memcpy(text + at, FILLER, sizeof(FILLER));
        (void) snprintf(body, sizeof(body), CONFIG_MAP, (int) getpid(), (unsigned long long) i,
                        text);
        return request_write(room, "POST", "/api/v1/namespaces/default/configmaps",
                             "application/json", body);
}

static int request_get(struct load *l, const struct client *c, uint64_t i, char *room) {
        char path[128];

        if (c->is_lister && l->wants_tables)
                return snprintf(room, REQUEST_MAX,
                                "GET /api/v1/pods HTTP/1.1\r\nHost: localhost\r\nUser-Agent: "
                                "api-load\r\nAccept: "
                                "application/json;as=Table;v=v1;g=meta.k8s.io\r\n\r\n");
        if (c->is_lister)
                return request_write(room, "GET", "/api/v1/pods", "application/json", "");
        (void) snprintf(path, sizeof(path), "/api/v1/namespaces/default/pods/pod-%06llu",
                        (unsigned long long) ((uint64_t) random() % l->n_pods));
        return request_write(room, "GET", path, "application/json", "");
}

/* ---- answers ---- */

/* Of a chunked answer nothing is read but its end. */
static void chunks_read(struct client *c, const char *bytes, size_t n) {
        size_t kept = n < sizeof(c->tail) ? sizeof(c->tail) - n : 0;

        memmove(c->tail, c->tail + sizeof(c->tail) - kept, kept);
        memcpy(c->tail + kept, bytes + n - (sizeof(c->tail) - kept), sizeof(c->tail) - kept);
        c->to_come = memcmp(c->tail, "0\r\n\r\n", sizeof(c->tail)) != 0;
}

/* Reads the head, once it is whole. */
static void head_read(struct load *l, struct client *c) {
        char *end, *length;
        size_t extra;

        c->head[c->head_len] = '\0';
        end = strstr(c->head, "\r\n\r\n");
        if (!end)
                return;
        length = strcasestr(c->head, "\r\nContent-Length:");
        c->is_chunked = !length || length > end;
        if (c->is_chunked && !strcasestr(c->head, "\r\nTransfer-Encoding: chunked"))
                die("an answer without length");
        c->has_head = true;
        extra = c->head_len - (size_t) (end + 4 - c->head);
        if (c->is_chunked) {
                memset(c->tail, 0, sizeof(c->tail));
                chunks_read(c, end + 4, extra);
                return;
        }
        c->to_come = strtoull(length + 17, NULL, 10);
        l->bytes += c->to_come;
        if (strncmp(c->head, "HTTP/1.1 2", 10) != 0 && l->bad++ == 0)
                (void) fprintf(stderr, "api-load: %.300s\n%.300s\n", c->head, end + 4);
        c->to_come -= extra;
}

static void client_send(struct load *l, struct client *c) {
        char room[REQUEST_MAX];
        int len;

        c->is_flying = false;
        if (l->next >= l->n)
                return;
        len = l->request(l, c, c->is_lister ? 0 : l->next, room);
        if (!c->is_lister)
                l->next++;
        c->is_flying = true;
        c->has_head = false;
        c->head_len = 0;
        c->sent_usec = now_usec();
        send_all(c->fd, room, (size_t) len);
}

static void client_read(struct load *l, struct client *c) {
        static char sink[1 << 20];
        ssize_t n;

        if (!c->has_head)
                n = recv(c->fd, c->head + c->head_len, sizeof(c->head) - 1 - c->head_len,
                         MSG_DONTWAIT);
        else
                n = recv(c->fd, sink,
                         c->to_come < sizeof(sink) && !c->is_chunked ? c->to_come : sizeof(sink),
                         MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0)
                die("the server closed a connection");
        if (c->has_head && c->is_chunked)
                chunks_read(c, sink, (size_t) n);
        else if (c->has_head)
                c->to_come -= (size_t) n;
        else
                c->head_len += (size_t) n;
        if (!c->has_head)
                head_read(l, c);
        if (!c->has_head || c->to_come > 0)
                return;
        l->n_lists += c->is_lister;
        if (!c->is_lister && l->done < l->n)
                l->took_usec[l->done++] = now_usec() - c->sent_usec;
        client_send(l, c);
}

static void clients_dial(struct load *l, unsigned n, unsigned n_listers) {
        l->n_clients = n + n_listers;
        l->clients = calloc(l->n_clients, sizeof(*l->clients));
        l->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (!l->clients || l->epoll < 0)
                die("memory");
        for (unsigned i = 0; i < l->n_clients; i++) {
                struct client *c = &l->clients[i];
                struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

                c->number = i;
                c->is_lister = i >= n;
                c->fd = dial(l->address, i);
                if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) < 0)
                        die("epoll");
        }
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

static void report(struct load *l, const char *what, uint64_t usec) {
        qsort(l->took_usec, l->done, sizeof(*l->took_usec), compare);
        (void) printf("%s_per_s %.0f\n%s_p50_us %llu\n%s_p99_us %llu\n%s_max_us %llu\n%s_bad "
                      "%llu\n%s_mb_per_s %.1f\n",
                      what, (double) l->done * 1e6 / (double) usec, what,
                      (unsigned long long) l->took_usec[l->done / 2], what,
                      (unsigned long long) l->took_usec[l->done * 99 / 100], what,
                      (unsigned long long) l->took_usec[l->done - 1], what,
                      (unsigned long long) l->bad, what, (double) l->bytes / (double) usec);
}

/* n requests by the clients that are there. */
static void drive(struct load *l, const char *what, uint64_t n,
                  int (*request)(struct load *l, const struct client *c, uint64_t i, char *room)) {
        struct epoll_event events[256];
        uint64_t began = now_usec();

        l->request = request;
        l->next = l->done = l->bytes = l->bad = 0;
        l->n = n;
        l->took_usec = calloc(n, sizeof(*l->took_usec));
        if (!l->took_usec)
                die("memory");
        for (unsigned i = 0; i < l->n_clients; i++)
                client_send(l, &l->clients[i]);
        while (l->done < l->n) {
                int got = epoll_wait(l->epoll, events, 256, 10000);

                if (got <= 0 || now_usec() - began > GIVE_UP_USEC)
                        die("no answer for ten seconds");
                for (int i = 0; i < got && l->done < l->n; i++)
                        client_read(l, events[i].data.ptr);
        }
        report(l, what, now_usec() - began);
        free(l->took_usec);
}

static void one_request(struct load *l, const char *method, const char *path, const char *type,
                        const char *body) {
        char room[REQUEST_MAX], answer[REQUEST_MAX];
        int fd = dial(l->address, 0);

        send_all(fd, room, (size_t) request_write(room, method, path, type, body));
        if (recv(fd, answer, sizeof(answer), 0) <= 0)
                die(path);
        (void) close(fd);
}

static void node_make(struct load *l) {
        one_request(l, "POST", "/api/v1/nodes", "application/json",
                    "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"" NODE
                    "\"}}");
        one_request(l, "PATCH", "/api/v1/nodes/" NODE "/status", "application/merge-patch+json",
                    "{\"status\":{\"capacity\":{\"cpu\":\"9999\",\"memory\":\"9999Gi\",\"pods\":"
                    "\"99999\"},"
                    "\"allocatable\":{\"cpu\":\"9999\",\"memory\":\"9999Gi\",\"pods\":\"99999\"},"
                    "\"conditions\":[{"
                    "\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"KubeletReady\","
                    "\"message\":\"ready\","
                    "\"lastHeartbeatTime\":\"2036-01-02T03:04:05Z\",\"lastTransitionTime\":"
                    "\"2026-01-02T03:04:05Z\"}]}}");
}

/* ---- watches ---- */

/* Lines that end a watch event: a newline that isn't a chunk's. */
static uint64_t lines_count(const char *bytes, size_t len, char *last) {
        uint64_t n = 0;
        const char *at = bytes, *end = bytes + len;

        while ((at = memchr(at, '\n', (size_t) (end - at)))) {
                n += (at == bytes ? *last : at[-1]) != '\r';
                at++;
        }
        *last = end[-1];
        return n;
}

struct watcher {
        int fd;
        char last;
        bool is_streaming;
        uint64_t lines;
};

static void watcher_read(struct watcher *w, uint64_t *bytes) {
        static char room[1 << 18];
        ssize_t n = recv(w->fd, room, sizeof(room) - 1, MSG_DONTWAIT);
        const char *body = room;

        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0)
                die("the server closed a watch");
        *bytes += (uint64_t) n;
        room[n] = '\0';
        if (!w->is_streaming) {
                if (strncmp(room, "HTTP/1.1 200", 12) != 0 || !(body = strstr(room, "\r\n\r\n")))
                        die("a watch was refused");
                w->is_streaming = true;
                body += 4;
        }
        if (body < room + n)
                w->lines += lines_count(body, (size_t) (room + n - body), &w->last);
}

static void watchers_dial(struct load *l, struct watcher *all, unsigned n, const char *revision) {
        char path[256], room[REQUEST_MAX];

        (void) snprintf(path, sizeof(path), "/api/v1/pods?watch=1&resourceVersion=%s", revision);
        for (unsigned i = 0; i < n; i++) {
                struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };

                all[i].fd = dial(l->address, i);
                send_all(all[i].fd, room,
                         (size_t) request_write(room, "GET", path, "application/json", ""));
                if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, all[i].fd, &e) < 0)
                        die("epoll");
        }
}

static void revision_get(struct load *l, char ret[32]) {
        char room[REQUEST_MAX], answer[REQUEST_MAX + 1], *at;
        int fd = dial(l->address, 0);
        ssize_t n;

        send_all(fd, room,
                 (size_t) request_write(room, "GET", "/api/v1/pods?limit=1", "application/json",
                                        ""));
        n = recv(fd, answer, REQUEST_MAX, 0);
        answer[n > 0 ? n : 0] = '\0';
        at = strstr(answer, "\"resourceVersion\":\"");
        if (!at)
                die("no revision");
        (void) snprintf(ret, 32, "%.*s", (int) strspn(at + 19, "0123456789"), at + 19);
        (void) close(fd);
}

/* Pods change at a fixed rate, whatever the answers take. */
static uint64_t changes_send(struct load *l, struct client *c, uint64_t changes, uint64_t due) {
        char room[REQUEST_MAX], body[64], path[256];

        for (; changes < due; changes++) {
                (void) snprintf(path, sizeof(path), "/api/v1/namespaces/default/pods/pod-%06llu",
                                (unsigned long long) (changes % l->n_pods));
                (void) snprintf(body, sizeof(body),
                                "{\"metadata\":{\"annotations\":{\"n\":\"%llu\"}}}",
                                (unsigned long long) now_usec());
                send_all(c->fd, room,
                         (size_t) request_write(room, "PATCH", path, "application/merge-patch+json",
                                                body));
        }
        return changes;
}

static void watch_run(struct load *l, unsigned n, unsigned rate, unsigned seconds) {
        struct watcher *all = calloc(n, sizeof(*all));
        struct epoll_event events[256];
        uint64_t began, end, changes = 0, bytes = 0, least = 0, last_usec = 0;
        const uint64_t wanted = (uint64_t) rate * seconds;
        char revision[32];
        char sink[65536];

        revision_get(l, revision);
        clients_dial(l, 1, 0);
        if (!all)
                die("memory");
        (void) epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->clients[0].fd, NULL);
        watchers_dial(l, all, n, revision);
        (void) usleep(500000);
        began = now_usec();
        end = began + (uint64_t) seconds * 1000000 + 20000000;
        while (least < wanted && now_usec() < end) {
                uint64_t due = (now_usec() - began) * rate / 1000000;
                int got;

                changes = changes_send(l, &l->clients[0], changes, due < wanted ? due : wanted);
                while (recv(l->clients[0].fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
                        ;
                got = epoll_wait(l->epoll, events, 256, 5);
                for (int i = 0; i < got; i++)
                        watcher_read(events[i].data.ptr, &bytes);
                if (changes < wanted)
                        continue;
                least = UINT64_MAX;
                for (unsigned i = 0; i < n; i++)
                        least = all[i].lines < least ? all[i].lines : least;
                last_usec = now_usec();
        }
        (void) printf("watch_least_events %llu\nwatch_events_per_s %.1f\nwatch_lag_ms "
                      "%.1f\nwatch_mb_per_s %.1f\n",
                      (unsigned long long) least,
                      (double) least * 1e6 / (double) (last_usec - began),
                      (double) (last_usec - began) / 1000.0 - seconds * 1000.0,
                      (double) bytes / (double) (last_usec - began));
        free(all);
}

/* ---- commands ---- */

static unsigned number(int argc, char **argv, int i, unsigned otherwise) {
        return i < argc ? (unsigned) strtoul(argv[i], NULL, 10) : otherwise;
}

static int command_run(struct load *l, int argc, char **argv) {
        const char *what = argv[2];

        if (strcmp(what, "fill") == 0) {
                node_make(l);
                clients_dial(l, number(argc, argv, 4, 64), 0);
                drive(l, "fill", number(argc, argv, 3, 10000), request_pod);
                drive(l, "status", number(argc, argv, 3, 10000), request_status);
        } else if (strcmp(what, "create") == 0 && argc > 3) {
                l->kind = argv[3];
                clients_dial(l, number(argc, argv, 5, 64), 0);
                drive(l, "create", number(argc, argv, 4, 10000), request_create);
        } else if (strcmp(what, "status") == 0) {
                clients_dial(l, number(argc, argv, 4, 64), 0);
                drive(l, "status", number(argc, argv, 3, 10000), request_status);
        } else if (strcmp(what, "get") == 0) {
                clients_dial(l, number(argc, argv, 4, 1), number(argc, argv, 5, 0));
                drive(l, "get", number(argc, argv, 3, 10000), request_get);
                (void) printf("lists %llu\n", (unsigned long long) l->n_lists);
        } else if (strcmp(what, "list") == 0) {
                clients_dial(l, 1, 0);
                l->clients[0].is_lister = true;
                for (unsigned i = 0; i < number(argc, argv, 3, 10); i++) {
                        uint64_t began = now_usec();

                        l->n = 1;
                        l->next = l->bytes = 0;
                        l->request = request_get;
                        client_send(l, &l->clients[0]);
                        l->next = 1;
                        while (l->clients[0].is_flying) {
                                struct epoll_event e;

                                (void) epoll_wait(l->epoll, &e, 1, 10000);
                                client_read(l, &l->clients[0]);
                        }
                        (void) printf("list_mb_per_s %.1f\n",
                                      (double) l->bytes / (double) (now_usec() - began));
                }
        } else if (strcmp(what, "watch") == 0) {
                watch_run(l, number(argc, argv, 3, 1000), number(argc, argv, 4, 100),
                          number(argc, argv, 5, 5));
        } else if (strcmp(what, "idle") == 0) {
                clients_dial(l, number(argc, argv, 3, 1000), 0);
                (void) printf("idle_connections %u\n", l->n_clients);
                (void) fflush(stdout);
                (void) sleep(number(argc, argv, 4, 5));
        } else {
                return 2;
        }
        return 0;
}

int main(int argc, char **argv) {
        struct load l = { .n_pods = 10000 };

        if (argc < 3) {
                (void) fprintf(stderr, "usage: api-load ADDRESS COMMAND ... (see the top of "
                                       "tests/bench/api_load.c)\n");
                return 2;
        }
        l.wants_tables = getenv("TABLE");
        if (getenv("PODS"))
                l.n_pods = strtoull(getenv("PODS"), NULL, 10);
        l.address = argv[1];
        return command_run(&l, argc, argv);
}
