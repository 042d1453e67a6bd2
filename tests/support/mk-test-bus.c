/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A message bus of a test: a dbus-daemon with a socket in a folder of its own.
 */

#include "mk-test-bus.h"

#include <signal.h>
#include <unistd.h>

#include "mk-test-calls.h"

#define LONG_MS  (60 * 1000)
#define BUS_NAME "org.freedesktop.DBus"

void
mk_test_bus_init (MkTestBus *self)
{
  g_autofree char *option = NULL;
  g_autoptr (MkDBusProbe) probe = NULL;

  self->folder = mk_test_new_folder ();
  self->address = g_strdup_printf ("unix:path=%s/bus", self->folder);
  self->owner = NULL;
  option = g_strconcat ("--address=", self->address, NULL);
  probe = mk_dbus_probe_new (self->address, BUS_NAME);
  self->daemon = MK_SIMPLE_EXECUTOR (mk_executor_new (
      (const char *[]){ "dbus-daemon", "--session", "--nofork", "--nopidfile", option, NULL },
      MK_PROBE (probe)));
  mk_simple_executor_set_start_timeout (self->daemon, MK_TEST_LIMIT_MS);
}

/* In any thread, without the main loop of the test. */
void
mk_test_bus_start (MkTestBus *self)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_start (self->daemon, NULL, &error);
  g_assert_no_error (error);
}

void
mk_test_bus_signal (MkTestBus *self, int number)
{
  g_assert_cmpint (kill (mk_simple_executor_get_pid (self->daemon), number), ==, 0);
}

/* Even a hung one. */
void
mk_test_bus_stop (MkTestBus *self)
{
  g_autoptr (GError) error = NULL;

  g_clear_object (&self->owner);
  mk_simple_executor_kill (self->daemon, NULL, &error);
  g_assert_no_error (error);
}

void
mk_test_bus_clear (MkTestBus *self)
{
  g_autoptr (GArray) children = NULL;

  mk_test_bus_stop (self);
  g_object_unref (self->daemon);
  g_free (self->address);
  mk_test_remove_folder (self->folder);
  children = mk_test_find_children (getpid (), TRUE);
  g_assert_cmpuint (children->len, ==, 0);
}

GVariant *
mk_test_bus_call (MkTestBus *self, const char *method, GVariant *parameters)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply;

  if (self->owner == NULL)
    self->owner = g_dbus_connection_new_for_address_sync (self->address,
                                                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                              G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                          NULL,
                                                          NULL,
                                                          &error);
  g_assert_no_error (error);

  reply = g_dbus_connection_call_sync (self->owner,
                                       BUS_NAME,
                                       "/org/freedesktop/DBus",
                                       BUS_NAME,
                                       method,
                                       parameters,
                                       NULL,
                                       G_DBUS_CALL_FLAGS_NONE,
                                       MK_TEST_LIMIT_MS,
                                       NULL,
                                       &error);
  g_assert_no_error (error);
  return reply;
}

void
mk_test_bus_own (MkTestBus *self)
{
  g_variant_unref (mk_test_bus_call (self, "RequestName", g_variant_new ("(su)", MK_TEST_BUS_NAME, 0)));
}

void
mk_test_bus_release (MkTestBus *self)
{
  g_variant_unref (mk_test_bus_call (self, "ReleaseName", g_variant_new ("(s)", MK_TEST_BUS_NAME)));
}

/* The threads in which something happens while the test waits. */

gpointer
mk_test_bus_own_later (gpointer self)
{
  g_usleep (20 * 1000);
  mk_test_bus_own (self);
  return NULL;
}

gpointer
mk_test_bus_release_later (gpointer self)
{
  g_usleep (20 * 1000);
  mk_test_bus_release (self);
  return NULL;
}

gpointer
mk_test_bus_start_and_own_later (gpointer self)
{
  g_usleep (20 * 1000);
  mk_test_bus_start (self);
  mk_test_bus_own (self);
  return NULL;
}

gpointer
mk_test_bus_stop_later (gpointer self)
{
  g_usleep (20 * 1000);
  mk_test_bus_stop (self);
  return NULL;
}

gpointer
mk_test_bus_continue_later (gpointer self)
{
  g_usleep (300 * 1000);
  mk_test_bus_signal (self, SIGCONT);
  return NULL;
}

/* Checks */

void
mk_test_bus_assert_says (gpointer probe, gboolean expected)
{
  g_autoptr (GError) error = NULL;
  gboolean there = mk_test_check (probe, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (there, ==, expected);
}

void
mk_test_bus_assert_comes (gpointer probe, GThreadFunc func, MkTestBus *self)
{
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("comes", func, self);

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
}

void
mk_test_bus_assert_goes (gpointer probe, GThreadFunc func, MkTestBus *self)
{
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("goes", func, self);

  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
}

void
mk_test_bus_assert_times_out (gpointer probe, guint timeout_ms, const char *seen)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_probe_wait (probe, timeout_ms, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, MK_TEST_BUS_NAME " to have an owner on the bus at unix:path=");
  mk_test_assert_contains (error->message, seen);
}
