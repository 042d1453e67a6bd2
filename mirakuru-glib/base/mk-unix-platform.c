/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Unix only: see the header. What Linux does better is in mk-linux-features.c. */

#include "mk-platform-private.h"

#include <glob.h>
#include <pthread.h>
#include <string.h>

/* What is to be done when the program forks; each may be NULL. See pthread_atfork(3) */
void
mk_platform_on_fork (void (*before) (void), void (*in_parent) (void), void (*in_child) (void))
{
  pthread_atfork (before, in_parent, in_child);
}

/* Signals are for the threads of the program. */
GThread *
mk_platform_new_thread (const char *name, GThreadFunc func, gpointer data, GError **error)
{
  GThread *thread;
  sigset_t all, before;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new (name, func, data, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return thread;
}

/* @name: a signal such as "INT", "SIGINT" or "2" */
gboolean
mk_platform_find_signal (const char *name, int *number)
{
  const char *short_name = g_ascii_strncasecmp (name, "SIG", 3) == 0 ? name + 3 : name;
  guint64 parsed = 0;

  if (g_ascii_string_to_unsigned (name, 10, 1, (guint64) SIGRTMAX, &parsed, NULL))
    {
      *number = (int) parsed;
      return TRUE;
    }

  for (int i = 1; i < SIGRTMIN; i++)
    {
      const char *known = mk_platform_get_signal_name (i);

      if (known != NULL && g_ascii_strcasecmp (short_name, known) == 0)
        {
          *number = i;
          return TRUE;
        }
    }

  return FALSE;
}

/* @argv: (out) (transfer full): the words of a command line as the system's users write it */
gboolean
mk_platform_parse_command (const char *command, char ***argv, GError **error)
{
  return g_shell_parse_argv (command, NULL, argv, error);
}

/* Returns: (transfer full): the directories that match, the newest version of a program last */
char **
mk_platform_find_directories (const char *pattern)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  glob_t found = { 0 };

  if (glob (pattern, 0, NULL, &found) == 0)
    for (gsize i = 0; i < found.gl_pathc; i++)
      g_strv_builder_add (builder, found.gl_pathv[i]);
  globfree (&found);
  return g_strv_builder_end (builder);
}

/* Returns: when a file was last written to, in microseconds, as g_get_real_time() */
gint64
mk_platform_get_change_time (const GStatBuf *status)
{
  return status->st_mtim.tv_sec * G_TIME_SPAN_SECOND + status->st_mtim.tv_nsec / 1000;
}

/* Returns: how much later than that it may have been, in microseconds */
gint64
mk_platform_get_time_grain (void)
{
  return 0;
}
