/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Nothing is left: badly behaved services, times the ways in which they, or the program that started them,
 * can come to an end.
 *
 * Each pair is a run: a host process starts the service, the test sees it live, tells the host to end, and
 * looks for survivors. The runs of one way are made side by side, on threads, when the first test case of
 * that way asks for its result; a thread touches nothing but its own Run, and is joined before the Run is
 * read.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mk-test-calls.h"

#define RUNS_AT_A_TIME   4
#define N_EXITS          20
#define HOST_LIFETIME_MS (20 * 1000)

typedef struct
{
  const char *name;
  const char *arguments;
  gboolean kill_main; /* the host kills the main process, once the service is ready */
} Service;

typedef enum
{
  HOST_LIVES = 1 << 0, /* the host is still there while survivors are looked for */
  AT_ONCE = 1 << 1,    /* nothing may be left when it has ended, not even for a moment */
  STOPS = 1 << 2,      /* the service is asked to stop, so the outcome tells how it went */
  COPY_LIVES = 1 << 3, /* a forked copy of the host lives on */
} WayFlags;

typedef struct
{
  const char *name;
  WayFlags flags;
} Way;

typedef struct
{
  const Service *service;
  const Way *way;
  char *tag;
  guint port;
  GPid host; /* 0 once it was reaped */
  int to_host;
  FILE *from_host;
  pid_t supervisor;
  pid_t copy;
  char *outcome; /* the line that the host said at its end */
  char *failure; /* (nullable): what went wrong */
} Run;

static const Service services[] = {
  { "well-behaved", "", FALSE },
  { "children", "--children 3", FALSE },
  { "setsid-children", "--children 3 --setsid-children", FALSE },
  { "daemon", "--daemon --children 1", FALSE },
  { "scrubbed-daemon", "--daemon --scrub-env", FALSE },
  { "deaf", "--deaf --children 2 --setsid-children", FALSE },
  { "stopped", "--stopped --children 1", FALSE },
  { "fork-forever", "--fork-forever --setsid-children", FALSE },
  { "fork-children", "--fork-children --setsid-children", FALSE },
  { "orphan", "--orphan", TRUE },
};

static const Way ways[] = {
  { "stop", HOST_LIVES | AT_ONCE | STOPS },
  { "kill", HOST_LIVES | AT_ONCE },
  { "drop", HOST_LIVES | AT_ONCE },
  { "exit", AT_ONCE },
  { "_exit", 0 },
  { "sigkill", 0 },
  { "sigsegv", 0 },
  { "exec", HOST_LIVES },
  { "sigkill-with-copy", COPY_LIVES },
  { "supervisor-sigkill", HOST_LIVES },
};

static Run runs[G_N_ELEMENTS (ways)][G_N_ELEMENTS (services)];
static gboolean was_run[G_N_ELEMENTS (ways)];

/* The host */

static char **
host_argv (const Run *run)
{
  g_autofree char *command =
      g_strdup_printf ("%s --way %s --port %u %s -- %s --listen 127.0.0.1:%u --lifetime 30 %s",
                       mk_test_host_path (),
                       run->way->name,
                       run->port,
                       run->service->kill_main ? "--kill-main" : "",
                       mk_test_service_path (),
                       run->port,
                       run->service->arguments);
  g_autoptr (GError) error = NULL;
  char **argv = NULL;

  g_shell_parse_argv (command, NULL, &argv, &error);
  g_assert_no_error (error);
  return argv;
}

static void
launch (Run *run)
{
  g_auto (GStrv) argv = NULL;
  g_auto (GStrv) envp = g_environ_setenv (g_get_environ (), "MK_TEST_TAG", run->tag, TRUE);
  g_autoptr (GError) error = NULL;
  int from_host = -1;

  /* LeakSanitizer takes what a forked copy cannot free any more for lost. */
  envp = g_environ_setenv (envp, "LSAN_OPTIONS", "detect_leaks=0", TRUE);
  run->port = mk_test_free_port ();
  argv = host_argv (run);
  g_spawn_async_with_pipes (NULL,
                            argv,
                            envp,
                            G_SPAWN_DO_NOT_REAP_CHILD,
                            NULL,
                            NULL,
                            &run->host,
                            &run->to_host,
                            &from_host,
                            NULL,
                            &error);
  g_assert_no_error (error);
  run->from_host = fdopen (from_host, "r");
  /* Unbuffered, so that poll() knows all that is there to read. */
  setvbuf (run->from_host, NULL, _IONBF, 0);
}

