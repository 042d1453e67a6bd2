/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the probe says of a file in all states that one can be in, and that a wait notices at once when that
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

/* ---- what a wait notices ---- */

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

typedef void (*ChangeFunc) (const char *path, const char *other);

typedef struct
{
  ChangeFunc func;
  const char *path;
  const char *other;
} Change;

static void
create (const char *path, const char *other)
{
  mk_test_write_file (path, "");
}

static void
rename_into_place (const char *path, const char *other)
{
  mk_test_write_file (other, "");
  g_assert_cmpint (g_rename (other, path), ==, 0);
}

static void
remove_it (const char *path, const char *other)
{
  g_assert_cmpint (g_unlink (path), ==, 0);
}

static void
rename_away (const char *path, const char *other)
{
  g_assert_cmpint (g_rename (path, other), ==, 0);
}

static gpointer
change_later (gpointer data)
{
  Change *change = data;

  g_usleep (30 * 1000);
  change->func (change->path, change->other);
  return NULL;
}

/* @interval_ms: by hand, 0 for automatic */
static void
assert_notices (const char *path, const char *other, ChangeFunc func, gboolean there, guint interval_ms)
{
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);
  g_autoptr (GError) error = NULL;
  Change change = { func, path, other };
  GThread *thread = g_thread_new ("changes", change_later, &change);
  gboolean noticed;

  mk_probe_set_interval (MK_PROBE (probe), interval_ms);
  noticed = there ? mk_test_probe_wait (probe, MK_TEST_LIMIT_MS, NULL, &error)
                  : mk_test_probe_wait_gone (probe, MK_TEST_LIMIT_MS, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (noticed);
  g_thread_join (thread);
}

static void
assert_notices_all (guint interval_ms)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *other = g_build_filename (folder, "other", NULL);

  assert_notices (path, other, create, TRUE, interval_ms);
  assert_notices (path, other, remove_it, FALSE, interval_ms);
  assert_notices (path, other, rename_into_place, TRUE, interval_ms);
  assert_notices (path, other, rename_away, FALSE, interval_ms);
}

static void
test_notices (void)
{
  assert_notices_all (0);
}

/* Whoever wants it to ask seldom is told at once all the same. */
static void
test_notices_between_attempts (void)
{
  assert_notices_all (2 * MK_TEST_LIMIT_MS);
}

/* In a directory where other things happen all the time. */
static void
test_notices_in_busy_folder (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autofree char *other = g_build_filename (folder, "other", NULL);
  g_autofree char *busy = g_build_filename (folder, "busy", NULL);
  Flicker self = { busy, FALSE };
  GThread *thread = g_thread_new ("flicker", flicker, &self);

  for (guint i = 0; i < 5; i++)
    {
      assert_notices (path, other, rename_into_place, TRUE, 0);
      assert_notices (path, other, remove_it, FALSE, 0);
    }
  g_atomic_int_set (&self.over, TRUE);
  g_thread_join (thread);
  g_unlink (busy);
}

/* Several waits, in contexts of their own, for one file and with one probe. */
static gpointer
wait_in_thread (gpointer probe)
{
  g_autoptr (GError) error = NULL;

  mk_probe_wait (probe, LONG_MS, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

static void
test_several_waits (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  g_autoptr (MkFileProbe) probe = mk_file_probe_new (path);
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("waits", wait_in_thread, probe);
  assert_notices (path, NULL, create, TRUE, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* Nobody waits from then on, and a late event finds nobody. */
static void
test_dropped_while_it_changes (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  GMainContext *context = g_main_context_get_thread_default ();

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GAsyncResult) result = NULL;
      MkProbe *probe = MK_PROBE (mk_file_probe_new (path));

      if (i % 2 == 0)
        mk_probe_wait_async (probe, 0, cancellable, mk_test_store_result, &result);
      else
        mk_probe_wait_gone_async (probe, 0, cancellable, mk_test_store_result, &result);
      g_usleep (i * 20);
      if (i % 2 == 0)
        mk_test_write_file (path, "");
      else
        g_unlink (path);
      g_cancellable_cancel (cancellable);
      g_object_unref (probe);
      g_assert_true (mk_test_await_result (context, &result, MK_TEST_LIMIT_MS));
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

/* Events of the file keep coming when the wait is over, and what it waited in is gone. */
static void
test_waits_end_while_it_changes (void)
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

/* ---- where nothing can be monitored ---- */

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
  mk_test_add_everywhere ("/file/notices", test_notices);
  mk_test_add ("/file/notices-between-attempts", test_notices_between_attempts);
  mk_test_add ("/file/notices-in-busy-folder", test_notices_in_busy_folder);
  mk_test_add ("/file/several-waits", test_several_waits);
  mk_test_add ("/file/dropped-while-it-changes", test_dropped_while_it_changes);
  mk_test_add_everywhere ("/file/comes-and-goes", test_comes_and_goes);
  mk_test_add ("/file/waits-end-while-it-changes", test_waits_end_while_it_changes);
  mk_test_add_once ("/file/without-inotify", test_without_inotify);

  return g_test_run ();
}
