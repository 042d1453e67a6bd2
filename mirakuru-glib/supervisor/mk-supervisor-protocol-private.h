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
 *
 * With a launcher: mk-supervisor near PROTOCOL HOST_PID LEASE_MS MARKER NOTIFY_SOCKET N_FORWARDS FORWARD…
 * LAUNCHER… (NOTIFY_SOCKET may be empty). MARKER is "NAME=value". The environment is that of the launcher's
 * client. A FORWARD is the address at the far end, the sockets for the near ones follow the control socket
 * and a file with the frame START. The near end passes messages on, and sends the ones of the far end.
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
  MK_MESSAGE_LOST,        /* of the near end: a: MkLauncherFailure, b and c: see there; a text may follow */

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
  MK_SPAWN_STEP_FOLDER, /* to make the private folder */
} MkSpawnStep;

/* The frame START, see mk-far.c: its flags, and how many integers it begins with */
#define MK_START_MERGE      1 /* standard error goes where standard output goes */
#define MK_START_STOP_TREE  2
#define MK_START_NOTIFY     4 /* the service gets a NOTIFY_SOCKET */
#define MK_START_KEEP       8 /* the private folder stays if the host lives */
#define MK_START_N_INTEGERS 7

/* Why there is no connection to the far end. The text is what the launcher's client has said last. */
typedef enum
{
  MK_LAUNCHER_NOT_RUN = 1, /* b: errno */
  MK_LAUNCHER_ENDED,       /* before there was a far end; b: its status, as that of EXITED */
  MK_LAUNCHER_SILENT,      /* the same, but nothing was said, and the status is 0 */
  MK_LAUNCHER_TERMINAL,    /* what is sent comes back */
  MK_LAUNCHER_MACHINE,     /* the text: the architecture of the far end */
  MK_LAUNCHER_NO_FOLDER,   /* no program can be run from any folder */
  MK_LAUNCHER_FOREIGN,     /* the far end is of another version, or has sent nonsense */
  MK_LAUNCHER_LOST_END,    /* the connection ended */
  MK_LAUNCHER_LOST_SILENT, /* nothing came for the time of the lease */
} MkLauncherFailure;

/* MK_LAUNCHER_LOST_…: b: how many processes are left at the far end, or one of these; c: how many were killed
 */
#define MK_LEFT_UNKNOWN   -1 /* the far end cannot be reached */
#define MK_LEFT_ELSEWHERE -2 /* the launcher leads to other processes now */

/* The most that is told of what the client has said */
#define MK_MAX_LOST_TEXT 2048

typedef struct
{
  int32_t type;
  int32_t a;
  int32_t b;
  int32_t c;
} MkMessage;

/*
 * On Windows: mk-supervisor.exe PROTOCOL PIPE. The environment is that of the service. PIPE is the name of a
 * pipe, on which the library first sends an MkOrder with the strings that belong to it, and then messages;
 * mk-supervisor sends messages. When the other end of the pipe is closed, it terminates the service.
 * MK_MESSAGE_FAILED has a code of Windows as b, and which stream could not be opened as c. MK_MESSAGE_EXITED
 * has the status of the process as a, all 32 bits of it, and as b the signal that stands for it, if it has
 * ended as it was told to.
 *
 * Behind the order stand, in UTF-16, each with a zero at its end: what standard input, standard output and
 * standard error are connected to (the names of files or pipes; none for standard error: where standard
 * output goes), the directory (none: that of mk-supervisor), the program, the command line.
 */
typedef struct
{
  uint32_t length;     /* of the strings, in bytes */
  uint32_t stops_tree; /* CTRL_BREAK goes to all of the tree, too, where MK_MESSAGE_STOP comes */
} MkOrder;

#define MK_ORDER_N_STRINGS 6
/* More than Windows takes for a command line, a directory and names. */
#define MK_ORDER_MAX_LENGTH 262144