/* NULL if the host says nothing in time, or has ended. */
static char *
hear (Run *run)
{
  gint64 deadline = g_get_monotonic_time () + HOST_LIFETIME_MS * G_TIME_SPAN_MILLISECOND;
  GString *line = g_string_new (NULL);

  while (g_get_monotonic_time () < deadline)
    {
      struct pollfd fd = { .fd = fileno (run->from_host), .events = POLLIN };
      int c;

      if (poll (&fd, 1, 100) <= 0)
        continue;
      c = fgetc (run->from_host);
      if (c == '\n')
        return g_string_free (line, FALSE);
      if (c == EOF)
        break;
      g_string_append_c (line, c);
    }
  g_string_free (line, TRUE);
  return NULL;
}

/* Through a pidfd, to know it in the instant. */
static gboolean
await_host (Run *run)
{
  struct pollfd fd = { .fd = syscall (SYS_pidfd_open, run->host, 0), .events = POLLIN };
  gboolean ended = poll (&fd, 1, HOST_LIFETIME_MS) == 1;

  close (fd.fd);
  if (ended)
    {
      waitpid (run->host, NULL, 0);
      run->host = 0;
    }
  return ended;
}

static void fail (Run *run, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The first thing that went wrong is what a run reports. */
static void
fail (Run *run, const char *format, ...)
{
  va_list args;

  if (run->failure != NULL)
    return;
  va_start (args, format);
  run->failure = g_strdup_vprintf (format, args);
  va_end (args);
}

/* A run */

/*
 * One that forks all the time may slip through a look at /proc, but always holds the port. A child that was
 * forked before the service listened does not hold the port, but stays to be seen.
 */
static gboolean
nothing_is_left (gpointer data)
{
  Run *run = data;

  return mk_test_count_tagged (run->tag) == 0 && !mk_test_port_accepts (run->port);
}

static gboolean
start_service (Run *run)
{
  g_autofree char *line = hear (run);
  int host, supervisor;

  if (line == NULL || sscanf (line, "ready %d %d", &host, &supervisor) != 2)
    {
      fail (run, "the host did not start the service: %s", line);
      return FALSE;
    }
  run->supervisor = supervisor;
  if (nothing_is_left (run))
    fail (run, "the service does not live");
  if (!mk_test_process_lives (run->supervisor))
    fail (run, "the supervisor does not live");
  return TRUE;
}

static void
end_host (Run *run)
{
  if (write (run->to_host, "go\n", 3) != 3)
    fail (run, "the host has gone too early");
  if (run->way->flags & (HOST_LIVES | COPY_LIVES))
    {
      run->outcome = hear (run);
      if (run->outcome == NULL)
        fail (run, "the host did not come to its end");
    }
  if (run->outcome != NULL && run->way->flags & COPY_LIVES)
    run->copy = atoi (run->outcome + strlen ("copy "));
  if (!(run->way->flags & HOST_LIVES) && !await_host (run))
    fail (run, "the host does not end");
}

/*
 * The one known exception: a daemon with an empty environment has lost the marker, and if the supervisor,
 * which knew it as its descendant, is killed, there is nothing left to tell it by.
 */
static gboolean
is_known_exception (const Run *run)
{
  return g_str_equal (run->service->name, "scrubbed-daemon") &&
         g_str_equal (run->way->name, "supervisor-sigkill");
}

static void
look_for_survivors (Run *run)
{
  guint limit_ms = run->way->flags & AT_ONCE ? 0 : MK_TEST_GONE_MS;

  if (!is_known_exception (run) && !mk_test_poll_until (nothing_is_left, run, limit_ms))
    {
      g_autofree char *survivors = mk_test_describe_tagged (run->tag);

      fail (run,
            "left after %u ms: port %u%s, %s",
            limit_ms,
            run->port,
            mk_test_port_accepts (run->port) ? " held" : "",
            survivors);
    }
  if (!mk_test_wait_dead (run->supervisor, MK_TEST_GONE_MS))
    fail (run, "the supervisor (pid %d) is left", (int) run->supervisor);
}

static void
clean_up (Run *run)
{
  close (run->to_host);
  if (run->copy > 0)
    kill (run->copy, SIGKILL);
  if (run->host != 0 && !await_host (run))
    {
      fail (run, "the host does not end when told to");
      kill (run->host, SIGKILL);
      await_host (run);
    }
  fclose (run->from_host);
  mk_test_kill_tagged (run->tag);
}

static void
make_run (gpointer data, gpointer unused)
{
  Run *run = data;

  run->tag = mk_test_new_tag ();
  launch (run);
  if (start_service (run))
    {
      end_host (run);
      look_for_survivors (run);
    }
  clean_up (run);
}

static void
make_runs (guint way)
{
  GThreadPool *pool;

  if (was_run[way])
    return;
  was_run[way] = TRUE;
  pool = g_thread_pool_new (make_run, NULL, RUNS_AT_A_TIME, TRUE, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (services); i++)
    {
      runs[way][i].way = &ways[way];
      runs[way][i].service = &services[i];
      if (mk_test_can_follow (services[i].arguments))
        g_thread_pool_push (pool, &runs[way][i], NULL);
    }
  g_thread_pool_free (pool, FALSE, TRUE);
}

/* The status of a service whose main process was killed is not one to keep silent about; others ended well.
 */
static void
check_outcome (Run *run)
{
  gboolean is_clean = g_strcmp0 (run->outcome, "ended") == 0;

  if (run->way->flags & STOPS && is_clean == run->service->kill_main)
    fail (run, "stop() reported: %s", run->outcome);
}

static void
test_pair (gconstpointer data)
{
  guint index = GPOINTER_TO_UINT (data);
  guint way = index / G_N_ELEMENTS (services);
  Run *run = &runs[way][index % G_N_ELEMENTS (services)];

  if (!mk_test_can_follow (services[index % G_N_ELEMENTS (services)].arguments) &&
      !mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  make_runs (way);
  check_outcome (run);
  if (run->failure != NULL)
    g_test_fail_printf ("%s", run->failure);
  else if (is_known_exception (run))
    g_test_skip ("the one known exception: ended by the test");
  g_clear_pointer (&run->failure, g_free);
  g_clear_pointer (&run->outcome, g_free);
  g_clear_pointer (&run->tag, g_free);
}

/* No service, no supervisor, and no waiting for it: what a test runner sees right after its test. */
static void
test_exit_leaves_nothing_at_all (gconstpointer way)
{
  const Way exit_way = { way, AT_ONCE };

  for (guint i = 0; i < N_EXITS && !g_test_failed (); i++)
    {
      g_autofree char *tag = mk_test_new_tag ();
      Run run = { .service = &services[0], .way = &exit_way, .tag = tag };

      launch (&run);
      if (start_service (&run))
        end_host (&run);
      if (mk_test_process_lives (run.supervisor))
        fail (&run, "the supervisor is left");
      if (!nothing_is_left (&run))
        fail (&run, "the service is left");
      clean_up (&run);
      if (run.failure != NULL)
        g_test_fail_printf ("exit %u: %s", i, run.failure);
      g_free (run.failure);
    }
}

/* A forked child of the host is not the host: what it drops, and its own exit, end nothing. */
static void
test_copy_ends (gconstpointer way)
{
  const Way copy_way = { way, HOST_LIVES };
  g_autofree char *tag = mk_test_new_tag ();
  Run run = { .service = &services[1], .way = &copy_way, .tag = tag };

  launch (&run);
  g_assert_true (start_service (&run));
  end_host (&run);
  g_assert_cmpstr (run.outcome, ==, "ended");
  /* The main process and its three children */
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 4);
  g_assert_true (mk_test_process_lives (run.supervisor));
  close (run.to_host);
  run.to_host = -1;
  g_assert_true (await_host (&run));
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
  g_assert_null (run.failure);
  fclose (run.from_host);
  g_free (run.outcome);
}

/* With both who could end it gone in one moment, the service itself must not go on. */
static void
test_host_and_supervisor_sigkilled (void)
{
  static const Way no_way = { "sigkill", 0 };
  g_autofree char *tag = mk_test_new_tag ();
  Run run = { .service = &services[0], .way = &no_way, .tag = tag };

  if (!mk_test_has_linux_features ("a service dies with its supervisor"))
    return;
  launch (&run);
  g_assert_true (start_service (&run));
  /* A stopped host cannot do the supervisor's work before it is killed too. */
  kill (run.host, SIGSTOP);
  kill (run.supervisor, SIGKILL);
  kill (run.host, SIGKILL);
  look_for_survivors (&run);
  clean_up (&run);
  if (run.failure != NULL)
    g_test_fail_printf ("%s", run.failure);
  g_free (run.failure);
}

static GSubprocess *
start_bystander (const char *marker)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  GSubprocess *bystander;
  char said[4] = { 0 };

  g_subprocess_launcher_setenv (launcher, "mirakuru_uuid", marker, TRUE);
  bystander =
      g_subprocess_launcher_spawn (launcher, NULL, "sh", "-c", "echo up; exec sleep 60", marker, NULL);
  g_input_stream_read_all (g_subprocess_get_stdout_pipe (bystander), said, 3, NULL, NULL, NULL);
  g_assert_cmpstr (said, ==, "up\n");
  return bystander;
}

