/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What comes to the far end of a launcher. It has the streams of a service, a supervisor that takes orders,
 * and a forward to a socket of this program. It can start no process, and ends none.
 */

#include <errno.h>
#include <sys/types.h>

#include "supervisor/mk-marked-private.h"

/* As where there is no room for another process */
static pid_t
fork_nothing (void)
{
  errno = EAGAIN;
  return -1;
}

#define fork                            fork_nothing
#define mk_marked_end(marker, n_killed) (*(n_killed) = 0)
#include "supervisor/mk-far.c"
#undef fork

#include "mk-fuzz.h"

/* What others have: whoever listens, the supervisor, and the service */
typedef struct
{
  int listener;
  int supervisor;
  int streams[3];
} Others;

static void
open_forward (Far *self, Others *others)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t size = sizeof address;

  others->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (others->listener, (struct sockaddr *) &address, sizeof (sa_family_t)), ==, 0);
  g_assert_cmpint (listen (others->listener, 8), ==, 0);
  g_assert_cmpint (getsockname (others->listener, (struct sockaddr *) &address, &size), ==, 0);
  self->forwards[0].used = self->forwards[0].is_here = self->forwards[0].is_ready = true;
  forward_add_address (&self->forwards[0], &address, size);
}

static void
open_streams (Far *self, Others *others)
{
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  self->control_fd = pair[0];
  others->supervisor = pair[1];

  for (int i = 0; i < 3; i++)
    {
      g_assert_cmpint (pipe2 (pair, O_CLOEXEC | O_NONBLOCK), ==, 0);
      mk_link_open_stream (&self->link, i, i == 0 ? -1 : pair[0], i == 0 ? pair[1] : -1, false);
      others->streams[i] = pair[i == 0 ? 0 : 1];
    }
  g_assert_cmpint (write (others->streams[1], "output", 6), ==, 6);
}

static void
close_others (Others *others)
{
  close (others->listener);
  close (others->supervisor);
  for (int i = 0; i < 3; i++)
    close (others->streams[i]);
}

static void
far_clear (Far *self)
{
  mk_link_clear (&self->link);
  for (int i = 0; i < MK_LINK_MAX_FORWARDS; i++)
    {
      far_close (&self->forwards[i].fd);
      far_close (&self->forwards[i].name_fd);
      free (self->forwards[i].host);
      free (self->forwards[i].service);
    }
  far_close (&self->control_fd);
  far_close (&self->notify_fd);
  close (self->link.fd_in);
  close (self->link.fd_out);
  if (self->private_folder != NULL && *self->private_folder != '\0')
    {
      g_assert_true (far_may_have_folder (self->private_folder));
      rmdir (self->private_folder);
    }
  free (self->private_folder);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static Far self;
  int first_free = mk_fuzz_get_first_free_fd ();
  Others others;

  signal (SIGPIPE, SIG_IGN);
  self = (Far){ .signal_fd = -1, .notify_fd = -1, .control_fd = -1, .lease_us = DEFAULT_LEASE_US };
  for (int i = 0; i < MK_LINK_MAX_FORWARDS; i++)
    self.forwards[i].fd = self.forwards[i].name_fd = -1;
  mk_link_init (&self.link, true, far_on_frame, &self);
  self.link.fd_in = mk_fuzz_open_pipe (data, size);
  self.link.fd_out = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  open_forward (&self, &others);
  open_streams (&self, &others);

  while (!far_is_done (&self))
    far_run_once (&self);

  far_clear (&self);
  close_others (&others);
  g_assert_cmpint (mk_fuzz_get_first_free_fd (), ==, first_free);
  return 0;
}
