#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/str.h"
#include "daemon/dns/dns.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without inotify, or while there is no file, it is looked for this often. */
#define LOOK_USEC (1 * USEC_PER_SEC)

struct dns_zone_file {
        struct dns_server *server;
        struct dns_poller watch;
        char *folder; /* owned */
        const char *path;
        void *map; /* NULL: no snapshot */
        size_t map_len;
        struct dns_snapshot snapshot;
        dev_t dev; /* of the file looked at last, good or bad */
        ino_t ino;
        struct timespec mtime;
        uint64_t due_usec;
};

static void take_map(struct dns_zone_file *z, void *map, size_t len,
                     const struct dns_snapshot *snapshot) {
        if (z->map)
                (void) munmap(z->map, z->map_len);
        z->map = map;
        z->map_len = len;
        z->snapshot = *snapshot;
        LOG_DEBUG(z->path, "%u names", dns_snapshot_n_names(snapshot));
}

static int load(struct dns_zone_file *z, int fd, const struct stat *st, struct err *e) {
        struct dns_snapshot snapshot;
        void *map;
        int r;

        if (st->st_size <= 0 || st->st_size > DNS_SNAPSHOT_MAX)
                return err_set(e, -EINVAL, "snapshot: a size of %lld bytes can't be right",
                               (long long) st->st_size);
        map = mmap(NULL, (size_t) st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return err_errno(e, -errno, "cannot map the snapshot");
        r = dns_snapshot_open(map, (size_t) st->st_size, &snapshot, e);
        if (r < 0) {
                (void) munmap(map, (size_t) st->st_size);
                return r;
        }
        take_map(z, map, (size_t) st->st_size, &snapshot);
        return 0;
}

static bool is_as_before(const struct dns_zone_file *z, const struct stat *st) {
        return z->dev == st->st_dev && z->ino == st->st_ino &&
               z->mtime.tv_sec == st->st_mtim.tv_sec && z->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static void look(struct dns_zone_file *z, bool is_asked) {
        AUTO_CLOSE int fd = open(z->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct err e = { 0 };
        struct stat st;

        /* The node isn't up yet, or down: what we have goes on. The folder may go and come again,
         * of which nothing tells while a file of it is mapped: so look from time to time. */
        if (fd < 0 || fstat(fd, &st) < 0) {
                z->due_usec = z->server->now_usec + LOOK_USEC;
                return;
        }
        if (!is_asked && is_as_before(z, &st))
                return;
        z->dev = st.st_dev;
        z->ino = st.st_ino;
        z->mtime = st.st_mtim;
        if (load(z, fd, &st, &e) < 0)
                LOG_WARN(z->path, "%s; %s", err_text(&e),
                         z->map ? "the names before stay" : "no names are served");
}

void dns_zone_file_reload(struct dns_zone_file *z) {
        look(z, true);
}

static void watch_start(struct dns_zone_file *z) {
        if (z->watch.fd >= 0 &&
            inotify_add_watch(z->watch.fd, z->folder, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) >= 0)
                z->due_usec = USEC_NEVER;
        else
                z->due_usec = z->server->now_usec + LOOK_USEC;
}

static void watch_ready(struct dns_poller *p, uint32_t events) {
        struct dns_zone_file *z = CONTAINER_OF(p, struct dns_zone_file, watch);
        char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        (void) events;
        /* Which file it was doesn't matter: there is one, and its temporary name. */
        (void) !read(p->fd, buf, sizeof(buf));
        look(z, false);
}

uint64_t dns_zone_file_due(const struct dns_zone_file *z) {
        return z->due_usec;
}

void dns_zone_file_expire(struct dns_zone_file *z) {
        if (z->server->now_usec < z->due_usec)
                return;
        watch_start(z);
        look(z, false);
}

const struct dns_snapshot *dns_zone_file_snapshot(const struct dns_zone_file *z) {
        return z->map ? &z->snapshot : NULL;
}

int dns_zone_file_new(struct dns_server *s, struct dns_zone_file **ret, struct err *e) {
        struct dns_zone_file *z = calloc(1, sizeof(*z));
        char *slash;

        if (!z || !(z->folder = strdup(s->options->snapshot))) {
                free(z);
                return err_errno(e, -ENOMEM, "snapshot");
        }
        z->server = s;
        z->path = s->options->snapshot;
        slash = strrchr(z->folder, '/');
        if (!slash) {
                dns_zone_file_unref(z);
                return err_set(e, -EINVAL,
                               "--snapshot needs a path with a folder, such as ./snapshot");
        }
        *slash = '\0';
        z->watch.ready = watch_ready;
        z->watch.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (z->watch.fd >= 0 && dns_poller_add(s, &z->watch, EPOLLIN) < 0)
                dns_poller_close(&z->watch);
        watch_start(z);
        look(z, true);
        *ret = z;
        return 0;
}

void dns_zone_file_unref(struct dns_zone_file *z) {
        if (!z)
                return;
        dns_poller_close(&z->watch);
        if (z->map)
                (void) munmap(z->map, z->map_len);
        free(z->folder);
        free(z);
}
