#pragma once

/* The closed family of clean-up helpers, and the few macros that functions cannot replace. */

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Hands over what a variable owns: yields its value and leaves NULL behind. */
#define STEAL(p)                                                                                   \
        ({                                                                                         \
                __auto_type steal_value_ = (p);                                                    \
                (p) = NULL;                                                                        \
                steal_value_;                                                                      \
        })

/* The same for a descriptor: leaves -1 behind. */
#define STEAL_FD(fd)                                                                               \
        ({                                                                                         \
                int steal_fd_ = (fd);                                                              \
                (fd) = -1;                                                                         \
                steal_fd_;                                                                         \
        })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define CONTAINER_OF(ptr, type, member) ((type *) ((char *) (ptr) -offsetof(type, member)))

/* Numbered names, so that one MIN() may stand inside another without shadowing it. */
#define MACROS_PASTE_(a, b) a##b
#define MACROS_PASTE(a, b) MACROS_PASTE_(a, b)
#define MACROS_PICK(a, op, b, x, y)                                                                \
        ({                                                                                         \
                __auto_type x = (a);                                                               \
                __auto_type y = (b);                                                               \
                x op y ? x : y;                                                                    \
        })
#define MIN(a, b)                                                                                  \
        MACROS_PICK(a, <, b, MACROS_PASTE(min_a_, __COUNTER__), MACROS_PASTE(min_b_, __COUNTER__))
#define MAX(a, b)                                                                                  \
        MACROS_PICK(a, >, b, MACROS_PASTE(max_a_, __COUNTER__), MACROS_PASTE(max_b_, __COUNTER__))

static inline void macros_free_ptr(void *pp) {
        free(*(void **) pp);
}

static inline void macros_close_fd(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

/* char *s = NULL declared AUTO_FREE is freed at the end of its scope. */
#define AUTO_FREE __attribute__((cleanup(macros_free_ptr)))

/* int fd = -1 declared AUTO_CLOSE is closed at the end of its scope. Never retried: Linux frees the
 * descriptor even when close() is interrupted. */
#define AUTO_CLOSE __attribute__((cleanup(macros_close_fd)))

/* DEFINE_AUTO(pod) below pod_unref() makes AUTO(pod) struct pod *p = NULL possible. */
#define DEFINE_AUTO(type)                                                                          \
        static inline void type##_auto_unref_(struct type **p) {                                   \
                type##_unref(*p);                                                                  \
        }                                                                                          \
        struct type

/* The same for x_init/x_done types living on the stack. */
#define DEFINE_AUTO_DONE(type)                                                                     \
        static inline void type##_auto_done_(struct type *p) {                                     \
                type##_done(p);                                                                    \
        }                                                                                          \
        struct type

#define AUTO(type) __attribute__((cleanup(type##_auto_unref_)))
#define AUTO_DONE(type) __attribute__((cleanup(type##_auto_done_)))
