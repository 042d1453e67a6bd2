/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A service for the tests on Windows: mk-windows-test-service [OPTION…]. Options are obeyed in their order.
 *
 *   --sleep=MS         wait
 *   --listen=PORT      listen on 127.0.0.1, and accept what connects
 *   --http=PORT        the same, and answer 200 to whatever is asked
 *   --time=PATH        write the time to it, in 100 ns since 1601
 *   --out=TEXT, --err=TEXT  a line on standard output, on standard error
 *   --flood=BYTES      so many bytes on standard output
 *   --echo             copy standard input to standard output
 *   --args             all arguments that follow, each as <ARGUMENT> in a line, in UTF-8; then exit with 0
 *   --variable=NAME    its value as a line
 *   --directory        the current directory as a line
 *   --pid-file=PATH    write the process ID to it
 *   --child=PATH       start a copy that sleeps, append both process IDs to PATH
 *   --ctrl-break=PATH  on CTRL_BREAK, make the file and exit with 7
 *   --exit=STATUS      exit
 *   --crash            write where nothing is
 *
 * After the last one it sleeps for ever.
 */

#include <winsock2.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

int wmain (int argc, wchar_t **argv);

static wchar_t *break_path;

static void
print_utf8 (HANDLE stream, const wchar_t *before, const wchar_t *text, const wchar_t *after)
{
  const wchar_t *parts[] = { before, text, after };
  char bytes[4096];
  DWORD written;

  for (int i = 0; i < 3; i++)
    {
      int length = WideCharToMultiByte (CP_UTF8, 0, parts[i], -1, bytes, sizeof bytes, NULL, NULL);

      if (length > 1)
        WriteFile (stream, bytes, (DWORD) length - 1, &written, NULL);
    }
}

static void
append_pid (const wchar_t *path, DWORD pid)
{
  FILE *file = _wfopen (path, L"a");

  if (file == NULL)
    exit (90);
  fprintf (file, "%lu\n", pid);
  fclose (file);
}

static void
write_time (const wchar_t *path)
{
  FILETIME now;
  FILE *file;

  GetSystemTimeAsFileTime (&now);
  file = _wfopen (path, L"w");
  if (file == NULL)
    exit (95);
  fprintf (file, "%llu", (unsigned long long) now.dwHighDateTime << 32 | now.dwLowDateTime);
  fclose (file);
}

static BOOL WINAPI
on_console_event (DWORD type)
{
  if (type != CTRL_BREAK_EVENT)
    return FALSE;

  append_pid (break_path, GetCurrentProcessId ());
  ExitProcess (7);
}

static void
start_child (const wchar_t *path)
{
  wchar_t program[MAX_PATH];
  wchar_t line[] = L"child";
  STARTUPINFOW startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child;

  GetModuleFileNameW (NULL, program, MAX_PATH);
  if (!CreateProcessW (program, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child))
    exit (91);
  append_pid (path, GetCurrentProcessId ());
  append_pid (path, child.dwProcessId);
}

static DWORD WINAPI
serve (void *data)
{
  SOCKET listener = (SOCKET) data;
  const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
  char request[4096];

  while (TRUE)
    {
      SOCKET client = accept (listener, NULL, NULL);

      if (client == INVALID_SOCKET)
        continue;
      if (recv (client, request, sizeof request, 0) > 0)
        send (client, answer, sizeof answer - 1, 0);
      shutdown (client, SD_SEND);
      closesocket (client);
    }

  return 0;
}

static void
listen_on (int port)
{
  WSADATA data;
  struct sockaddr_in address = { .sin_family = AF_INET };
  SOCKET listener;

  WSAStartup (MAKEWORD (2, 2), &data);
  listener = socket (AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  address.sin_port = htons ((unsigned short) port);
  if (bind (listener, (struct sockaddr *) &address, sizeof address) != 0 || listen (listener, 100) != 0)
    exit (92);
  CreateThread (NULL, 0, serve, (void *) listener, 0, NULL);
}

static void
flood (long long length)
{
  static char chunk[65536];
  DWORD written;

  memset (chunk, 'x', sizeof chunk);
  while (length > 0)
    {
      DWORD n = length < (long long) sizeof chunk ? (DWORD) length : (DWORD) sizeof chunk;

      if (!WriteFile (GetStdHandle (STD_OUTPUT_HANDLE), chunk, n, &written, NULL))
        exit (93);
      length -= written;
    }
}

static void
echo (void)
{
  char bytes[4096];
  DWORD n;
  DWORD written;

  while (ReadFile (GetStdHandle (STD_INPUT_HANDLE), bytes, sizeof bytes, &n, NULL) && n > 0)
    WriteFile (GetStdHandle (STD_OUTPUT_HANDLE), bytes, n, &written, NULL);
}

/* Returns: (nullable): what stands behind NAME= */
static wchar_t *
option_value (wchar_t *option, const wchar_t *name)
{
  size_t length = wcslen (name);

  return wcsncmp (option, name, length) == 0 ? option + length : NULL;
}

static void
obey (int argc, wchar_t **argv, int i)
{
  HANDLE out = GetStdHandle (STD_OUTPUT_HANDLE);
  wchar_t text[4096];
  wchar_t *value;

  if ((value = option_value (argv[i], L"--sleep=")) != NULL)
    Sleep ((DWORD) _wtoi (value));
  else if ((value = option_value (argv[i], L"--listen=")) != NULL ||
           (value = option_value (argv[i], L"--http=")) != NULL)
    listen_on (_wtoi (value));
  else if ((value = option_value (argv[i], L"--out=")) != NULL)
    print_utf8 (out, L"", value, L"\n");
  else if ((value = option_value (argv[i], L"--err=")) != NULL)
    print_utf8 (GetStdHandle (STD_ERROR_HANDLE), L"", value, L"\n");
  else if ((value = option_value (argv[i], L"--flood=")) != NULL)
    flood (_wtoi64 (value));
  else if ((value = option_value (argv[i], L"--variable=")) != NULL)
    print_utf8 (out, L"", GetEnvironmentVariableW (value, text, 4096) > 0 ? text : L"(none)", L"\n");
  else if ((value = option_value (argv[i], L"--pid-file=")) != NULL)
    append_pid (value, GetCurrentProcessId ());
  else if ((value = option_value (argv[i], L"--time=")) != NULL)
    write_time (value);
  else if ((value = option_value (argv[i], L"--child=")) != NULL)
    start_child (value);
  else if ((value = option_value (argv[i], L"--ctrl-break=")) != NULL)
    {
      break_path = value;
      SetConsoleCtrlHandler (on_console_event, TRUE);
    }
  else if ((value = option_value (argv[i], L"--exit=")) != NULL)
    ExitProcess (wcstoul (value, NULL, 0));
  else if (wcscmp (argv[i], L"--crash") == 0)
    *(volatile int *) NULL = 1;
  else if (wcscmp (argv[i], L"--echo") == 0)
    echo ();
  else if (wcscmp (argv[i], L"--directory") == 0)
    print_utf8 (out, L"", GetCurrentDirectoryW (4096, text) > 0 ? text : L"(none)", L"\n");
  else if (wcscmp (argv[i], L"--args") == 0)
    {
      while (++i < argc)
        print_utf8 (out, L"<", argv[i], L">\n");
      ExitProcess (0);
    }
  else
    exit (94);
}

int
wmain (int argc, wchar_t **argv)
{
  SetErrorMode (SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
  for (int i = 1; i < argc; i++)
    obey (argc, argv, i);
  Sleep (INFINITE);
  return 0;
}
