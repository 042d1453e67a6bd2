/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What mk-supervisor reports to the library, or whoever has taken hold of its end of the socket.
 *
 * The first byte of the input says whether there is a launcher. Packets follow: a byte for the length, and as
 * many bytes. What the library believes must make sense as a whole.
 */

#include "process/mk-unix-backend.c"

#include "mk-fuzz.h"

typedef struct
{
  gboolean has_spawned;
  gboolean has_failed;
  gboolean is_lost;
} Told;

static void
take_event (gpointer data, MkBackendEvent event, int value)
{
  Told *told = data;

  switch (event)
    {
    case MK_BACKEND_SPAWNED:
      g_assert_false (told->has_spawned || told->has_failed);
      g_assert_cmpint (value, >, 1);
      told->has_spawned = TRUE;
      break;

    case MK_BACKEND_EXITED:
      g_assert_true (told->has_spawned);
      g_assert_cmpint (value, >, -NSIG);
      g_assert_cmpint (value, <=, 255);
      break;

    case MK_BACKEND_DENIED:
      g_assert_cmpint (value, >, 1);
      break;

    case MK_BACKEND_LOST:
      g_assert_true (told->has_spawned);
      break;

    case MK_BACKEND_EMPTY:
    default:
      break;
    }
}

static void
take_failure (gpointer data, GError *error)
{
  Told *told = data;

  mk_fuzz_assert_error (error);
  g_error_free (error);
  told->has_failed = TRUE;
}

static gsize
get_room (gpointer data, MkStream stream)
{
  return CHUNK_SIZE;
}

static void
take_output (gpointer data, MkStream stream, const guint8 *bytes, gsize length)
{
}

static void
take_copy_failure (gpointer data, MkStream stream, const char *reason)
{
}

static void
take_gone (gpointer data)
{
}

static const MkBackendReports reports = { take_event,  take_failure,      get_room,
                                          take_output, take_copy_failure, take_gone };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const argv[] = { "service", "--option", NULL };
  static const char *const launcher[] = { "ssh", "host", NULL };
  g_autoptr (MkLaunch) launch = g_new0 (MkLaunch, 1);
  g_autoptr (GMainContext) context = g_main_context_new ();
  Told told = { 0 };
  MkBackend *backend = mk_backend_new (launch, &reports, &told);
  int sockets[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
  launch->argv = g_strdupv ((char **) argv);
  launch->launcher = size > 0 && data[0] % 2 ? g_strdupv ((char **) launcher) : NULL;
  mk_host_fd_set (&backend->record.control, sockets[0]);
  backend->timer = mk_waker_attach (context, "fuzz", backend_on_timer, backend, NULL);

  if (size > 0)
    mk_fuzz_send_packets (sockets[1], data + 1, size - 1);
  close (sockets[1]);
  backend_read_control (backend);

  mk_waker_clear (&backend->timer);
  mk_host_fd_close (&backend->record.control);
  mk_backend_free (backend);
  return 0;
}
