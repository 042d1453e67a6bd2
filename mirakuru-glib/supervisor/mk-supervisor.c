/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * mk-supervisor: the parent of one service.
 *
 * It starts the service, tells the host (the program that uses the library) what becomes of it, and sees to
 * it that nothing of the service is left: when the host asks, and when the host is gone in whatever way. How
 * the processes of the service are found is the kernel's own: see mk-linux-kernel.c and mk-posix-kernel.c.
 *
 * A service mostly runs as the same user, and can do this program harm: lower its limits, take the control
 * socket, end whatever has a certain command. So children can be found without opening a file, the program is
 * not dumpable, and it erases its copy of the command.
 *
 * Phases:
 *   RUNNING    nothing was asked for
 *   STOPPING   the stop signal was sent; at `deadline` the next phase begins
 *   KILLING    the kill signal goes to all that is found, again and again until the tree is empty
 * The host may ask for the same or a later phase at any time. The program ends when the tree is empty.
 *
 * One thread, no allocation that outlives a supervisor_walk, no GLib: the program must cost next to nothing
 * and never fail.
 */

#include "mk-supervisor-protocol-private.h"
#include "base/mk-remove-private.h"
#include "mk-kernel-private.h"
#include "mk-roles-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 125

/* The first walk of a gentle stop: most services have ended by then, and need none. */
#define FIRST_WALK_US   2000
#define MIN_INTERVAL_US 1000
#define MAX_INTERVAL_US 50000
/* A kill signal other than SIGKILL has this long to work. */
#define KILL_GRACE_US 1000000
/* How often to look for the host where it cannot be watched. */
#define HOST_POLL_US 200000
#define MAX_WAIT_US  60000000
/* What the host could not be told is told again so soon, and at the end so often. */
#define RESEND_US      5000
#define MAX_LAST_TRIES 200
/* More than there are kinds of news */
#define MAX_NEWS 8

#define NEVER INT64_MAX

typedef enum
{
  RUNNING,
  STOPPING,
  KILLING,
} Phase;

/* An open file for the service */
typedef struct
{
  int fd;
  int target; /* its number there */
} PassedDescriptor;

typedef struct
{
  /* As started. */
  pid_t host;
  int stop_signal;
  int kill_signal;
  int64_t stop_timeout_us; /* 0 for no limit */
  bool stops_tree;         /* at once, not the first process before the others */
  PassedDescriptor *passed;
  int n_passed;
  char *folder;
  char *private_folder; /* removed after a stop */
  bool keeps_folder;    /* … if the host does not do that */
  char **argv;

  /* Watched, -1 where closed. */
  int control_fd;
  int host_fd;
  int signal_fd;
  int exec_fd;

  sigset_t while_waiting; /* blocked then; at other times all signals are */

  pid_t service;
  bool reaped; /* the service's main process */
  bool failed; /* to run the service */
  bool empty;
  bool escalated;
  pid_t denied;             /* one that may not be sent signals, as the host was told */
  MkMessage news[MAX_NEWS]; /* that there was no room for so far */
  int n_news;

  Phase phase;
  int64_t deadline;
  int64_t tree_time; /* when the rest of the tree gets the stop signal, even if the first process lives */
  int64_t next_walk;
  int64_t walk_interval;

  /* What the stop signal was sent to already. */
  pid_t *signalled;
  size_t n_signalled;
  bool first_walk;
  bool group_signalled;
  bool group_remembered; /* all that were in the group then are in @signalled */
} Supervisor;

static int64_t
supervisor_now_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* That the host is gone is noticed elsewhere. */
static void
supervisor_send_waiting (Supervisor *self)
{
  ssize_t n = 0;

  while (self->n_news > 0 && n >= 0)
    {
      n = send (self->control_fd, &self->news[0], sizeof self->news[0], MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM))
        return;
      memmove (&self->news[0], &self->news[1], (size_t) --self->n_news * sizeof self->news[0]);
    }
}

