/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services that hang in every way there is, against what waits for them: all end in a time-out, in time, and
 * nothing of them is left.
 *
 * The pairs that are not here are where the rest of the same executor is: those of HTTP over TCP with servers
 * that accept in test-http-hung, those of files in test-pid-file, those of output in test-output-executor,
 * and most of Unix sockets in test-unix-socket.
 */

#include "mk-test-calls.h"

#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 300
#define N_TRIES     3

typedef enum
{
  TCP = 1 << 0,
  HTTP = 1 << 1,
  UNIX_SOCKET = 1 << 2,
  HTTP_OVER_UNIX = 1 << 3,
  CLIENT = 1 << 4,  /* a command that talks to the service */
  COMMAND = 1 << 5, /* a command that hangs as the service would */
} Waiter;

typedef struct
{
  const char *name;
  const char *options; /* of the service; ADDRESS stands for where it is waited for */
  guint waiters;       /* of Waiter */
} Hung;

typedef struct
{
  const Hung *hung;
  Waiter waiter;
} Pair;

#define ASKERS  (HTTP_OVER_UNIX | CLIENT)
#define CALLERS (TCP | HTTP | HTTP_OVER_UNIX | CLIENT)

static const Hung table[] = {
  { "accepts-and-never-answers", "--listen ADDRESS --http silent", ASKERS },
  { "drips-a-header", "--listen ADDRESS --http drip", ASKERS },
  { "endless-header", "--listen ADDRESS --http endless-header", ASKERS },
  { "endless-body", "--listen ADDRESS --http endless-body", ASKERS },
  { "garbage", "--listen ADDRESS --http garbage", ASKERS },
  { "closes-at-once", "--listen ADDRESS --http close", ASKERS },
  { "always-500", "--listen ADDRESS --http 500", ASKERS },
  { "redirect-loop", "--listen ADDRESS --http redirect", ASKERS },
  { "full-backlog", "--listen ADDRESS --full-backlog", CALLERS | UNIX_SOCKET },
  { "bound-but-not-listening", "--listen ADDRESS --bind-only", CALLERS },
  { "stopped-while-listening", "--listen ADDRESS --http ok --stopped", ASKERS },
  { "never-listens", "--deaf --children 2 --setsid-children", CALLERS | COMMAND },
  { "silent-daemon", "--daemon --deaf", CALLERS },
  { "stopped", "--stopped --children 1", CALLERS | COMMAND },
  { "floods-output", "--flood 2000000000", CALLERS | COMMAND },
};

static const struct
{
  Waiter waiter;
  const char *name;
} waiters[] = {
  { TCP, "tcp" },
  { HTTP, "http" },
  { UNIX_SOCKET, "unix-socket" },
  { HTTP_OVER_UNIX, "http-over-unix-socket" },
  { CLIENT, "client" },
  { COMMAND, "command" },
};

static Pair pairs[G_N_ELEMENTS (table) * G_N_ELEMENTS (waiters)];

/* ---- executors ---- */

static char **
build_argv (const char *tag, const char *options, const char *address)
{
  g_auto (GStrv) words = g_strsplit (options, " ", -1);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add_many (builder, mk_test_service_path (), "--tag", tag, NULL);
  for (guint i = 0; words[i] != NULL; i++)
    g_strv_builder_add (builder, g_str_equal (words[i], "ADDRESS") ? address : words[i]);
  return g_strv_builder_end (builder);
}

static gpointer
new_http (const char *const *argv, guint port, const char *socket_path)
{
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u/", port);
  MkHttpExecutor *executor = mk_http_executor_new (argv, uri);

  mk_http_executor_set_method (executor, "GET");
  mk_http_executor_set_body_pattern (executor, "never there");
  mk_http_executor_set_socket_path (executor, socket_path);
  return executor;
}

static gpointer
new_with_command (const char *const *argv, const char *const *command)
{
  g_autoptr (MkCommandProbe) probe = mk_command_probe_new (command);

  return mk_executor_new (argv, MK_PROBE (probe));
}

static gpointer
new_with_client (const char *const *argv, guint port)
{
  g_autofree char *digits = g_strdup_printf ("%u", port);
  const char *command[] = { "redis-cli", "-e", "-p", digits, "ping", NULL };

  return new_with_command (argv, command);
}

