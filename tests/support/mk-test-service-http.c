/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the test service does with a connection under --http: it answers requests, well or badly.
 *
 * Whatever takes time is done by a child process for each connection.
 */

#define _GNU_SOURCE
#include "mk-test-service-http.h"

#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mk-test-service-options.h"

#define REQUEST_LIMIT 65536
#define DRIP_MS       300
#define SLOW_MS       1500

/* FALSE once the other side is gone. */
static int
put (int fd, const char *text, size_t length)
{
  while (length > 0)
    {
      ssize_t n = send (fd, text, length, MSG_NOSIGNAL);

      if (n < 0)
        return 0;
      text += n;
      length -= n;
    }
  return 1;
}

static int
say (int fd, const char *text)
{
  return put (fd, text, strlen (text));
}

/* With its body; returns its length, 0 if there was none. */
static size_t
read_request (int fd, char *request)
{
  size_t length = 0, wanted = 0;

  while (length < REQUEST_LIMIT - 1 && (wanted == 0 || length < wanted))
    {
      ssize_t n = read (fd, request + length, REQUEST_LIMIT - 1 - length);
      const char *end, *body_length;

      if (n <= 0)
        return 0;
      if (length == 0)
        stamp ("request");
      length += n;
      request[length] = '\0';
      end = strstr (request, "\r\n\r\n");
      body_length = strcasestr (request, "\r\nContent-Length: ");
      if (wanted == 0 && end != NULL)
        wanted = end + 4 - request + (body_length != NULL ? atoi (body_length + 18) : 0);
    }
  return length;
}

static void
answer_with (int fd, const char *status, const char *body, size_t length)
{
  char header[256];
  int n =
      snprintf (header,
                sizeof header,
                "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                status,
                length);

  if (put (fd, header, n))
    put (fd, body, length);
}

static void
answer_busy (int fd)
{
  char status[128] = "503 Busy";

  if (opt.retry_after != NULL)
    snprintf (status, sizeof status, "503 Busy\r\nRetry-After: %s", opt.retry_after);
  answer_with (fd, status, "", 0);
}

static void
answer_compressed (int fd)
{
  /* "ready: gzip" */
  static const char body[] = "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x2bJML\xa9\xb4RH\xaf\xca,"
                             "\0\0\x95\xb3\xc3\xe3\x0b\0\0\0";

  answer_with (fd, "200 OK\r\nContent-Encoding: gzip", body, sizeof body - 1);
}

static void
answer_request (int fd, int busy)
{
  static char request[REQUEST_LIMIT];
  size_t length = read_request (fd, request);

  if (length == 0)
    return;
  if (busy)
    answer_busy (fd);
  else if (strcmp (opt.http, "gzip") == 0)
    answer_compressed (fd);
  else if (strcmp (opt.http, "no-head") == 0)
    answer_with (fd, strncmp (request, "HEAD ", 5) == 0 ? "405 Method Not Allowed" : "200 OK", "", 0);
  else if (strcmp (opt.http, "moved") == 0)
    answer_with (fd, strstr (request, " /there HTTP") ? "200 OK" : "302 Found\r\nLocation: /there", "", 0);
  else if (strcmp (opt.http, "echo") == 0)
    answer_with (fd, "200 OK", request, strncmp (request, "HEAD ", 5) == 0 ? 0 : length);
  else if (strcmp (opt.http, "redirect") == 0)
    say (fd, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
  else if (isdigit ((unsigned char) opt.http[0]))
    answer_with (fd, opt.http, "", 0);
  else
    answer_with (fd, "200 OK", "", 0);
}

static void
drip (int fd)
{
  const char *text = "HTTP/1.1 200 OK\r\nX-Long: ";

  for (int i = 0; put (fd, i < (int) strlen (text) ? &text[i] : "x", 1); i++)
    poll (NULL, 0, DRIP_MS);
}

static void
repeat (int fd, const char *first, const char *then)
{
  if (say (fd, first))
    while (say (fd, then))
      continue;
}

static void
misbehave (int fd)
{
  static char request[REQUEST_LIMIT];

  if (strcmp (opt.http, "silent") == 0)
    for (;;)
      pause ();
  if (read_request (fd, request) == 0)
    return;
  if (strcmp (opt.http, "drip") == 0)
    drip (fd);
  else if (strcmp (opt.http, "endless-body") == 0)
    repeat (fd, "HTTP/1.1 200 OK\r\n\r\n", "0123456789abcde\n0123456789abcde\n0123456789abcde\n");
  else if (strcmp (opt.http, "endless-header") == 0)
    repeat (fd, "HTTP/1.1 200 OK\r\n", "X-More: 0123456789abcdef0123456789abcdef\r\n");
  else if (strcmp (opt.http, "endless-continue") == 0)
    repeat (fd, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n");
  else if (strcmp (opt.http, "garbage") == 0)
    put (fd, "\0\1\2\3 this is not HTTP\r\n\r\n\377\376", 27);
  else if (strcmp (opt.http, "slow") == 0)
    {
      poll (NULL, 0, SLOW_MS);
      answer_with (fd, "200 OK", "", 0);
    }
}

static int
is_quick (void)
{
  return isdigit ((unsigned char) opt.http[0]) || strcmp (opt.http, "ok") == 0 ||
         strcmp (opt.http, "echo") == 0 || strcmp (opt.http, "gzip") == 0 ||
         strcmp (opt.http, "moved") == 0 || strcmp (opt.http, "no-head") == 0 ||
         strcmp (opt.http, "redirect") == 0;
}

/* @busy: too much so for other answers than 503 */
void
serve_http (int fd, int busy)
{
  if (strcmp (opt.http, "close") == 0)
    return;
  if (is_quick ())
    {
      answer_request (fd, busy);
      return;
    }

  signal (SIGCHLD, SIG_IGN);
  if (fork () != 0)
    return;
  alarm (opt.lifetime);
  misbehave (fd);
  _exit (0);
}
