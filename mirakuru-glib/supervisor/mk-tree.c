/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the descendants of a process, by parenthood alone.
 *
 * Where the kernel has /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) the tree is followed down from the
 * root: each thread has a list of its own. Elsewhere all of /proc is read. Neither is a snapshot: processes
 * that fork while the walk is under way may be missed, so callers walk again until nothing is left.
 *
 * A process is reported as soon as it is known to belong to the tree, so that one that forks all the time can
 * be signalled before it has been replaced by its child.
 */

#include "mk-tree-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  pid_t pid;
  pid_t parent;
  bool reported;
} Entry;

typedef struct
{
  Entry *entries;
  size_t n_entries;
  size_t n_allocated;
} Entries;

static bool
tree_entries_add (Entries *self, pid_t pid, pid_t parent, bool reported)
{
  if (self->n_entries == self->n_allocated)
    {
      size_t n = self->n_allocated ? self->n_allocated * 2 : 64;
      Entry *grown = realloc (self->entries, n * sizeof *grown);

      if (grown == NULL)
        return false;
      self->entries = grown;
      self->n_allocated = n;
    }

  self->entries[self->n_entries++] = (Entry){ pid, parent, reported };
  return true;
}

static bool
tree_entries_has_reported (const Entries *self, pid_t pid)
{
  for (size_t i = self->n_entries; i > 0; i--)
    {
      if (self->entries[i - 1].pid == pid)
        return self->entries[i - 1].reported;
    }

  return false;
}

/* Returns the number of bytes read, or -1; @buffer is terminated. Longer files are cut. */
static ssize_t
tree_read_file (const char *path, char *buffer, size_t size)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  ssize_t n = 0;

  if (fd < 0)
    return -1;

  while (length < size - 1 && (n = read (fd, buffer + length, size - 1 - length)) > 0)
    length += (size_t) n;

  close (fd);
  buffer[length] = '\0';
  return n < 0 ? -1 : (ssize_t) length;
}

/* Returns -1 if there is no such process. Its name is in parentheses and may hold any character, so look for
 * the last one. */
pid_t
mk_tree_read_parent (const char *proc, pid_t pid)
{
  char path[64];
  char buffer[512];
  char *fields;
  int parent;

  snprintf (path, sizeof path, "%s/%d/stat", proc, (int) pid);
  if (tree_read_file (path, buffer, sizeof buffer) <= 0 || (fields = strrchr (buffer, ')')) == NULL ||
      sscanf (fields + 1, " %*c %d", &parent) != 1)
    return -1;

  return parent;
}

static pid_t
tree_parse_pid (const char *name)
{
  char *end;
  long value = strtol (name, &end, 10);

  return end != name && *end == '\0' && value > 0 && value <= INT_MAX ? (pid_t) value : 0;
}

/* Returns whether it could look. */
static bool
tree_scan_all (const char *proc, pid_t root, MkTreeFunc func, void *data)
{
  Entries entries = { 0 };
  struct dirent *dirent;
  DIR *dir = opendir (proc);
  bool could_look;
  bool found = true;

  if (dir == NULL)
    return false;

  tree_entries_add (&entries, root, 0, true);
  while (errno = 0, (dirent = readdir (dir)) != NULL)
    {
      pid_t pid = tree_parse_pid (dirent->d_name);
      pid_t parent;
      bool ours;

      if (pid == 0 || pid == root || (parent = mk_tree_read_parent (proc, pid)) < 0)
        continue;

      ours = tree_entries_has_reported (&entries, parent);
      tree_entries_add (&entries, pid, parent, ours);
      if (ours)
        func (pid, parent, data);
    }
  could_look = errno == 0;
  closedir (dir);

  /* Pids wrap around, so a child may have come before its parent. */
  while (found)
    {
      found = false;
      for (size_t i = 0; i < entries.n_entries; i++)
        {
          Entry *entry = &entries.entries[i];

          if (entry->reported || !tree_entries_has_reported (&entries, entry->parent))
            continue;
          entry->reported = found = true;
          func (entry->pid, entry->parent, data);
        }
    }

  free (entries.entries);
  return could_look;
}

/* Returns whether the kernel has the list. */
static bool
tree_add_children (const char *proc,
                   pid_t pid,
                   const char *thread,
                   Entries *entries,
                   MkTreeFunc func,
                   void *data)
{
  char path[320];
  char word[16];
  int child;
  FILE *file;

  snprintf (path, sizeof path, "%s/%d/task/%s/children", proc, (int) pid, thread);
  if ((file = fopen (path, "re")) == NULL)
    return false;

  while (fscanf (file, "%15s", word) == 1)
    {
      /* The lists may be stale, and pids be reused within a walk: never follow one twice. */
      if ((child = tree_parse_pid (word)) == 0 || tree_entries_has_reported (entries, child))
        continue;
      if (tree_entries_add (entries, child, pid, true))
        func (child, pid, data);
    }

  fclose (file);
  return true;
}

static bool
tree_follow_children (const char *proc, pid_t root, MkTreeFunc func, void *data)
{
  Entries entries = { 0 };
  bool supported = false;

  tree_entries_add (&entries, root, 0, true);
  for (size_t i = 0; i < entries.n_entries; i++)
    {
      pid_t pid = entries.entries[i].pid;
      struct dirent *dirent;
      char path[64];
      DIR *dir;

      snprintf (path, sizeof path, "%s/%d/task", proc, (int) pid);
      if ((dir = opendir (path)) == NULL)
        continue;
      while ((dirent = readdir (dir)) != NULL)
        {
          if (tree_parse_pid (dirent->d_name) != 0 &&
              tree_add_children (proc, pid, dirent->d_name, &entries, func, data))
            supported = true;
        }
      closedir (dir);
    }

  free (entries.entries);
  return supported;
}

/* Calls @func for each descendant of @root that is found, parents before their children where possible.
 * Returns whether it could look. */
bool
mk_tree_walk (const char *proc, pid_t root, MkTreeFunc func, void *data)
{
  return tree_follow_children (proc, root, func, data) || tree_scan_all (proc, root, func, data);
}

/*
 * Calls @func for each child in the list of @parent. Where there are more than fit into the buffer, the
 * others come once these are gone.
 *
 * @fd: its open /proc/PID/task/TID/children, or -1
 *
 * Returns whether it could look. */
bool
mk_tree_list_children (int fd, pid_t parent, MkTreeFunc func, void *data)
{
  char buffer[4096];
  ssize_t n = pread (fd, buffer, sizeof buffer - 1, 0);

  if (n < 0)
    return false;

  buffer[n] = '\0';
  /* Each is followed by a space: without one it is cut. */
  for (char *word = buffer, *end; (end = strchr (word, ' ')) != NULL; word = end + 1)
    {
      pid_t child;

      *end = '\0';
      if ((child = tree_parse_pid (word)) != 0)
        func (child, parent, data);
    }

  return true;
}

/* Holds also for one that has ended and was not reaped yet. */
bool
mk_tree_is_child (pid_t pid)
{
  siginfo_t info;

  return waitid (P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}
