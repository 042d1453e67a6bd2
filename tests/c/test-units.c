/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parts of the library and of the supervisor that have corners which whole services do not reach: the ring of
 * captured output, the search for descendants, steps, words.
 */

#include "process/mk-proc-private.h"
#include "process/mk-capture-private.h"
#include "process/mk-stdio-private.h"
#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-step-private.h"
#include "supervisor/mk-tree-private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "mk-test-util.h"

/* The ring of captured output */

static void
append (MkCapture *capture, const char *text)
{
  mk_capture_append (capture, (const guint8 *) text, strlen (text));
}

static void
assert_kept (MkCapture *capture, const char *expected)
{
  g_autoptr (GBytes) bytes = mk_capture_dup_bytes (capture);

  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
}

static void
test_capture_limits (void)
{
  g_autoptr (MkCapture) small = mk_capture_new (5);
  g_autoptr (MkCapture) all = mk_capture_new (0);
  g_autoptr (MkCapture) one = mk_capture_new (1);

  assert_kept (small, "");
  append (small, "abc");
  assert_kept (small, "abc");
  append (small, "de");
  assert_kept (small, "abcde");
  append (small, "f");
  assert_kept (small, "bcdef");
  append (small, "");
  assert_kept (small, "bcdef");
  append (small, "0123456789");
  assert_kept (small, "56789");
  append (small, "abcde");
  assert_kept (small, "abcde");
  append (one, "xyz");
  assert_kept (one, "z");
  append (all, "0123456789");
  append (all, "abc");
  assert_kept (all, "0123456789abc");
}

/* Against the plainest way to do the same, with pieces of any size */
static void
test_capture_like_a_string (void)
{
  static const gsize limits[] = { 1, 2, 7, 4095, 4096, 4097, 9000, 0 };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_autoptr (MkCapture) capture = mk_capture_new (limits[i]);
      GString *expected = g_string_new (NULL);

      for (guint j = 0; j < 300; j++)
        {
          g_autofree char *piece =
              g_strnfill (g_test_rand_int_range (1, j % 10 == 0 ? 6000 : 50), 'a' + j % 26);

          append (capture, piece);
          g_string_append (expected, piece);
          if (limits[i] != 0 && expected->len > limits[i])
            g_string_erase (expected, 0, expected->len - limits[i]);
          assert_kept (capture, expected->str);
        }
      g_string_free (expected, TRUE);
    }
}

static void
test_capture_readers (void)
{
  g_autoptr (MkCapture) capture = mk_capture_new (5);
  guint64 fast = 0, slow = 0;
  char buffer[8] = { 0 };

  g_assert_cmpint (mk_capture_read (capture, &fast, buffer, 8), ==, -1);
  g_assert_false (mk_capture_is_readable (capture, fast));
  append (capture, "abc");
  g_assert_true (mk_capture_is_readable (capture, fast));
  g_assert_cmpint (mk_capture_read (capture, &fast, buffer, 2), ==, 2);
  g_assert_cmpmem (buffer, 2, "ab", 2);
  append (capture, "defg");
  g_assert_cmpint (mk_capture_read (capture, &fast, buffer, 8), ==, 5);
  g_assert_cmpmem (buffer, 5, "cdefg", 5);
  g_assert_cmpint (mk_capture_read (capture, &fast, buffer, 8), ==, -1);
  /* Who has read nothing yet has missed the first two. */
  g_assert_cmpint (mk_capture_read (capture, &slow, buffer, 3), ==, 3);
  g_assert_cmpmem (buffer, 3, "cde", 3);
  mk_capture_close (capture);
  g_assert_cmpint (mk_capture_read (capture, &fast, buffer, 8), ==, 0);
  g_assert_cmpint (mk_capture_read (capture, &slow, buffer, 8), ==, 2);
  g_assert_cmpint (mk_capture_read (capture, &slow, buffer, 8), ==, 0);
  g_assert_true (mk_capture_is_readable (capture, slow));
}

static void
assert_last_lines (const char *text, guint max_lines, gsize max_bytes, const char *expected)
{
  g_autoptr (MkCapture) capture = mk_capture_new (0);
  g_autofree char *lines = NULL;

  if (*text != '\0')
    append (capture, text);
  lines = mk_capture_dup_last_lines (capture, max_lines, max_bytes);
  g_assert_cmpstr (lines, ==, expected);
  g_assert_true (lines == NULL || g_utf8_validate (lines, -1, NULL));
}

