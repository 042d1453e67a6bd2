/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the library tells a supervisor gets there, though the system has no room for it at that moment, the
 * supervisor is stopped, or the program has closed the socket, as daemons close all their files.
 *
 * Each case runs in a process of its own: what is sent for the first time there may fail, and what it closes
 * is not its own.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SUBPROCESS_LIMIT_S 40
#define STOP_TIMEOUT_MS    300
#define N_FAILURES         5
/* How late an end may be on a busy machine; what was not told to end takes 5 s. */
#define MARGIN_MS 3500

static int failures_left; /* (atomic) */
static int failure;       /* an errno */

/* In the place of that of libc, for the library too */
ssize_t
send (int fd, const void *bytes, size_t length, int flags)
{
  int type = 0;
  socklen_t size = sizeof type;

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
      g_atomic_int_add (&failures_left, -1) > 0)
    {
      errno = failure;
      return -1;
    }

  return syscall (SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

/* ---- what is in the way ---- */

static pid_t
find_supervisor (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);

  g_assert_cmpuint (children->len, ==, 1);
  return g_array_index (children, pid_t, 0);
}

static void
fail_to_send (int error_number)
{
  failure = error_number;
  g_atomic_int_set (&failures_left, N_FAILURES);
}

static gboolean
is_stopped (gpointer pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", GPOINTER_TO_INT (pid));
  g_autofree char *stat = NULL;

  return g_file_get_contents (path, &stat, NULL, NULL) && strstr (stat, ") T ") != NULL;
}

static void
stop_supervisor (int unused)
{
  pid_t supervisor = find_supervisor ();

  g_assert_cmpint (kill (supervisor, SIGSTOP), ==, 0);
  g_assert_true (mk_test_poll_until (is_stopped, GINT_TO_POINTER (supervisor), MK_TEST_LIMIT_MS));
}

static int
find_socket (void)
{
  for (int fd = 3; fd < 256; fd++)
    {
      int type = 0;
      socklen_t size = sizeof type;

      if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET)
        return fd;
    }
  g_assert_not_reached ();
}

static void
close_socket (int unused)
{
  g_assert_cmpint (close (find_socket ()), ==, 0);
}

static int file_in_its_place = -1;

static void
replace_socket (int unused)
{
  int fd = open ("/dev/zero", O_RDONLY | O_CLOEXEC);

  file_in_its_place = find_socket ();
  g_assert_cmpint (dup3 (fd, file_in_its_place, O_CLOEXEC), ==, file_in_its_place);
  close (fd);
}

/* What the worker watches all sockets by */
static int
find_watch (void)
{
  for (int fd = 3; fd < 256; fd++)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (g_strcmp0 (target, "anon_inode:[eventpoll]") == 0)
        return fd;
    }
  g_assert_not_reached ();
}

static void
close_watch (int unused)
{
  g_assert_cmpint (close (find_watch ()), ==, 0);
}

static void
replace_watch (int unused)
{
  int fd = open ("/dev/zero", O_RDONLY | O_CLOEXEC);

  file_in_its_place = find_watch ();
  g_assert_cmpint (dup3 (fd, file_in_its_place, O_CLOEXEC), ==, file_in_its_place);
  close (fd);
}

/* ---- orders ---- */

static void
order_stop (MkSimpleExecutor *executor)
{
  mk_test_assert_stops (executor);
  g_assert_false (mk_simple_executor_get_running (executor));
}

static void
order_kill (MkSimpleExecutor *executor)
{
  mk_test_assert_can_be_killed (executor);
  g_assert_false (mk_simple_executor_get_running (executor));
}

static void
order_drop (MkSimpleExecutor *executor)
{
  g_object_run_dispose (G_OBJECT (executor));
}

static void
order_signal (MkSimpleExecutor *executor)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_send_signal (executor, SIGTERM, &error);
  g_assert_no_error (error);
  g_assert_true (mk_test_await_inactive (executor));
}

static void
order_exit (MkSimpleExecutor *executor)
{
  exit (0);
}

typedef struct
{
  const char *name;
  void (*run) (int argument);
  int argument;
  gboolean signals; /* whether a signal gets there */
} Obstacle;

static const Obstacle obstacles[] = {
  { "interrupted", fail_to_send, EINTR, TRUE },       { "full", fail_to_send, EAGAIN, TRUE },
  { "no-buffers", fail_to_send, ENOBUFS, TRUE },      { "no-memory", fail_to_send, ENOMEM, TRUE },
  { "stopped-supervisor", stop_supervisor, 0, TRUE }, { "closed-socket", close_socket, 0, FALSE },
  { "replaced-socket", replace_socket, 0, FALSE },    { "closed-watch", close_watch, 0, TRUE },
  { "replaced-watch", replace_watch, 0, TRUE },
};

typedef struct
{
  const char *name;
  void (*run) (MkSimpleExecutor *executor);
} Order;

static const Order orders[] = {
  { "stop", order_stop },     { "kill", order_kill }, { "drop", order_drop },
  { "signal", order_signal }, { "exit", order_exit },
};

typedef struct
{
  const Obstacle *obstacle;
  const Order *order;
} Case;

static Case cases[G_N_ELEMENTS (obstacles) * G_N_ELEMENTS (orders)];

static void
run_case (const Case *self, const char *tag)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  struct stat file;

  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_test_assert_starts (executor);
  self->obstacle->run (self->obstacle->argument);
  self->order->run (executor);
  g_assert_cmpint (g_atomic_int_get (&failures_left), <=, 0);

  if (file_in_its_place < 0)
    return;
  g_assert_cmpint (fstat (file_in_its_place, &file), ==, 0);
  g_assert_true (S_ISCHR (file.st_mode));
}

static void
test_order (gconstpointer data)
{
  const Case *self = data;
  gint64 begin = g_get_monotonic_time ();
  g_autofree char *tag = NULL;

  if ((self->obstacle->run == close_watch || self->obstacle->run == replace_watch) &&
      !mk_test_has_linux_features ("there is one descriptor for all sockets"))
    return;
  if (g_test_subprocess ())
    {
      run_case (self, g_getenv ("MK_TEST_TAG"));
      return;
    }

  tag = mk_test_trap_tagged (SUBPROCESS_LIMIT_S);
  g_test_trap_assert_passed ();
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
  g_assert_cmpint (
      g_get_monotonic_time () - begin, <, (STOP_TIMEOUT_MS + MARGIN_MS) * G_TIME_SPAN_MILLISECOND);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const Obstacle *obstacle = &obstacles[i / G_N_ELEMENTS (orders)];
      const Order *order = &orders[i % G_N_ELEMENTS (orders)];
      g_autofree char *path = g_strdup_printf ("/orders/%s/%s", obstacle->name, order->name);

      cases[i] = (Case){ obstacle, order };
      if (order->run != order_signal || obstacle->signals)
        g_test_add_data_func (path, &cases[i], test_order);
    }

  return g_test_run ();
}