static void
supervisor_send_news (Supervisor *self, MkMessageType type, int a, int b)
{
  if (self->control_fd < 0 || self->n_news == MAX_NEWS)
    return;

  self->news[self->n_news++] = (MkMessage){ (int32_t) type, a, b, 0 };
  supervisor_send_waiting (self);
}

static void
supervisor_send_last_news (Supervisor *self)
{
  for (int i = 0; i < MAX_LAST_TRIES && self->n_news > 0; i++)
    {
      nanosleep (&(struct timespec){ 0, RESEND_US * 1000 }, NULL);
      supervisor_send_waiting (self);
    }
}

/* ---- starting the service ---- */

static void
supervisor_fail_in_child (int fd, MkSpawnStep step)
{
  int report[2] = { (int) step, errno };

  (void) !write (fd, report, sizeof report);
  _exit (127);
}

/* As execvp(), but a file that the kernel cannot run is an error, not a shell script. */
static void
supervisor_exec_in_path (char **argv)
{
  const char *path = getenv ("PATH");
  bool denied = false;
  char file[4096];

  if (strchr (argv[0], '/') != NULL)
    {
      execv (argv[0], argv);
      return;
    }

  for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; path != NULL;
       path = strchr (path, ':') ? strchr (path, ':') + 1 : NULL)
    {
      size_t length = strcspn (path, ":");

      if (length + strlen (argv[0]) + 3 > sizeof file)
        continue;
      memcpy (file, length ? path : ".", length ? length : 1);
      file[length ? length : 1] = '/';
      strcpy (file + (length ? length : 1) + 1, argv[0]);

      execv (file, argv);
      if (errno == EACCES)
        denied = true;
      else if (errno != ENOENT && errno != ENOTDIR)
        return;
    }

  errno = denied ? EACCES : ENOENT;
}

/*
 * The passed descriptors get the numbers they have in the service; all others are closed when the program
 * runs. First they are moved out of the way of these numbers, and so is @report_fd.
 */
static bool
supervisor_place_descriptors (Supervisor *self, int *report_fd)
{
  int first = MK_CONTROL_FD + 1;

  for (int i = 0; i < self->n_passed; i++)
    {
      if (self->passed[i].target >= first)
        first = self->passed[i].target + 1;
    }
  for (int i = 0; i < self->n_passed; i++)
    {
      self->passed[i].fd = fcntl (self->passed[i].fd, F_DUPFD_CLOEXEC, first);
      if (self->passed[i].fd < 0)
        return false;
    }
  if (self->n_passed > 0)
    *report_fd = fcntl (*report_fd, F_DUPFD_CLOEXEC, first);

  mk_kernel_mark_cloexec_from (3);
  for (int i = 0; i < self->n_passed; i++)
    {
      if (dup2 (self->passed[i].fd, self->passed[i].target) < 0)
        return false;
    }
  return *report_fd >= 0;
}

static void
supervisor_set_listen_pid (void)
{
  const char *value = getenv (MK_LISTEN_PID);
  char pid[16];

  if (value == NULL || strcmp (value, MK_LISTEN_PID_UNKNOWN) != 0)
    return;

  snprintf (pid, sizeof pid, "%d", (int) getpid ());
  setenv (MK_LISTEN_PID, pid, 1);
}

static void
supervisor_run_service (Supervisor *self, pid_t supervisor, int report_fd)
{
  sigset_t none;

  setsid ();
  mk_kernel_die_with_parent ();
  if (getppid () != supervisor)
    _exit (127);

  mk_kernel_reset_signals ();
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);

  if (self->folder[0] != '\0' && chdir (self->folder) < 0)
    supervisor_fail_in_child (report_fd, MK_SPAWN_STEP_CHDIR);

  supervisor_set_listen_pid ();
  if (!supervisor_place_descriptors (self, &report_fd))
    supervisor_fail_in_child (report_fd, MK_SPAWN_STEP_DESCRIPTORS);
  supervisor_exec_in_path (self->argv);
  supervisor_fail_in_child (report_fd, MK_SPAWN_STEP_EXEC);
}

