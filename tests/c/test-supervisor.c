/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The supervisor of a service that is up to no good, and in sandboxes that do not have all that it uses:
 * nothing of the service is left, in time, and nothing that a service can make up is believed.
 *
 * What spoils the process it runs in runs in one of its own.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SUBPROCESS_LIMIT_S 40
#define STOP_TIMEOUT_MS    300
/* How late an end may be on a busy machine; what nobody has told to end takes 5 s. */
#define MARGIN_MS 2500
#define NOBODY    65534

/* Returns whether this is the subprocess, in which the case goes on. */
static gboolean
enter_subprocess (void)
{
  if (g_test_subprocess ())
    return TRUE;

  g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
  return FALSE;
}

static gboolean
become_nobody (void)
{
  if (geteuid () == 0 && (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 ||
                          setresuid (NOBODY, NOBODY, NOBODY) < 0))
    return FALSE;
  return g_file_test (mk_test_service_path (), G_FILE_TEST_IS_EXECUTABLE);
}

static pid_t
find_supervisor (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);

  g_assert_cmpuint (children->len, ==, 1);
  return g_array_index (children, pid_t, 0);
}

/* Its children are in sessions of their own, and end at nothing but SIGKILL. */
static MkSimpleExecutor *
new_deaf (const char *tag)
{
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (
      tag, mk_test_free_port (), "--deaf", "--children", "2", "--setsid-children", NULL);

  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  return executor;
}

typedef void (*End) (MkSimpleExecutor *executor);

static void
end_by_stop (MkSimpleExecutor *executor)
{
  mk_test_assert_stops (executor);
}

static void
end_by_kill (MkSimpleExecutor *executor)
{
  mk_test_assert_can_be_killed (executor);
}

static void
end_by_drop (MkSimpleExecutor *executor)
{
  g_object_run_dispose (G_OBJECT (executor));
}

static void
assert_ends_in_time (MkSimpleExecutor *executor, End end, const char *tag)
{
  gint64 begin = g_get_monotonic_time ();

  end (executor);
  g_assert_cmpint (
      g_get_monotonic_time () - begin, <, (STOP_TIMEOUT_MS + MARGIN_MS) * G_TIME_SPAN_MILLISECOND);
  mk_test_assert_nothing_left (tag);
}

/* ---- out of reach of the service ---- */

static gboolean
contains (const char *bytes, gsize length, const char *word)
{
  return memmem (bytes, length, word, strlen (word)) != NULL;
}

/* As it is for "pkill -f" */
static void
test_supervisor_does_not_show_the_command (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = new_deaf (tag);
  g_autofree char *path = NULL;
  g_autofree char *arguments = NULL;
  gsize length = 0;
  pid_t supervisor;

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_simple_executor_set_cwd (executor, "/usr");
  mk_test_assert_starts (executor);
  supervisor = find_supervisor ();
  path = g_strdup_printf ("/proc/%d/cmdline", (int) supervisor);
  g_assert_true (g_file_get_contents (path, &arguments, &length, NULL));
  g_assert_true (contains (arguments, length, "mk-supervisor"));
  g_assert_false (contains (arguments, length, "mk-test-service"));
  g_assert_false (contains (arguments, length, tag));
  g_assert_false (contains (arguments, length, "/usr"));

  /* The marker is still there to find the service by. */
  g_assert_cmpint (kill (supervisor, SIGKILL), ==, 0);
  g_assert_true (mk_test_wait_untagged (tag, MK_TEST_GONE_MS));
  g_assert_false (mk_test_stop (executor, NULL, NULL));
}

static void
test_supervisor_keeps_its_socket (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  int pidfd, fd;

  if (!mk_test_has_linux_features ("a program can keep others from its descriptors"))
    return;
  if (!enter_subprocess () || !become_nobody ())
    return;

  executor = new_deaf (tag);
  mk_test_assert_starts (executor);
  pidfd = pidfd_open (find_supervisor (), 0);
  if (pidfd >= 0)
    {
      fd = pidfd_getfd (pidfd, 3, 0);
      g_assert_cmpint (fd, <, 0);
      close (pidfd);
    }
  assert_ends_in_time (executor, end_by_stop, tag);
}

/* Without a file descriptor, or memory, it still has the list of its children. */
static void
assert_ends_without (int resource, End end)
{
  const struct rlimit none = { 0, 0 };
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag,
                                                                    mk_test_free_port (),
                                                                    "--daemon",
                                                                    "--scrub-env",
                                                                    "--deaf",
                                                                    "--children",
                                                                    "2",
                                                                    "--setsid-children",
                                                                    NULL);

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  mk_simple_executor_set_stop_timeout (executor, STOP_TIMEOUT_MS);
  mk_test_assert_starts (executor);
  g_assert_cmpint (prlimit (find_supervisor (), resource, &none, NULL), ==, 0);
  assert_ends_in_time (executor, end, tag);
}

