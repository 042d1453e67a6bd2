/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the host orders mk-supervisor to do with a service, which is a real process here. Whatever comes, no
 * signal goes anywhere else, and in the end the service is killed. libFuzzer must have no child of its own,
 * so it needs -print_funcs=0.
 */

#include <signal.h>
#include <unistd.h>

static int checked_kill (pid_t pid, int number);

#define kill checked_kill
#include "supervisor/mk-linux-kernel.c"
#include "supervisor/mk-supervisor.c"
#undef kill

#include "mk-fuzz.h"

#include <spawn.h>

static Supervisor *current;

static int
checked_kill (pid_t pid, int number)
{
  g_assert_true (pid == current->service || pid == -current->service);
  g_assert_false (current->reaped && pid > 0);
  return kill (pid, number);
}

static pid_t
spawn_service (void)
{
  static char program[] = "sleep", seconds[] = "600";
  char *argv[] = { program, seconds, NULL };
  char *environment[] = { NULL };
  posix_spawnattr_t attributes;
  sigset_t none;
  pid_t pid;

  sigemptyset (&none);
  posix_spawnattr_init (&attributes);
  posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask (&attributes, &none);
  g_assert_cmpint (posix_spawn (&pid, "/bin/sleep", NULL, &attributes, argv, environment), ==, 0);
  posix_spawnattr_destroy (&attributes);
  return pid;
}

/* Others stay as they are while the supervisor waits: libFuzzer's alarm has to come through. */
static void
open_signals (Supervisor *self)
{
  sigset_t wanted;

  sigemptyset (&wanted);
  sigaddset (&wanted, SIGCHLD);
  sigprocmask (SIG_BLOCK, &wanted, NULL);
  self->signal_fd = mk_kernel_open_signals (&wanted, &self->while_waiting);
  self->while_waiting = wanted;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const MkMessage last = { MK_MESSAGE_KILL, SIGKILL, 0, 0 };
  int sockets[2];
  Supervisor self = {
    .host = getppid (),
    .host_fd = -1,
    .exec_fd = -1,
    .stop_signal = SIGTERM,
    .kill_signal = SIGKILL,
    .deadline = NEVER,
    .tree_time = NEVER,
  };
  int64_t begun;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
  current = &self;
  open_signals (&self);
  self.control_fd = sockets[0];
  self.service = spawn_service ();

  mk_fuzz_send_packets (sockets[1], data, size);
  supervisor_read_control (&self);
  supervisor_check_deadlines (&self);
  send (sockets[1], &last, sizeof last, MSG_NOSIGNAL);
  begun = supervisor_now_us ();
  supervisor_run (&self);
  g_assert_true (self.reaped && self.empty);
  g_assert_cmpint (supervisor_now_us () - begun, <, 5000000);

  close (self.signal_fd);
  if (self.control_fd >= 0)
    close (self.control_fd);
  close (sockets[1]);
  free (self.signalled);
  return 0;
}
