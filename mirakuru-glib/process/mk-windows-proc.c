/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only: what is known of processes. Who listens on a port is not looked up, nor who stands in the way
 * of a service; messages do without.
 */

#include "mk-proc-private.h"

#include <windows.h>

#include <tlhelp32.h>

#include "base/mk-i18n-private.h"

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

gboolean
mk_proc_is_of_program (int pid, const char *const *programs)
{
  return FALSE;
}

char *
mk_proc_describe_rival (guint64 inode, int service, int supervisor)
{
  return NULL;
}

/* Returns: (transfer full) (nullable): NULL if there is no such process */
char *
mk_proc_describe_living (int pid)
{
  return mk_proc_get_state (pid) != 'X' ? g_strdup_printf (_ ("process %d"), pid) : NULL;
}

/* ---- one process ---- */

/* Returns: (nullable): NULL also if it may not be opened */
static HANDLE
proc_open (int pid)
{
  HANDLE process =
      pid > 0 ? OpenProcess (PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, (DWORD) pid) : NULL;

  if (process != NULL && WaitForSingleObject (process, 0) == WAIT_OBJECT_0)
    {
      CloseHandle (process);
      SetLastError (ERROR_INVALID_PARAMETER);
      return NULL;
    }

  return process;
}

/* Returns: 'S' if it lives, 'X' if it does not: Windows knows no more */
char
mk_proc_get_state (int pid)
{
  HANDLE process = proc_open (pid);

  if (process == NULL)
    return pid > 0 && GetLastError () == ERROR_ACCESS_DENIED ? 'S' : 'X';

  CloseHandle (process);
  return 'S';
}

gint64
mk_proc_get_work_time (int pid)
{
  return -1;
}

/* Returns: for how long it has lived, in microseconds, −1 if there is no such process */
gint64
mk_proc_get_age (int pid)
{
  HANDLE process = proc_open (pid);
  FILETIME created, ended, kernel, user, now;
  gint64 age = -1;

  if (process == NULL)
    return -1;

  GetSystemTimeAsFileTime (&now);
  if (GetProcessTimes (process, &created, &ended, &kernel, &user))
    age = (((gint64) now.dwHighDateTime << 32 | now.dwLowDateTime) -
           ((gint64) created.dwHighDateTime << 32 | created.dwLowDateTime)) /
          10;
  CloseHandle (process);
  return age;
}

/* ---- the tree ---- */

/* Returns: (transfer full) (element-type PROCESSENTRY32W): all processes */
static GArray *
proc_list (void)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (PROCESSENTRY32W));
  HANDLE snapshot = CreateToolhelp32Snapshot (TH32CS_SNAPPROCESS, 0);
  PROCESSENTRY32W entry = { .dwSize = sizeof entry };

  for (BOOL found = Process32FirstW (snapshot, &entry); found; found = Process32NextW (snapshot, &entry))
    g_array_append_val (list, entry);
  CloseHandle (snapshot);
  return list;
}

static const PROCESSENTRY32W *
proc_find (GArray *list, DWORD pid)
{
  for (guint i = 0; i < list->len; i++)
    {
      const PROCESSENTRY32W *entry = &g_array_index (list, PROCESSENTRY32W, i);

      if (entry->th32ProcessID == pid)
        return entry;
    }

  return NULL;
}

/*
 * Those that have ended do not stand in the list any more, so a tree is known as far as its parents live. A
 * process that is younger than its child has got the number of the parent.
 */
static gboolean
proc_descends (GArray *list, DWORD pid, DWORD ancestor)
{
  const PROCESSENTRY32W *entry;

  for (guint depth = 0; pid != ancestor && depth < list->len; depth++)
    {
      entry = proc_find (list, pid);
      if (entry == NULL || entry->th32ParentProcessID == 0 ||
          mk_proc_get_age ((int) entry->th32ParentProcessID) < mk_proc_get_age ((int) pid))
        return FALSE;
      pid = entry->th32ParentProcessID;
    }

  return pid == ancestor;
}

gboolean
mk_proc_is_descendant (int pid, int ancestor)
{
  g_autoptr (GArray) list = proc_list ();

  return proc_find (list, (DWORD) pid) != NULL && proc_descends (list, (DWORD) pid, (DWORD) ancestor);
}

void
mk_proc_for_each_descendant (int pid,
                             void (*func) (int pid, int parent, const char *name, gpointer user_data),
                             gpointer user_data)
{
  g_autoptr (GArray) list = proc_list ();

  for (guint i = 0; i < list->len; i++)
    {
      const PROCESSENTRY32W *entry = &g_array_index (list, PROCESSENTRY32W, i);
      g_autofree char *name = g_utf16_to_utf8 (entry->szExeFile, -1, NULL, NULL, NULL);

      if (entry->th32ProcessID != (DWORD) pid && proc_descends (list, entry->th32ProcessID, (DWORD) pid))
        func ((int) entry->th32ProcessID,
              (int) entry->th32ParentProcessID,
              name != NULL ? name : "?",
              user_data);
    }
}

/* What is terminated ends. */
int
mk_proc_find_living (int supervisor, int service)
{
  return 0;
}

char *
mk_proc_describe_hold (int pid)
{
  return NULL;
}

/* The job has processes of other users, too. */
gboolean
mk_proc_is_of_another_user (int pid)
{
  return FALSE;
}
