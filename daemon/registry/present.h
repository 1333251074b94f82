#pragma once

#include "daemon/registry/negotiate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Objects in the form that a client asked for: as they are, as rows of a Table, or as their
 * metadata alone. Texts of objects are pointed to, not copied, where the form allows. Pure. */
struct body;
struct kind;
struct record;

/* One object on its own, as GET and writes answer.
 *
 * asked     the version of its kind to tell it in.
 * now_usec  wall clock, for ages.
 *
 * Failures stick in the body. */
void present_record(const struct form *f, const struct kind *asked, struct record *r,
                    uint64_t now_usec, struct body *b);

/* The same from an object's text that no record holds (a dry run's); take_json becomes the body's.
 * NULL counts as failed. */
void present_text(const struct form *f, const struct kind *k, char *take_json, uint64_t now_usec,
                  struct body *b);

/* A list: what stands before its items, the items, and PRESENT_LIST_END. */
struct present_list {
        struct form form;
        const struct kind *kind; /* in the version asked for */
        uint64_t now_usec;
        uint64_t revision;
        const char *continue_; /* NULL: this is the end */
        int64_t n_remaining;   /* < 0: not told */
};

#define PRESENT_LIST_END "]}"

/* The caller's; NULL when memory is out. */
char *present_list_head(const struct present_list *list);

/* Adds an item, with a comma before it unless it is the first. */
void present_list_item(const struct present_list *list, struct record *r, bool is_first,
                       struct body *b);

/* The same from the text of an object that no record holds; take_json becomes the body's. NULL
 * counts as failed. */
void present_list_text(const struct present_list *list, char *take_json, bool is_first,
                       struct body *b);

/* What a watch tells of a change: the object, a Table of one row, or PartialObjectMetadata. The
 * caller's; NULL when memory is out. */
char *present_event(const struct form *f, const struct kind *asked, struct record *r,
                    uint64_t now_usec, bool has_columns);

/* A bookmark's object in any form. metadata: JSON of its metadata. Likewise. */
char *present_bookmark(const struct form *f, const struct kind *k, const char *metadata,
                       bool has_columns);