/* Gives up what is the service's own, so that its end reaches the reader. */
static void
supervisor_release_streams (Supervisor *self)
{
  int fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  for (int i = 0; i < 3; i++)
    {
      if (fd < 0)
        close (i);
      else
        dup2 (fd, i);
    }
  if (fd > 2)
    close (fd);
  for (int i = 0; i < self->n_passed; i++)
    close (self->passed[i].fd);
}

/* Whoever looks for the service by its command, as pkill -f does, must not find this program. */
static void
supervisor_erase_arguments (Supervisor *self)
{
  char *end = self->folder;

  for (char **arg = self->argv; *arg != NULL; arg++)
    end = *arg + strlen (*arg);
  memset (self->folder, 0, (size_t) (end - self->folder));
}

static void
supervisor_spawn_failed (Supervisor *self, MkSpawnStep step, int error)
{
  self->failed = true;
  supervisor_send_news (self, MK_MESSAGE_FAILED, (int) step, error);
}

static void
supervisor_spawn (Supervisor *self)
{
  pid_t supervisor = getpid ();
  int fds[2];

  if (!mk_kernel_open_pipe (fds))
    {
      supervisor_spawn_failed (self, MK_SPAWN_STEP_FORK, errno);
      return;
    }

  self->service = fork ();
  if (self->service == 0)
    supervisor_run_service (self, supervisor, fds[1]);
  supervisor_erase_arguments (self);

  if (self->service < 0)
    supervisor_spawn_failed (self, MK_SPAWN_STEP_FORK, errno);

  close (fds[1]);
  self->exec_fd = fds[0];
  supervisor_release_streams (self);
}

/* The pipe ends without a word when exec() worked. */
static void
supervisor_read_exec_report (Supervisor *self)
{
  int report[2];
  ssize_t n;

  do
    n = read (self->exec_fd, report, sizeof report);
  while (n < 0 && errno == EINTR);

  close (self->exec_fd);
  self->exec_fd = -1;

  if (self->failed)
    return;
  if (n == (ssize_t) sizeof report)
    supervisor_spawn_failed (self, (MkSpawnStep) report[0], report[1]);
  else
    supervisor_send_news (self, MK_MESSAGE_SPAWNED, self->service, 0);
}

/* ---- signals to the tree ---- */

/* One of them is enough to say why the tree does not get empty. */
static void
supervisor_signal_or_tell (Supervisor *self, pid_t pid, pid_t parent, int number)
{
  if (mk_kernel_signal (pid, parent, number) || self->denied != 0)
    return;

  self->denied = pid;
  /* Where only the group is known, its number is that of the service. */
  supervisor_send_news (self, MK_MESSAGE_DENIED, abs (pid), 0);
}

static bool
supervisor_was_signalled (Supervisor *self, pid_t pid)
{
  for (size_t i = 0; i < self->n_signalled; i++)
    {
      if (self->signalled[i] == pid)
        return true;
    }

  return false;
}

static void
supervisor_remember_signalled (Supervisor *self, pid_t pid)
{
  pid_t *grown = realloc (self->signalled, (self->n_signalled + 1) * sizeof *grown);

  if (grown == NULL)
    return;
  self->signalled = grown;
  self->signalled[self->n_signalled++] = pid;
}

static void
supervisor_forget_signalled (Supervisor *self, pid_t pid)
{
  for (size_t i = 0; i < self->n_signalled; i++)
    {
      if (self->signalled[i] == pid)
        self->signalled[i] = self->signalled[--self->n_signalled];
    }
}

/* A stopped process sees no signal but SIGKILL before it is continued. */
static void
supervisor_signal_once (Supervisor *self, pid_t pid, pid_t parent, int number)
{
  if (supervisor_was_signalled (self, pid))
    return;

  supervisor_remember_signalled (self, pid);
  supervisor_signal_or_tell (self, pid, parent, number);
  mk_kernel_signal (pid, parent, SIGCONT);
}

/*
 * The first walk reaches the whole tree, but for the group, which has the signal. Later ones only reach
 * orphans, which nobody else will end: what a living process of the service starts in order to shut down must
 * be left in peace. So must those of the group's orphans that may have the signal.
 */
