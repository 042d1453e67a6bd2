/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Frames and channels: what the near and the far end have in common.
 *
 * The other side is not trusted: lengths, numbers of channels and credit are checked, and what makes no sense
 * ends the link.
 */

#include "mk-link-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE 8
/* What a descriptor takes at once that is writable, but blocks: PIPE_BUF */
#define BLOCKING_CHUNK 4096
/* No stream is read while so much waits to be sent. */
#define MAX_WAITING (4 * MK_LINK_CHUNK)
#define EXIT_MEMORY 125

int64_t
mk_link_now_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
mk_link_set_nonblocking (int fd)
{
  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
}

/* ---- where an end is ---- */

/* "BOOT:INODE", or nothing where that cannot be known. Two ends with the same words share what it is about.
 */
static void
link_describe_namespace (char *text, size_t size, const char *name)
{
  char path[64];
  char boot[64] = "";
  struct stat info;
  FILE *file = fopen ("/proc/sys/kernel/random/boot_id", "re");

  *text = '\0';
  if (file != NULL && fgets (boot, sizeof boot, file) == NULL)
    *boot = '\0';
  if (file != NULL)
    fclose (file);
  boot[strcspn (boot, "\n")] = '\0';

  snprintf (path, sizeof path, "/proc/self/ns/%s", name);
  if (*boot != '\0' && stat (path, &info) == 0)
    snprintf (text, size, "%s:%llu", boot, (unsigned long long) info.st_ino);
}

void
mk_link_describe_end (MkHello *hello)
{
  struct utsname system;
  struct stat root;
  size_t length;

  memset (hello, 0, sizeof *hello);
  if (uname (&system) == 0)
    memcpy (hello->machine, system.machine, strnlen (system.machine, sizeof hello->machine - 1));
  link_describe_namespace (hello->network, sizeof hello->network, "net");
  link_describe_namespace (hello->processes, sizeof hello->processes, "pid");
  link_describe_namespace (hello->files, sizeof hello->files, "mnt");
  length = strlen (hello->files);
  if (length > 0 && stat ("/", &root) == 0)
    snprintf (hello->files + length,
              sizeof hello->files - length,
              ":%llu:%llu",
              (unsigned long long) root.st_dev,
              (unsigned long long) root.st_ino);
}

/* ---- buffers ---- */

size_t
mk_buffer_get_length (const MkBuffer *self)
{
  return self->end - self->start;
}

/* Returns NULL if it never had any */
char *
mk_buffer_get_data (const MkBuffer *self)
{
  return self->data != NULL ? self->data + self->start : NULL;
}

/* Without memory there is nothing that could be promised: the other side sees the end. */
static void
buffer_make_room (MkBuffer *self, size_t length)
{
  size_t size = self->allocated > 0 ? self->allocated : 4096;

  if (self->allocated - self->end >= length)
    return;

  if (self->start > 0)
    memmove (self->data, self->data + self->start, self->end - self->start);
  self->end -= self->start;
  self->start = 0;
  while (size - self->end < length)
    size *= 2;
  if (size == self->allocated)
    return;

  self->data = realloc (self->data, size);
  if (self->data == NULL)
    _exit (EXIT_MEMORY);
  self->allocated = size;
}

void
mk_buffer_append (MkBuffer *self, const void *data, size_t length)
{
  if (length == 0)
    return;

  buffer_make_room (self, length);
  memcpy (self->data + self->end, data, length);
  self->end += length;
}

void
mk_buffer_drop (MkBuffer *self, size_t length)
{
  self->start += length;
  if (self->start == self->end)
    self->start = self->end = 0;
}

void
mk_buffer_clear (MkBuffer *self)
{
  free (self->data);
  *self = (MkBuffer){ 0 };
}

/* ---- what is waited for ---- */

