/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only: a service below mk-supervisor.exe, which keeps it in a job object, and with which messages
 * are exchanged over a pipe.
 *
 * Life: spawned → reports of the supervisor → the supervisor has ended, and its pipe and those of the output
 * are read to their ends → gone. Windows terminates all of the job when the supervisor ends, however that
 * happens, so there is nothing to sweep away.
 *
 * Threads: everything happens on the worker, but for the orders. The lock is held for moments only.
 */

#include "mk-backend-private.h"

#include <errno.h>
#include <gio/gwin32outputstream.h>
#include <stdlib.h>
#include <string.h>

#include "mk-error.h"
#include "mk-windows-host-private.h"
#include "mk-windows-pipe-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-waker-private.h"
#include "mk-worker-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* How long output is waited for when no process is left that could write it */
#define LAST_OUTPUT_LIMIT_US (1 * G_USEC_PER_SEC)
/* Stands for a stream of the host until the supervisor has got that. */
#define INHERITED "|"
/* Of Windows, in UTF-16 */
#define MAX_PATH_LENGTH 32767
#define MAX_LINE_LENGTH 32766
#define CHUNK_SIZE      65536

/* Crashes, as Windows names them in the status, and the signals that they are on other systems */
static const struct
{
  guint32 status;
  int signal;
} crashes[] = {
  { 0xC0000005, SIGSEGV }, { 0xC00000FD, SIGSEGV }, { 0xC0000094, SIGFPE },  { 0xC000001D, SIGILL },
  { 0xC000013A, SIGINT },  { 0xC0000409, SIGABRT }, { 0xC0000374, SIGABRT }, { 0xC0000420, SIGABRT },
};

enum
{
  PIPE_STDOUT,
  PIPE_STDERR,
  PIPE_CONTROL,
  N_PIPES
};

struct _MkBackend
{
  MkLaunch *launch; /* (unowned) */
  const MkBackendReports *reports;
  gpointer data; /* (unowned) */

  GMutex lock;
  MkHostRecord record;   /* (locked-by lock) */
  gboolean told_to_end;  /* (locked-by lock) */
  gboolean is_listening; /* (locked-by lock) the supervisor has opened its pipe */
  int supervisor;        /* (atomic) its pid, 0 when it does not run */
  GByteArray *outgoing;  /* (owned) (locked-by lock) what is sent when it has */
  GOutputStream *input;  /* (owned) (nullable) (locked-by lock) */

  /* Of the worker. */
  HANDLE input_pipe;      /* (owned) (nullable) until it becomes the input */
  GSource *reaper;        /* (owned) (nullable) */
  MkPipe *pipes[N_PIPES]; /* (owned) (nullable) */
  HANDLE copies[2];       /* (nullable) where else output goes */
  GByteArray *received;   /* (owned) of a message that is not complete */
  MkWaker *timer;         /* (owned) (nullable) */
  gboolean is_ending;     /* what is left of the output is read whether there is room or not */
  gboolean has_begun;     /* or has failed to, as was reported */
  gboolean has_spawned;
  gboolean tree_empty;
  gboolean was_reaped;
  gint64 last_output_deadline;
};

/* @launch: has to stay */
MkBackend *
mk_backend_new (MkLaunch *launch, const MkBackendReports *reports, gpointer data)
{
  MkBackend *self = g_new0 (MkBackend, 1);

  g_mutex_init (&self->lock);
  self->record.control = INVALID_HANDLE_VALUE;
  self->received = g_byte_array_new ();
  self->outgoing = g_byte_array_new ();
  self->launch = launch;
  self->reports = reports;
  self->data = data;
  return self;
}

