/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only: named pipes that the main loop reads.
 *
 * Reading is overlapped: Windows sets an event when bytes have come, and the main loop waits for that, as it
 * does for a file descriptor elsewhere. No thread waits in a read. The other end is opened by its name; until
 * that has happened the event stands for it.
 */

#include "mk-windows-pipe-private.h"

#include <sddl.h>

#include "mk-error.h"
#include "mk-worker-private.h"
#include "base/mk-i18n-private.h"

#define BUFFER_SIZE 65536
/* One service whose output takes long to look at must not keep the others waiting. */
#define READS_PER_DISPATCH 16

struct _MkPipe
{
  GSource *source; /* (owned) */
  HANDLE handle;   /* (owned) */
  OVERLAPPED overlapped;
  MkPipeRoomFunc room;
  MkPipeFunc func;
  gpointer data; /* (unowned) */
  guint number;
  gboolean is_connected;
  gboolean is_pending;
  gboolean has_ended;
  guint8 buffer[BUFFER_SIZE];
};

typedef struct
{
  GSource source;
  GPollFD poll;
  MkPipe *pipe; /* (unowned) */
} PipeSource;

/*
 * Makes the host's end. No program that is started inherits it. The other end can be opened once, on this
 * machine, and by the same user.
 *
 * @access: PIPE_ACCESS_INBOUND, for example
 * @name: (out) (transfer full): where to open the other end
 */
HANDLE
mk_pipe_create (DWORD access, char **name, GError **error)
{
  g_autofree char *unique = g_uuid_string_random ();
  g_autofree char *path = g_strdup_printf ("\\\\.\\pipe\\mirakuru-%lu-%s", GetCurrentProcessId (), unique);
  g_autofree wchar_t *wide = g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  SECURITY_ATTRIBUTES security = { sizeof security, NULL, FALSE };
  HANDLE handle;
  g_autofree char *reason = NULL;

  /* For its owner alone; without it others could read. */
  ConvertStringSecurityDescriptorToSecurityDescriptorW (
      L"D:P(A;;GA;;;OW)", SDDL_REVISION_1, &security.lpSecurityDescriptor, NULL);
  handle = CreateNamedPipeW (wide,
                             access | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                             PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                             1,
                             BUFFER_SIZE,
                             BUFFER_SIZE,
                             0,
                             &security);
  LocalFree (security.lpSecurityDescriptor);

  if (handle != INVALID_HANDLE_VALUE)
    {
      *name = g_steal_pointer (&path);
      return handle;
    }

  reason = g_win32_error_message ((int) GetLastError ());
  g_set_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED, "%s: %s", _ ("Cannot make a pipe"), reason);
  return INVALID_HANDLE_VALUE;
}

/* ---- reading ---- */

static void
pipe_end (MkPipe *self)
{
  self->has_ended = TRUE;
  self->is_pending = FALSE;
  g_source_remove_poll (self->source, &((PipeSource *) self->source)->poll);
  self->func (self->data, self->number, NULL, 0);
}

/* Waits for the other end to be opened, or for bytes. */
static void
pipe_begin (MkPipe *self)
{
  gsize room;
  BOOL is_done;

  if (self->has_ended || self->is_pending)
    return;

  /* Else the main loop would not sleep while there is no room. */
  ResetEvent (self->overlapped.hEvent);
  room = self->is_connected ? self->room (self->data, self->number) : 1;
  if (room == 0)
    return;

  if (self->is_connected)
    is_done = ReadFile (self->handle, self->buffer, (DWORD) MIN (room, BUFFER_SIZE), NULL, &self->overlapped);
  else
    is_done = ConnectNamedPipe (self->handle, &self->overlapped);

  if (is_done || GetLastError () == ERROR_IO_PENDING)
    self->is_pending = TRUE;
  else if (GetLastError () == ERROR_PIPE_CONNECTED && !self->is_connected)
    {
      self->is_connected = TRUE;
      pipe_begin (self);
    }
  else
    pipe_end (self);
}