/* Returns where it is in the set, -1 where it is not */
int
mk_poll_set_add (MkPollSet *self, int fd, short events)
{
  if (fd < 0 || self->n_fds == MK_LINK_MAX_POLL)
    return -1;

  self->fds[self->n_fds] = (struct pollfd){ fd, events, 0 };
  return self->n_fds++;
}

bool
mk_poll_set_is_ready (const MkPollSet *self, int i)
{
  return i >= 0 && self->fds[i].revents != 0;
}

/* ---- frames ---- */

void
mk_link_put_integer (char *bytes, int32_t value)
{
  uint32_t bits = (uint32_t) value;

  for (int i = 0; i < 4; i++)
    bytes[i] = (char) (bits >> (8 * i));
}

int32_t
mk_link_get_integer (const char *bytes)
{
  uint32_t bits = 0;

  for (int i = 0; i < 4; i++)
    bits |= (uint32_t) (unsigned char) bytes[i] << (8 * i);
  return (int32_t) bits;
}

void
mk_link_send (MkLink *self, MkFrameType type, int channel, const void *data, size_t length)
{
  char header[HEADER_SIZE] = { (char) type, 0, (char) channel, (char) (channel >> 8) };

  mk_link_put_integer (header + 4, (int32_t) length);
  mk_buffer_append (&self->out, header, sizeof header);
  mk_buffer_append (&self->out, data, length);
}

void
mk_link_send_integer (MkLink *self, MkFrameType type, int channel, int32_t value)
{
  char bytes[4];

  mk_link_put_integer (bytes, value);
  mk_link_send (self, type, channel, bytes, sizeof bytes);
}

void
mk_link_send_message (MkLink *self, const MkMessage *message)
{
  const int32_t values[] = { message->type, message->a, message->b, message->c };
  char bytes[16];

  for (int i = 0; i < 4; i++)
    mk_link_put_integer (bytes + 4 * i, values[i]);
  mk_link_send (self, MK_FRAME_CONTROL, 0, bytes, sizeof bytes);
}

bool
mk_link_parse_message (const char *data, size_t length, MkMessage *message)
{
  if (length != 16)
    return false;

  *message = (MkMessage){ mk_link_get_integer (data),
                          mk_link_get_integer (data + 4),
                          mk_link_get_integer (data + 8),
                          mk_link_get_integer (data + 12) };
  return true;
}

/* Returns false if the other side is gone. */
bool
mk_link_flush (MkLink *self)
{
  while (mk_buffer_get_length (&self->out) > 0 && self->fd_out >= 0)
    {
      ssize_t n = write (self->fd_out, mk_buffer_get_data (&self->out), mk_buffer_get_length (&self->out));

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return errno == EAGAIN;
      mk_buffer_drop (&self->out, (size_t) n);
    }

  return true;
}

