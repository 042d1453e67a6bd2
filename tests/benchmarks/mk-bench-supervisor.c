/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Notes the time, and becomes the supervisor. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int
main (int argc, char **argv)
{
  const char *supervisor = getenv ("MK_BENCH_SUPERVISOR");
  FILE *stamp = fopen (getenv ("MK_BENCH_STAMP"), "ae");
  struct timespec now;

  if (stamp == NULL)
    return 127;
  /* The last thing before the exec but for one write() */
  clock_gettime (CLOCK_MONOTONIC, &now);
  fprintf (stamp, "supervisor %lld\n", now.tv_sec * 1000000LL + now.tv_nsec / 1000);
  fclose (stamp);
  argv[0] = (char *) supervisor;
  execv (supervisor, argv);
  return 127;
}
