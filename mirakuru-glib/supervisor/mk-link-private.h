/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the near and the far end of a launcher say to each other, over the standard input and output of its
 * client (ssh, podman, …). See mk-near.c and mk-far.c.
 *
 * A frame has a type (1 byte), 1 byte of 0, a channel (2 bytes), a length (4 bytes) and as many bytes;
 * numbers are little-endian. A channel carries one stream, or one connection both ways: END says that no more
 * comes from this side, RESET that this side neither sends nor takes any more. No side sends more on a
 * channel than the other has credit for, so a stream that nobody reads holds up nothing else.
 */

#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mk-supervisor-protocol-private.h"

/* What the far end says first; anything before is the far system's: banners, messages of the day. */
#define MK_LINK_MAGIC "\nMK-FAR-" MK_SUPERVISOR_PROTOCOL "\n"

#define MK_LINK_MAX_CHANNELS 1024
#define MK_LINK_FIRST_TUNNEL 3 /* the channels before are the standard streams */
#define MK_LINK_CHUNK        65536
#define MK_LINK_WINDOW       (1024 * 1024)
#define MK_LINK_MAX_FRAME    (4 * 1024 * 1024)
#define MK_LINK_MAX_FORWARDS 64

typedef enum
{
  MK_FRAME_HELLO = 1, /* far: an MkHello */
  MK_FRAME_START,     /* near: what to start, see mk-far.c */
  MK_FRAME_CONTROL,   /* both: an MkMessage */
  MK_FRAME_DATA,
  MK_FRAME_END,
  MK_FRAME_RESET,
  MK_FRAME_CREDIT, /* both: how many more bytes may be sent on the channel */
  MK_FRAME_PING,
  MK_FRAME_PONG,
  MK_FRAME_WATCH,  /* near: the address that the forward with the number of the channel leads to */
  MK_FRAME_READY,  /* far: that address accepts connections */
  MK_FRAME_OPEN,   /* near: a connection on this channel, to the address of the forward with this number */
  MK_FRAME_CLOSED, /* far: the channel can be used again */
  MK_FRAME_NOTIFY, /* far: a message of the service for its NOTIFY_SOCKET */
  MK_FRAME_TERM,   /* near: it was asked to end, so it ends the service */
  MK_FRAME_GONE,   /* far, the last one: whether the supervisor has seen the tree empty */
  MK_FRAME_SWEEP,  /* near, in the place of START: the marker of what is to be ended */
  MK_FRAME_SWEPT,  /* far: how many were killed, and how many are left */
} MkFrameType;

/* Where an end is. Two ends with the same words share what they are about; empty where it is not known. */
typedef struct
{
  char machine[64]; /* as uname() has it */
  char network[128];
  char processes[128];
  char files[192];
} MkHello;

typedef struct
{
  char *data; /* (owned) */
  size_t start;
  size_t end;
  size_t allocated;
} MkBuffer;

typedef struct
{
  bool used;
  bool is_socket; /* one descriptor, both ways */
  bool connecting;
  bool blocks;   /* writing to it may wait, if more is written than it has promised room for */
  bool has_sent; /* END or RESET */
  bool has_got;  /* END or RESET */
  bool has_shut; /* said to whoever reads from fd_out that no more comes */
  bool is_closed_there;
  int fd_in;  /* or −1 */
  int fd_out; /* or −1 */
  int poll_in;
  int poll_out;
  MkBuffer pending; /* for fd_out */
  uint32_t credit;
  uint32_t owed; /* of the other side's credit */
} MkChannel;

typedef struct _MkLink MkLink;

/* Returns false if the frame makes no sense. */
typedef bool (*MkFrameFunc) (void *owner, int type, int channel, const char *data, size_t length);

struct _MkLink
{
  int fd_in;
  int fd_out;
  bool is_far;
  MkFrameFunc func;
  void *owner;
  MkBuffer in;
  MkBuffer out;
  int64_t heard_us; /* when something came last */
  MkChannel channels[MK_LINK_MAX_CHANNELS];
  int n_channels; /* none is used from this one on */
};

#define MK_LINK_MAX_POLL (MK_LINK_MAX_CHANNELS + 2 * MK_LINK_MAX_FORWARDS + 8)

typedef struct
{
  struct pollfd fds[MK_LINK_MAX_POLL];
  int n_fds;
} MkPollSet;

int64_t mk_link_now_us (void);
void mk_link_describe_end (MkHello *hello);
void mk_link_set_nonblocking (int fd);

void mk_buffer_append (MkBuffer *self, const void *data, size_t length);
size_t mk_buffer_get_length (const MkBuffer *self);
char *mk_buffer_get_data (const MkBuffer *self);
void mk_buffer_drop (MkBuffer *self, size_t length);
void mk_buffer_clear (MkBuffer *self);

int mk_poll_set_add (MkPollSet *self, int fd, short events);
bool mk_poll_set_is_ready (const MkPollSet *self, int i);

void mk_link_init (MkLink *self, bool is_far, MkFrameFunc func, void *owner);
void mk_link_clear (MkLink *self);
void mk_link_put_integer (char *bytes, int32_t value);
int32_t mk_link_get_integer (const char *bytes);
void mk_link_send (MkLink *self, MkFrameType type, int channel, const void *data, size_t length);
void mk_link_send_integer (MkLink *self, MkFrameType type, int channel, int32_t value);
void mk_link_send_message (MkLink *self, const MkMessage *message);
bool mk_link_parse_message (const char *data, size_t length, MkMessage *message);
bool mk_link_flush (MkLink *self);
bool mk_link_read (MkLink *self);
bool mk_link_parse (MkLink *self);

void mk_link_open_stream (MkLink *self, int channel, int fd_in, int fd_out, bool blocks);
void mk_link_open_socket (MkLink *self, int channel, int fd, bool connecting);
void mk_link_reset (MkLink *self, int channel);
void mk_link_refuse (MkLink *self, int channel);
int mk_link_find_channel (MkLink *self);
bool mk_link_read_channel (MkLink *self, int channel);
void mk_link_add_to_poll (MkLink *self, MkPollSet *set);
void mk_link_dispatch (MkLink *self, MkPollSet *set);