void
mk_backend_free (MkBackend *self)
{
  g_clear_object (&self->input);
  g_byte_array_unref (self->received);
  g_byte_array_unref (self->outgoing);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
backend_report_failed (MkBackend *self, GError *error)
{
  self->has_begun = TRUE;
  self->reports->failed (self->data, error);
}

/* ---- what cannot be done ---- */

static GError *
backend_check (MkLaunch *launch)
{
  const char *reason = NULL;

  if (launch->launcher != NULL)
    reason = _ ("a launcher cannot be used on Windows");
  else if (launch->descriptors != NULL)
    reason = _ ("sockets and descriptors cannot be passed to a service on Windows");
  else if (launch->stdout_mode == MK_STDIO_MODE_PTY || launch->stderr_mode == MK_STDIO_MODE_PTY)
    reason = _ ("a service cannot be given a terminal (PTY) on Windows");

  return reason != NULL
             ? g_error_new (
                   MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("Cannot run “%s”: %s"), launch->argv[0], reason)
             : NULL;
}

/* ---- the command line ---- */

static gboolean
backend_is_batch_file (const char *path)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  return g_str_has_suffix (lower, ".bat") || g_str_has_suffix (lower, ".cmd");
}

/* Returns: (transfer full) (nullable): where the program is */
static char *
backend_find_program (MkLaunch *launch)
{
  const char *name = launch->argv[0];
  const char *path = g_environ_getenv (launch->environment, "PATH");
  g_autofree char *base = g_canonicalize_filename (launch->cwd != NULL ? launch->cwd : ".", NULL);
  gboolean is_path = strpbrk (name, "/\\:") != NULL;
  g_autofree char *file = is_path ? g_canonicalize_filename (name, base) : NULL;
  g_autofree wchar_t *wide_path = path != NULL ? g_utf8_to_utf16 (path, -1, NULL, NULL, NULL) : NULL;
  wchar_t found[MAX_PATH_LENGTH];
  gboolean is_found = FALSE;

  for (guint i = 0; i < 2 && !is_found; i++)
    {
      /* SearchPathW() appends nothing to a name such as python3.11. */
      g_autofree char *longer = g_strconcat (is_path ? file : name, i > 0 ? ".exe" : "", NULL);
      g_autofree wchar_t *wide_name = g_utf8_to_utf16 (longer, -1, NULL, NULL, NULL);
      DWORD length =
          wide_name != NULL
              ? SearchPathW (
                    is_path ? NULL : wide_path, wide_name, L".exe", G_N_ELEMENTS (found), found, NULL)
              : 0;

      is_found = length > 0 && length < G_N_ELEMENTS (found) &&
                 !(GetFileAttributesW (found) & FILE_ATTRIBUTE_DIRECTORY);
    }

  return is_found ? g_utf16_to_utf8 (found, -1, NULL, NULL, NULL) : NULL;
}

/* Such that the program gets @word as it is, an empty one, too; see CommandLineToArgvW(). */
static void
backend_append_word (GString *line, const char *word)
{
  if (line->len > 0)
    g_string_append_c (line, ' ');
  if (*word != '\0' && strpbrk (word, " \t\n\v\"") == NULL)
    {
      g_string_append (line, word);
      return;
    }

  g_string_append_c (line, '"');
  for (; *word != '\0'; word++)
    {
      gsize n = strspn (word, "\\");
      gboolean is_before_quote = word[n] == '"' || word[n] == '\0';

      for (gsize i = 0; i < (is_before_quote ? 2 * n : n); i++)
        g_string_append_c (line, '\\');
      word += n;
      if (*word == '\0')
        break;
      if (*word == '"')
        g_string_append_c (line, '\\');
      g_string_append_c (line, *word);
    }
  g_string_append_c (line, '"');
}

static gboolean
backend_append_string (GByteArray *strings, const char *text, GError **error)
{
  glong length;
  g_autofree gunichar2 *wide = g_utf8_to_utf16 (text, -1, NULL, &length, error);

  if (wide == NULL)
    return FALSE;

  g_byte_array_append (strings, (const guint8 *) wide, (guint) (length + 1) * sizeof *wide);
  return TRUE;
}

/* ---- spawning ---- */

/* The variable is for programs that run from a build directory. */
static char *
backend_dup_supervisor_path (void)
{
  const char *path = g_getenv ("MIRAKURU_GLIB_SUPERVISOR");
  HMODULE module = NULL;
  g_autofree char *prefix = NULL;

  if (path != NULL && *path != '\0')
    return g_strdup (path);

  GetModuleHandleExW (GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                      (const wchar_t *) (gpointer) &crashes,
                      &module);
  prefix = g_win32_get_package_installation_directory_of_module (module);
  return g_build_filename (prefix, MK_SUPERVISOR_RELATIVE_PATH, NULL);
}

