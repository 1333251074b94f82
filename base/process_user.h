#pragma once

#include "base/err.h"

#include <stdio.h>
#include <sys/types.h>

/* The user that a program of orch works as: by name, or by number where no name was made. All
 * programs look in /etc/passwd itself and not through NSS: static ones have none, and they must
 * agree about who owns a folder. */

/* Finds a user in an open file of passwd(5)'s form.
 *
 * passwd   borrowed; read from where it stands.
 * text     a name, or a number up to UINT32_MAX - 1. A name wins over a number; a number that has
 *          no line is a group of its own, too.
 * ret_uid, ret_gid  filled on success.
 * e        explained on failure; may be NULL.
 *
 * Returns 0, or -ENOENT. Blocks as the file does; any thread (fgetpwent_r). */
int process_user_read(FILE *passwd, const char *text, uid_t *ret_uid, gid_t *ret_gid,
                      struct err *e);

/* The same in /etc/passwd. Without that file only numbers are known. */
int process_user_find(const char *text, uid_t *ret_uid, gid_t *ret_gid, struct err *e);

/* Sets no_new_privs and becomes the user, for good: groups, group, user, with all their saved
 * copies. Does only the former without a text, for uid 0, and where the process isn't root.
 *
 * text     borrowed; NULL: stay who one is.
 *
 * Returns 0, -ENOENT, or what the kernel refused with. Call it while there is one thread: the
 * kernel keeps no_new_privs for each. */
int process_user_become(const char *text, struct err *e);