static void
supervisor_stop_found (pid_t pid, pid_t parent, void *data)
{
  Supervisor *self = data;
  bool is_orphan = parent == getpid () && pid != self->service;
  bool in_group = self->group_signalled && mk_kernel_is_in_group (pid, self->service);

  if (in_group && (!is_orphan || !self->group_remembered))
    return;
  if (is_orphan || self->first_walk)
    supervisor_signal_once (self, pid, parent, self->stop_signal);
}

static void
supervisor_kill_found (pid_t pid, pid_t parent, void *data)
{
  Supervisor *self = data;

  if (self->kill_signal == SIGKILL)
    supervisor_signal_or_tell (self, pid, parent, SIGKILL);
  else
    supervisor_signal_once (self, pid, parent, self->kill_signal);
}

/* They are about to get the signal as a group; what they fork then will not have got it. */
static void
supervisor_group_member_found (pid_t pid, pid_t parent, void *data)
{
  Supervisor *self = data;

  if (mk_kernel_is_in_group (pid, self->service))
    supervisor_remember_signalled (self, pid);
}

static void
supervisor_signal_group (Supervisor *self, int number)
{
  if (self->service > 0 && !self->failed && mk_kernel_has_group (self->service))
    kill (-self->service, number);
}

/* The group is all that is known of the service. A first process that still lives has the signal. */
static void
supervisor_none_found (Supervisor *self)
{
  if (self->phase == KILLING)
    supervisor_signal_group (self, self->kill_signal);
  else if (self->reaped && !self->group_signalled)
    {
      supervisor_signal_group (self, self->stop_signal);
      supervisor_signal_group (self, SIGCONT);
      self->group_signalled = true;
    }
}

static void
supervisor_walk (Supervisor *self)
{
  int64_t begin = supervisor_now_us ();
  MkTreeFunc func = self->phase == KILLING ? supervisor_kill_found : supervisor_stop_found;
  int64_t end;

  if (!mk_kernel_walk_tree (self->service, func, self))
    supervisor_none_found (self);
  self->first_walk = false;

  end = supervisor_now_us ();
  self->walk_interval *= 2;
  if (self->phase == STOPPING && self->walk_interval < 10 * (end - begin))
    self->walk_interval = 10 * (end - begin);
  if (self->walk_interval > MAX_INTERVAL_US)
    self->walk_interval = MAX_INTERVAL_US;
  self->next_walk = end + self->walk_interval;
}

/* ---- phases ---- */

/* Not the group, in which a process may be that has the signal. */
static void
supervisor_stop_rest (Supervisor *self)
{
  self->tree_time = NEVER;
  self->group_signalled = false;
  self->first_walk = true;
  self->walk_interval = MIN_INTERVAL_US;
  self->next_walk = supervisor_now_us ();
}

/*
 * The first process may want to end the others itself, as those do that pass signals on, and pools of
 * workers. The others get the signal once it has ended, or when it has had half of the time.
 */
static void
supervisor_stop_first_process (Supervisor *self)
{
  int64_t now = supervisor_now_us ();

  self->tree_time = self->deadline == NEVER ? NEVER : now + (self->deadline - now) / 2;
  self->next_walk = NEVER;
  supervisor_signal_once (self, self->service, getpid (), self->stop_signal);
}

static void
supervisor_stop_tree (Supervisor *self)
{
  self->tree_time = NEVER;
  self->first_walk = true;
  self->walk_interval = MIN_INTERVAL_US;

  /* There is no group before the service's setsid(). */
  self->group_remembered = self->service <= 0 || self->reaped ||
                           mk_kernel_walk_tree (self->service, supervisor_group_member_found, self);
  self->group_signalled = self->service > 0 && !self->reaped && kill (-self->service, self->stop_signal) == 0;
  if (self->group_signalled)
    kill (-self->service, SIGCONT);
  self->next_walk = supervisor_now_us () + (self->group_signalled ? FIRST_WALK_US : 0);
}

