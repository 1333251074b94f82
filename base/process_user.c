#include "base/process_user.h"

#include "base/macros.h"
#include "base/str.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The longest line of passwd(5) that is looked at; glibc skips longer ones with ERANGE. */
#define LINE_MAX_BYTES 4096

int process_user_read(FILE *passwd, const char *text, uid_t *ret_uid, gid_t *ret_gid,
                      struct err *e) {
        char line[LINE_MAX_BYTES];
        struct passwd user, *found;
        int64_t number = -1;
        bool is_number = str_to_int64(text, 0, UINT32_MAX - 1, &number) == 0;
        gid_t gid = (gid_t) number;
        int r;

        while ((r = fgetpwent_r(passwd, &user, line, sizeof(line), &found)) == 0 || r == ERANGE) {
                if (r == ERANGE)
                        continue;
                if (str_eq(user.pw_name, text)) {
                        *ret_uid = user.pw_uid;
                        *ret_gid = user.pw_gid;
                        return 0;
                }
                if (is_number && user.pw_uid == (uid_t) number)
                        gid = user.pw_gid;
        }
        if (!is_number)
                return err_set(e, -ENOENT,
                               "there is no user %s; make one with: useradd --system %s, or give a "
                               "number",
                               text, text);
        *ret_uid = (uid_t) number;
        *ret_gid = gid;
        return 0;
}

int process_user_find(const char *text, uid_t *ret_uid, gid_t *ret_gid, struct err *e) {
        FILE *passwd = fopen("/etc/passwd", "re");
        int r;

        if (!passwd) /* an empty one says who has no name */
                passwd = fopen("/dev/null", "re");
        if (!passwd)
                return err_errno(e, -errno, "/etc/passwd");
        r = process_user_read(passwd, text, ret_uid, ret_gid, e);
        (void) fclose(passwd);
        return r;
}

int process_user_become(const char *text, struct err *e) {
        uid_t uid = (uid_t) -1;
        gid_t gid = (gid_t) -1;
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return err_errno(e, -errno, "cannot set no_new_privs");
        if (!text || geteuid() != 0)
                return 0;
        r = process_user_find(text, &uid, &gid, e);
        if (r < 0 || uid == 0)
                return r;
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return err_errno(e, -errno, "cannot become user %s", text);
        return 0;
}
