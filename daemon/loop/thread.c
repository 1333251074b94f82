#include "daemon/loop/thread.h"

#include <signal.h>

/* Sanitizers fill stacks several times as fast. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define THREAD_STACK_BYTES (2048UL * 1024)
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define THREAD_STACK_BYTES (2048UL * 1024)
#endif
#ifndef THREAD_STACK_BYTES
#define THREAD_STACK_BYTES (256UL * 1024)
#endif

int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *arg) {
        pthread_attr_t attr;
        sigset_t all, before;
        int r;

        r = pthread_attr_init(&attr);
        if (r != 0)
                return -r;

        /* Refused where thread-local storage is larger than that: the default stack is fine then.
         */
        (void) pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(ret, &attr, run, arg);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        (void) pthread_attr_destroy(&attr);
        if (r != 0)
                return -r;

        (void) pthread_setname_np(*ret, name);
        return 0;
}