/* What was asked to stop is not asked the same again: to many, a second time means to stop at once. */
static void
supervisor_begin_stop (Supervisor *self, int number, int64_t timeout_us, bool tree)
{
  int64_t deadline = timeout_us > 0 ? supervisor_now_us () + timeout_us : NEVER;

  if (self->phase == STOPPING && deadline > self->deadline)
    deadline = self->deadline;
  if (self->phase == STOPPING && number == self->stop_signal && (!tree || self->tree_time == NEVER))
    {
      self->deadline = deadline;
      return;
    }
  if (self->phase == STOPPING && number == self->stop_signal)
    {
      self->deadline = deadline;
      supervisor_stop_rest (self);
      return;
    }

  self->phase = STOPPING;
  self->stop_signal = number;
  self->deadline = deadline;
  self->n_signalled = 0;
  if (tree || self->service <= 0 || self->reaped)
    supervisor_stop_tree (self);
  else
    supervisor_stop_first_process (self);
}

static void
supervisor_begin_kill (Supervisor *self, int number)
{
  self->kill_signal = self->phase == KILLING && self->kill_signal == SIGKILL ? SIGKILL : number;
  self->phase = KILLING;
  self->escalated = true;
  self->n_signalled = 0;
  self->deadline = number == SIGKILL ? NEVER : supervisor_now_us () + KILL_GRACE_US;
  self->next_walk = supervisor_now_us ();
  self->walk_interval = MIN_INTERVAL_US;

  if (number == SIGKILL && self->service > 0 && !self->reaped)
    kill (-self->service, SIGKILL);
}

static void
supervisor_host_is_gone (Supervisor *self)
{
  int64_t grace = MK_UNWAITED_GRACE_MS * 1000;

  if (self->control_fd >= 0)
    close (self->control_fd);
  if (self->host_fd >= 0)
    close (self->host_fd);
  self->control_fd = self->host_fd = -1;
  self->host = 0;
  self->n_news = 0;

  if (self->phase == STOPPING)
    {
      if (self->deadline > supervisor_now_us () + grace)
        self->deadline = supervisor_now_us () + grace;
    }
  else if (self->phase == RUNNING)
    supervisor_begin_stop (self,
                           self->stop_signal,
                           self->stop_timeout_us > 0 && self->stop_timeout_us < grace ? self->stop_timeout_us
                                                                                      : grace,
                           self->stops_tree);
}

static void
supervisor_check_deadlines (Supervisor *self)
{
  int64_t now = supervisor_now_us ();

  if (now >= self->deadline)
    self->tree_time = NEVER;
  else if (now >= self->tree_time)
    supervisor_stop_rest (self);
  if (now >= self->deadline)
    supervisor_begin_kill (self, self->phase == KILLING ? SIGKILL : self->kill_signal);
  if (self->phase != RUNNING && now >= self->next_walk)
    supervisor_walk (self);
}

/* ---- news ---- */

static void
supervisor_reap (Supervisor *self)
{
  int status;
  pid_t pid;

  while ((pid = mk_kernel_reap (&status)) > 0)
    {
      supervisor_forget_signalled (self, pid);
      /* What it left behind must be met before that forks again. */
      if (self->phase == KILLING)
        {
          self->walk_interval = MIN_INTERVAL_US;
          if (self->next_walk > supervisor_now_us () + MIN_INTERVAL_US)
            self->next_walk = supervisor_now_us () + MIN_INTERVAL_US;
        }
      if (pid == self->denied)
        self->denied = 0;
      if (pid != self->service)
        continue;

      self->reaped = true;
      if (self->phase == STOPPING && self->next_walk == NEVER)
        supervisor_stop_rest (self);
      if (self->exec_fd >= 0)
        supervisor_read_exec_report (self);
      if (!self->failed)
        supervisor_send_news (
            self, MK_MESSAGE_EXITED, WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status), 0);
    }

  self->empty = pid < 0 && errno == ECHILD && !mk_kernel_has_others (self->service);
}

static void
supervisor_read_signals (Supervisor *self)
{
  int number;

  while ((number = mk_kernel_read_signal (self->signal_fd)) != 0)
    {
      /* Somebody wants this program to end: it cannot without ending the service. */
      if (number != SIGCHLD && self->phase == RUNNING)
        supervisor_begin_stop (self, self->stop_signal, MK_UNWAITED_GRACE_MS * 1000, self->stops_tree);
    }
}