/* Returns false if the other side is gone. */
bool
mk_link_read (MkLink *self)
{
  ssize_t n;

  buffer_make_room (&self->in, MK_LINK_CHUNK);
  n = read (self->fd_in, self->in.data + self->in.end, MK_LINK_CHUNK);
  if (n > 0)
    {
      self->in.end += (size_t) n;
      self->heard_us = mk_link_now_us ();
    }
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ---- channels ---- */

void
mk_link_init (MkLink *self, bool is_far, MkFrameFunc func, void *owner)
{
  memset (self, 0, sizeof *self);
  self->fd_in = self->fd_out = -1;
  self->is_far = is_far;
  self->func = func;
  self->owner = owner;
  self->heard_us = mk_link_now_us ();
}

static MkChannel *
link_begin_channel (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  *channel = (MkChannel){
    .used = true, .fd_in = -1, .fd_out = -1, .poll_in = -1, .poll_out = -1, .credit = MK_LINK_WINDOW
  };
  if (i >= self->n_channels)
    self->n_channels = i + 1;
  return channel;
}

/* A stream goes one way: one of the descriptors is -1. */
void
mk_link_open_stream (MkLink *self, int i, int fd_in, int fd_out, bool blocks)
{
  MkChannel *channel = link_begin_channel (self, i);

  channel->fd_in = fd_in;
  channel->fd_out = fd_out;
  channel->blocks = blocks;
  channel->has_sent = fd_in < 0;
  channel->has_got = fd_out < 0;
}

void
mk_link_open_socket (MkLink *self, int i, int fd, bool connecting)
{
  MkChannel *channel = link_begin_channel (self, i);

  channel->is_socket = true;
  channel->fd_in = channel->fd_out = fd;
  channel->connecting = connecting;
}

static void
channel_close_in (MkChannel *channel)
{
  if (channel->fd_in >= 0 && !channel->is_socket)
    close (channel->fd_in);
  channel->fd_in = -1;
}

static void
channel_close_out (MkChannel *channel)
{
  if (channel->fd_out >= 0 && !channel->is_socket)
    close (channel->fd_out);
  channel->fd_out = -1;
  mk_buffer_clear (&channel->pending);
}

/* @reset: so that who is connected sees that something went wrong */
static void
channel_close (MkChannel *channel, bool reset)
{
  const struct linger linger = { 1, 0 };
  int fd = channel->fd_in >= 0 ? channel->fd_in : channel->fd_out;

  if (channel->is_socket && fd >= 0)
    {
      if (reset)
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
      close (fd);
    }
  channel_close_in (channel);
  channel_close_out (channel);
}

/* Streams are used once. */
static void
link_free_if_done (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  if (!channel->used || !channel->is_socket || !channel->has_sent || !channel->has_got ||
      mk_buffer_get_length (&channel->pending) > 0)
    return;

  channel_close (channel, false);
  if (self->is_far)
    mk_link_send (self, MK_FRAME_CLOSED, i, NULL, 0);
  else if (!channel->is_closed_there)
    return;
  *channel = (MkChannel){ 0 };
}

static void
link_end_sending (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  if (!channel->has_sent)
    mk_link_send (self, MK_FRAME_END, i, NULL, 0);
  channel->has_sent = true;
  if (!channel->is_socket)
    channel_close_in (channel);
  link_free_if_done (self, i);
}

/* Neither sends nor takes any more. */
void
mk_link_reset (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  if (!channel->has_sent || !channel->is_socket)
    mk_link_send (self, MK_FRAME_RESET, i, NULL, 0);
  channel->has_sent = true;
  channel_close (channel, true);
  link_free_if_done (self, i);
}

/* Answers OPEN where there can be no connection. */
void
mk_link_refuse (MkLink *self, int i)
{
  mk_link_open_socket (self, i, -1, false);
  mk_link_reset (self, i);
}

static void
link_end_writing (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  if (channel->has_shut)
    return;
  channel->has_shut = true;
  if (channel->is_socket && channel->fd_out >= 0)
    shutdown (channel->fd_out, SHUT_WR);
  else
    channel_close_out (channel);
  link_free_if_done (self, i);
}

static void
link_write_channel (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];
  size_t length = mk_buffer_get_length (&channel->pending);
  ssize_t n;

  if (channel->blocks && length > BLOCKING_CHUNK)
    length = BLOCKING_CHUNK;
  n = channel->is_socket
          ? send (channel->fd_out, mk_buffer_get_data (&channel->pending), length, MSG_NOSIGNAL)
          : write (channel->fd_out, mk_buffer_get_data (&channel->pending), length);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n < 0)
    {
      /* Nobody reads any more: the other side is to know. */
      mk_link_reset (self, i);
      return;
    }

  mk_buffer_drop (&channel->pending, (size_t) n);
  channel->owed += (uint32_t) n;
  if (channel->owed >= MK_LINK_WINDOW / 4)
    {
      mk_link_send_integer (self, MK_FRAME_CREDIT, i, (int32_t) channel->owed);
      channel->owed = 0;
    }
  if (mk_buffer_get_length (&channel->pending) == 0 && channel->has_got)
    link_end_writing (self, i);
}

