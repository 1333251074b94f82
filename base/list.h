#pragma once

#include "base/macros.h"

#include <stdbool.h>

/* An intrusive, circular, doubly linked list. The head is a list of its own; an element embeds one.
 */
struct list {
        struct list *prev, *next;
};

static inline void list_init(struct list *l) {
        l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *head) {
        return head->next == head;
}

static inline void list_append(struct list *head, struct list *item) {
        item->prev = head->prev;
        item->next = head;
        head->prev->next = item;
        head->prev = item;
}

/* Harmless on an element that is in no list, provided it was list_init()ed. */
static inline void list_remove(struct list *item) {
        item->prev->next = item->next;
        item->next->prev = item->prev;
        list_init(item);
}

/* Moves all elements of from behind those of head. */
static inline void list_append_all(struct list *head, struct list *from) {
        if (list_is_empty(from))
                return;
        from->next->prev = head->prev;
        from->prev->next = head;
        head->prev->next = from->next;
        head->prev = from->prev;
        list_init(from);
}

/* Safe against removal of the current element. */
#define LIST_FOREACH(pos, head)                                                                    \
        for (struct list *pos = (head)->next, *pos##_next_ = pos->next; pos != (head);             \
             pos = pos##_next_, pos##_next_ = pos->next)