/* Returns: FALSE if there is nothing more for now */
static gboolean
pipe_take (MkPipe *self)
{
  DWORD length = 0;

  if (!self->is_pending)
    return FALSE;
  if (!GetOverlappedResult (self->handle, &self->overlapped, &length, FALSE))
    {
      if (GetLastError () != ERROR_IO_INCOMPLETE)
        pipe_end (self);
      return FALSE;
    }

  self->is_pending = FALSE;
  if (!self->is_connected)
    self->is_connected = TRUE;
  else if (length > 0)
    self->func (self->data, self->number, self->buffer, length);
  pipe_begin (self);
  return !self->has_ended;
}

static gboolean
pipe_source_check (GSource *source)
{
  return ((PipeSource *) source)->poll.revents != 0;
}

static gboolean
pipe_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  PipeSource *self = (PipeSource *) source;

  for (guint i = 0; i < READS_PER_DISPATCH && pipe_take (self->pipe); i++)
    ;
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs pipe_source_funcs = { NULL, pipe_source_check, pipe_source_dispatch, NULL, NULL, NULL };

/*
 * In the worker.
 *
 * @handle: (transfer full): as made by mk_pipe_create()
 * @number: for @func, which must not free it
 */
MkPipe *
mk_pipe_new (HANDLE handle, MkPipeRoomFunc room, MkPipeFunc func, gpointer data, guint number)
{
  MkPipe *self = g_new0 (MkPipe, 1);
  PipeSource *source = (PipeSource *) g_source_new (&pipe_source_funcs, sizeof (PipeSource));

  self->handle = handle;
  self->overlapped.hEvent = CreateEventW (NULL, TRUE, FALSE, NULL);
  self->room = room;
  self->func = func;
  self->data = data;
  self->number = number;

  self->source = (GSource *) source;
  g_source_set_static_name (self->source, "MkPipe");
  source->pipe = self;
  source->poll.fd = (gintptr) self->overlapped.hEvent;
  source->poll.events = G_IO_IN;
  g_source_add_poll (self->source, &source->poll);
  g_source_attach (self->source, mk_worker_get_context ());
  pipe_begin (self);
  return self;
}

/* There is room again. */
void
mk_pipe_resume (MkPipe *self)
{
  pipe_begin (self);
}

/* Reads what is there without waiting for the main loop, as much as a pipe holds. */
void
mk_pipe_read_now (MkPipe *self)
{
  for (guint i = 0; i < READS_PER_DISPATCH && pipe_take (self); i++)
    ;
}

/* @is_final: nobody opens it any more */
gboolean
mk_pipe_has_ended (MkPipe *self, gboolean is_final)
{
  return self->has_ended || (is_final && !self->is_connected);
}

/* In any thread; blocks only where the other end does not read what has filled the pipe. */
gboolean
mk_pipe_write (HANDLE handle, gconstpointer bytes, gsize length)
{
  OVERLAPPED overlapped = { .hEvent = CreateEventW (NULL, TRUE, FALSE, NULL) };
  DWORD written = 0;
  gboolean is_written =
      overlapped.hEvent != NULL &&
      (WriteFile (handle, bytes, (DWORD) length, NULL, &overlapped) || GetLastError () == ERROR_IO_PENDING) &&
      GetOverlappedResult (handle, &overlapped, &written, TRUE) && written == length;

  if (overlapped.hEvent != NULL)
    CloseHandle (overlapped.hEvent);
  return is_written;
}

void
mk_pipe_free (MkPipe *self)
{
  DWORD length;

  g_source_destroy (self->source);
  g_source_unref (self->source);
  /* Windows would write to the memory later. */
  if (self->is_pending)
    {
      CancelIoEx (self->handle, &self->overlapped);
      GetOverlappedResult (self->handle, &self->overlapped, &length, TRUE);
    }
  CloseHandle (self->overlapped.hEvent);
  CloseHandle (self->handle);
  g_free (self);
}