/* The first run, before anything is started and before the deadline begins, does not hang. */
static gpointer
new_with_hanging_command (const char *tag, const char *const *hanging, const char *folder)
{
  const char *argv[] = { mk_test_service_path (), "--tag", tag, NULL };
  g_autofree char *path = g_build_filename (folder, "was-run", NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) command = NULL;

  g_strv_builder_add_many (builder, "sh", "-c", "[ -e $0 ] || { > $0; exit 1; }; exec \"$@\"", path, NULL);
  g_strv_builder_addv (builder, (const char **) hanging);
  command = g_strv_builder_end (builder);
  return new_with_command (argv, (const char *const *) command);
}

static gpointer
new_executor (const Pair *pair, const char *tag, const char *folder)
{
  guint port = mk_test_free_port ();
  g_autofree char *path = g_build_filename (folder, "socket", NULL);
  g_autofree char *address =
      pair->waiter & (UNIX_SOCKET | HTTP_OVER_UNIX) ? g_strdup (path) : mk_test_service_address (port);
  g_auto (GStrv) built = build_argv (tag, pair->hung->options, address);
  const char *const *argv = (const char *const *) built;

  switch (pair->waiter)
    {
    case TCP:
      return mk_tcp_executor_new (argv, "127.0.0.1", port);
    case HTTP:
      return new_http (argv, port, NULL);
    case UNIX_SOCKET:
      return mk_unix_socket_executor_new (argv, path);
    case HTTP_OVER_UNIX:
      return new_http (argv, port, path);
    case CLIENT:
      return new_with_client (argv, port);
    case COMMAND:
      return new_with_hanging_command (tag, argv, folder);
    default:
      g_assert_not_reached ();
    }
}

/* ---- the test ---- */

static gboolean
has_no_children (gpointer unused)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);

  return children->len == 0;
}

/*
 * The service is gone when the start has failed. A command that asks is waited for too, but not for longer
 * than the margin allows: on a busy machine the end of it comes later.
 */
static gboolean
command_is_gone (const Pair *pair)
{
  if (!(pair->waiter & (CLIENT | COMMAND)) || has_no_children (NULL))
    return TRUE;
  g_assert_true (mk_test_poll_until (has_no_children, NULL, MK_TEST_GONE_MS));
  return FALSE;
}

/* Returns: whether it, and the command with it, ended in time */
static gboolean
start_in_vain (const Pair *pair)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autoptr (MkSimpleExecutor) executor = new_executor (pair, tag, folder);
  g_autoptr (GError) error = NULL;
  MkTestLimit limit;
  gboolean in_time;

  mk_simple_executor_set_start_timeout (executor, DEADLINE_MS);
  mk_test_limit_begin (&limit, DEADLINE_MS);
  g_assert_false (mk_test_start (executor, NULL, &error));
  in_time = mk_test_limit_end (&limit);
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_state (executor, MK_EXECUTOR_STATE_STOPPED);
  in_time = command_is_gone (pair) && in_time;
  mk_test_assert_nothing_left (tag);
  return in_time;
}

/* Being late once may be the fault of a machine that is busy with something else. */
static void
test_pair (gconstpointer data)
{
  const Pair *pair = data;
  gboolean in_time = FALSE;

  if (pair->waiter == CLIENT && !mk_test_has_program ("redis-cli"))
    return;
  if (!mk_test_can_follow (pair->hung->options) &&
      !mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  for (guint i = 0; i < N_TRIES && !in_time; i++)
    in_time = start_in_vain (pair);
  g_assert_true (in_time);
}

int
main (int argc, char **argv)
{
  guint n = 0;

  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    for (guint j = 0; j < G_N_ELEMENTS (table); j++)
      {
        g_autofree char *path = g_strdup_printf ("/hung/%s/%s", waiters[i].name, table[j].name);

        if (!(table[j].waiters & waiters[i].waiter))
          continue;
        pairs[n] = (Pair){ &table[j], waiters[i].waiter };
        mk_test_add_with_data (path, test_pair, &pairs[n++]);
      }

  return g_test_run ();
}