/*
 * @names: (element-type utf8): gets what the service's end is opened by
 *
 * Returns: (nullable): the host's end
 */
static HANDLE
backend_add_pipe (DWORD access, GPtrArray *names, GError **error)
{
  char *name = NULL;
  HANDLE handle = mk_pipe_create (access, &name, error);

  if (handle == INVALID_HANDLE_VALUE)
    return NULL;

  g_ptr_array_add (names, name);
  return handle;
}

static GError *
backend_new_open_error (const char *path, int error_number)
{
  g_autofree char *name = mk_message_filename (path);
  g_autofree char *what = g_strdup_printf (_ ("Cannot open “%s”"), name);
  g_autofree char *reason = g_win32_error_message (error_number);

  return g_error_new (MK_ERROR, MK_ERROR_SPAWN_FAILED, "%s: %s", what, reason);
}

static gboolean
backend_open_copy (MkBackend *self, guint i, const char *path, GError **error)
{
  g_autofree wchar_t *wide = g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  HANDLE handle = CreateFileW (wide,
                               GENERIC_WRITE,
                               FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                               NULL,
                               CREATE_ALWAYS,
                               FILE_ATTRIBUTE_NORMAL,
                               NULL);

  if (handle != INVALID_HANDLE_VALUE)
    {
      self->copies[i] = handle;
      return TRUE;
    }

  g_propagate_error (error, backend_new_open_error (path, (int) GetLastError ()));
  return FALSE;
}

static gboolean
backend_open_output (MkBackend *self, guint i, HANDLE *handle, GPtrArray *names, GError **error)
{
  MkStdioMode mode = i == PIPE_STDERR ? self->launch->stderr_mode : self->launch->stdout_mode;
  const char *path = i == PIPE_STDERR ? self->launch->stderr_path : self->launch->stdout_path;

  switch (mode)
    {
    case MK_STDIO_MODE_CAPTURE:
      *handle = backend_add_pipe (PIPE_ACCESS_INBOUND, names, error);
      return *handle != NULL && (path == NULL || *path == '\0' || backend_open_copy (self, i, path, error));

    case MK_STDIO_MODE_INHERIT:
      g_ptr_array_add (names, g_strdup (INHERITED));
      return TRUE;

    case MK_STDIO_MODE_FILE:
      g_ptr_array_add (names, g_strdup (path));
      return TRUE;

    case MK_STDIO_MODE_MERGE:
      g_ptr_array_add (names, g_strdup (""));
      return TRUE;

    case MK_STDIO_MODE_NULL:
    case MK_STDIO_MODE_PIPE:
    case MK_STDIO_MODE_PTY:
    default:
      g_ptr_array_add (names, g_strdup ("NUL"));
      return TRUE;
    }
}

static gboolean
backend_open_input (MkBackend *self, HANDLE *handle, GPtrArray *names, GError **error)
{
  if (self->launch->stdin_mode == MK_STDIO_MODE_PIPE)
    {
      *handle = backend_add_pipe (PIPE_ACCESS_OUTBOUND, names, error);
      return *handle != NULL;
    }

  if (self->launch->stdin_mode == MK_STDIO_MODE_FILE)
    g_ptr_array_add (names, g_strdup (self->launch->stdin_path));
  else
    g_ptr_array_add (names, g_strdup (self->launch->stdin_mode == MK_STDIO_MODE_INHERIT ? INHERITED : "NUL"));
  return TRUE;
}

/* Returns: (transfer full) (nullable): the program and its command line */
static char *
backend_find_command (MkLaunch *launch, char **command_line, GError **error)
{
  g_autofree char *program = backend_find_program (launch);
  g_autofree char *shown = mk_message_filename (launch->argv[0]);
  g_autoptr (GString) line = g_string_new (NULL);
  const char *reason = NULL;

  for (char **arg = launch->argv; *arg != NULL; arg++)
    backend_append_word (line, *arg);

  if (program == NULL)
    {
      launch->spawn_errno = ENOENT;
      reason = strpbrk (launch->argv[0], "/\\:") != NULL
                   ? _ ("there is no such file")
                   : _ ("there is no such program in the directories of PATH; install it, or give its path");
    }
  else if (backend_is_batch_file (program))
    reason = _ ("it is a batch file; run it as cmd.exe /c FILE");
  else if (g_utf8_strlen (line->str, -1) > MAX_LINE_LENGTH)
    {
      launch->spawn_errno = E2BIG;
      reason = _ ("its command is too long for the system");
    }

  if (reason != NULL)
    {
      g_set_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), shown, reason);
      return NULL;
    }
  *command_line = g_strdup (line->str);
  return g_steal_pointer (&program);
}

