/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Windows only: mk-supervisor.exe, between the library and one service.
 *
 * The service is created suspended and put into a job object before it runs. What it starts belongs to the
 * job, too, and nothing leaves it. Only this process has a handle to the job: when it ends, in whatever way,
 * Windows terminates all that is in it. A closed pipe means that the host is gone, and ends this process.
 *
 * One completion port brings all that happens: messages of the job, the end of the first process, and what
 * comes through the pipe. See mk-supervisor-protocol-private.h for that.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#include "mk-supervisor-protocol-private.h"

/* Keys of the completion port */
#define KEY_JOB     1
#define KEY_CONTROL 2
#define KEY_EXITED  3

/* Messages of a job are not guaranteed to come; that its first process has exited is. */
#define LOOK_INTERVAL_MS 200
/* Of all that is terminated; the host reads it, but does not rely on it. */
#define STATUS_TERMINATED 1
#ifndef STATUS_CTRL_C_EXIT
#define STATUS_CTRL_C_EXIT 0xC000013A
#endif

/* There is one service; a crash needs no cleaning up. */
static HANDLE port;
static HANDLE job;
static HANDLE control;
static PROCESS_INFORMATION service;
static BOOL stops_tree;
static BOOL has_exited;
static int break_signal;      /* of the order by which CTRL_BREAK was sent, 0 for none */
static int terminated_signal; /* of the order by which its first process was terminated, 0 for none */
static BOOL was_killed;       /* after it was asked to end */
static ULONGLONG kill_time;   /* as GetTickCount64(), 0 for none */
static int kill_signal;       /* for then */

/* ---- the pipe ---- */

static void
control_send (int type, int a, int b, int c)
{
  const MkMessage message = { type, a, b, c };
  /* The bit keeps the end of this from the completion port. */
  HANDLE event = CreateEventW (NULL, TRUE, FALSE, NULL);
  OVERLAPPED overlapped = { .hEvent = (HANDLE) ((ULONG_PTR) event | 1) };
  DWORD written;

  if (WriteFile (control, &message, sizeof message, NULL, &overlapped) || GetLastError () == ERROR_IO_PENDING)
    GetOverlappedResult (control, &overlapped, &written, TRUE);
  CloseHandle (event);
}

/* Waits for all of it. Returns: FALSE if the host is gone */
static BOOL
control_receive (void *bytes, DWORD length)
{
  HANDLE event = CreateEventW (NULL, TRUE, FALSE, NULL);
  DWORD received = 0;
  DWORD n;

  while (received < length)
    {
      OVERLAPPED overlapped = { .hEvent = event };

      if (!ReadFile (control, (char *) bytes + received, length - received, NULL, &overlapped) &&
          GetLastError () != ERROR_IO_PENDING)
        break;
      if (!GetOverlappedResult (control, &overlapped, &n, TRUE))
        break;
      received += n;
    }
  CloseHandle (event);
  return received == length;
}

/* ---- the end ---- */

static BOOL
job_is_empty (void)
{
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION info = { 0 };

  return QueryInformationJobObject (job, JobObjectBasicAccountingInformation, &info, sizeof info, NULL) &&
         info.ActiveProcesses == 0;
}

static void
service_report_exit (void)
{
  DWORD status = 0;
  int number = 0;

  if (has_exited)
    return;

  has_exited = TRUE;
  GetExitCodeProcess (service.hProcess, &status);
  if (status == STATUS_TERMINATED)
    number = terminated_signal;
  /* Of what does nothing special for CTRL_BREAK */
  else if (status == STATUS_CTRL_C_EXIT)
    number = break_signal;
  control_send (MK_MESSAGE_EXITED, (int) status, number, 0);
}

static void
service_terminate (int signal_number)
{
  if (!has_exited && terminated_signal == 0)
    terminated_signal = signal_number;
  kill_time = 0;
  TerminateJobObject (job, STATUS_TERMINATED);
}

static BOOL WINAPI
service_ignore_break (DWORD type)
{
  return TRUE;
}

/*
 * The service has a console of its own, without a window. CTRL_BREAK gets to those who have the same console
 * as who sends it.
 *
 * Returns: FALSE if there is no such console, as of a program with windows
 */
static BOOL
service_break (int signal_number, BOOL whole_tree)
{
  BOOL is_sent;

  FreeConsole ();
  if (!AttachConsole (service.dwProcessId))
    return FALSE;

  SetConsoleCtrlHandler (service_ignore_break, TRUE);
  is_sent = GenerateConsoleCtrlEvent (CTRL_BREAK_EVENT, whole_tree ? 0 : service.dwProcessId);
  /* It stays attached, for the event comes here a little later. */
  if (is_sent)
    break_signal = signal_number;
  return is_sent;
}

