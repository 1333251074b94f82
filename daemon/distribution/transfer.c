#include "daemon/distribution/transfer.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"

#include <string.h>
#include <time.h>

#define TRANSFER_AUTH_MAX 20

static struct transfer_step transfer_fail(int code) {
        return (struct transfer_step){ .action = TRANSFER_FAIL, .code = code };
}

/* The next place, else what it failed with. */
static struct transfer_step transfer_leave(const struct transfer_seen *seen, int code) {
        if (seen->may_fall_back)
                return (struct transfer_step){ .action = TRANSFER_NEXT, .code = code };
        return transfer_fail(code);
}

/* Again after a growing time, or after the one that was asked for. A mirror isn't waited for: the
 * next place may have it now. */
static struct transfer_step transfer_again(struct transfer *t, const struct transfer_seen *seen,
                                           int code) {
        static const struct backoff backoff = { .base_usec = 250 * USEC_PER_MSEC,
                                                .most_usec = 10 * USEC_PER_SEC };
        bool has_progress = t->got_bytes > t->got_before;
        uint64_t wait_usec;

        t->n_fruitless = has_progress ? 0 : t->n_fruitless + 1;
        if (t->n_fruitless >= TRANSFER_FRUITLESS_MAX || t->n_tries >= TRANSFER_TRIES_MAX)
                return transfer_leave(seen, code);
        if (seen->may_fall_back && !has_progress)
                return transfer_leave(seen, code);
        wait_usec = backoff_jitter(backoff_delay(&backoff, MAX(t->n_fruitless, 1U)), 25, &t->seed);
        if (seen->retry_after_usec != UINT64_MAX)
                wait_usec = MAX(seen->retry_after_usec, 100 * USEC_PER_MSEC);
        if (wait_usec > TRANSFER_WAIT_MAX_USEC ||
            t->waited_usec + wait_usec > TRANSFER_WAITS_MAX_USEC)
                return transfer_leave(seen, code);
        t->waited_usec += wait_usec;
        return (struct transfer_step){ .action = TRANSFER_AGAIN, .wait_usec = wait_usec };
}

static struct transfer_step transfer_denied(struct transfer *t, const struct transfer_seen *seen) {
        if (seen->may_authenticate && ++t->n_auth <= TRANSFER_AUTH_MAX)
                return (struct transfer_step){ .action = TRANSFER_AUTHENTICATE };
        return transfer_leave(seen, -EACCES);
}

static bool transfer_is_redirect(unsigned status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static struct transfer_step transfer_answered(struct transfer *t,
                                              const struct transfer_seen *seen) {
        if (seen->is_cut)
                return transfer_again(t, seen, -EIO);
        if (seen->status >= 200 && seen->status < 300)
                return (struct transfer_step){ .action = TRANSFER_DONE };
        if (transfer_is_redirect(seen->status) && seen->has_location) {
                if (++t->n_redirects > TRANSFER_REDIRECTS_MAX)
                        return transfer_leave(seen, -ELOOP);
                return (struct transfer_step){ .action = TRANSFER_REDIRECT };
        }
        if (seen->status == 401 || seen->status == 403)
                return transfer_denied(t, seen);
        if (seen->status == 404 || seen->status == 410)
                return transfer_leave(seen, -ENOENT);
        if (seen->status == 429)
                return transfer_again(t, seen, -EBUSY);
        if (seen->status == 408 || seen->status >= 500)
                return transfer_again(t, seen, -EIO);
        return transfer_leave(seen, -EPROTO);
}

struct transfer_step transfer_next(struct transfer *t, const struct transfer_seen *seen) {
        struct transfer_step step;

        t->n_tries++;
        if (seen->error == 0)
                step = transfer_answered(t, seen);
        else if (seen->is_permanent)
                step = transfer_leave(seen, seen->error);
        else
                step = transfer_again(t, seen, seen->error);
        /* Redirects are counted for each place and each try: the link of a store of blobs lives
         * only for a while. */
        if (step.action == TRANSFER_AGAIN || step.action == TRANSFER_NEXT)
                t->n_redirects = 0;
        if (step.action == TRANSFER_NEXT)
                t->n_fruitless = t->n_auth = 0;
        t->got_before = t->got_bytes;
        return step;
}

static int transfer_read_number(const char **p, uint64_t *ret) {
        uint64_t value = 0;
        const char *start = *p;

        for (; **p >= '0' && **p <= '9'; (*p)++) {
                if (value > UINT64_MAX / 10 - 1)
                        return -EBADMSG;
                value = value * 10 + (uint64_t) (**p - '0');
        }
        *ret = value;
        return *p == start ? -EBADMSG : 0;
}

/* "bytes 5-9/10" or "bytes 5-9/" and a star. */
static int transfer_check_range(const struct transfer *t, const char *range, uint64_t size_bytes) {
        uint64_t first, last, total;
        const char *p = range;

        if (!str_starts_with(range, "bytes "))
                return -EBADMSG;
        p += strlen("bytes ");
        if (transfer_read_number(&p, &first) < 0 || *p++ != '-' ||
            transfer_read_number(&p, &last) < 0 || *p++ != '/')
                return -EBADMSG;
        if (*p != '*' && (transfer_read_number(&p, &total) < 0 ||
                          (size_bytes != UINT64_MAX && total != size_bytes)))
                return -EBADMSG;
        return first == t->got_bytes && last >= first ? 0 : -EBADMSG;
}

int transfer_check_head(const struct transfer *t, const struct transfer_head *head,
                        uint64_t size_bytes, uint64_t *ret_skip, struct err *e) {
        uint64_t left;

        *ret_skip = 0;
        if (head->status == 206) {
                if (!head->content_range ||
                    transfer_check_range(t, head->content_range, size_bytes) < 0)
                        return err_set(e, -EBADMSG,
                                       "the registry sends another part than asked for");
                left = size_bytes - t->got_bytes;
        } else {
                *ret_skip = t->got_bytes;
                left = size_bytes;
        }
        if (size_bytes != UINT64_MAX && head->content_length >= 0 &&
            (uint64_t) head->content_length != left)
                return err_set(e, -EBADMSG, "size differs: the registry sends %lld bytes, not %llu",
                               (long long) head->content_length, (unsigned long long) left);
        return 0;
}

uint64_t transfer_retry_after(const char *text, uint64_t now_sec) {
        struct tm tm = { 0 };
        int64_t seconds;
        const char *end;

        if (str_to_int64(text, 0, INT32_MAX, &seconds) == 0)
                return (uint64_t) seconds * USEC_PER_SEC;
        end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (!end || *end)
                return UINT64_MAX;
        seconds = (int64_t) timegm(&tm);
        return seconds <= (int64_t) now_sec
                       ? 0
                       : (uint64_t) (seconds - (int64_t) now_sec) * USEC_PER_SEC;
}