/* Returns: (transfer full): what the supervisor takes for a stream of this program */
static char *
backend_pass_stream (MkBackend *self, guint stream)
{
  static const DWORD numbers[] = { STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE };
  HANDLE own = GetStdHandle (numbers[stream]);
  HANDLE passed;

  if (own == NULL || own == INVALID_HANDLE_VALUE ||
      !DuplicateHandle (
          GetCurrentProcess (), own, self->record.supervisor, &passed, 0, TRUE, DUPLICATE_SAME_ACCESS))
    return g_strdup ("NUL");

  return g_strdup_printf (INHERITED "%" G_GUINT64_FORMAT, (guint64) (guintptr) passed);
}

/* @names: (element-type utf8): what the streams are connected to. Returns: (transfer full) (nullable) */
static GByteArray *
backend_new_order (MkBackend *self, GPtrArray *names, const char *program, const char *line, GError **error)
{
  g_autoptr (GByteArray) order = g_byte_array_new ();
  MkOrder head = { 0, self->launch->stop_mode == MK_STOP_MODE_TREE };

  g_byte_array_append (order, (const guint8 *) &head, sizeof head);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autofree char *passed = g_str_equal (name, INHERITED) ? backend_pass_stream (self, i) : NULL;

      if (!backend_append_string (order, passed != NULL ? passed : name, error))
        return NULL;
    }
  if (!backend_append_string (order, self->launch->cwd ? self->launch->cwd : "", error) ||
      !backend_append_string (order, program, error) || !backend_append_string (order, line, error))
    return NULL;

  head.length = order->len - (guint) sizeof head;
  memcpy (order->data, &head, sizeof head);
  return g_steal_pointer (&order);
}

static int
backend_compare_variables (gconstpointer a, gconstpointer b)
{
  return g_ascii_strcasecmp (*(const char *const *) a, *(const char *const *) b);
}

/* Returns: (transfer full) (nullable): sorted, and in UTF-16, as Windows wants it */
static GByteArray *
backend_new_environment (MkLaunch *launch, GError **error)
{
  g_autofree char **variables = g_memdup2 (
      launch->environment, (g_strv_length (launch->environment) + 1) * sizeof *launch->environment);
  g_autoptr (GByteArray) block = g_byte_array_new ();

  qsort (variables, g_strv_length (variables), sizeof *variables, backend_compare_variables);
  for (char **variable = variables; *variable != NULL; variable++)
    if (!backend_append_string (block, *variable, error))
      return NULL;

  return backend_append_string (block, "", error) ? g_steal_pointer (&block) : NULL;
}

/*
 * Not GSubprocess, which has the process inherit all that can be inherited: the sockets of this program among
 * it, and those that GSocketClient just has open. Nothing is passed to it but the name of the pipe.
 */
