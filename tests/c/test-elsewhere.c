/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is not on this machine is asked with restraint: servers at the other end of a network, and those who
 * know names.
 *
 * The other end is a network namespace with the far end of a veth pair; the test itself runs in another one.
 */

#define _GNU_SOURCE /* unshare() */

#include "mk-test-calls.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUBPROCESS_LIMIT_S 50
#define NEAR               "10.117.0.1"
#define FAR                "10.117.0.2"
#define FAR_PORT           8080
/* The promise is 60 requests in 12 s; by the intervals that it is made of, that is 40 in the first 4. */
#define BUSY_MS        4000
#define MAX_REQUESTS   40
#define UNKNOWN_MS     5000
#define MAX_LOOKUPS    20
#define NETWORK_IS_OFF 77

/* ---- two networks ---- */

static gboolean
run (const char *command)
{
  int status;

  return g_spawn_command_line_sync (command, NULL, NULL, &status, NULL) && status == 0;
}

static void
enter_new_network (gpointer unused)
{
  if (unshare (CLONE_NEWNET) < 0)
    _exit (NETWORK_IS_OFF);
}

/* Runs @argv at the other end, once that is there. Returns: (nullable): if it cannot be made here */
static GSubprocess *
start_far_away (const char *const *argv)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GSubprocess) far = NULL;
  g_auto (GStrv) command = NULL;
  g_autofree char *link = NULL;
  char byte;

  g_strv_builder_add_many (builder,
                           "sh",
                           "-c",
                           "echo; read go && ip addr add " FAR
                           "/24 dev far && ip link set far up && exec \"$@\"",
                           "sh",
                           NULL);
  g_strv_builder_addv (builder, (const char **) argv);
  command = g_strv_builder_end (builder);
  g_subprocess_launcher_set_child_setup (launcher, enter_new_network, NULL, NULL);
  far = g_subprocess_launcher_spawnv (launcher, (const char *const *) command, NULL);
  if (far == NULL || g_input_stream_read (g_subprocess_get_stdout_pipe (far), &byte, 1, NULL, NULL) != 1)
    return NULL;

  link = g_strdup_printf ("ip link add near type veth peer name far netns %s",
                          g_subprocess_get_identifier (far));
  if (!run (link) || !run ("ip addr add " NEAR "/24 dev near") || !run ("ip link set near up") ||
      !g_output_stream_write_all (g_subprocess_get_stdin_pipe (far), "go\n", 3, NULL, NULL, NULL))
    {
      g_subprocess_force_exit (far);
      return NULL;
    }
  return g_steal_pointer (&far);
}

/* Returns whether this is the subprocess that has a network of its own. */
static gboolean
continue_in_new_network (void)
{
  g_autofree char *ip = g_find_program_in_path ("ip");

  if (g_test_subprocess ())
    {
      enter_new_network (NULL);
      return TRUE;
    }
  if (ip == NULL || geteuid () != 0)
    {
      g_test_skip ("iproute2 is not installed, or this is not root");
      return FALSE;
    }
  g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
  if (!g_test_trap_has_passed () && g_test_trap_reached_timeout ())
    g_test_fail_printf ("it takes more than %d s", SUBPROCESS_LIMIT_S);
  g_test_trap_assert_passed ();
  return FALSE;
}

