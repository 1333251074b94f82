#include "daemon/pod/creds.h"

#include "base/fd.h"
#include "base/str.h"
#include "daemon/pod/bundle.h"
#include "daemon/runtime/capability.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int creds_capabilities(const json_t *names, uint64_t *ret_mask, struct err *e) {
        uint64_t mask = 0;
        size_t i;
        json_t *name;

        json_array_foreach(names, i, name) {
                const char *text = str_or_empty(json_string_value(name));
                int bit = capability_from_name(text);

                if (bit < 0)
                        return err_set(e, -EINVAL, "unknown capability \"%s\"", text);
                mask |= 1ULL << bit;
        }
        *ret_mask = mask;
        return 0;
}

/* ---- /etc/passwd and /etc/group ---- */

/* The field'th part of a line cut by ':', copied. False when there is none or it is too long. */
static bool creds_field(const char *line, unsigned field, char *buf, size_t cap) {
        const char *end;

        for (; field > 0; field--) {
                line += strcspn(line, ":\n");
                if (*line != ':')
                        return false;
                line++;
        }
        end = line + strcspn(line, ":\n");
        if ((size_t) (end - line) >= cap)
                return false;
        memcpy(buf, line, (size_t) (end - line));
        buf[end - line] = '\0';
        return true;
}

static const char *creds_next_line(const char *line) {
        line = strchr(line, '\n');
        return line && line[1] ? line + 1 : NULL;
}

static bool creds_number(const char *text, uint32_t *ret) {
        int64_t n;

        if (str_to_int64(text, 0, UINT32_MAX - 1, &n) < 0)
                return false;
        *ret = (uint32_t) n;
        return true;
}

/* The line whose field (0: name, 2: number) is text. */
static const char *creds_find(const char *file, unsigned field, const char *text) {
        char buf[256];

        for (const char *line = file; line && *line; line = creds_next_line(line))
                if (creds_field(line, field, buf, sizeof(buf)) && str_eq(buf, text))
                        return line;
        return NULL;
}

static bool creds_is_member(const char *line, const char *name) {
        char members[4096];
        char *save = NULL;

        if (!creds_field(line, 3, members, sizeof(members)))
                return false;
        for (char *m = strtok_r(members, ",", &save); m; m = strtok_r(NULL, ",", &save))
                if (str_eq(m, name))
                        return true;
        return false;
}

static void creds_add_group(struct creds *c, gid_t gid) {
        for (size_t i = 0; i < c->n_groups; i++)
                if (c->groups[i] == gid)
                        return;
        if (c->n_groups < CREDS_GROUPS_MAX)
                c->groups[c->n_groups++] = gid;
}

static int creds_resolve_user(const char *user, const char *passwd, struct creds *c,
                              struct err *e) {
        const char *line = creds_find(passwd, 0, user);
        char number[16];
        uint32_t n;

        if (!line && creds_number(user, &n)) {
                c->uid = n;
                line = creds_find(passwd, 2, user);
                if (!line)
                        return 0;
        } else if (!line) {
                return err_set(e, -ENOENT,
                               "user \"%s\" is not in the image's /etc/passwd: use a number, or "
                               "an image that has it",
                               user);
        } else if (creds_field(line, 2, number, sizeof(number)) && creds_number(number, &n)) {
                c->uid = n;
        }
        if (creds_field(line, 3, number, sizeof(number)) && creds_number(number, &n))
                c->gid = n;
        (void) creds_field(line, 0, c->name, sizeof(c->name));
        if (!creds_field(line, 5, c->home, sizeof(c->home)) || c->home[0] == '\0')
                (void) stpcpy(c->home, "/");
        return 0;
}

int creds_resolve(const char *user, const char *passwd, const char *group, struct creds *ret_creds,
                  struct err *e) {
        const char *colon = strchr(user, ':'), *line;
        char name[256], number[16];
        uint32_t n;
        int r;

        *ret_creds = (struct creds){ .home = "/" };
        if ((size_t) snprintf(name, sizeof(name), "%.*s",
                              (int) (colon ? colon - user : (ptrdiff_t) strlen(user)),
                              user) >= sizeof(name))
                return err_set(e, -EINVAL, "user \"%s\" is too long", user);
        r = creds_resolve_user(name[0] ? name : "0", passwd, ret_creds, e);
        if (r < 0)
                return r;

        for (line = group; ret_creds->name[0] && line && *line; line = creds_next_line(line))
                if (creds_is_member(line, ret_creds->name) &&
                    creds_field(line, 2, number, sizeof(number)) && creds_number(number, &n))
                        creds_add_group(ret_creds, n);
        if (!colon || colon[1] == '\0')
                return 0;

        line = creds_find(group, 0, colon + 1);
        if (line && creds_field(line, 2, number, sizeof(number)) && creds_number(number, &n))
                ret_creds->gid = n;
        else if (creds_number(colon + 1, &n))
                ret_creds->gid = n;
        else
                return err_set(e, -ENOENT, "group \"%s\" is not in the image's /etc/group",
                               colon + 1);
        return 0;
}

/* A file of the container's: only a regular one, and only so much of it. The caller's string, "" on
 * failure. */
static char *creds_read_file(const char *path) {
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char *text = NULL;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            fd_read_all(fd, CREDS_FILE_MAX, &text, NULL, NULL) < 0)
                return strdup("");
        return text;
}

