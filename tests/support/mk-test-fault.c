/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A program that runs another one, and has one of its system calls fail.
 *
 *     mk-test-fault COUNTS PROGRAM CALL NUMBER ERRNO CALLS COMMAND…
 *
 * PROGRAM is the name of a file, as mk-supervisor, whose processes and threads are meant, of which NUMBER is
 * the first call of CALL to fail, with the number ERRNO. With "+" behind NUMBER, all later ones fail too.
 * With NUMBER 0, none does. CALLS are the names of the system calls that are watched, with commas between
 * them. COMMAND says by prctl() from when until when: see mk-test-fault.h.
 *
 * At the end the file COUNTS has a line "PROGRAM CALL NUMBER" for each call that was watched, and the exit
 * status is that of COMMAND, 128 and the signal if one has ended it; 77 where the system does not allow this.
 *
 * The kernel has each of these calls wait until this program has decided (seccomp_unotify(2)). Unlike strace,
 * which counts the calls of each thread by itself, that needs no debugger, which the library would notice.
 */

#define _GNU_SOURCE
#include "mk-test-fault.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_POSSIBLE 77

typedef struct
{
  const char *program;
  int call;
  guint number;
  gboolean goes_on; /* to fail */
  int error;
} Fault;

typedef struct
{
  char **calls;
  char **command;
  int listener; /* −1 if the kernel has none */
  pid_t pid;
  sem_t is_ready;
} Command;

static gboolean is_on;
static GHashTable *counts; /* (owned) (element-type utf8 guint) */

/* ---- the command ---- */

/* What else these do does not fail. */
static const struct
{
  const char *call;
  struct scmp_arg_cmp argument;
} only[] = {
  { "epoll_ctl", { 1, SCMP_CMP_EQ, EPOLL_CTL_ADD, 0 } },
  { "fcntl", { 1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0 } },
};

static gboolean
command_add_rule (scmp_filter_ctx filter, const char *call)
{
  int number = seccomp_syscall_resolve_name (call);

  /* Not every processor has all of them. */
  if (number < 0)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (only); i++)
    {
      if (g_str_equal (call, only[i].call))
        return seccomp_rule_add_array (filter, SCMP_ACT_NOTIFY, number, 1, &only[i].argument) == 0;
    }

  return seccomp_rule_add (filter, SCMP_ACT_NOTIFY, number, 0) == 0;
}

static gboolean
command_add_rules (Command *self, scmp_filter_ctx filter)
{
  const guint marks[] = { MK_TEST_FAULT_BEGIN, MK_TEST_FAULT_END };
  gboolean done = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (marks) && done; i++)
    done =
        seccomp_rule_add (filter, SCMP_ACT_NOTIFY, SCMP_SYS (prctl), 1, SCMP_A0 (SCMP_CMP_EQ, marks[i])) == 0;
  for (guint i = 0; self->calls[i] != NULL && done; i++)
    done = command_add_rule (filter, self->calls[i]);
  return done;
}

/* Returns: (transfer full) (nullable): the filter as the kernel takes it */
static GBytes *
command_compile_filter (Command *self)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
  int fd = memfd_create ("filter", MFD_CLOEXEC);
  g_autoptr (GMappedFile) file = NULL;

  if (command_add_rules (self, filter) && seccomp_export_bpf (filter, fd) == 0)
    file = g_mapped_file_new_from_fd (fd, FALSE, NULL);
  seccomp_release (filter);
  close (fd);
  return file != NULL ? g_mapped_file_get_bytes (file) : NULL;
}

/*
 * A filter is that of one thread, and of what it forks: the program itself stays without. Between the filter
 * and the news of it, nothing may be called that needs an answer: seccomp_load() does.
 */
static gpointer
command_run (gpointer data)
{
  Command *self = data;
  g_autoptr (GBytes) filter = command_compile_filter (self);
  gsize size = 0;
  struct sock_fprog program = { 0 };

  if (filter != NULL)
    program.filter = (struct sock_filter *) g_bytes_get_data (filter, &size);
  program.len = (unsigned short) (size / sizeof (struct sock_filter));
  if (geteuid () != 0)
    prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  self->listener =
      (int) syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  sem_post (&self->is_ready);
  if (self->listener < 0)
    return NULL;

  /* fork() holds locks meanwhile that the other thread needs in order to answer. */
  self->pid = _Fork ();
  if (self->pid == 0)
    {
      execvp (self->command[0], self->command);
      _exit (127);
    }
  sem_post (&self->is_ready);
  return NULL;
}

/* ---- the decision ---- */