/* An earlier end of its time stays. */
static void
service_stop (const MkMessage *order, BOOL whole_tree)
{
  ULONGLONG end = GetTickCount64 () + (ULONGLONG) order->c;

  if (has_exited || !service_break (order->a, whole_tree))
    service_terminate (order->a);
  else if (order->c > 0 && (kill_time == 0 || end < kill_time))
    {
      kill_time = end;
      kill_signal = order->b;
    }
}

static void
control_obey (const MkMessage *order)
{
  switch (order->type)
    {
    case MK_MESSAGE_STOP:
      service_stop (order, stops_tree);
      break;

    case MK_MESSAGE_STOP_TREE:
      service_stop (order, TRUE);
      break;

    case MK_MESSAGE_KILL:
      service_terminate (order->a);
      break;

    case MK_MESSAGE_SIGNAL:
    case MK_MESSAGE_SIGNAL_GROUP:
      /* SIGINT and SIGBREAK */
      if (order->a == 2 || order->a == 21)
        service_break (order->a, order->type == MK_MESSAGE_SIGNAL_GROUP);
      else if (order->type == MK_MESSAGE_SIGNAL_GROUP)
        service_terminate (order->a);
      else if (!has_exited)
        {
          terminated_signal = order->a;
          TerminateProcess (service.hProcess, STATUS_TERMINATED);
        }
      break;

    default:
      break;
    }
}

/* ---- the beginning ---- */

static void
fail (int step, int stream)
{
  control_send (MK_MESSAGE_FAILED, step, (int) GetLastError (), stream);
  ExitProcess (1);
}

static HANDLE
service_open_stream (int stream, const wchar_t *name)
{
  SECURITY_ATTRIBUTES inheritable = { sizeof inheritable, NULL, TRUE };
  /* One that the host has put here is inheritable already. */
  HANDLE passed = *name == L'|' ? (HANDLE) (ULONG_PTR) _wcstoui64 (name + 1, NULL, 10) : NULL;
  BOOL is_device = wcsncmp (name, L"\\\\.\\", 4) == 0 || _wcsicmp (name, L"NUL") == 0;
  /* Appending lets standard output and standard error share a file. */
  DWORD access = stream == 0 ? GENERIC_READ : is_device ? GENERIC_WRITE : FILE_APPEND_DATA | SYNCHRONIZE;
  HANDLE handle = passed != NULL ? passed
                                 : CreateFileW (name,
                                                access,
                                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                                &inheritable,
                                                stream == 0 || is_device ? OPEN_EXISTING : CREATE_ALWAYS,
                                                FILE_ATTRIBUTE_NORMAL,
                                                NULL);

  if (handle == INVALID_HANDLE_VALUE)
    fail (MK_SPAWN_STEP_DESCRIPTORS, stream);
  return handle;
}

static void
job_create (void)
{
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = { 0 };
  JOBOBJECT_ASSOCIATE_COMPLETION_PORT association = { (void *) KEY_JOB, port };

  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
  /* Nobody inherits the handle. */
  job = CreateJobObjectW (NULL, NULL);
  if (job == NULL ||
      !SetInformationJobObject (job, JobObjectExtendedLimitInformation, &limits, sizeof limits) ||
      !SetInformationJobObject (
          job, JobObjectAssociateCompletionPortInformation, &association, sizeof association))
    fail (MK_SPAWN_STEP_SUPERVISE, 0);
}

static void CALLBACK
service_on_exited (void *data, BOOLEAN timed_out)
{
  PostQueuedCompletionStatus (port, 0, KEY_EXITED, NULL);
}

/* The service inherits the three handles, and no other that this process may have inherited. */
static void
service_spawn (const wchar_t *directory, const wchar_t *program, wchar_t *line, HANDLE streams[3])
{
  STARTUPINFOEXW startup = { 0 };
  SIZE_T size = 0;
  DWORD n_handles = streams[1] == streams[2] ? 2 : 3;
  HANDLE wait;

  InitializeProcThreadAttributeList (NULL, 1, 0, &size);
  startup.lpAttributeList = malloc (size);
  if (startup.lpAttributeList == NULL ||
      !InitializeProcThreadAttributeList (startup.lpAttributeList, 1, 0, &size) ||
      !UpdateProcThreadAttribute (startup.lpAttributeList,
                                  0,
                                  PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                  streams,
                                  n_handles * sizeof *streams,
                                  NULL,
                                  NULL))
    fail (MK_SPAWN_STEP_FORK, 0);

  startup.StartupInfo.cb = sizeof startup;
  startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  startup.StartupInfo.hStdInput = streams[0];
  startup.StartupInfo.hStdOutput = streams[1];
  startup.StartupInfo.hStdError = streams[2];

  if (!CreateProcessW (program,
                       line,
                       NULL,
                       NULL,
                       TRUE,
                       CREATE_SUSPENDED | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP |
                           EXTENDED_STARTUPINFO_PRESENT,
                       NULL,
                       *directory != L'\0' ? directory : NULL,
                       &startup.StartupInfo,
                       &service))
    fail (GetLastError () == ERROR_DIRECTORY ? MK_SPAWN_STEP_CHDIR : MK_SPAWN_STEP_EXEC, 0);

  if (!AssignProcessToJobObject (job, service.hProcess) ||
      !RegisterWaitForSingleObject (
          &wait, service.hProcess, service_on_exited, NULL, INFINITE, WT_EXECUTEONLYONCE))
    {
      DWORD error = GetLastError ();

      TerminateProcess (service.hProcess, STATUS_TERMINATED);
      SetLastError (error);
      fail (MK_SPAWN_STEP_SUPERVISE, 0);
    }
  for (int i = 0; i < 3; i++)
    if (i < 2 || streams[2] != streams[1])
      CloseHandle (streams[i]);
  control_send (MK_MESSAGE_SPAWNED, (int) service.dwProcessId, 0, 0);
  ResumeThread (service.hThread);
}