static gboolean
backend_spawn_supervisor (MkBackend *self, const char *pipe_name, GError **error)
{
  g_autofree char *path = backend_dup_supervisor_path ();
  g_autofree char *helper = mk_message_filename (path);
  g_autofree char *program = mk_message_filename (self->launch->argv[0]);
  g_autofree wchar_t *wide_path = g_utf8_to_utf16 (path, -1, NULL, NULL, NULL);
  g_autoptr (GByteArray) environment = backend_new_environment (self->launch, error);
  g_autofree char *line = g_strdup_printf ("mk-supervisor " MK_SUPERVISOR_PROTOCOL " %s", pipe_name);
  g_autofree wchar_t *wide_line = g_utf8_to_utf16 (line, -1, NULL, NULL, NULL);
  STARTUPINFOW startup = { .cb = sizeof startup, .dwFlags = STARTF_FORCEOFFFEEDBACK };
  PROCESS_INFORMATION process;
  g_autofree char *reason = NULL;

  if (environment == NULL)
    return FALSE;
  if (!CreateProcessW (wide_path,
                       wide_line,
                       NULL,
                       NULL,
                       FALSE,
                       CREATE_UNICODE_ENVIRONMENT,
                       environment->data,
                       NULL,
                       &startup,
                       &process))
    {
      reason = g_win32_error_message ((int) GetLastError ());
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_SUPERVISOR,
                   _ ("Cannot run the helper program “%s” that “%s” needs: %s. Install mirakuru-glib "
                      "again, or set MIRAKURU_GLIB_SUPERVISOR to where mk-supervisor is"),
                   helper,
                   program,
                   reason);
      return FALSE;
    }

  CloseHandle (process.hThread);
  g_debug ("%s: its supervisor is process %lu", self->launch->argv[0], process.dwProcessId);
  g_atomic_int_set (&self->supervisor, (int) process.dwProcessId);
  g_mutex_lock (&self->lock);
  self->record.supervisor = process.hProcess;
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* Call with the lock held. */
static gboolean
backend_send_outgoing (MkBackend *self)
{
  gboolean is_sent;

  /* To write nothing would wake the reader on Windows. */
  if (self->outgoing->len == 0)
    return TRUE;

  is_sent = mk_pipe_write (self->record.control, self->outgoing->data, self->outgoing->len);
  self->record.has_order = self->record.has_order || is_sent;
  g_byte_array_set_size (self->outgoing, 0);
  return is_sent;
}

static gsize backend_get_room (gpointer data, guint number);
static void backend_on_output (gpointer data, guint number, const guint8 *bytes, gsize length);
static void backend_on_control (gpointer data, guint number, const guint8 *bytes, gsize length);
static void backend_on_reaped (GPid process, int status, gpointer user_data);
static gboolean backend_on_timer (gpointer user_data);
static void backend_finish (MkBackend *self);

static void
backend_close_handle (HANDLE handle)
{
  if (handle != NULL && handle != INVALID_HANDLE_VALUE)
    CloseHandle (handle);
}

/* @handles: (transfer full): of standard input, standard output, standard error, and the control pipe */
static void
backend_watch (MkBackend *self, HANDLE handles[4])
{
  g_mutex_lock (&self->lock);
  self->record.control = handles[3];
  g_mutex_unlock (&self->lock);
  self->input_pipe = handles[0];

  self->timer = mk_waker_attach (mk_worker_get_context (), "MkBackend", backend_on_timer, self, NULL);
  for (guint i = PIPE_STDOUT; i <= PIPE_STDERR; i++)
    {
      if (handles[1 + i] != NULL)
        self->pipes[i] = mk_pipe_new (handles[1 + i], backend_get_room, backend_on_output, self, i);
    }
  self->pipes[PIPE_CONTROL] =
      mk_pipe_new (handles[3], backend_get_room, backend_on_control, self, PIPE_CONTROL);
  self->reaper = g_child_watch_source_new (self->record.supervisor);
  g_source_set_callback (self->reaper, G_SOURCE_FUNC (backend_on_reaped), self, NULL);
  g_source_attach (self->reaper, mk_worker_get_context ());
}

/* Gives the supervisor its order when it has opened its pipe. Returns: FALSE if there is nothing to watch */
static gboolean
backend_begin (MkBackend *self, HANDLE handles[4], GPtrArray *names, GError **error)
{
  g_autoptr (GPtrArray) control_names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *line = NULL;
  g_autofree char *program = backend_find_command (self->launch, &line, error);
  g_autoptr (GByteArray) order = NULL;
  gboolean is_told_to_end;

  if (program == NULL)
    return FALSE;
  handles[3] = backend_add_pipe (PIPE_ACCESS_DUPLEX, control_names, error);
  g_mutex_lock (&self->lock);
  is_told_to_end = self->told_to_end;
  g_mutex_unlock (&self->lock);
  if (handles[3] == NULL || is_told_to_end || !mk_host_add (&self->record) ||
      !backend_spawn_supervisor (self, g_ptr_array_index (control_names, 0), error))
    return FALSE;

  order = backend_new_order (self, names, program, line, error);
  if (order == NULL)
    {
      TerminateProcess (self->record.supervisor, 1);
      return FALSE;
    }

  g_mutex_lock (&self->lock);
  g_byte_array_prepend (self->outgoing, order->data, order->len);
  g_mutex_unlock (&self->lock);
  return TRUE;
}