static void
supervisor_obey (Supervisor *self, const MkMessage *message)
{
  switch (message->type)
    {
    case MK_MESSAGE_SIGNAL:
      if (self->service > 0 && !self->reaped)
        kill (self->service, message->a);
      break;

    case MK_MESSAGE_SIGNAL_GROUP:
      supervisor_signal_group (self, message->a);
      break;

    case MK_MESSAGE_STOP:
    case MK_MESSAGE_STOP_TREE:
      if (self->phase == KILLING)
        break;
      self->kill_signal = message->b;
      supervisor_begin_stop (
          self, message->a, (int64_t) (uint32_t) message->c * 1000, message->type == MK_MESSAGE_STOP_TREE);
      break;

    case MK_MESSAGE_KILL:
      supervisor_begin_kill (self, message->a);
      break;

    default:
      break;
    }
}

static void
supervisor_read_control (Supervisor *self)
{
  MkMessage message;
  ssize_t n;

  /* If the host ended with news unread, ECONNRESET comes once, before the orders that are still there. */
  do
    {
      n = recv (self->control_fd, &message, sizeof message, MSG_DONTWAIT);
      if (n == (ssize_t) sizeof message)
        supervisor_obey (self, &message);
    }
  while (n > 0 || (n < 0 && (errno == ECONNRESET || errno == EINTR)));

  /* Without memory the kernel passes nothing on at that moment. */
  if (n == 0 || (errno != EAGAIN && errno != ENOMEM && errno != ENOBUFS))
    supervisor_host_is_gone (self);
}

/* Returns false where there is nothing to wait for but news. */
static bool
supervisor_get_timeout (Supervisor *self, struct timespec *timeout)
{
  int64_t next = self->phase == RUNNING ? NEVER : self->next_walk;
  int64_t wait = HOST_POLL_US;

  if (self->n_news > 0 && next > supervisor_now_us () + RESEND_US)
    next = supervisor_now_us () + RESEND_US;

  if (self->deadline < next)
    next = self->deadline;
  if (self->phase == STOPPING && self->tree_time < next)
    next = self->tree_time;
  if (next == NEVER && (self->host == 0 || self->host_fd >= 0))
    return false;

  if (next != NEVER)
    wait = next - supervisor_now_us ();
  if (wait < 0)
    wait = 0;
  if (wait > MAX_WAIT_US)
    wait = MAX_WAIT_US;
  *timeout = (struct timespec){ wait / 1000000, wait % 1000000 * 1000 };
  return true;
}

/* Not poll(), which fails where somebody has set the limit of file descriptors to less than there are. */
static void
supervisor_wait (Supervisor *self, fd_set *ready)
{
  const int fds[] = { self->control_fd, self->host_fd, self->signal_fd, self->exec_fd };
  struct timespec timeout;
  bool is_limited = supervisor_get_timeout (self, &timeout);
  int n = 0;

  FD_ZERO (ready);
  for (int i = 0; i < 4; i++)
    {
      if (fds[i] < 0)
        continue;
      FD_SET (fds[i], ready);
      if (fds[i] >= n)
        n = fds[i] + 1;
    }

  if (pselect (n, ready, NULL, NULL, is_limited ? &timeout : NULL, &self->while_waiting) <= 0)
    FD_ZERO (ready);
}

static bool
supervisor_is_ready (int fd, const fd_set *ready)
{
  return fd >= 0 && FD_ISSET (fd, ready);
}