/* Returns: FALSE if there is no order, or it is nonsense */
static BOOL
order_obey (void)
{
  MkOrder order;
  wchar_t *strings[MK_ORDER_N_STRINGS];
  HANDLE streams[3];
  wchar_t *text;
  wchar_t *end;

  if (!control_receive (&order, sizeof order) || order.length > MK_ORDER_MAX_LENGTH)
    return FALSE;
  text = calloc (order.length / sizeof *text + 1, sizeof *text);
  if (text == NULL || !control_receive (text, order.length))
    return FALSE;

  stops_tree = order.stops_tree != 0;
  end = text + order.length / sizeof *text;
  for (int i = 0; i < MK_ORDER_N_STRINGS; i++)
    {
      if (text >= end)
        return FALSE;
      strings[i] = text;
      text += wcslen (text) + 1;
    }

  job_create ();
  for (int i = 0; i < 3; i++)
    streams[i] = *strings[i] == L'\0' ? streams[1] : service_open_stream (i, strings[i]);
  service_spawn (strings[3], strings[4], strings[5], streams);
  return TRUE;
}

/* ---- its life ---- */

static DWORD
find_wait_time (void)
{
  DWORD limit = has_exited ? LOOK_INTERVAL_MS : INFINITE;
  ULONGLONG now = GetTickCount64 ();

  if (kill_time == 0)
    return limit;
  if (now >= kill_time)
    return 0;
  return kill_time - now < limit ? (DWORD) (kill_time - now) : limit;
}

static void
run (void)
{
  /* Windows may write to them until the process ends. */
  static MkMessage order;
  static OVERLAPPED reading;
  BOOL is_reading = FALSE;

  while (!job_is_empty ())
    {
      DWORD n = 0;
      ULONG_PTR key = 0;
      OVERLAPPED *overlapped = NULL;
      BOOL is_done;

      if (!is_reading && !ReadFile (control, &order, sizeof order, NULL, &reading) &&
          GetLastError () != ERROR_IO_PENDING)
        return;
      is_reading = TRUE;

      is_done = GetQueuedCompletionStatus (port, &n, &key, &overlapped, find_wait_time ());
      /* The host writes whole messages, and each of them at once. */
      if (key == KEY_CONTROL && overlapped == &reading)
        {
          if (!is_done || (n != 0 && n != sizeof order))
            return;
          if (n != 0)
            control_obey (&order);
          is_reading = FALSE;
        }
      if (is_done && key == KEY_EXITED)
        service_report_exit ();
      if (kill_time != 0 && GetTickCount64 () >= kill_time)
        {
          was_killed = TRUE;
          service_terminate (kill_signal);
        }
    }

  WaitForSingleObject (service.hProcess, INFINITE);
  service_report_exit ();
  control_send (MK_MESSAGE_EMPTY, was_killed, 0, 0);
}

int wmain (int argc, wchar_t **argv);

int
wmain (int argc, wchar_t **argv)
{
  if (argc != 3 || wcscmp (argv[1], L"" MK_SUPERVISOR_PROTOCOL) != 0)
    return 2;

  /* The service inherits it: nobody is there to close the window that a crash would open. */
  SetErrorMode (SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
  control =
      CreateFileW (argv[2], GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
  if (control == INVALID_HANDLE_VALUE)
    return 1;
  port = CreateIoCompletionPort (INVALID_HANDLE_VALUE, NULL, 0, 1);
  if (port == NULL || !order_obey () || CreateIoCompletionPort (control, port, KEY_CONTROL, 1) == NULL)
    return 1;

  run ();
  /* What is left of the job ends when Windows closes its handle. */
  return 0;
}