/* In the worker. */
void
mk_backend_spawn (MkBackend *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  HANDLE handles[4] = { NULL };
  GError *error = backend_check (self->launch);

  if (error == NULL && backend_open_input (self, &handles[0], names, &error) &&
      backend_open_output (self, PIPE_STDOUT, &handles[1], names, &error) &&
      backend_open_output (self, PIPE_STDERR, &handles[2], names, &error) &&
      backend_begin (self, handles, names, &error))
    {
      backend_watch (self, handles);
      return;
    }

  for (guint i = 0; i < G_N_ELEMENTS (handles); i++)
    backend_close_handle (handles[i]);
  if (error != NULL)
    backend_report_failed (self, error);
  backend_finish (self);
}

/* Returns: (transfer none) (nullable): valid as long as @self */
GOutputStream *
mk_backend_get_input (MkBackend *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->input;
}

/* Returns: the parent of the tree, or 0 */
int
mk_backend_get_supervisor (MkBackend *self)
{
  return g_atomic_int_get (&self->supervisor);
}

/* ---- output ---- */

/* What is told to end before the supervisor has its order is not started: nonsense makes the supervisor end.
 */
static void
backend_replace_order (MkBackend *self)
{
  const MkOrder nothing = { 0, 0 };

  g_byte_array_set_size (self->outgoing, 0);
  g_byte_array_append (self->outgoing, (const guint8 *) &nothing, sizeof nothing);
}

/* Is asked of the control pipe once the supervisor has opened it. */
static gsize
backend_get_room (gpointer data, guint number)
{
  MkBackend *self = data;

  if (number == PIPE_CONTROL)
    {
      MK_AUTO_LOCK (&self->lock);

      if (!self->is_listening && self->told_to_end)
        backend_replace_order (self);
      self->is_listening = TRUE;
      backend_send_outgoing (self);
      return CHUNK_SIZE;
    }

  return self->is_ending
             ? CHUNK_SIZE
             : self->reports->room (self->data, number == PIPE_STDERR ? MK_STREAM_STDERR : MK_STREAM_STDOUT);
}

/* A disk that is full must not keep the service from working. */
static void
backend_copy (MkBackend *self, guint number, const guint8 *bytes, gsize length)
{
  g_autofree char *reason = NULL;
  DWORD written;

  if (self->copies[number] == NULL || length == 0)
    return;
  if (WriteFile (self->copies[number], bytes, (DWORD) length, &written, NULL))
    return;

  reason = g_win32_error_message ((int) GetLastError ());
  self->reports->copy_failed (
      self->data, number == PIPE_STDERR ? MK_STREAM_STDERR : MK_STREAM_STDOUT, reason);
  CloseHandle (self->copies[number]);
  self->copies[number] = NULL;
}

static void
backend_on_output (gpointer data, guint number, const guint8 *bytes, gsize length)
{
  MkBackend *self = data;

  backend_copy (self, number, bytes, length);
  self->reports->output (
      self->data, number == PIPE_STDERR ? MK_STREAM_STDERR : MK_STREAM_STDOUT, bytes, length);
  if (length == 0)
    mk_waker_wake (self->timer);
}

/* There is room for output again. In the worker. */
void
mk_backend_resume (MkBackend *self)
{
  for (guint i = PIPE_STDOUT; i <= PIPE_STDERR; i++)
    {
      if (self->pipes[i] != NULL)
        mk_pipe_resume (self->pipes[i]);
    }
}

/* ---- reports of the supervisor ---- */

/* A status that is not 0 does not become 0. */
static int
backend_find_status (const MkMessage *message)
{
  guint32 status = (guint32) message->a;

  if (message->b > 0)
    return -message->b;

  for (gsize i = 0; i < G_N_ELEMENTS (crashes); i++)
    if (status == crashes[i].status)
      return -crashes[i].signal;

  return status > G_MAXINT ? MAX ((int) (status & G_MAXINT), 1) : (int) status;
}