static pid_t
find_supervisor (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);

  g_assert_cmpuint (children->len, ==, 1);
  return g_array_index (children, pid_t, 0);
}

static char **
make_similar_markers (MkSimpleExecutor *executor)
{
  g_auto (GStrv) environment = mk_simple_executor_dup_environment (executor);
  const char *marker = g_environ_getenv (environment, "mirakuru_uuid");
  g_autofree char *similar = g_strdup_printf ("1%s %s0 %s: x%s %d:%s",
                                              marker,
                                              marker,
                                              marker,
                                              marker,
                                              (int) getpid (), /* as in another container */
                                              "12345678-1234-4123-8123-123456789012");

  return g_strsplit (similar, " ", -1);
}

/* With the supervisor gone, the marker is all that is left to tell whose a process is. */
static void
test_sweep_spares_others (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--daemon", "--children", "1", NULL);
  g_autoptr (MkSimpleExecutor) other = mk_test_executor_new ("other", NULL);
  g_autoptr (GPtrArray) bystanders = g_ptr_array_new_with_free_func (g_object_unref);
  g_auto (GStrv) markers = make_similar_markers (executor);
  pid_t supervisor;

  if (!mk_test_has_linux_features ("processes are found by their marker"))
    return;
  mk_test_assert_starts (executor);
  supervisor = find_supervisor ();
  mk_test_assert_starts (other);
  for (guint i = 0; markers[i] != NULL; i++)
    g_ptr_array_add (bystanders, start_bystander (markers[i]));
  kill (supervisor, SIGKILL);
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_GONE_MS));
  mk_test_stop (executor, NULL, NULL);

  g_assert_cmpuint (bystanders->len, ==, 5);
  for (guint i = 0; i < bystanders->len; i++)
    {
      GSubprocess *bystander = g_ptr_array_index (bystanders, i);

      g_assert_true (mk_test_process_lives (atoi (g_subprocess_get_identifier (bystander))));
      g_subprocess_force_exit (bystander);
      g_assert_true (g_subprocess_wait (bystander, NULL, NULL));
    }
  g_assert_true (mk_simple_executor_get_running (other));
  mk_test_assert_stops (other);
}