static void
test_supervisor_may_open_nothing (gconstpointer end)
{
  assert_ends_without (RLIMIT_NOFILE, (End) end);
}

static void
test_supervisor_may_allocate_nothing (gconstpointer end)
{
  assert_ends_without (RLIMIT_AS, (End) end);
}

/* ---- what it says ---- */

typedef struct
{
  char *path;   /* (owned) of a script that stands in its place */
  char *before; /* (owned) what stood there */
} Impostor;

/* @text: a script of sh, in which $SERVICE is the command of the service */
static void
impostor_begin (Impostor *self, const char *tag, const char *text)
{
  g_autofree char *script = g_strdup_printf (
      "#!/bin/sh\n"
      "while [ \"$1\" != '%s' ]; do shift; done\n"
      "say () { printf \"$(printf '\\\\%%03o' $(($1 & 255)) 0 0 0 "
      "$((${2:-0} & 255)) $((${2:-0} >> 8 & 255)) $((${2:-0} >> 16 & 255)) $((${2:-0} >> 24 & 255)) "
      "$((${3:-0} & 255)) $((${3:-0} >> 8 & 255)) $((${3:-0} >> 16 & 255)) $((${3:-0} >> 24 & 255)) 0 0 0 0)\" >&3; }\n"
      "%s\n",
      mk_test_service_path (),
      text);

  self->path = g_build_filename (g_get_tmp_dir (), tag, NULL);
  self->before = g_strdup (g_getenv ("MIRAKURU_GLIB_SUPERVISOR"));
  g_assert_true (g_file_set_contents (self->path, script, -1, NULL));
  g_assert_cmpint (g_chmod (self->path, 0755), ==, 0);
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", self->path, TRUE);
}

static void
impostor_end (Impostor *self)
{
  g_setenv ("MIRAKURU_GLIB_SUPERVISOR", self->before, TRUE);
  g_unlink (self->path);
  g_free (self->path);
  g_free (self->before);
}

/* Types and values as in mk-supervisor-protocol-private.h */
static void
test_supervisor_says_what_cannot_be (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  Impostor impostor;
  int status;

  if (!enter_subprocess ())
    return;

  executor = mk_test_executor_new (tag, NULL);
  impostor_begin (&impostor,
                  tag,
                  "say 3 7; say 1 1; say 1 -5; say 2 1 0; say 77 1\n"
                  "say 1 $$\n"
                  "say 1 2; say 2 1 2; say 3 1710385400; say 3 -2147483648; say 5 -1; say 5 1\n"
                  "exec sleep 60\n");
  mk_test_assert_starts (executor);
  impostor_end (&impostor);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), ==, find_supervisor ());
  g_assert_cmpint (kill (find_supervisor (), SIGKILL), ==, 0);
  mk_test_stop (executor, NULL, NULL);
  status = mk_simple_executor_get_exit_status (executor);
  g_assert_cmpint (status, >, -NSIG);
  g_assert_cmpint (status, <=, 255);
}

/* Who has got hold of its socket may have said it. */
static void
test_supervisor_is_killed_after_its_last_word (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;
  Impostor impostor;

  if (!mk_test_has_linux_features ("processes are found by their marker"))
    return;
  if (!enter_subprocess ())
    return;

  executor = mk_test_executor_new (tag, "--deaf", NULL);
  impostor_begin (&impostor, tag, "\"$@\" &\nsay 1 $!\nsay 4 0\nkill -KILL $$\n");
  mk_simple_executor_start (executor, NULL, NULL);
  impostor_end (&impostor);
  mk_test_stop (executor, NULL, NULL);
  mk_test_assert_nothing_left (tag);
}

/* ---- sandboxes ---- */

/* Has the system call fail for this process and what it starts. @argument: its first argument, −1 for any */
static gboolean
forbid (int number, int argument, int error)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned) number, 0, 3),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[0])),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned) argument, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) error),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  if (argument < 0)
    filter[3] = (struct sock_filter) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr));
  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void
assert_start_fails_with (int error_number)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_simple_executor_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED);
  mk_test_assert_contains (error->message, "watch over");
  mk_test_assert_contains (error->message, mk_test_strerror (error_number));
  mk_test_assert_nothing_left (tag);
}

