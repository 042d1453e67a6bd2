/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include <gio/gio.h>

#include "mk-version-macros.h"

G_BEGIN_DECLS

/**
 * MK_STATUS_NONE:
 *
 * Stands where there is no exit status: before a service has ended, and, as the
 * [property@Mk.SimpleExecutor:expected-status], for "the usual ones". It is %G_MININT.
 *
 * Since: 1.0
 */
#define MK_STATUS_NONE (-2147483647 - 1)

/**
 * MkStdioMode:
 * @MK_STDIO_MODE_NULL: connected to `/dev/null`
 * @MK_STDIO_MODE_CAPTURE: kept for reading (output only)
 * @MK_STDIO_MODE_PIPE: a pipe that the program writes to (standard input only)
 * @MK_STDIO_MODE_INHERIT: the stream of the program itself
 * @MK_STDIO_MODE_FILE: a file: output is written to it, and it is emptied at each start; input is read from
 * it
 * @MK_STDIO_MODE_MERGE: goes where standard output goes (standard error only)
 * @MK_STDIO_MODE_PTY: kept for reading as with CAPTURE, but the service writes to a terminal of its own
 * (output only): for programs that hold back what they print to a pipe
 *
 * What one of the standard streams of a service is connected to.
 *
 * Since: 1.0
 */
typedef enum
{
  MK_STDIO_MODE_NULL,
  MK_STDIO_MODE_CAPTURE,
  MK_STDIO_MODE_PIPE,
  MK_STDIO_MODE_INHERIT,
  MK_STDIO_MODE_FILE,
  MK_STDIO_MODE_MERGE,
  MK_STDIO_MODE_PTY,
} MkStdioMode;

/**
 * MkStopMode:
 * @MK_STOP_MODE_LEADER: the first process of the service gets the stop signal. Once it has ended, what is
 * left of the service gets it, too, and after half of the stop timeout everything does. This is right for
 * programs that pass signals on, and for those that have workers, and end them themselves.
 * @MK_STOP_MODE_TREE: all processes of the service get the stop signal at once, as those of a terminal do.
 *
 * Which processes of a service get the stop signal. What is left at the end of the stop timeout is killed in
 * both modes.
 *
 * Since: 1.0
 */
typedef enum
{
  MK_STOP_MODE_LEADER,
  MK_STOP_MODE_TREE,
} MkStopMode;

/**
 * MkStream:
 * @MK_STREAM_STDOUT: standard output
 * @MK_STREAM_STDERR: standard error
 *
 * One of the output streams of a service. The values are the numbers of their file descriptors.
 *
 * Since: 1.0
 */
typedef enum
{
  MK_STREAM_STDOUT = 1,
  MK_STREAM_STDERR = 2,
} MkStream;

/**
 * MkStreamFlags:
 * @MK_STREAM_FLAGS_STDOUT: standard output
 * @MK_STREAM_FLAGS_STDERR: standard error
 * @MK_STREAM_FLAGS_BOTH: standard output and standard error
 *
 * Some of the output streams of a service.
 *
 * Since: 1.0
 */
typedef enum
{
  MK_STREAM_FLAGS_STDOUT = 1 << 0,
  MK_STREAM_FLAGS_STDERR = 1 << 1,
  MK_STREAM_FLAGS_BOTH = MK_STREAM_FLAGS_STDOUT | MK_STREAM_FLAGS_STDERR,
} MkStreamFlags;

/**
 * MkExecutorState:
 * @MK_EXECUTOR_STATE_STOPPED: nothing was started, or it was stopped
 * @MK_EXECUTOR_STATE_STARTING: a start is under way
 * @MK_EXECUTOR_STATE_READY: the service is up
 * @MK_EXECUTOR_STATE_STOPPING: a stop is under way
 * @MK_EXECUTOR_STATE_EXITED: the service was up and has ended without being asked to
 *
 * Where an executor is in the life of its service.
 *
 * Since: 1.0
 */
typedef enum
{
  MK_EXECUTOR_STATE_STOPPED,
  MK_EXECUTOR_STATE_STARTING,
  MK_EXECUTOR_STATE_READY,
  MK_EXECUTOR_STATE_STOPPING,
  MK_EXECUTOR_STATE_EXITED,
} MkExecutorState;

typedef struct _MkSimpleExecutor MkSimpleExecutor;
typedef struct _MkExecutor MkExecutor;
typedef struct _MkTcpExecutor MkTcpExecutor;
typedef struct _MkOutputExecutor MkOutputExecutor;
typedef struct _MkHttpExecutor MkHttpExecutor;
typedef struct _MkUnixSocketExecutor MkUnixSocketExecutor;
typedef struct _MkPidExecutor MkPidExecutor;
typedef struct _MkProbe MkProbe;
typedef struct _MkTcpProbe MkTcpProbe;
typedef struct _MkHttpProbe MkHttpProbe;
typedef struct _MkUnixSocketProbe MkUnixSocketProbe;
typedef struct _MkFileProbe MkFileProbe;
typedef struct _MkCallbackProbe MkCallbackProbe;
typedef struct _MkCommandProbe MkCommandProbe;
typedef struct _MkDBusProbe MkDBusProbe;
typedef struct _MkNotifyProbe MkNotifyProbe;
typedef struct _MkAllProbe MkAllProbe;
typedef struct _MkAnyProbe MkAnyProbe;
typedef struct _MkPortLease MkPortLease;

G_END_DECLS
