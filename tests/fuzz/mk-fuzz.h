/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the fuzz targets share. Each one has the function that libFuzzer calls with bytes that it makes up; it
 * aborts where something is wrong. Without libFuzzer, mk-fuzz-main.c calls it with each seed.
 */

#pragma once

#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* libFuzzer knows nothing of the signal that ends a program at a warning of GLib's, and would not keep the
 * input. */
static void
mk_fuzz_on_trap (int number)
{
  abort ();
}

static void __attribute__ ((constructor)) mk_fuzz_init (void) { signal (SIGTRAP, mk_fuzz_on_trap); }

/* Returns: (transfer full): the next line of the input, without its end, as a text; the last is empty */
static inline char *
mk_fuzz_take_line (const uint8_t **data, size_t *size)
{
  const uint8_t *end = *size > 0 ? memchr (*data, '\n', *size) : NULL;
  size_t length = end != NULL ? (size_t) (end - *data) : *size;
  char *line = g_strndup ((const char *) *data, length);

  *data += length + (end != NULL);
  *size -= length + (end != NULL);
  return line;
}

/* What users read is UTF-8, whatever it is about. */
static inline void
mk_fuzz_assert_error (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

/* Returns: a file without a name that has the bytes, to be read from its beginning */
static inline int
mk_fuzz_open_bytes (const void *data, size_t size)
{
  int fd = memfd_create ("fuzz", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (pwrite (fd, data, size, 0), ==, size);
  return fd;
}

/* Returns: the end of a pipe from which the bytes come, and nothing more */
static inline int
mk_fuzz_open_pipe (const void *data, size_t size)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
  g_assert_cmpint (write (fds[1], data, size), ==, size);
  close (fds[1]);
  return fds[0];
}

/* Sends the input in packets: each has a byte for its length, and as many bytes. */
static inline void
mk_fuzz_send_packets (int fd, const uint8_t *data, size_t size)
{
  while (size > 0)
    {
      size_t length = MIN (data[0], size - 1);

      /* The queue is full at some time. An empty packet would be an end. */
      if (length > 0 && send (fd, data + 1, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        break;
      data += 1 + length;
      size -= 1 + length;
    }
}

/* Returns: a number that is larger later if something was left open */
static inline int
mk_fuzz_get_first_free_fd (void)
{
  int fd = dup (STDERR_FILENO);

  close (fd);
  return fd;
}