static void
test_supervisor_cannot_adopt (void)
{
  if (!mk_test_has_linux_features ("orphans are adopted"))
    return;
  if (enter_subprocess () && forbid (SYS_prctl, PR_SET_CHILD_SUBREAPER, EPERM))
    assert_start_fails_with (EPERM);
}

static void
test_supervisor_cannot_watch (void)
{
  if (!mk_test_has_linux_features ("there is a signalfd"))
    return;
  if (enter_subprocess () && forbid (SYS_signalfd4, -1, EPERM))
    assert_start_fails_with (EPERM);
}

/* Valgrind and old kernels do not know them, and sandboxes forbid them. */
static void
lose_pidfds (gconstpointer error)
{
  g_assert_true (forbid (SYS_pidfd_open, -1, GPOINTER_TO_INT (error)));
  g_assert_cmpint (pidfd_open (getpid (), 0), <, 0);
}

static void
test_ends_without_pidfds (gconstpointer error)
{
  const End ends[] = { end_by_stop, end_by_kill, end_by_drop };

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  if (!enter_subprocess ())
    return;

  lose_pidfds (error);
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *tag = mk_test_new_tag ();
      g_autoptr (MkSimpleExecutor) executor = new_deaf (tag);

      mk_test_assert_starts (executor);
      assert_ends_in_time (executor, ends[i], tag);
    }
}

static void
test_sweep_without_pidfds (gconstpointer error)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = NULL;

  if (!mk_test_has_linux_features ("processes that leave their group are found"))
    return;
  if (!enter_subprocess ())
    return;

  lose_pidfds (error);
  executor = new_deaf (tag);
  mk_test_assert_starts (executor);
  g_assert_cmpint (kill (find_supervisor (), SIGKILL), ==, 0);
  mk_test_stop (executor, NULL, NULL);
  mk_test_assert_nothing_left (tag);
}

static void
test_exit_without_pidfds (gconstpointer error)
{
  g_autofree char *tag = NULL;

  if (g_test_subprocess ())
    {
      lose_pidfds (error);
      mk_test_assert_starts (new_deaf (g_getenv ("MK_TEST_TAG")));
      exit (0);
    }

  tag = mk_test_trap_tagged (SUBPROCESS_LIMIT_S);
  g_test_trap_assert_passed ();
  g_assert_cmpuint (mk_test_count_tagged (tag), ==, 0);
}

int
main (int argc, char **argv)
{
  mk_test_adopt_orphans ();
  g_test_init (&argc, &argv, NULL);

  mk_test_add_once ("/supervisor/does-not-show-the-command", test_supervisor_does_not_show_the_command);
  mk_test_add_once ("/supervisor/keeps-its-socket", test_supervisor_keeps_its_socket);
  g_test_add_data_func ("/supervisor/may-open-nothing/stop", end_by_stop, test_supervisor_may_open_nothing);
  g_test_add_data_func ("/supervisor/may-open-nothing/kill", end_by_kill, test_supervisor_may_open_nothing);
  g_test_add_data_func (
      "/supervisor/may-allocate-nothing/stop", end_by_stop, test_supervisor_may_allocate_nothing);
  g_test_add_data_func (
      "/supervisor/may-allocate-nothing/kill", end_by_kill, test_supervisor_may_allocate_nothing);
  mk_test_add_once ("/supervisor/says-what-cannot-be", test_supervisor_says_what_cannot_be);
  mk_test_add_once ("/supervisor/is-killed-after-its-last-word",
                    test_supervisor_is_killed_after_its_last_word);
  mk_test_add_once ("/supervisor/cannot-adopt", test_supervisor_cannot_adopt);
  mk_test_add_once ("/supervisor/cannot-watch", test_supervisor_cannot_watch);

  for (guint i = 0; i < 2; i++)
    {
      gconstpointer error = GINT_TO_POINTER (i == 0 ? ENOSYS : EPERM);
      const char *name = i == 0 ? "unknown" : "forbidden";
      g_autofree char *ends = g_strdup_printf ("/supervisor/pidfds-%s/ends", name);
      g_autofree char *sweep = g_strdup_printf ("/supervisor/pidfds-%s/sweep", name);
      g_autofree char *exits = g_strdup_printf ("/supervisor/pidfds-%s/exit", name);

      g_test_add_data_func (ends, error, test_ends_without_pidfds);
      g_test_add_data_func (sweep, error, test_sweep_without_pidfds);
      g_test_add_data_func (exits, error, test_exit_without_pidfds);
    }

  return g_test_run ();
}
