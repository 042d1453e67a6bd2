/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only: what happens when the host, the program that uses the library, ends. There is no fork.
 *
 * At a normal exit all that still runs is terminated, and nothing is left when exit() returns. Otherwise
 * Windows closes the pipes, and the supervisors see it.
 */

#include "mk-host-private.h"
#include "mk-windows-host-private.h"

#include <stdlib.h>

#include "mk-windows-pipe-private.h"
#include "base/mk-lock-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* How long an exit waits at most for the supervisors to end. */
#define EXIT_LIMIT_US (3 * G_USEC_PER_SEC)

static GMutex lock;
static GPtrArray *records;  /* (owned) (element-type MkHostRecord) (locked-by lock) of what was started */
static gboolean is_exiting; /* (locked-by lock) nothing is started any more */

/*
 * In a DLL this runs after Windows has ended all other threads, at whatever point they were: one of them may
 * have held the lock. Then the pipes are closed all the same, a little later.
 */
static void
host_kill_all_at_exit (void)
{
  const MkMessage message = { MK_MESSAGE_KILL, 9, 0, 0 };
  gint64 deadline = g_get_monotonic_time () + EXIT_LIMIT_US;

  if (!g_mutex_trylock (&lock))
    return;

  is_exiting = TRUE;
  for (guint i = 0; i < records->len; i++)
    {
      MkHostRecord *record = g_ptr_array_index (records, i);

      if (!record->has_order || !mk_pipe_write (record->control, &message, sizeof message))
        TerminateProcess (record->supervisor, 1);
    }
  for (guint i = 0; i < records->len; i++)
    {
      MkHostRecord *record = g_ptr_array_index (records, i);
      gint64 left = MAX (deadline - g_get_monotonic_time (), 0);

      WaitForSingleObject (record->supervisor, (DWORD) (left / G_TIME_SPAN_MILLISECOND));
    }
  g_mutex_unlock (&lock);
}

gboolean
mk_host_has_closed_files (void)
{
  return FALSE;
}

void
mk_host_ensure (void)
{
  static gsize done;
  HMODULE module;

  if (!g_once_init_enter (&done))
    return;

  /* The thread of the library runs as long as the program. */
  GetModuleHandleExW (GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                      (const wchar_t *) (gpointer) &records,
                      &module);
  records = g_ptr_array_new ();
  atexit (host_kill_all_at_exit);
  g_once_init_leave (&done, 1);
}

guint
mk_host_get_fork_generation (void)
{
  mk_host_ensure ();
  return 0;
}

void
mk_host_lock (void)
{
  g_mutex_lock (&lock);
}

void
mk_host_unlock (void)
{
  g_mutex_unlock (&lock);
}

/* Returns: FALSE if the program is about to end */
gboolean
mk_host_add (MkHostRecord *record)
{
  mk_host_ensure ();
  MK_AUTO_LOCK (&lock);

  if (is_exiting)
    return FALSE;

  g_ptr_array_add (records, record);
  return TRUE;
}

void
mk_host_remove (MkHostRecord *record)
{
  MK_AUTO_LOCK (&lock);

  g_ptr_array_remove_fast (records, record);
}
