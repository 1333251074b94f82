#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An SQLite VFS that keeps files in memory and knows what of them has reached the disk. Power can
 * be cut: from then on everything fails. Afterwards the files are what a disk may hold then: all
 * that was synced, and of what was written since any part, down to single sectors. */
struct power;

struct power *power_new(uint64_t seed);
void power_unref(struct power *p);

/* The VFS's name, for store_sqlite_options. */
const char *power_name(const struct power *p);

/* Cuts power before the operation (write, sync, truncate, delete) that comes after n more. */
void power_cut_after(struct power *p, unsigned n);
bool power_is_cut(const struct power *p);

/* Power comes back. */
void power_restore(struct power *p);

/* While set, no file can grow: the disk is full. */
void power_set_full(struct power *p, bool is_full);

/* Overwrites a part of every file whose name ends in suffix. */
void power_damage(struct power *p, const char *suffix, uint64_t offset, uint64_t len);