static void
test_capture_last_lines (void)
{
  assert_last_lines ("", 3, 100, NULL);
  assert_last_lines ("\n\n  \n", 3, 100, NULL);
  assert_last_lines ("one", 3, 100, "one");
  assert_last_lines ("one\ntwo\nthree\nfour\n\n", 3, 100, "two\nthree\nfour");
  assert_last_lines ("one\ntwo", 1, 100, "two");
  assert_last_lines ("one\n\nthree", 3, 100, "one\n\nthree");
  assert_last_lines ("0123456789", 3, 4, "6789");
  assert_last_lines ("one\n10 %\r20 %\r\033[32m30 %\033[0m\n", 2, 100, "one\n30 %");
  /* Cut in the middle of a character, and no text at all */
  assert_last_lines ("aäb", 3, 2, "b");
  assert_last_lines ("\377\n\376", 3, 100, "\357\277\275\n\357\277\275");
}

static gpointer
append_later (gpointer capture)
{
  g_usleep (20 * 1000);
  append (capture, "x");
  return NULL;
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (20 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_capture_blocks (void)
{
  g_autoptr (MkCapture) capture = mk_capture_new (0);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("writer", append_later, capture);

  g_assert_true (mk_capture_wait_readable (capture, 0, NULL, &error));
  g_thread_join (thread);
  thread = g_thread_new ("canceller", cancel_later, cancellable);
  g_assert_false (mk_capture_wait_readable (capture, 1, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
}

/* The search for descendants, in a proc folder that is made here. Paths in it are short, as those in /proc.
 */

static char *old_folder;
static char *proc_folder;

static void
enter_proc (void)
{
  proc_folder = g_dir_make_tmp ("mk-test-XXXXXX", NULL);
  old_folder = g_get_current_dir ();
  g_assert_cmpint (g_chdir (proc_folder), ==, 0);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

static void
leave_proc (void)
{
  g_assert_cmpint (g_chdir (old_folder), ==, 0);
  remove_tree (proc_folder);
  g_clear_pointer (&proc_folder, g_free);
  g_clear_pointer (&old_folder, g_free);
}

static void
write_file (const char *path, const char *text)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
make_thread (int pid, int thread, const char *children)
{
  g_autofree char *path = g_strdup_printf ("proc/%d/task/%d/children", pid, thread);

  write_file (path, children);
}

static void
make_stat (int pid, const char *name, int parent)
{
  g_autofree char *path = g_strdup_printf ("proc/%d/stat", pid);
  g_autofree char *text =
      g_strdup_printf ("%d (%s) S %d %d %d 0 -1 4194560 1 2 3\n", pid, name, parent, pid + 1000, pid);

  write_file (path, text);
}

static void
note_found (pid_t pid, pid_t parent, void *data)
{
  g_string_append_printf (data, "%d<%d ", (int) pid, (int) parent);
}

static char *
walk (int root)
{
  GString *found = g_string_new (NULL);

  mk_tree_walk ("proc", root, note_found, found);
  return g_string_free (found, FALSE);
}

static void
assert_found_once (const char *found, const char *one)
{
  const char *first = strstr (found, one);

  if (first == NULL || strstr (first + 1, one) != NULL)
    g_error ("“%s” is not once in “%s”", one, found);
}

/* Each thread has a list of its own; one of them is not there any more, and some of the processes neither. */
static void
test_tree_by_lists_of_children (void)
{
  g_autofree char *found = NULL;

  enter_proc ();
  make_thread (10, 10, "20 30 ");
  make_thread (20, 20, "");
  make_thread (20, 21, "40 ");
  make_thread (20, 22, "50 999 ");
  make_thread (30, 30, "");
  make_thread (40, 40, "60");
  make_thread (50, 50, "");
  make_thread (60, 60, "");
  make_thread (70, 70, "80 ");
  found = walk (10);
  leave_proc ();
  assert_found_once (found, "20<10 ");
  assert_found_once (found, "30<10 ");
  assert_found_once (found, "40<20 ");
  assert_found_once (found, "50<20 ");
  assert_found_once (found, "999<20 ");
  assert_found_once (found, "60<40 ");
  g_assert_null (strstr (found, "70"));
  g_assert_null (strstr (found, "80"));
}

/* Lists may be stale. A circle must not be walked for ever. */
static void
test_tree_with_a_circle (void)
{
  g_autofree char *found = NULL;

  enter_proc ();
  make_thread (10, 10, "20 20 ");
  make_thread (20, 20, "30 10 ");
  make_thread (30, 30, "20 ");
  found = walk (10);
  leave_proc ();
  g_assert_cmpstr (found, ==, "20<10 30<20 ");
}

/* A kernel that has no lists: children with smaller numbers than their parents, and names made to deceive */
static void
test_tree_by_parents (void)
{
  g_autofree char *found = NULL;

  enter_proc ();
  make_stat (1, "init", 0);
  make_stat (500, "root", 1);
  make_stat (400, "a b", 500);
  make_stat (300, "a) S 1 (", 400);
  make_stat (600, ") R 1 1", 300);
  make_stat (200, "", 600);
  make_stat (700, "stranger (500", 1);
  make_stat (800, "its child", 700);
  write_file ("proc/900/status", "gone while it was looked at");
  write_file ("proc/self/stat", "500 (self) S 500 1 1");
  write_file ("proc/uptime", "1 2");
  found = walk (500);
  leave_proc ();
  assert_found_once (found, "400<500 ");
  assert_found_once (found, "300<400 ");
  assert_found_once (found, "600<300 ");
  assert_found_once (found, "200<600 ");
  g_assert_null (strstr (found, "700"));
  g_assert_null (strstr (found, "800"));
  g_assert_null (strstr (found, "900"));
}

/* More than one allocation holds */
static void
test_tree_that_is_large (void)
{
  g_autofree char *found = NULL;

  enter_proc ();
  for (int pid = 1; pid <= 300; pid++)
    make_stat (pid, "chain", pid + 1);
  make_stat (301, "root", 0);
  found = walk (301);
  leave_proc ();
  for (int pid = 1; pid <= 300; pid++)
    {
      g_autofree char *one = g_strdup_printf (" %d<%d ", pid, pid + 1);
      g_autofree char *text = g_strconcat (" ", found, NULL);

      assert_found_once (text, one);
    }
}

static void
test_tree_without_anything (void)
{
  g_autofree char *found = NULL;

  enter_proc ();
  found = walk (10);
  leave_proc ();
  g_assert_cmpstr (found, ==, "");
}

static void
test_tree_of_this_program (void)
{
  const char *argv[] = { "sleep", "60", NULL };
  g_autoptr (GSubprocess) child = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_NONE, NULL);
  g_autofree char *expected =
      g_strdup_printf ("%s<%d ", g_subprocess_get_identifier (child), (int) getpid ());
  GString *found = g_string_new (NULL);

  mk_tree_walk ("/proc", getpid (), note_found, found);
  g_subprocess_force_exit (child);
  g_subprocess_wait (child, NULL, NULL);
  assert_found_once (found->str, expected);
  g_string_free (found, TRUE);
}

static void
test_read_parent (void)
{
  enter_proc ();
  make_stat (42, "a (b) c", 41);
  g_assert_cmpint (mk_tree_read_parent ("proc", 42), ==, 41);
  g_assert_cmpint (mk_tree_read_parent ("proc", 43), ==, -1);
  write_file ("proc/44/stat", "44 (cut");
  g_assert_cmpint (mk_tree_read_parent ("proc", 44), ==, -1);
  leave_proc ();
}

/* Steps */

static void
return_and_forget (gpointer instance, GTask *task)
{
  g_task_return_boolean (task, TRUE);
}

static void
forget (gpointer instance, GTask *task)
{
}

static gpointer
drop_in_thread (gpointer task)
{
  g_usleep (10 * 1000);
  g_object_unref (task);
  return NULL;
}

static void
drop_later_in_a_thread (gpointer instance, GTask *task)
{
  g_thread_unref (g_thread_new ("dropper", drop_in_thread, g_object_ref (task)));
}

static void
keep (gpointer instance, GTask *task)
{
  g_object_set_data_full (instance, "kept", g_object_ref (task), g_object_unref);
}

static void
run_step (MkStepFunc func, gint64 limit_us, GCancellable *cancellable, GError **error)
{
  g_autoptr (GObject) instance = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  gint64 deadline = limit_us != 0 ? g_get_monotonic_time () + limit_us : G_MAXINT64;

  mk_step_run_async (instance, func, "Step", deadline, 50, cancellable, mk_test_store_result, &result);
  g_assert_true (mk_test_await_result (NULL, &result, MK_TEST_LIMIT_MS));
  g_assert_cmpint (mk_step_run_finish (result, NULL, error), ==, *error == NULL);
  /* Which holds the instance in turn */
  g_object_set_data (instance, "kept", NULL);
}

static void
test_steps (void)
{
  g_autoptr (GError) error = NULL;

  run_step (return_and_forget, 0, NULL, &error);
  g_assert_no_error (error);
  run_step (forget, 0, NULL, &error);
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_clear_error (&error);
  run_step (drop_later_in_a_thread, 0, NULL, &error);
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  g_clear_error (&error);
  run_step (keep, 20 * 1000, NULL, &error);
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
}

static void
test_cancel_step (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("canceller", cancel_later, cancellable);

  run_step (keep, 0, cancellable, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
}

/* Standard input from a file */

static MkStdio
open_input (const char *path, GError **error)
{
  MkLaunch launch = {
    .stdin_mode = MK_STDIO_MODE_FILE,
    .stdin_path = (char *) path,
    .stdout_mode = MK_STDIO_MODE_NULL,
    .stderr_mode = MK_STDIO_MODE_NULL,
  };
  MkStdio stdio;

  mk_stdio_open (&stdio, &launch, error);
  return stdio;
}

static void
assert_no_input (const char *path, int error_number)
{
  g_autoptr (GError) error = NULL;

  open_input (path, &error);
  g_assert_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED);
  g_assert_nonnull (strstr (error->message, g_strerror (error_number)));
}

static void
test_input_file (void)
{
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autofree char *path = g_build_filename (folder, "input", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  g_autoptr (GError) error = NULL;
  char buffer[8];
  MkStdio stdio;

  g_assert_true (g_file_set_contents (path, "text", -1, NULL));
  stdio = open_input (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (read (stdio.service[0], buffer, sizeof buffer), ==, 4);
  g_assert_cmpint (write (stdio.service[0], "x", 1), ==, -1);
  mk_stdio_close (&stdio);

  assert_no_input (missing, ENOENT);
  assert_no_input (folder, EISDIR);
}

/* Words */

static void
assert_duration (gint64 us, const char *expected)
{
  g_autofree char *text = mk_message_duration (us);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_status (int status, const char *expected)
{
  g_autofree char *text = mk_message_status (status);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_seen (const char *last_seen, const char *expected)
{
  g_autofree char *text = mk_message_seen (last_seen);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_words (void)
{
  assert_duration (0, "0 ms");
  assert_duration (499, "0 ms");
  assert_duration (94999, "95 ms");
  assert_duration (95000, "0.1 s");
  assert_duration (2540000, "2.5 s");
  assert_duration (60 * G_USEC_PER_SEC, "60.0 s");
  assert_status (0, "exited with status 0");
  assert_status (255, "exited with status 255");
  assert_status (-9, "was ended by signal 9 (Killed)");
  assert_seen (NULL, NULL);
  assert_seen ("", NULL);
  assert_seen ("Connection refused", "Connection refused");
  assert_seen ("An unexpected TLS packet was received.", "An unexpected TLS packet was received");
  assert_seen ("Loading...", "Loading...");
}

/* What a service prints, as it stands in messages */
static void
test_clean (void)
{
  static const char *const table[][2] = {
    { "", "" },
    { "plain\ttext\n\nwith lines\n", "plain\ttext\n\nwith lines\n" },
    { "\033[1;31mred\033[0m, \033]0;title\aset, \033]8;;http://x/\033\\link\033(B", "red, set, link" },
    { "\033P1;2q data \033\\after", "after" },
    { "cut off \033[12;", "cut off " },
    { "cut off \033]0;title\nnext line", "cut off \nnext line" },
    { "cut off \033", "cut off " },
    { " 10 %\r 50 %\r100 %\ndone\r\n", "100 %\ndone\n" },
    { "kept until the next\r", "kept until the next" },
    { "one\r\033[K\033[2Ktwo", "two" },
    { "dä\b\b\b\bfix\n\b", "fix\n" },
    { "bell\a \001\177\302\205zero", "bell zero" },
    { "“ünïcode” €", "“ünïcode” €" },
    { "\302\23331mC1\302\2330m \302\235title\atext \302\220data\033\\end", "C1 text end" },
    { "user\342\200\256gpj.exe\342\201\246", "usergpj.exe" },
    { "\033[3\033[1;mnested\033[\nline", "nested\nline" },
    { "a\377b\342\202", "a\357\277\275b\357\277\275\357\277\275" },
    { "cut off \360", "cut off \357\277\275" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autofree char *clean = mk_message_clean (table[i][0]);

      g_assert_cmpstr (clean, ==, table[i][1]);
    }
}

static void
test_plain_characters (void)
{
  const char *typographic = "“a” ‘b’ „c“ «d» – e … → −1";
  const char *plain = "\"a\" 'b' \"c\" \"d\" - e ... -> -1";
  g_autofree char *before = g_strdup (setlocale (LC_ALL, NULL));

  g_assert_true (mk_gettext (typographic) == typographic);
  g_assert_cmpstr (setlocale (LC_ALL, "C"), ==, "C");
  g_assert_cmpstr (mk_gettext (typographic), ==, plain);
  g_assert_cmpstr (mk_ngettext (typographic, "%u", 1), ==, plain);
  /* Once and for all */
  g_assert_true (mk_gettext (typographic) == mk_gettext (typographic));
  g_assert_cmpstr (mk_gettext ("plain"), ==, "plain");
  setlocale (LC_ALL, before);
}

/* Each of the processes may take long to look at. */
static void
test_sweep_ends_at_its_deadline (void)
{
  const char *argv[] = { "sleep", "60", NULL };
  g_autofree char *value = g_uuid_string_random ();
  g_autofree char *marker = g_strconcat ("MK_TEST_SWEEP=", value, NULL);
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GSubprocess) child = NULL;

  if (!mk_test_has_linux_features ("processes are found by their marker"))
    return;
  g_subprocess_launcher_setenv (launcher, "MK_TEST_SWEEP", value, TRUE);
  child = g_subprocess_launcher_spawnv (launcher, argv, NULL);
  g_assert_nonnull (child);

  g_assert_cmpuint (mk_proc_kill_left (marker, 0, g_get_monotonic_time ()), ==, 0);
  g_assert_cmpuint (mk_proc_kill_left (marker, 0, G_MAXINT64), ==, 1);
  g_assert_true (g_subprocess_wait (child, NULL, NULL));
  g_assert_true (g_subprocess_get_if_signaled (child));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/units/capture/limits", test_capture_limits);
  g_test_add_func ("/units/capture/like-a-string", test_capture_like_a_string);
  g_test_add_func ("/units/capture/readers", test_capture_readers);
  g_test_add_func ("/units/capture/last-lines", test_capture_last_lines);
  g_test_add_func ("/units/capture/blocks", test_capture_blocks);

  g_test_add_func ("/units/tree/by-lists-of-children", test_tree_by_lists_of_children);
  g_test_add_func ("/units/tree/with-a-circle", test_tree_with_a_circle);
  g_test_add_func ("/units/tree/by-parents", test_tree_by_parents);
  g_test_add_func ("/units/tree/large", test_tree_that_is_large);
  g_test_add_func ("/units/tree/nothing", test_tree_without_anything);
  g_test_add_func ("/units/tree/of-this-program", test_tree_of_this_program);
  g_test_add_func ("/units/tree/read-parent", test_read_parent);

  g_test_add_func ("/units/step/ends", test_steps);
  g_test_add_func ("/units/step/cancelled", test_cancel_step);
  g_test_add_func ("/units/input-file", test_input_file);
  g_test_add_func ("/units/words/parts", test_words);
  g_test_add_func ("/units/words/clean", test_clean);
  g_test_add_func ("/units/words/plain-characters", test_plain_characters);
  g_test_add_func ("/units/sweep-ends-at-its-deadline", test_sweep_ends_at_its_deadline);

  return g_test_run ();
}
