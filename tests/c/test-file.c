/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the probe says of a file in all states that one can be in, and that it is woken at once when that
 * changes.
 */

#define _GNU_SOURCE /* unshare() */

#include "mk-test-calls.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS (60 * 1000)

static void
assert_says (const char *path, gboolean expected)
{
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);

  mk_test_assert_probe_says (probe, expected);
}

static void
assert_not_there (const char *path, const char *seen)
{
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);

  mk_test_assert_probe_waits_in_vain (probe, path, seen);
}

/* ---- the probe ---- */

static void
test_what_counts (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *link = g_build_filename (folder, "link", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *below = g_build_filename (path, "file", NULL);
  g_autofree char *not_yet = g_build_filename (folder, "not", "yet", "file", NULL);

  g_assert_cmpint (symlink (path, link), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_not_there (path, "no such file");
  assert_not_there (link, "no such file");
  mk_test_write_file (path, "");
  assert_says (path, TRUE);
  assert_says (link, TRUE);
  assert_not_there (folder, "not a regular file");
  assert_not_there (fifo, "not a regular file");
  assert_not_there (below, mk_test_strerror (ENOTDIR));
  assert_not_there (not_yet, "not/yet does not exist");
}

static void
test_invalid (void)
{
  g_autofree char *fill = g_strnfill (5000, 'x');
  const char *paths[] = { NULL, "", fill };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (MkFileProbe) probe = mk_file_probe_new (paths[i]);
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_check (probe, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
    }
}

/* ---- it wakes up at once ---- */

/* A probe with somebody who waits for it to wake up, for as long as the sleeper is there. */
typedef struct
{
  MkProbe *probe;
  GCancellable *cancellable;
  gboolean woken;
} Sleeper;

static gboolean
never (gpointer data, GError **error)
{
  return FALSE;
}

static void
on_wake (Sleeper *sleeper)
{
  sleeper->woken = TRUE;
}

static void
sleeper_init (Sleeper *sleeper, const char *path)
{
  g_autoptr (MkProbe) never_there = NULL;
  g_autoptr (MkProbe) all = NULL;

  sleeper->probe = MK_PROBE (mk_file_probe_new (path));
  sleeper->woken = FALSE;
  sleeper->cancellable = g_cancellable_new ();
  g_signal_connect_swapped (sleeper->probe, "wake", G_CALLBACK (on_wake), sleeper);

  never_there = MK_PROBE (mk_callback_probe_new (never, NULL, NULL));
  all = MK_PROBE (mk_all_probe_new ((MkProbe *[]){ sleeper->probe, never_there }, 2));
  mk_probe_wait_async (all, 0, sleeper->cancellable, NULL, NULL);
}

static void
sleeper_clear (Sleeper *sleeper)
{
  g_cancellable_cancel (sleeper->cancellable);
  while (g_main_context_iteration (g_main_context_get_thread_default (), FALSE))
    continue;
  g_signal_handlers_disconnect_by_data (sleeper->probe, sleeper);
  g_object_unref (sleeper->cancellable);
  g_object_unref (sleeper->probe);
}

/* Directly, because a synchronous check would have a context of its own. */
static gboolean
sleeper_asks (Sleeper *sleeper)
{
  g_autoptr (GError) error = NULL;
  gboolean there;

  sleeper->woken = FALSE;
  there = MK_PROBE_GET_CLASS (sleeper->probe)->check (sleeper->probe, &error);
  g_assert_no_error (error);
  return there;
}

static void
assert_wakes (Sleeper *sleeper, gboolean there)
{
  GMainContext *context = g_main_context_get_thread_default ();

  g_assert_true (mk_test_iterate_until_set (context, &sleeper->woken, MK_TEST_LIMIT_MS));
  g_assert_cmpint (sleeper_asks (sleeper), ==, there);
}

static void
test_wakes_up (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *other = g_build_filename (folder, "other", NULL);
  Sleeper sleeper;

  sleeper_init (&sleeper, path);
  g_assert_false (sleeper_asks (&sleeper));
  mk_test_write_file (path, "");
  assert_wakes (&sleeper, TRUE);
  g_unlink (path);
  assert_wakes (&sleeper, FALSE);
  mk_test_write_file (other, "");
  g_assert_false (sleeper.woken);
  g_assert_cmpint (g_rename (other, path), ==, 0);
  assert_wakes (&sleeper, TRUE);
  g_assert_cmpint (g_rename (path, other), ==, 0);
  assert_wakes (&sleeper, FALSE);
  sleeper_clear (&sleeper);
}

/* Each folder as it comes, also when they go again. */
static void
test_wakes_up_in_folders_to_come (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *outer = g_build_filename (folder, "outer", NULL);
  g_autofree char *inner = g_build_filename (outer, "inner", NULL);
  g_autofree char *path = g_build_filename (inner, "file", NULL);
  Sleeper sleeper;

  sleeper_init (&sleeper, path);
  g_assert_false (sleeper_asks (&sleeper));
  for (guint i = 0; i < 3; i++)
    {
      g_mkdir (outer, 0700);
      assert_wakes (&sleeper, FALSE);
      g_mkdir (inner, 0700);
      assert_wakes (&sleeper, FALSE);
      mk_test_write_file (path, "");
      assert_wakes (&sleeper, TRUE);
      g_unlink (path);
      assert_wakes (&sleeper, FALSE);
      g_rmdir (inner);
      assert_wakes (&sleeper, FALSE);
      g_rmdir (outer);
      assert_wakes (&sleeper, FALSE);
    }
  sleeper_clear (&sleeper);
}

/* A probe that sleeps in one place can be used in another, and two can watch the same folder. */
static void
test_wakes_up_elsewhere (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  Sleeper first, second;

  sleeper_init (&second, path);
  g_main_context_push_thread_default (context);
  sleeper_init (&first, path);
  mk_test_write_file (path, "");
  assert_wakes (&first, TRUE);
  sleeper_clear (&first);
  g_main_context_pop_thread_default (context);
  assert_wakes (&second, TRUE);
  g_unlink (path);
  assert_wakes (&second, FALSE);
  sleeper_clear (&second);
}

/* Nobody asks from then on: the watch has ended, and a late wake-up finds nobody. */
static void
test_dropped_while_it_wakes_up (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);

  for (guint i = 0; i < 100; i++)
    {
      Sleeper sleeper;

      sleeper_init (&sleeper, path);
      sleeper_asks (&sleeper);
      if (i % 2 == 0)
        mk_test_write_file (path, "");
      else
        g_unlink (path);
      sleeper_clear (&sleeper);
      while (g_main_context_iteration (g_main_context_get_thread_default (), FALSE))
        continue;
    }
}

static gpointer
write_in_new_folder (gpointer path)
{
  g_autofree char *folder = g_path_get_dirname (path);

  g_usleep (20 * 1000);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  mk_test_write_file (path, "");
  return NULL;
}

static gpointer
remove_later (gpointer path)
{
  g_usleep (20 * 1000);
  return GINT_TO_POINTER (g_unlink (path));
}

static void
test_comes_and_goes (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "not", "yet", "file", NULL);
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("writer", write_in_new_folder, path);

  g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (g_thread_join (thread));
  thread = g_thread_new ("remover", remove_later, path);
  g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (g_thread_join (thread));
}