static void
supervisor_run (Supervisor *self)
{
  supervisor_reap (self);
  while (!self->empty)
    {
      fd_set ready;

      supervisor_wait (self, &ready);
      supervisor_send_waiting (self);
      if (supervisor_is_ready (self->exec_fd, &ready))
        supervisor_read_exec_report (self);
      if (supervisor_is_ready (self->signal_fd, &ready))
        supervisor_read_signals (self);
      if (supervisor_is_ready (self->control_fd, &ready))
        supervisor_read_control (self);
      if (supervisor_is_ready (self->host_fd, &ready))
        supervisor_host_is_gone (self);

      if (self->host != 0 && getppid () != self->host)
        supervisor_host_is_gone (self);
      supervisor_reap (self);
      if (!self->empty)
        supervisor_check_deadlines (self);
    }

  /* Whoever has a service that ended by itself may want to see what it has left. */
  if (self->phase != RUNNING && self->private_folder != NULL && *self->private_folder != '\0' &&
      !(self->keeps_folder && self->control_fd >= 0))
    mk_remove_tree (self->private_folder);
  supervisor_send_news (self, MK_MESSAGE_EMPTY, self->escalated, 0);
  supervisor_send_last_news (self);
}

/* Returns false where nothing could be promised. */
static bool
supervisor_set_up (Supervisor *self)
{
  sigset_t wanted, all;

  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);

  sigemptyset (&wanted);
  sigaddset (&wanted, SIGCHLD);
  sigaddset (&wanted, SIGHUP);
  sigaddset (&wanted, SIGINT);
  sigaddset (&wanted, SIGQUIT);
  sigaddset (&wanted, SIGTERM);
  self->signal_fd = mk_kernel_open_signals (&wanted, &self->while_waiting);
  return self->signal_fd >= 0 && mk_kernel_prepare ();
}

/* @list: the numbers in the service, "3,7" */
static void
supervisor_read_passed (Supervisor *self, const char *list)
{
  self->passed = calloc (strlen (list) / 2 + 1, sizeof *self->passed);

  for (char *end; *list != '\0' && self->passed != NULL; list = *end == ',' ? end + 1 : end)
    {
      PassedDescriptor *passed = &self->passed[self->n_passed];

      passed->fd = MK_CONTROL_FD + 1 + self->n_passed++;
      passed->target = (int) strtol (list, &end, 10);
    }
}

int
mk_supervisor_main (int argc, char **argv)
{
  Supervisor self = {
    .control_fd = MK_CONTROL_FD,
    .host_fd = -1,
    .signal_fd = -1,
    .exec_fd = -1,
    .deadline = NEVER,
    .tree_time = NEVER,
  };
  int error;

  if (argc < 11 || strcmp (argv[1], MK_SUPERVISOR_PROTOCOL) != 0)
    {
      static const char usage[] =
          "mk-supervisor is run by libmirakuru-glib-1 of the same version, not by hand.\n";

      (void) !write (STDERR_FILENO, usage, sizeof usage - 1);
      return EXIT_USAGE;
    }

  self.host = atoi (argv[2]);
  self.stop_signal = atoi (argv[3]);
  self.kill_signal = atoi (argv[4]);
  self.stop_timeout_us = strtoll (argv[5], NULL, 10) * 1000;
  self.stops_tree = strcmp (argv[6], MK_SUPERVISOR_STOP_TREE) == 0;
  supervisor_read_passed (&self, argv[7]);
  self.folder = argv[8];
  self.keeps_folder = argv[9][0] == MK_SUPERVISOR_KEEP[0];
  self.private_folder = strdup (argv[9] + self.keeps_folder);
  self.argv = argv + 10;

  /* Out of the reach of Ctrl-C on the host's terminal; and nothing of the host's is to be held open. */
  setpgid (0, 0);
  mk_kernel_close_from (MK_CONTROL_FD + 1 + self.n_passed);
  fcntl (MK_CONTROL_FD, F_SETFD, FD_CLOEXEC);
  error = supervisor_set_up (&self) ? 0 : errno;
  if (self.passed == NULL || self.private_folder == NULL)
    error = ENOMEM;

  /* Once the host is watched, the pid cannot come to mean another process; before, it may have. */
  self.host_fd = mk_kernel_watch_host (self.host);
  if (getppid () != self.host)
    return 0;

  if (error != 0)
    supervisor_spawn_failed (&self, MK_SPAWN_STEP_SUPERVISE, error);
  else
    supervisor_spawn (&self);
  supervisor_run (&self);
  return 0;
}