/* Returns: (transfer full): the name of the file that the process runs of which this is a thread */
static char *
find_program (pid_t pid)
{
  g_autofree char *link = g_strdup_printf ("/proc/%d/exe", (int) pid);
  char target[4096];
  ssize_t n = readlink (link, target, sizeof target - 1);

  if (n < 0)
    return g_strdup ("");
  target[n] = '\0';
  /* The copy of mk-supervisor at the far end of a launcher */
  if (strstr (target, "/.mk-") != NULL)
    return g_strdup ("mk-far");
  return g_path_get_basename (target);
}

/* GLib wakes its threads by this, which does not fail. */
static gboolean
is_eventfd (pid_t pid, guint64 fd)
{
  g_autofree char *link = g_strdup_printf ("/proc/%d/fd/%d", (int) pid, (int) fd);
  char target[32] = "";

  return readlink (link, target, sizeof target - 1) > 0 && g_str_has_prefix (target, "anon_inode:[eventfd]");
}

static guint
count (const char *program, int call)
{
  g_autofree char *name = seccomp_syscall_resolve_num_arch (SCMP_ARCH_NATIVE, call);
  char *key = g_strdup_printf ("%s %s", program, name);
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (counts, key)) + 1;

  g_hash_table_insert (counts, key, GUINT_TO_POINTER (number));
  return number;
}

/* Returns: the error of a call, 0 to let it happen */
static int
decide (const struct seccomp_notif *request, const Fault *fault)
{
  int call = request->data.nr;
  guint64 argument = request->data.args[0];
  gboolean is_mark =
      call == SCMP_SYS (prctl) && (argument == MK_TEST_FAULT_BEGIN || argument == MK_TEST_FAULT_END);
  g_autofree char *program = NULL;
  guint number;

  if (is_mark)
    is_on = argument == MK_TEST_FAULT_BEGIN;
  if (!is_on || is_mark || (call == SCMP_SYS (write) && is_eventfd ((pid_t) request->pid, argument)))
    return 0;

  program = find_program ((pid_t) request->pid);
  number = count (program, call);
  if (fault->number == 0 || call != fault->call || !g_str_equal (program, fault->program))
    return 0;
  return number == fault->number || (fault->goes_on && number > fault->number) ? fault->error : 0;
}

static void
answer (int listener, const Fault *fault)
{
  struct seccomp_notif *request;
  struct seccomp_notif_resp *response;

  g_assert (seccomp_notify_alloc (&request, &response) == 0);
  /* It fails where the process was killed meanwhile. */
  if (seccomp_notify_receive (listener, request) == 0)
    {
      response->id = request->id;
      response->error = -decide (request, fault);
      if (response->error == 0)
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      seccomp_notify_respond (listener, response);
    }
  seccomp_notify_free (request, response);
}

/* Until nothing runs any more that was started */
static void
answer_all (int listener, const Fault *fault)
{
  struct pollfd socket = { listener, POLLIN, 0 };

  while ((socket.revents & POLLHUP) == 0)
    {
      if (poll (&socket, 1, -1) < 0)
        g_assert (errno == EINTR);
      else if (socket.revents & POLLIN)
        answer (listener, fault);
    }
}

static void
write_counts (const char *path)
{
  FILE *file = fopen (path, "w");
  GHashTableIter iter;
  gpointer key, value;

  g_assert (file != NULL);
  g_hash_table_iter_init (&iter, counts);
  while (g_hash_table_iter_next (&iter, &key, &value))
    fprintf (file, "%s %u\n", (const char *) key, GPOINTER_TO_UINT (value));
  fclose (file);
}

static int
reap (pid_t pid)
{
  int status = 0;

  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

int
main (int argc, char **argv)
{
  Command command = { .listener = -1 };
  g_autoptr (GThread) thread = NULL;
  Fault fault;

  if (argc < 8)
    g_error ("mk-test-fault COUNTS PROGRAM CALL NUMBER ERRNO CALLS COMMAND…");
  fault = (Fault){ .program = argv[2],
                   .call = seccomp_syscall_resolve_name (argv[3]),
                   .number = (guint) atoi (argv[4]),
                   .goes_on = strchr (argv[4], '+') != NULL,
                   .error = atoi (argv[5]) };
  command.calls = g_strsplit (argv[6], ",", -1);
  command.command = argv + 7;
  counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  sem_init (&command.is_ready, 0, 0);
  thread = g_thread_new ("command", command_run, &command);
  sem_wait (&command.is_ready);
  if (command.listener < 0)
    return NOT_POSSIBLE;

  answer_all (command.listener, &fault);
  sem_wait (&command.is_ready);
  write_counts (argv[1]);
  return reap (command.pid);
}
