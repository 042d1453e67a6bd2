/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Programs that do what a library does not expect, before they use it, between two uses, or while a service
 * starts, runs or stops: they reap all children, close all files, leave their root or their user. Each call
 * ends in time, what fails says why, and nothing is left when the program has ended.
 *
 * Each case runs in a process of its own.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUBPROCESS_LIMIT_S 60
#define START_TIMEOUT_MS   (5 * 1000)
#define STOP_TIMEOUT_MS    (1 * 1000)
#define LATE_MS            (2 * 1000)
#define NUMB_TIMEOUT_MS    (1 * 1000)
#define NUMB_LATE_MS       (4 * 1000)
#define NOBODY             65534
#define MAX_DESCRIPTOR     1024

/* AddressSanitizer asks: it cannot look for leaks where /proc or its files are gone. */
int __lsan_is_turned_off (void);

int
__lsan_is_turned_off (void)
{
  return 1;
}

/* ---- what they do ---- */

static gpointer
reap_all (gpointer unused)
{
  while (TRUE)
    if (waitpid (-1, NULL, 0) < 0)
      g_usleep (100);
  return NULL;
}

static gboolean
do_reap (void)
{
  g_thread_unref (g_thread_new ("reaper", reap_all, NULL));
  return TRUE;
}

static gboolean
do_ignore_children (void)
{
  signal (SIGCHLD, SIG_IGN);
  return TRUE;
}

static gboolean
do_forget_children (void)
{
  struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };

  return sigaction (SIGCHLD, &action, NULL) == 0;
}

static gboolean
do_block_signals (void)
{
  sigset_t all;

  sigfillset (&all);
  return sigprocmask (SIG_SETMASK, &all, NULL) == 0;
}

static gboolean
do_close_files (void)
{
  for (int fd = STDERR_FILENO + 1; fd < MAX_DESCRIPTOR; fd++)
    close (fd);
  return TRUE;
}

static gboolean
do_close_streams (void)
{
  close (STDIN_FILENO);
  close (STDOUT_FILENO);
  return TRUE;
}

static gboolean
do_leave_root (void)
{
  g_autofree char *folder = mk_test_new_folder ();

  return chroot (folder) == 0 && chdir ("/") == 0 && rmdir ("/") < 0;
}

static gboolean
do_lose_directory (void)
{
  g_autofree char *folder = mk_test_new_folder ();

  return chdir (folder) == 0 && rmdir (folder) == 0;
}

static gboolean
do_become_nobody (void)
{
  return setgroups (0, NULL) == 0 && setresgid (NOBODY, NOBODY, NOBODY) == 0 &&
         setresuid (NOBODY, NOBODY, NOBODY) == 0 && access (mk_test_service_path (), X_OK) == 0;
}

static gboolean
do_hide_files (void)
{
  umask (0777);
  return TRUE;
}

typedef struct
{
  const char *name;
  gboolean (*act) (void);
  gboolean starts; /* whether a service can be started afterwards */
  gboolean stops;  /* whether one can be stopped */
} Host;

/* No thread of the program can be woken then, which GLib relies on: a start that is under way learns two
 * seconds later that nothing is left, and the end of what runs may take as long as it may take to drop an
 * executor. */
static gboolean
host_is_numb (const Host *self)
{
  return self->act == do_close_files;
}

static const Host hosts[] = {
  { "reaps", do_reap, TRUE, TRUE },
  { "ignores-children", do_ignore_children, TRUE, TRUE },
  { "forgets-children", do_forget_children, TRUE, TRUE },
  { "blocks-signals", do_block_signals, TRUE, TRUE },
  { "closes-files", do_close_files, FALSE, FALSE },
  { "closes-streams", do_close_streams, TRUE, TRUE },
  { "leaves-root", do_leave_root, FALSE, TRUE },
  { "loses-directory", do_lose_directory, TRUE, TRUE },
  { "becomes-nobody", do_become_nobody, TRUE, TRUE },
  { "hides-files", do_hide_files, TRUE, TRUE },
};

/* ---- when ---- */

typedef enum
{
  FIRST,
  BETWEEN,
  STARTING,
  RUNNING,
  STOPPING,
} Phase;

static const char *const phases[] = { "first", "between", "starting", "running", "stopping" };

typedef enum
{
  STOP,
  KILL,
  DROP,
  EXIT,
} End;

static const char *const ends[] = { "stop", "kill", "drop", "exit" };

typedef struct
{
  const Host *host;
  Phase phase;
  End end;
} Case;

