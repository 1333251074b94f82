#pragma once

#include "base/err.h"

/* Tar streams for "orch cp". libarchive is loaded when it is first needed, so that no other command
 * pays for it (docs/adr/0119). Both block; each is meant for a process of its own. */

/* Writes path, and what is below it, as an archive in which it is called name.
 * Returns 0, -ENOSYS (no libarchive) or a negative errno. */
int tar_pack(int fd, const char *path, const char *name, struct err *e);

/* Reads an archive whose entries are below one name, and puts that at path: a directory's content
 * into path, a file as path, or into it where path is a directory. What a container sends isn't
 * trusted: links, devices and names that lead out are passed over with a warning on standard error;
 * nothing is written through a link. Returns as above; -ENOENT for an empty archive. */
int tar_unpack(int fd, const char *path, struct err *e);
