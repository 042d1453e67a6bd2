/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <mirakuru-glib-test.h>

typedef struct
{
  MkTcpExecutor *redis;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  const char *const command[] = { "redis-server", "--port", "{port}", "--save", "", NULL };

  if (mk_gtest_skip_without ("redis-server") || mk_gtest_skip_without ("redis-cli"))
    return;

  self->redis = mk_tcp_executor_new (command, "127.0.0.1", 0); /* each start has a free port */
  mk_gtest_start (self->redis);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  mk_gtest_stop (self->redis);
  g_clear_object (&self->redis);
}

static void
assert_answer (Fixture *self, const char *request, const char *expected)
{
  g_autofree char *port = mk_simple_executor_dup_value (MK_SIMPLE_EXECUTOR (self->redis), "port");
  g_autofree char *command = g_strdup_printf ("redis-cli -p %s %s", port, request);
  g_autofree char *answer = NULL;
  g_autoptr (GError) error = NULL;

  g_spawn_command_line_sync (command, &answer, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (answer, ==, expected);
}

static void
test_ping (Fixture *self, gconstpointer data)
{
  if (self->redis == NULL)
    return;

  assert_answer (self, "ping", "PONG\n");
}

/* Each case has a server of its own: what another one has set is not there. */
static void
test_set (Fixture *self, gconstpointer data)
{
  if (self->redis == NULL)
    return;

  assert_answer (self, "get tea", "\n");
  assert_answer (self, "set tea green", "OK\n");
  assert_answer (self, "get tea", "green\n");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/redis/ping", Fixture, NULL, set_up, test_ping, tear_down);
  g_test_add ("/redis/set", Fixture, NULL, set_up, test_set, tear_down);
  g_test_add ("/redis/set-again", Fixture, NULL, set_up, test_set, tear_down);

  return g_test_run ();
}
