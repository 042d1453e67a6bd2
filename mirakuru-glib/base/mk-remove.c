/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Removes a private directory of a service. It is plain C, since mk-supervisor does this too.
 *
 * The service may belong to another user than the program, and what it has left may be anything: links are
 * never followed, and no path is looked up twice.
 */

#include "mk-remove-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each level needs a descriptor. */
#define MAX_DEPTH 256

static void
remove_at (int parent, const char *name, int depth)
{
  int fd;
  DIR *directory;
  struct dirent *entry;

  /* This refuses a directory, for root too. */
  if (unlinkat (parent, name, 0) == 0 || errno == ENOENT || depth == MAX_DEPTH)
    return;
  /* An empty one goes also where no file can be opened. */
  if (unlinkat (parent, name, AT_REMOVEDIR) == 0)
    return;

  fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* One that its owner may not read. */
  if (fd < 0 && errno == EACCES && fchmodat (parent, name, S_IRWXU, 0) == 0)
    fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return;
  /* One that its owner may not write. */
  fchmod (fd, S_IRWXU);

  directory = fdopendir (fd);
  if (directory == NULL)
    {
      close (fd);
      return;
    }
  while ((entry = readdir (directory)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      remove_at (fd, entry->d_name, depth + 1);
  closedir (directory);

  unlinkat (parent, name, AT_REMOVEDIR);
}

/* @path: absolute. Does what can be done. */
void
mk_remove_tree (const char *path)
{
  remove_at (AT_FDCWD, path, 0);
}
