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
 * Means that there is no exit status, because the service has not ended. As
 * [property@Mk.SimpleExecutor:expected-status], it means the default. Its value is %G_MININT.
 *
 * Since: 1.0
 */
#define MK_STATUS_NONE (-2147483647 - 1)

/**
 * MkStdioMode:
 * @MK_STDIO_MODE_NULL: connected to `/dev/null`
 * @MK_STDIO_MODE_CAPTURE: captured, so that the program can read it (output only)
 * @MK_STDIO_MODE_PIPE: a pipe that the program writes to (standard input only)
 * @MK_STDIO_MODE_INHERIT: the stream of the program itself
 * @MK_STDIO_MODE_FILE: a file; an output file is emptied at each start
 * @MK_STDIO_MODE_MERGE: the same as standard output (standard error only)
 * @MK_STDIO_MODE_PTY: captured as with CAPTURE, but the service writes to a terminal (output only); for
 * programs that buffer their output if it is a pipe
 *
 * The source or the destination of a standard stream of a service.
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
 * @MK_STOP_MODE_LEADER: the first process of the service gets the stop signal. When it has ended, the
 * processes that are left get the signal, too. After half of the stop timeout, all processes get it. Use
 * this for programs that pass signals on, or that end their workers themselves.
 * @MK_STOP_MODE_TREE: all processes of the service get the stop signal at the same time, as with Ctrl-C in a
 *   terminal.
 *
 * Which processes of a service get the stop signal. In both modes, processes that are left after the stop
 * timeout are killed. See [Stopping and process trees](stopping.html).
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
 * A set of output streams of a service.
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
 * @MK_EXECUTOR_STATE_READY: the service is ready
 * @MK_EXECUTOR_STATE_STOPPING: a stop is under way
 * @MK_EXECUTOR_STATE_EXITED: the service was ready and has ended by itself
 *
 * The state of the service of an executor, or of a group. See [The life of an executor](lifecycle.html).
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