/* Returns false if there is nothing more to read for now. */
bool
mk_link_read_channel (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];
  static char chunk[MK_LINK_CHUNK];
  ssize_t n;

  if (channel->fd_in < 0 || channel->has_sent || channel->credit == 0)
    return false;

  n = read (channel->fd_in, chunk, channel->credit < sizeof chunk ? channel->credit : sizeof chunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (n < 0 && channel->is_socket)
    mk_link_reset (self, i);
  else if (n <= 0)
    link_end_sending (self, i);
  if (n <= 0)
    return false;

  channel->credit -= (uint32_t) n;
  mk_link_send (self, MK_FRAME_DATA, i, chunk, (size_t) n);
  return true;
}

static void
link_end_connecting (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];
  socklen_t size = sizeof (int);
  int error = 0;

  getsockopt (channel->fd_in, SOL_SOCKET, SO_ERROR, &error, &size);
  channel->connecting = false;
  if (error != 0)
    mk_link_reset (self, i);
}

/* Returns the first channel that can be used for a connection, or 0. */
int
mk_link_find_channel (MkLink *self)
{
  for (int i = MK_LINK_FIRST_TUNNEL; i < MK_LINK_MAX_CHANNELS; i++)
    {
      if (!self->channels[i].used)
        return i;
    }

  return 0;
}

/* ---- what comes from the other side ---- */

static bool
link_take_data (MkLink *self, int i, const char *data, size_t length)
{
  MkChannel *channel = &self->channels[i];

  if (channel->fd_out < 0)
    return true;
  if (channel->has_got || mk_buffer_get_length (&channel->pending) + length > MK_LINK_WINDOW)
    return false;

  mk_buffer_append (&channel->pending, data, length);
  if (!channel->blocks && !channel->connecting)
    link_write_channel (self, i);
  return true;
}

static bool
link_take_credit (MkLink *self, int i, const char *data, size_t length)
{
  MkChannel *channel = &self->channels[i];
  uint32_t credit;

  if (length != 4)
    return false;
  credit = (uint32_t) mk_link_get_integer (data);
  if (credit > MK_LINK_WINDOW - channel->credit)
    return false;

  channel->credit += credit;
  return true;
}

static void
link_take_end (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  channel->has_got = true;
  if (mk_buffer_get_length (&channel->pending) == 0 && !channel->connecting)
    link_end_writing (self, i);
  else
    link_free_if_done (self, i);
}

static void
link_take_reset (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  channel->has_got = true;
  if (channel->is_socket && !channel->has_sent)
    mk_link_send (self, MK_FRAME_RESET, i, NULL, 0);
  channel->has_sent = true;
  channel_close (channel, true);
  link_free_if_done (self, i);
}

static bool
link_take_closed (MkLink *self, int i)
{
  MkChannel *channel = &self->channels[i];

  if (self->is_far || !channel->is_socket)
    return false;

  channel->is_closed_there = true;
  link_free_if_done (self, i);
  return true;
}

static bool
link_take_frame (MkLink *self, int type, int i, const char *data, size_t length)
{
  switch (type)
    {
    case MK_FRAME_PING:
      mk_link_send (self, MK_FRAME_PONG, 0, NULL, 0);
      return true;

    case MK_FRAME_PONG:
      return true;

    case MK_FRAME_DATA:
    case MK_FRAME_CREDIT:
    case MK_FRAME_END:
    case MK_FRAME_RESET:
    case MK_FRAME_CLOSED:
      break;

    default:
      return self->func (self->owner, type, i, data, length);
    }

  if (i >= MK_LINK_MAX_CHANNELS)
    return false;
  /* It may have been on its way when this side closed the channel. */
  if (!self->channels[i].used)
    return true;

  if (type == MK_FRAME_DATA)
    return link_take_data (self, i, data, length);
  if (type == MK_FRAME_CREDIT)
    return link_take_credit (self, i, data, length);
  if (type == MK_FRAME_CLOSED)
    return link_take_closed (self, i);
  if (type == MK_FRAME_END)
    link_take_end (self, i);
  else
    link_take_reset (self, i);
  return true;
}

