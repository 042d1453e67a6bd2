/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What comes to the near end of a launcher: first from a shell, then from a far end. A client of its one
 * forward connects as soon as it can.
 */

#include "supervisor/mk-near.c"

#include "mk-fuzz.h"

typedef struct
{
  int host;
  int client; /* of the forward, −1 before it is connected */
  int streams[3];
} Others;

static void
open_forward (Near *self, Others *others)
{
  static char target[] = "6379";
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof (sa_family_t)), ==, 0);
  self->forwards[0] = (Forward){ fd, target, false, -1 };
  self->n_forwards = 1;
  others->client = -1;
}

static void
open_streams (Near *self, Others *others)
{
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  self->control_fd = pair[0];
  others->host = pair[1];

  for (int i = 0; i < 3; i++)
    {
      g_assert_cmpint (pipe2 (pair, O_CLOEXEC | O_NONBLOCK), ==, 0);
      mk_link_open_stream (&self->link, i, i == 0 ? pair[0] : -1, i == 0 ? -1 : pair[1], i == 2);
      others->streams[i] = pair[i == 0 ? 1 : 0];
    }
  g_assert_cmpint (write (others->streams[0], "input", 5), ==, 5);
  /* Nobody reads the errors. */
  near_close (&others->streams[2]);
}

static void
connect_client (Near *self, Others *others)
{
  struct sockaddr_un address;
  socklen_t size = sizeof address;

  if (others->client >= 0 || !self->forwards[0].listens)
    return;

  others->client = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (getsockname (self->forwards[0].fd, (struct sockaddr *) &address, &size), ==, 0);
  g_assert_cmpint (connect (others->client, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (write (others->client, "request", 7), ==, 7);
}

static void
send_order (Others *others, const uint8_t **data, size_t *size)
{
  size_t length = *size > 0 ? MIN (**data, *size - 1) : 0;

  if (length > 0)
    g_assert_cmpint (send (others->host, *data + 1, length, 0), ==, length);
  *data += MIN (*size, 1 + length);
  *size -= MIN (*size, 1 + length);
}

/* Only what a supervisor may say is passed on. */
static void
read_news (Others *others)
{
  char packet[sizeof (MkMessage) + MK_MAX_LOST_TEXT + 1];
  MkMessage message;
  ssize_t n;

  while ((n = recv (others->host, packet, sizeof packet, MSG_DONTWAIT)) > 0)
    {
      g_assert_cmpint (n, >=, sizeof message);
      g_assert_cmpint (n, <, sizeof packet);
      memcpy (&message, packet, sizeof message);
      g_assert_cmpint (message.type, >=, MK_MESSAGE_SPAWNED);
      g_assert_cmpint (message.type, <=, MK_MESSAGE_LOST);
      g_assert_true (n == sizeof message || message.type == MK_MESSAGE_LOST);
    }
}

static bool
is_connected (Near *self)
{
  static const char program[] = "the program";
  char machine[64];
  int fd = mk_fuzz_open_bytes (program, sizeof program);
  bool is_there = near_find_shell (self, machine, sizeof machine, NEVER);

  near_say_size (self, fd);
  is_there = is_there && near_wait_for_far_end (self, fd, NEVER);
  if (!is_there)
    near_explain_no_far_end (self, machine);
  close (fd);
  return is_there;
}

static void
near_clear (Near *self, Others *others)
{
  mk_link_clear (&self->link);
  mk_buffer_clear (&self->errors);
  near_close (&self->forwards[0].fd);
  near_close (&self->control_fd);
  near_close (&self->link.fd_in);
  near_close (&self->link.fd_out);
  close (others->host);
  near_close (&others->client);
  for (int i = 0; i < 3; i++)
    near_close (&others->streams[i]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static Near self;
  int first_free = mk_fuzz_get_first_free_fd ();
  Others others;

  signal (SIGPIPE, SIG_IGN);
  self = (Near){ .control_fd = -1, .host_fd = -1, .signal_fd = -1, .errors_fd = -1 };
  self.notify_path = "@mirakuru-nobody";
  self.lease_us = 15000000;
  self.deadline = self.next_ping = NEVER;
  mk_link_init (&self.link, false, near_on_frame, &self);
  open_forward (&self, &others);
  open_streams (&self, &others);
  send_order (&others, &data, &size);
  self.link.fd_in = mk_fuzz_open_pipe (data, size);
  self.link.fd_out = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  self.is_running = true;

  if (is_connected (&self) && mk_link_parse (&self.link))
    {
      do
        connect_client (&self, &others);
      while (near_run_once (&self) && !self.is_gone);
    }

  read_news (&others);
  near_clear (&self, &others);
  g_assert_cmpint (mk_fuzz_get_first_free_fd (), ==, first_free);
  return 0;
}