static void
test_busy_server (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *stamps = g_build_filename (folder, "stamps", NULL);
  const char *argv[] = { mk_test_service_path (),
                         "--listen",
                         FAR ":" G_STRINGIFY (FAR_PORT),
                         "--http",
                         "503 Busy",
                         "--stamp",
                         stamps,
                         NULL };
  g_autoptr (MkHttpProbe) probe = mk_http_probe_new ("http://" FAR ":" G_STRINGIFY (FAR_PORT) "/");
  g_autoptr (GSubprocess) server = NULL;
  g_autoptr (GError) error = NULL;
  guint n_requests, n_connections;

  if (!continue_in_new_network ())
    return;
  server = start_far_away (argv);
  if (server == NULL)
    {
      g_test_message ("a network of its own cannot be made here");
      return;
    }
  g_assert_false (mk_test_probe_wait (probe, BUSY_MS, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "HTTP 503 Busy");
  n_requests = mk_test_count_stamps (stamps, "request");
  n_connections = mk_test_count_stamps (stamps, "connection");
  g_test_message ("%u requests, %u connections", n_requests, n_connections);
  g_assert_cmpuint (n_requests, >, 5);
  g_assert_cmpuint (n_requests, <, MAX_REQUESTS);
  g_assert_cmpuint (n_connections, <=, n_requests + 1);
  g_subprocess_force_exit (server);
  g_assert_true (g_subprocess_wait (server, NULL, NULL));
}

/* ---- names ---- */

#define TEST_TYPE_RESOLVER (test_resolver_get_type ())
G_DECLARE_FINAL_TYPE (TestResolver, test_resolver, TEST, RESOLVER, GResolver)

/* One that knows no names */
struct _TestResolver
{
  GResolver parent_instance;

  gint n_lookups; /* (atomic) */
};

G_DEFINE_FINAL_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

#define WORDS "nobody has heard of it"

static GList *
test_resolver_lookup (GResolver *resolver,
                      const char *name,
                      GResolverNameLookupFlags flags,
                      GCancellable *cancellable,
                      GError **error)
{
  g_atomic_int_inc (&TEST_RESOLVER (resolver)->n_lookups);
  g_set_error_literal (error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, WORDS);
  return NULL;
}

static void
test_resolver_lookup_async (GResolver *resolver,
                            const char *name,
                            GResolverNameLookupFlags flags,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, data);
  GError *error = NULL;

  test_resolver_lookup (resolver, name, flags, cancellable, &error);
  g_task_return_error (task, error);
}

static GList *
test_resolver_lookup_finish (GResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static GList *
test_resolver_lookup_plain (GResolver *resolver, const char *name, GCancellable *cancellable, GError **error)
{
  return test_resolver_lookup (resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, error);
}

static void
test_resolver_lookup_plain_async (GResolver *resolver,
                                  const char *name,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer data)
{
  test_resolver_lookup_async (
      resolver, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, callback, data);
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  GResolverClass *resolver_class = G_RESOLVER_CLASS (klass);

  resolver_class->lookup_by_name = test_resolver_lookup_plain;
  resolver_class->lookup_by_name_async = test_resolver_lookup_plain_async;
  resolver_class->lookup_by_name_finish = test_resolver_lookup_finish;
  resolver_class->lookup_by_name_with_flags = test_resolver_lookup;
  resolver_class->lookup_by_name_with_flags_async = test_resolver_lookup_async;
  resolver_class->lookup_by_name_with_flags_finish = test_resolver_lookup_finish;
}

static void
test_resolver_init (TestResolver *self)
{
}

static void
check_unknown_name (gpointer probe)
{
  g_autoptr (GResolver) before = g_resolver_get_default ();
  g_autoptr (TestResolver) resolver = g_object_new (TEST_TYPE_RESOLVER, NULL);
  g_autoptr (GError) error = NULL;
  gint n_lookups;

  g_resolver_set_default (G_RESOLVER (resolver));
  g_assert_false (mk_test_probe_wait (probe, UNKNOWN_MS, NULL, &error));
  g_resolver_set_default (before);
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "db.invalid");
  mk_test_assert_contains (error->message, WORDS);
  n_lookups = g_atomic_int_get (&resolver->n_lookups);
  g_test_message ("%d look-ups", n_lookups);
  g_assert_cmpint (n_lookups, >, 2);
  g_assert_cmpint (n_lookups, <, MAX_LOOKUPS);
}

static void
test_unknown_name_of_port (void)
{
  g_autoptr (MkTcpProbe) probe = mk_tcp_probe_new ("db.invalid", 5432);

  check_unknown_name (probe);
}

static void
test_unknown_name_of_url (void)
{
  g_autoptr (MkHttpProbe) probe = mk_http_probe_new ("http://db.invalid/");

  check_unknown_name (probe);
}

static void
test_unknown_name_among_others (void)
{
  g_autoptr (MkProbe) far = MK_PROBE (mk_tcp_probe_new ("db.invalid", 5432));
  g_autoptr (MkProbe) near = MK_PROBE (mk_tcp_probe_new ("127.0.0.1", mk_test_free_port ()));
  g_autoptr (MkAnyProbe) any = mk_any_probe_new ((MkProbe *[]){ far, near }, 2);

  check_unknown_name (any);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/elsewhere/busy-server", test_busy_server);
  mk_test_add ("/elsewhere/unknown-name/port", test_unknown_name_of_port);
  mk_test_add_once ("/elsewhere/unknown-name/url", test_unknown_name_of_url);
  mk_test_add_once ("/elsewhere/unknown-name/among-others", test_unknown_name_among_others);

  return g_test_run ();
}