/* ---- waits that end while it wakes up ---- */

typedef struct
{
  const char *path;
  gint over; /* (atomic) */
} Flicker;

static gpointer
flicker (gpointer data)
{
  Flicker *self = data;

  while (!g_atomic_int_get (&self->over))
    {
      close (g_creat (self->path, 0600));
      g_unlink (self->path);
    }
  return NULL;
}

/* News of the file keep coming when the wait is over, and what it waited in is gone. */
static void
test_waits_end_while_it_wakes_up (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);
  Flicker self = { path, FALSE };
  GThread *thread = g_thread_new ("flicker", flicker, &self);

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (mk_test_probe_wait (probe, LONG_MS, NULL, &error));
      g_assert_no_error (error);
      g_assert_true (mk_test_probe_wait_gone (probe, LONG_MS, NULL, &error));
      g_assert_no_error (error);
    }
  g_atomic_int_set (&self.over, TRUE);
  g_thread_join (thread);
}

/* ---- where nothing can be watched ---- */

static gboolean
write_setting (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && write (fd, text, strlen (text)) == (ssize_t) strlen (text);

  if (fd >= 0)
    close (fd);
  return done;
}

/* For this process only. Returns: FALSE if the system does not let us do that */
static gboolean
forbid_inotify (void)
{
  g_autofree char *users = g_strdup_printf ("0 %u 1", (guint) geteuid ());

  return unshare (CLONE_NEWUSER) == 0 && write_setting ("/proc/self/uid_map", users) &&
         write_setting ("/proc/sys/user/max_inotify_instances", "0") && inotify_init1 (IN_CLOEXEC) < 0;
}

static int
wait_without_inotify (void)
{
  alarm (MK_TEST_LIMIT_MS / 1000);
  if (!forbid_inotify ())
    return 77;

  test_comes_and_goes ();
  return 0;
}

/* In a child, as the program cannot get its rights back. */
static void
test_without_inotify (void)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (wait_without_inotify ());

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (WIFEXITED (status) && WEXITSTATUS (status) == 77)
    g_test_skip ("the limits of inotify cannot be changed here");
  else
    g_assert_cmpint (status, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/file/what-counts", test_what_counts);
  mk_test_add ("/file/invalid", test_invalid);
  mk_test_add_everywhere ("/file/wakes-up", test_wakes_up);
  mk_test_add_everywhere ("/file/wakes-up-in-folders-to-come", test_wakes_up_in_folders_to_come);
  mk_test_add ("/file/wakes-up-elsewhere", test_wakes_up_elsewhere);
  mk_test_add ("/file/dropped-while-it-wakes-up", test_dropped_while_it_wakes_up);
  mk_test_add_everywhere ("/file/comes-and-goes", test_comes_and_goes);
  mk_test_add ("/file/waits-end-while-it-wakes-up", test_waits_end_while_it_wakes_up);
  mk_test_add_once ("/file/without-inotify", test_without_inotify);

  return g_test_run ();
}