/* @code: of Windows. Returns: 0 if it is another one */
static int
backend_find_errno (int code)
{
  switch (code)
    {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
      return ENOENT;

    case ERROR_ACCESS_DENIED:
      return EACCES;

    case ERROR_DIRECTORY:
      return ENOTDIR;

    default:
      return 0;
    }
}

static GError *
backend_new_failure (MkBackend *self, const MkMessage *message)
{
  const char *paths[] = { self->launch->stdin_path, self->launch->stdout_path, self->launch->stderr_path };
  g_autofree char *program = mk_message_filename (self->launch->argv[0]);
  g_autofree char *words = g_win32_error_message (message->b);
  g_autofree char *directory = NULL;
  g_autofree char *reason = NULL;

  self->launch->spawn_errno = backend_find_errno (message->b);
  if (message->a == MK_SPAWN_STEP_DESCRIPTORS)
    return backend_new_open_error (message->c < 3 && paths[message->c] != NULL ? paths[message->c] : "NUL",
                                   message->b);

  if (message->a == MK_SPAWN_STEP_CHDIR)
    {
      directory = mk_message_filename (self->launch->cwd);
      return g_error_new (MK_ERROR,
                          MK_ERROR_SPAWN_FAILED,
                          _ ("Cannot run “%s” in the directory “%s”: %s"),
                          program,
                          directory,
                          words);
    }

  if (message->a == MK_SPAWN_STEP_SUPERVISE)
    /* Translators: the words of the system for an error */
    reason =
        g_strdup_printf (_ ("the system does not let mk-supervisor watch over its processes (%s)"), words);
  return g_error_new (
      MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), program, reason != NULL ? reason : words);
}

/* Now that the service has the other end */
static void
backend_publish_input (MkBackend *self)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->input_pipe != NULL)
    self->input = g_win32_output_stream_new (g_steal_pointer (&self->input_pipe), TRUE);
}

static void
backend_pass_message_on (MkBackend *self, const MkMessage *message)
{
  switch (message->type)
    {
    case MK_MESSAGE_SPAWNED:
      self->has_begun = TRUE;
      self->has_spawned = TRUE;
      backend_publish_input (self);
      self->reports->event (self->data, MK_BACKEND_SPAWNED, message->a);
      break;

    case MK_MESSAGE_FAILED:
      backend_report_failed (self, backend_new_failure (self, message));
      break;

    case MK_MESSAGE_EXITED:
      /* What it has said before stands in the error of a start. */
      for (guint i = PIPE_STDOUT; i <= PIPE_STDERR; i++)
        {
          if (self->pipes[i] != NULL)
            mk_pipe_read_now (self->pipes[i]);
        }
      self->reports->event (self->data, MK_BACKEND_EXITED, backend_find_status (message));
      break;

    case MK_MESSAGE_EMPTY:
      self->tree_empty = TRUE;
      self->reports->event (self->data, MK_BACKEND_EMPTY, message->a);
      break;

    default:
      break;
    }
}

static void
backend_on_control (gpointer data, guint number, const guint8 *bytes, gsize length)
{
  MkBackend *self = data;
  MkMessage message;

  if (length == 0)
    mk_waker_wake (self->timer);

  g_byte_array_append (self->received, bytes, (guint) length);
  while (self->received->len >= sizeof message)
    {
      memcpy (&message, self->received->data, sizeof message);
      g_byte_array_remove_range (self->received, 0, sizeof message);
      backend_pass_message_on (self, &message);
    }
}

/* ---- the end ---- */

