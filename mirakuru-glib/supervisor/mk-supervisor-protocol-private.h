/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the library and mk-supervisor say to each other.
 *
 * Arguments: mk-supervisor PROTOCOL HOST_PID STOP_SIGNAL KILL_SIGNAL STOP_TIMEOUT_MS STOP_MODE DESCRIPTORS
 * FOLDER PRIVATE_FOLDER PROGRAM [ARG…] (DESCRIPTORS, FOLDER and PRIVATE_FOLDER may be empty). The environment
 * and the standard streams are those of the service. File descriptor MK_CONTROL_FD is a socket of type
 * SOCK_SEQPACKET; each packet on it is one MkMessage. Those that follow it are given to the service, as the
 * numbers that DESCRIPTORS lists: "3,7".
 */

#pragma once

#include <stdint.h>

#define MK_SUPERVISOR_PROTOCOL "3"
#define MK_CONTROL_FD          3

/* Stop modes */
#define MK_SUPERVISOR_STOP_LEADER "leader"
/* Before the private directory: the host removes it */
#define MK_SUPERVISOR_KEEP      "+"
#define MK_SUPERVISOR_STOP_TREE "tree"

/* In the environment of the service this value is replaced: nobody knows its pid before. */
#define MK_LISTEN_PID         "LISTEN_PID"
#define MK_LISTEN_PID_UNKNOWN "0"

/* The longest grace a service gets when nobody waits for its end any more, in milliseconds. */
#define MK_UNWAITED_GRACE_MS 1000

typedef enum
{
  /* From the supervisor. */
  MK_MESSAGE_SPAWNED = 1, /* a: pid of the service */
  MK_MESSAGE_FAILED,      /* a: MkSpawnStep, b: errno */
  MK_MESSAGE_EXITED,      /* a: status of the service's main process: 0..255, or −signal */
  MK_MESSAGE_EMPTY,       /* a: whether the kill signal was needed; no process is left, the supervisor ends */
  MK_MESSAGE_DENIED,      /* a: pid of a process that may not be sent signals */

  /* To the supervisor. */
  MK_MESSAGE_SIGNAL = 32,  /* a: signal for the service's first process */
  MK_MESSAGE_SIGNAL_GROUP, /* a: signal for the service's process group */
  MK_MESSAGE_STOP,         /* a: stop signal, b: kill signal, c: milliseconds between them, 0 for no limit */
  MK_MESSAGE_STOP_TREE,    /* the same, but the whole tree gets the stop signal at once */
  MK_MESSAGE_KILL,         /* a: kill signal */
} MkMessageType;

typedef enum
{
  MK_SPAWN_STEP_SUPERVISE, /* to watch over what the service leaves behind */
  MK_SPAWN_STEP_FORK,
  MK_SPAWN_STEP_CHDIR,
  MK_SPAWN_STEP_DESCRIPTORS,
  MK_SPAWN_STEP_EXEC,
} MkSpawnStep;

typedef struct
{
  int32_t type;
  int32_t a;
  int32_t b;
  int32_t c;
} MkMessage;