int creds_load(const json_t *config, struct creds *ret_creds, struct err *e) {
        const json_t *user = bundle_get(config, "process", "user", NULL);
        const json_t *more = json_object_get(user, "additionalGids");
        const char *text = bundle_annotation(config, "dev.orch.user");
        AUTO_FREE char *passwd = creds_read_file("/etc/passwd");
        AUTO_FREE char *group = text ? creds_read_file("/etc/group") : strdup("");
        char number[32];
        size_t i;
        json_t *gid;
        int r;

        if (!passwd || !group)
                return err_set(e, -ENOMEM, "out of memory");
        (void) snprintf(number, sizeof(number), "%u:%u",
                        (unsigned) json_integer_value(json_object_get(user, "uid")),
                        (unsigned) json_integer_value(json_object_get(user, "gid")));
        r = creds_resolve(text ? text : number, passwd, group, ret_creds, e);
        if (r < 0)
                return r;
        json_array_foreach(more, i, gid)
                creds_add_group(ret_creds, (gid_t) json_integer_value(gid));
        if (ret_creds->uid == 0 && str_eq(bundle_annotation(config, "dev.orch.non-root"), "true"))
                return err_set(e, -EPERM,
                               "container has runAsNonRoot and would run as root: set runAsUser, "
                               "or use an image with another user");
        return 0;
}

/* ---- seccomp ---- */

int creds_seccomp_load(const char *path, struct creds_seccomp *ret_program, struct err *e) {
        AUTO_FREE char *text = NULL;
        size_t len;
        int r;

        r = file_read(path, BPF_MAXINSNS * sizeof(struct sock_filter), &text, &len, e);
        if (r < 0)
                return err_wrap(e, r, "seccomp program %s", path);
        if (len == 0 || len % sizeof(struct sock_filter) != 0)
                return err_set(e, -EINVAL, "seccomp program %s is damaged", path);
        ret_program->n = (unsigned short) (len / sizeof(struct sock_filter));
        ret_program->filter = (struct sock_filter *) STEAL(text);
        return 0;
}

static int creds_seccomp_set(const struct creds_seccomp *program, struct err *e) {
        struct sock_fprog fprog = { .len = program->n, .filter = program->filter };

        if (!program->filter)
                return 0;
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog) < 0)
                return err_errno(e, -errno, "cannot set the seccomp filter");
        return 0;
}

/* ---- dropping ---- */

static int creds_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = {
                { (uint32_t) effective, (uint32_t) permitted, (uint32_t) inheritable },
                { (uint32_t) (effective >> 32), (uint32_t) (permitted >> 32),
                  (uint32_t) (inheritable >> 32) },
        };

        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* What this kernel and our own bounding set have: asking for more would fail with EPERM. */
static uint64_t creds_possible(void) {
        uint64_t mask = 0;

        for (unsigned bit = 0; bit < 64; bit++) {
                int r = prctl(PR_CAPBSET_READ, bit);

                if (r < 0)
                        break;
                if (r > 0)
                        mask |= 1ULL << bit;
        }
        return mask;
}

struct creds_sets {
        uint64_t bounding, effective, permitted, inheritable, ambient;
};

static int creds_read_sets(const json_t *process, struct creds_sets *s, struct err *e) {
        const json_t *caps = json_object_get(process, "capabilities");
        const struct {
                const char *key;
                uint64_t *mask;
        } sets[] = {
                { "bounding", &s->bounding },   { "effective", &s->effective },
                { "permitted", &s->permitted }, { "inheritable", &s->inheritable },
                { "ambient", &s->ambient },
        };
        uint64_t possible = creds_possible();

        *s = (struct creds_sets){ 0 };
        for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
                int r = creds_capabilities(json_object_get(caps, sets[i].key), sets[i].mask, e);

                if (r < 0)
                        return r;
                *sets[i].mask &= possible;
        }
        for (unsigned bit = 0; bit < 64; bit++)
                if ((possible & ~s->bounding) & (1ULL << bit))
                        (void) prctl(PR_CAPBSET_DROP, bit);
        return 0;
}

int creds_apply(const struct creds *c, const json_t *process, const struct creds_seccomp *program,
                struct err *e) {
        bool is_nnp = json_is_true(json_object_get(process, "noNewPrivileges"));
        struct creds_sets s;
        int r;

        r = creds_read_sets(process, &s, e);
        if (r < 0)
                return r;
        /* Without no_new_privs only CAP_SYS_ADMIN may set a filter; so it comes before the drop. */
        if (!is_nnp) {
                r = creds_seccomp_set(program, e);
                if (r < 0)
                        return r;
        }
        if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(c->n_groups, c->groups) < 0 ||
            syscall(SYS_setresgid, c->gid, c->gid, c->gid) < 0 ||
            syscall(SYS_setresuid, c->uid, c->uid, c->uid) < 0)
                return err_errno(e, -errno, "cannot become user %u, group %u", (unsigned) c->uid,
                                 (unsigned) c->gid);
        r = creds_set_capabilities(s.effective & s.permitted, s.permitted, s.inheritable);
        if (r < 0)
                return err_errno(e, r, "cannot set capabilities");
        for (unsigned bit = 0; bit < 64; bit++)
                if ((s.ambient & s.permitted & s.inheritable) & (1ULL << bit))
                        (void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0);
        if (!is_nnp)
                return 0;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return err_errno(e, -errno, "cannot set no_new_privs");
        return creds_seccomp_set(program, e);
}