static void
backend_finish (MkBackend *self)
{
  gboolean told_to_end;

  mk_host_remove (&self->record);
  mk_waker_clear (&self->timer);
  for (guint i = 0; i < 2; i++)
    {
      backend_close_handle (self->copies[i]);
      self->copies[i] = NULL;
    }

  g_mutex_lock (&self->lock);
  self->is_listening = FALSE;
  self->record.control = INVALID_HANDLE_VALUE;
  backend_close_handle (self->record.supervisor);
  self->record.supervisor = NULL;
  told_to_end = self->told_to_end;
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < N_PIPES; i++)
    g_clear_pointer (&self->pipes[i], mk_pipe_free);
  backend_close_handle (g_steal_pointer (&self->input_pipe));
  if (self->reaper != NULL)
    g_source_destroy (self->reaper);
  g_clear_pointer (&self->reaper, g_source_unref);

  if (!self->has_begun && !told_to_end)
    {
      g_autofree char *path = backend_dup_supervisor_path ();
      g_autofree char *helper = mk_message_filename (path);
      g_autofree char *program = mk_message_filename (self->launch->argv[0]);

      self->reports->failed (
          self->data,
          g_error_new (
              MK_ERROR,
              MK_ERROR_SUPERVISOR,
              _ ("The helper program “%s” ended before it had started “%s”. Check that it is mk-supervisor, "
                 "of the same version as this library"),
              helper,
              program));
    }
  self->reports->gone (self->data);
}

static gboolean
backend_is_read (MkBackend *self)
{
  for (guint i = 0; i < N_PIPES; i++)
    {
      if (self->pipes[i] != NULL && !mk_pipe_has_ended (self->pipes[i], TRUE))
        return FALSE;
    }

  return TRUE;
}

/* Woken at the end of each pipe, too. A process that is not of the job could hold one open. */
static gboolean
backend_on_timer (gpointer user_data)
{
  MkBackend *self = user_data;

  if (!self->was_reaped)
    return G_SOURCE_CONTINUE;
  if (!backend_is_read (self) && g_get_monotonic_time () < self->last_output_deadline)
    {
      mk_waker_wake_at (self->timer, self->last_output_deadline);
      return G_SOURCE_CONTINUE;
    }

  /* It does not end by itself before the tree is empty. */
  if (self->has_spawned && !self->tree_empty)
    self->reports->event (self->data, MK_BACKEND_LOST, 0);
  backend_finish (self);
  return G_SOURCE_CONTINUE;
}

static void
backend_on_reaped (GPid process, int status, gpointer user_data)
{
  MkBackend *self = user_data;

  g_atomic_int_set (&self->supervisor, 0);
  self->was_reaped = TRUE;
  self->is_ending = TRUE;
  self->last_output_deadline = g_get_monotonic_time () + LAST_OUTPUT_LIMIT_US;
  mk_backend_resume (self);
  mk_waker_wake (self->timer);
}

/* ---- orders ---- */

/* Call with the lock held. */
static gboolean
backend_send (MkBackend *self, MkMessageType type, int a, int b, int c)
{
  const MkMessage message = { (int32_t) type, a, b, c };

  g_byte_array_append (self->outgoing, (const guint8 *) &message, sizeof message);
  return !self->is_listening || backend_send_outgoing (self);
}

/* Those that Windows has a way for: to end the service, or to interrupt it. */
gboolean
mk_backend_signal (MkBackend *self, int signal_number, gboolean group)
{
  MK_AUTO_LOCK (&self->lock);

  switch (signal_number)
    {
    case SIGKILL:
    case SIGTERM:
    case SIGINT:
    case SIGBREAK:
      return self->is_listening &&
             backend_send (self, group ? MK_MESSAGE_SIGNAL_GROUP : MK_MESSAGE_SIGNAL, signal_number, 0, 0);

    default:
      return FALSE;
    }
}

gboolean
mk_backend_stop (MkBackend *self, MkStopMode mode, int stop_signal, int kill_signal, guint timeout_ms)
{
  MK_AUTO_LOCK (&self->lock);

  self->told_to_end = TRUE;
  return backend_send (self,
                       mode == MK_STOP_MODE_TREE ? MK_MESSAGE_STOP_TREE : MK_MESSAGE_STOP,
                       stop_signal,
                       kill_signal,
                       (int) timeout_ms);
}

gboolean
mk_backend_kill (MkBackend *self, int kill_signal)
{
  MK_AUTO_LOCK (&self->lock);

  self->told_to_end = TRUE;
  return backend_send (self, MK_MESSAGE_KILL, kill_signal, 0, 0);
}

/* Terminates a supervisor that does nothing any more; Windows terminates its job then. In the worker. */
void
mk_backend_give_up (MkBackend *self)
{
  MK_AUTO_LOCK (&self->lock);

  if (self->record.supervisor != NULL)
    TerminateProcess (self->record.supervisor, 1);
}
