/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the RequestName of a service on a message bus to the return of start().
 */

#include "mk-bench.h"

#include <string.h>
#include <unistd.h>

#include "mk-test-bus.h"

#define PEER_INTERVAL_US (100 * 1000)

typedef struct
{
  MkTestBus *bus;
  char *stamp_file;
  char *after;
  const char *argv[12];
} Service;

static void
service_init (Service *service, MkTestBus *bus)
{
  service->bus = bus;
  service->stamp_file = g_build_filename (bus->folder, "stamps", NULL);
  service->after = g_strdup_printf ("%d", g_random_int_range (50, 251));
  memcpy (service->argv,
          (const char *[]){ g_getenv ("MK_TEST_BUS_SERVICE"),
                            "--bus",
                            bus->address,
                            "--name",
                            MK_TEST_BUS_NAME,
                            "--after",
                            service->after,
                            "--stamp",
                            service->stamp_file,
                            NULL },
          10 * sizeof (char *));
}

static void
service_clear (Service *service)
{
  g_free (service->after);
  g_free (service->stamp_file);
}

static void
add_lag (GArray *lag_ms, const Service *service)
{
  gint64 now_us = g_get_monotonic_time ();

  mk_bench_add (lag_ms, (now_us - mk_test_read_stamp (service->stamp_file, "own")) / 1000.0);
}

static void
measure_ours (GArray *lag_ms, MkTestBus *bus)
{
  g_autoptr (MkDBusProbe) probe = mk_dbus_probe_new (bus->address, MK_TEST_BUS_NAME);
  g_autoptr (MkSimpleExecutor) executor = NULL;
  Service service;

  service_init (&service, bus);
  executor = MK_SIMPLE_EXECUTOR (mk_executor_new (service.argv, MK_PROBE (probe)));
  mk_bench_start (executor);
  add_lag (lag_ms, &service);
  mk_bench_stop (executor);
  mk_probe_wait_gone (MK_PROBE (probe), 0, NULL, NULL);
  service_clear (&service);
}

static gboolean
has_owner (MkTestBus *bus)
{
  g_autoptr (GVariant) reply =
      mk_test_bus_call (bus, "NameHasOwner", g_variant_new ("(s)", MK_TEST_BUS_NAME));
  gboolean owned;

  g_variant_get (reply, "(b)", &owned);
  return owned;
}

static void
measure_peer (GArray *lag_ms, MkTestBus *bus)
{
  Service service;
  pid_t pid;

  service_init (&service, bus);
  pid = mk_bench_spawn (service.argv);
  while (!has_owner (bus))
    g_usleep (PEER_INTERVAL_US);
  add_lag (lag_ms, &service);
  mk_bench_end (pid);
  while (has_owner (bus))
    g_usleep (1000);
  service_clear (&service);
}

void
mk_bench_dbus (void)
{
  g_autoptr (GArray) ours = mk_bench_figures_new ();
  g_autoptr (GArray) peer = mk_bench_figures_new ();
  MkTestBus bus;

  mk_test_bus_init (&bus);
  mk_test_bus_start (&bus);
  for (guint i = 0; i < 40; i++)
    measure_ours (ours, &bus);
  for (guint i = 0; i < 40; i++)
    measure_peer (peer, &bus);
  mk_bench_print_row (
      "D-Bus name: RequestName to start() returning", "ms", ours, 1.5, NO_LIMIT, "polled every 100 ms", peer);
  mk_test_bus_clear (&bus);
}