int
main (int argc, char **argv)
{
  mk_test_adopt_orphans ();
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);

  mk_test_add ("/leaks/sweep-spares-others", test_sweep_spares_others);
  for (guint way = 0; way < G_N_ELEMENTS (ways); way++)
    for (guint i = 0; i < G_N_ELEMENTS (services); i++)
      {
        g_autofree char *path = g_strdup_printf ("/leaks/%s/%s", ways[way].name, services[i].name);

        g_test_add_data_func (path, GUINT_TO_POINTER (way * G_N_ELEMENTS (services) + i), test_pair);
      }
  g_test_add_data_func ("/leaks/exit-leaves-nothing-at-all", "exit", test_exit_leaves_nothing_at_all);
  g_test_add_data_func (
      "/leaks/exit-while-threads-start", "exit-while-starting", test_exit_leaves_nothing_at_all);
  g_test_add_data_func ("/leaks/copy-drops", "copy-drops", test_copy_ends);
  g_test_add_data_func ("/leaks/raw-copy-drops", "raw-copy-drops", test_copy_ends);
  g_test_add_data_func ("/leaks/raw-copy-exits", "raw-copy-exits", test_copy_ends);
  g_test_add_func ("/leaks/host-and-supervisor-sigkilled", test_host_and_supervisor_sigkilled);

  return g_test_run ();
}
