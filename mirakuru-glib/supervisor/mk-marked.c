/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds processes by their environment: what is left of a service when nobody is there any more who watched
 * over it. Those that have emptied or overwritten it are not found.
 */

#include "mk-marked-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "mk-link-private.h"

#define MAX_ENVIRONMENT (1 << 20)
/* Somebody may be about to end them gently. */
#define GENTLE_END_US   2500000
#define GENTLE_PAUSE_US 20000
/* Then they are killed for so long, or until so often in a row nothing was found. */
#define SWEEP_LIMIT_US 2000000
#define SWEEP_ROUNDS   5
#define SWEEP_PAUSE_US 2000

/* Returns whether the process has @marker in its environment. */
static bool
marked_is (const char *directory, const char *marker)
{
  static char environment[MAX_ENVIRONMENT];
  char path[280];
  ssize_t length = 0;
  ssize_t n = 0;
  int fd;

  snprintf (path, sizeof path, "/proc/%s/environ", directory);
  if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
    return false;
  while ((size_t) length < sizeof environment - 1 &&
         (n = read (fd, environment + length, sizeof environment - 1 - (size_t) length)) > 0)
    length += n;
  close (fd);
  environment[length] = '\0';

  for (const char *at = environment; at < environment + length; at += strlen (at) + 1)
    {
      if (strcmp (at, marker) == 0)
        return true;
    }
  return false;
}

/* Returns how many there are. */
static int
marked_find (const char *marker, bool kills)
{
  DIR *directory = opendir ("/proc");
  struct dirent *entry;
  int n = 0;

  while (directory != NULL && (entry = readdir (directory)) != NULL)
    {
      pid_t pid = atoi (entry->d_name);

      if (pid <= 1 || pid == getpid () || !marked_is (entry->d_name, marker))
        continue;
      n++;
      if (kills)
        kill (pid, SIGKILL);
    }

  if (directory != NULL)
    closedir (directory);
  return n;
}

/*
 * Ends what has @marker ("NAME=value") in its environment. This blocks for as long as it takes.
 *
 * @killed: how many were killed
 *
 * Returns how many are left.
 */
int
mk_marked_end (const char *marker, int *killed)
{
  int64_t limit = mk_link_now_us () + GENTLE_END_US;
  int clean = 0;

  *killed = 0;
  while (marked_find (marker, false) > 0 && mk_link_now_us () < limit)
    usleep (GENTLE_PAUSE_US);
  limit = mk_link_now_us () + SWEEP_LIMIT_US;
  while (clean < SWEEP_ROUNDS && mk_link_now_us () < limit)
    {
      int n = marked_find (marker, true);

      *killed += n;
      clean = n > 0 ? 0 : clean + 1;
      usleep (SWEEP_PAUSE_US);
    }

  return marked_find (marker, false);
}