static guint
get_start_timeout (const Case *self)
{
  return host_is_numb (self->host) && self->phase == STARTING ? NUMB_TIMEOUT_MS : START_TIMEOUT_MS;
}

static guint
get_lateness (const Case *self)
{
  return host_is_numb (self->host) ? NUMB_LATE_MS : LATE_MS;
}

static Case cases[G_N_ELEMENTS (hosts) * G_N_ELEMENTS (phases) * G_N_ELEMENTS (ends)];

static void
act (const Case *self)
{
  if (!self->host->act ())
    {
      /* Root may do all of this. */
      g_assert_cmpint (geteuid (), !=, 0);
      _exit (0);
    }
}

/* @must_work: or else why not must be said */
static void
check (gboolean done, GError *error, gboolean must_work)
{
  if (must_work)
    g_assert_no_error (error);
  g_assert_true (done != (error != NULL));
  g_assert_true (done || *error->message != '\0');
}

static void
start (const Case *self, MkSimpleExecutor *executor)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done;

  if (self->phase == FIRST || self->phase == BETWEEN)
    act (self);
  if (self->phase != STARTING)
    {
      done = mk_simple_executor_start (executor, NULL, &error);
      check (done, error, self->phase >= RUNNING || self->host->starts);
      return;
    }

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  while (mk_simple_executor_get_pid (executor) == 0 && result == NULL)
    g_main_context_iteration (NULL, TRUE);
  act (self);
  g_assert_true (mk_test_await_result (NULL, &result, get_start_timeout (self) + get_lateness (self)));
  done = mk_simple_executor_start_finish (executor, result, &error);
  check (done, error, self->host->starts);
}

static void
stop_while_acting (const Case *self, MkSimpleExecutor *executor)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done;

  mk_simple_executor_stop_async (executor, NULL, mk_test_store_result, &result);
  act (self);
  g_assert_true (mk_test_await_result (NULL, &result, STOP_TIMEOUT_MS + get_lateness (self)));
  done = mk_simple_executor_stop_finish (executor, result, &error);
  check (done, error, self->host->stops);
}

static void
end (const Case *self, MkSimpleExecutor **executor)
{
  g_autoptr (GError) error = NULL;
  gboolean done;

  if (self->phase == RUNNING)
    act (self);
  if (self->phase == STOPPING)
    stop_while_acting (self, *executor);
  switch (self->end)
    {
    case STOP:
      done = mk_simple_executor_stop (*executor, NULL, &error);
      check (done, error, self->host->stops);
      break;

    case KILL:
      done = mk_simple_executor_kill (*executor, NULL, &error);
      check (done, error, self->host->stops);
      break;

    case DROP:
      g_clear_object (executor);
      break;

    case EXIT:
    default:
      exit (EXIT_SUCCESS);
    }
}

static void
run_case (const Case *self, const char *tag)
{
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--after", "50", "--term-delay", "50", "--children", "1", NULL);
  gint64 begin;

  if (self->phase == BETWEEN)
    {
      mk_test_assert_starts (executor);
      mk_test_assert_stops (executor);
    }

  mk_simple_executor_set_start_timeout (executor, get_start_timeout (self));
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  begin = g_get_monotonic_time ();
  start (self, executor);
  end (self, &executor);
  if (host_is_numb (self->host))
    _exit (0);
  g_assert_cmpint (g_get_monotonic_time () - begin,
                   <,
                   (START_TIMEOUT_MS + STOP_TIMEOUT_MS + LATE_MS) * G_TIME_SPAN_MILLISECOND);
  _exit (0);
}

static void
test_host (gconstpointer data)
{
  const Case *self = data;
  g_autofree char *tag = NULL;

  if (g_test_subprocess ())
    {
      run_case (self, g_getenv ("MK_TEST_TAG"));
      return;
    }

  tag = mk_test_trap_tagged (SUBPROCESS_LIMIT_S);
  g_test_trap_assert_passed ();
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_GONE_MS));
}

int
main (int argc, char **argv)
{
  guint n = 0;

  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++)
    for (guint j = 0; j < G_N_ELEMENTS (phases); j++)
      for (guint k = 0; k < G_N_ELEMENTS (ends); k++)
        {
          g_autofree char *path = g_strdup_printf ("/hosts/%s/%s/%s", hosts[i].name, phases[j], ends[k]);

          if (k != STOP && j != RUNNING)
            continue;
          cases[n] = (Case){ &hosts[i], (Phase) j, (End) k };
          g_test_add_data_func (path, &cases[n++], test_host);
        }

  return g_test_run ();
}