/* Takes all frames that are there. Returns false if one makes no sense. */
bool
mk_link_parse (MkLink *self)
{
  while (mk_buffer_get_length (&self->in) >= HEADER_SIZE)
    {
      const unsigned char *header = (const unsigned char *) mk_buffer_get_data (&self->in);
      uint32_t length = (uint32_t) mk_link_get_integer ((const char *) header + 4);
      int channel = header[2] | header[3] << 8;

      if (length > MK_LINK_MAX_FRAME || header[1] != 0)
        return false;
      if (mk_buffer_get_length (&self->in) < HEADER_SIZE + length)
        return true;
      if (!link_take_frame (self, header[0], channel, (const char *) header + HEADER_SIZE, length))
        return false;
      mk_buffer_drop (&self->in, HEADER_SIZE + length);
    }

  return true;
}

/* ---- the pump ---- */

void
mk_link_add_to_poll (MkLink *self, MkPollSet *set)
{
  bool has_room = mk_buffer_get_length (&self->out) < MAX_WAITING;

  for (int i = 0; i < self->n_channels; i++)
    {
      MkChannel *channel = &self->channels[i];
      short in = 0;
      short out = 0;

      channel->poll_in = channel->poll_out = -1;
      if (!channel->used)
        continue;
      if (!channel->connecting && channel->fd_in >= 0 && !channel->has_sent && channel->credit > 0 &&
          has_room)
        in = POLLIN;
      if (channel->connecting || (channel->fd_out >= 0 && mk_buffer_get_length (&channel->pending) > 0))
        out = POLLOUT;

      if (channel->is_socket && (in != 0 || out != 0))
        channel->poll_in = channel->poll_out = mk_poll_set_add (set, channel->fd_in, in | out);
      else if (in != 0)
        channel->poll_in = mk_poll_set_add (set, channel->fd_in, in);
      /* Without data to write, it is only watched for a reader that goes away. */
      else if (channel->fd_out >= 0)
        channel->poll_out = mk_poll_set_add (set, channel->fd_out, out);
    }
}

static void
link_dispatch_channel (MkLink *self, int i, MkPollSet *set)
{
  MkChannel *channel = &self->channels[i];
  short in = mk_poll_set_is_ready (set, channel->poll_in) ? set->fds[channel->poll_in].revents : 0;
  short out = mk_poll_set_is_ready (set, channel->poll_out) ? set->fds[channel->poll_out].revents : 0;

  if (channel->connecting && out != 0)
    {
      link_end_connecting (self, i);
      return;
    }
  if (out != 0 && channel->fd_out >= 0)
    {
      if (mk_buffer_get_length (&channel->pending) > 0)
        link_write_channel (self, i);
      else if (!channel->is_socket)
        mk_link_reset (self, i);
    }
  if (channel->used && in & (POLLIN | POLLHUP | POLLERR) && !channel->connecting)
    mk_link_read_channel (self, i);
}

void
mk_link_dispatch (MkLink *self, MkPollSet *set)
{
  for (int i = 0; i < self->n_channels; i++)
    {
      if (self->channels[i].used)
        link_dispatch_channel (self, i, set);
    }
}

/* All that is open is closed. */
void
mk_link_clear (MkLink *self)
{
  for (int i = 0; i < self->n_channels; i++)
    {
      if (self->channels[i].used)
        channel_close (&self->channels[i], true);
    }
  self->n_channels = 0;
  mk_buffer_clear (&self->in);
  mk_buffer_clear (&self->out);
}
