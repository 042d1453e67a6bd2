/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Without the option linux_features: a process is known by its number, a service by its process group. Who
 * descends from whom, what runs there and who listens on a port is not known; messages do without.
 */

#include "mk-proc-private.h"

#include <errno.h>
#include <signal.h>

#include "base/mk-i18n-private.h"

/* Holds also for one that has ended and was not reaped yet. @pid: negative for a process group */
static gboolean
proc_exists (int pid)
{
  return kill (pid, 0) == 0 || errno == EPERM;
}

/* The marker cannot be found, but nobody else gets the number of a group in which somebody is. */
guint
mk_proc_kill_left (const char *marker, int service, gint64 deadline)
{
  return service > 0 && kill (-service, SIGKILL) == 0 ? 1 : 0;
}

/* ---- who listens ---- */

gboolean
mk_proc_can_find_listeners (void)
{
  return FALSE;
}

guint64
mk_proc_find_listener (GInetAddress *address, guint port)
{
  return 0;
}

char *
mk_proc_describe_holder (guint64 inode)
{
  return NULL;
}

int
mk_proc_find_holder (guint64 inode)
{
  return 0;
}

char *
mk_proc_describe_rival (guint64 inode, int service, int supervisor)
{
  return NULL;
}

/* ---- pids ---- */

gboolean
mk_proc_is_of_program (int pid, const char *const *programs)
{
  return FALSE;
}

/* Returns: (transfer full) (nullable): NULL if there is no such process */
char *
mk_proc_describe_living (int pid)
{
  return pid > 0 && proc_exists (pid) ? g_strdup_printf (_ ("process %d"), pid) : NULL;
}

/* Returns: 0: nothing can be known */
char
mk_proc_get_state (int pid)
{
  return 0;
}

gint64
mk_proc_get_work_time (int pid)
{
  return -1;
}

/* Returns: longer than any file, −1 if there is no such process */
gint64
mk_proc_get_age (int pid)
{
  return pid > 0 && proc_exists (pid) ? G_MAXINT64 / 2 : -1;
}

gboolean
mk_proc_is_descendant (int pid, int ancestor)
{
  return FALSE;
}

void
mk_proc_for_each_descendant (int pid,
                             void (*func) (int pid, int parent, const char *name, gpointer user_data),
                             gpointer user_data)
{
}

/* ---- what does not end ---- */

/* Returns: the number of the service if somebody of its group lives, else 0 */
int
mk_proc_find_living (int supervisor, int service)
{
  return service > 0 && proc_exists (-service) ? service : 0;
}

char *
mk_proc_describe_hold (int pid)
{
  return NULL;
}

gboolean
mk_proc_is_of_another_user (int pid)
{
  return pid > 0 && kill (pid, 0) < 0 && errno == EPERM;
}
