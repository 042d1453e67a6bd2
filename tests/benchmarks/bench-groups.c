/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the moment when ports are open to the return of a wait for all, or for any, of them.
 */

#include "mk-bench.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-test-util.h"

#define N_ROUNDS 40
#define N_PORTS  2

typedef struct
{
  guint ports[N_PORTS];
  guint n_open; /* so many of them are opened */
  int listeners[N_PORTS];
  gint64 open_us;
} Doors;

typedef enum
{
  ONE_PORT,
  ALL_PORTS,
  ANY_PORT,
} Goal;

static int
listen_on (guint port)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_port = htons (port),
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 16), ==, 0);
  return fd;
}

static gpointer
open_later (gpointer data)
{
  Doors *doors = data;

  g_usleep (g_random_int_range (50, 251) * 1000);
  for (guint i = 0; i < doors->n_open; i++)
    doors->listeners[i] = listen_on (doors->ports[i]);
  doors->open_us = g_get_monotonic_time ();
  return NULL;
}

static MkProbe *
new_probe (Goal goal, const Doors *doors)
{
  g_autoptr (MkProbe) first = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", doors->ports[0]));
  g_autoptr (MkProbe) second = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", doors->ports[1]));

  switch (goal)
    {
    case ALL_PORTS:
      return MK_PROBE (mk_all_probe_new ((MkProbe *[]){ first, second }, N_PORTS));
    case ANY_PORT:
      /* The one that will be there is the last. */
      return MK_PROBE (mk_any_probe_new ((MkProbe *[]){ second, first }, N_PORTS));
    default:
      return g_steal_pointer (&first);
    }
}

static double
lag_of (Goal goal)
{
  Doors doors = { .n_open = goal == ALL_PORTS ? N_PORTS : 1 };
  g_autoptr (MkProbe) probe = NULL;
  g_autoptr (GError) error = NULL;
  GThread *thread;
  gint64 ready_us;

  for (guint i = 0; i < N_PORTS; i++)
    doors.ports[i] = mk_test_free_port ();
  probe = new_probe (goal, &doors);
  thread = g_thread_new ("opener", open_later, &doors);
  if (!mk_probe_wait (probe, 0, NULL, &error))
    g_error ("wait: %s", error->message);
  ready_us = g_get_monotonic_time ();
  g_thread_join (thread);
  for (guint i = 0; i < doors.n_open; i++)
    close (doors.listeners[i]);
  return (ready_us - doors.open_us) / 1000.0;
}

void
mk_bench_groups (void)
{
  g_autoptr (GArray) one = mk_bench_figures_new ();
  g_autoptr (GArray) all = mk_bench_figures_new ();
  g_autoptr (GArray) any = mk_bench_figures_new ();

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      mk_bench_add (one, lag_of (ONE_PORT));
      mk_bench_add (all, lag_of (ALL_PORTS));
      mk_bench_add (any, lag_of (ANY_PORT));
    }
  mk_bench_print_row (
      "listen() to the end of a wait for all of two ports", "ms", all, 2, NO_LIMIT, "one port", one);
  mk_bench_print_row (
      "listen() to the end of a wait for any of two ports", "ms", any, 2, NO_LIMIT, "one port", one);
}
