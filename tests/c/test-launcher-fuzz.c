/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ends of a launcher get frames that make sense, hardly any, or none, and cut ones. Neither must crash,
 * hang or leave anything behind. In a build with sanitizers both are built with them.
 *
 * MK_TEST_SEED repeats a run, MK_TEST_FUZZ_S sets how many seconds each takes.
 */

#include "mk-test-util.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/mk-link-private.h"

#define DEFAULT_S  3
#define MAX_FRAMES 60
#define MAX_DATA   5000
#define LEASE_MS   500
/* What sanitizers end with, see tests/meson.build */
#define SANITIZER_STATUS 99
#define END_LIMIT_MS     (20 * 1000)

static guint32 seed;

static gint64
get_deadline (void)
{
  const char *seconds = g_getenv ("MK_TEST_FUZZ_S");

  return g_get_monotonic_time () + (seconds ? atoi (seconds) : DEFAULT_S) * G_USEC_PER_SEC;
}

/* ---- frames ---- */

static void
add_frame (GByteArray *bytes, int type, int channel, gconstpointer data, guint length, guint said_length)
{
  guint8 header[8] = { (guint8) type, 0, (guint8) channel, (guint8) (channel >> 8) };

  mk_link_put_integer ((char *) header + 4, (gint32) said_length);
  g_byte_array_append (bytes, header, sizeof header);
  g_byte_array_append (bytes, data, length);
}

static guint
choose_noise (GRand *rand, char *data)
{
  guint length = (guint) g_rand_int_range (rand, 0, g_rand_boolean (rand) ? 24 : MAX_DATA);

  for (guint i = 0; i < length; i++)
    data[i] = (char) g_rand_int_range (rand, 0, 256);
  return length;
}

/* An integer that is likely to be at a border */
static gint32
choose_integer (GRand *rand)
{
  const gint32 borders[] = {
    0, 1, -1, 2, 3, 15, 64, 1023, 1024, MK_LINK_WINDOW, MK_LINK_WINDOW + 1, G_MAXINT32, G_MININT32
  };

  return borders[g_rand_int_range (rand, 0, G_N_ELEMENTS (borders))];
}

static guint
choose_integers (GRand *rand, char *data, guint n)
{
  for (guint i = 0; i < n; i++)
    mk_link_put_integer (data + 4 * i, choose_integer (rand));
  return 4 * n;
}

static guint
choose_text (GRand *rand, char *data)
{
  const char *const texts[] = { "6379", "nowhere.invalid:80", "/tmp/no-such-socket", "[::1]:1", "", ":", "[",
                                "x" };
  const char *text = texts[g_rand_int_range (rand, 0, G_N_ELEMENTS (texts))];

  strcpy (data, text);
  return (guint) strlen (text) + (g_rand_int_range (rand, 0, 8) > 0);
}

/* A frame that could be one. Orders about processes are not among them: they would be obeyed. */
static void
add_random_frame (GRand *rand, GByteArray *bytes)
{
  int type = g_rand_int_range (rand, 0, MK_FRAME_SWEPT + 2);
  int channel = g_rand_boolean (rand) ? g_rand_int_range (rand, 0, 6) : g_rand_int_range (rand, 0, 65536);
  char data[MAX_DATA + 16];
  guint length;

  if (type == MK_FRAME_START || type == MK_FRAME_SWEEP)
    return;
  switch (g_rand_int_range (rand, 0, 4))
    {
    case 0:
      length = choose_integers (rand, data, (guint) g_rand_int_range (rand, 0, 6));
      break;
    case 1:
      length = choose_text (rand, data);
      break;
    case 2:
      length = 0;
      break;
    default:
      length = choose_noise (rand, data);
      break;
    }
  if (type == MK_FRAME_CONTROL && length == 16)
    mk_link_put_integer (data, g_rand_boolean (rand) ? MK_MESSAGE_STOP : MK_MESSAGE_SPAWNED);
  add_frame (bytes,
             type,
             channel,
             data,
             length,
             g_rand_int_range (rand, 0, 40) ? length : (guint) choose_integer (rand));
}

/* One in three is cut. */
static GByteArray *
choose_frames (GRand *rand)
{
  GByteArray *bytes = g_byte_array_new ();
  guint n = (guint) g_rand_int_range (rand, 0, MAX_FRAMES);

  for (guint i = 0; i < n; i++)
    add_random_frame (rand, bytes);
  if (g_rand_int_range (rand, 0, 3) == 0)
    g_byte_array_set_size (bytes, (guint) g_rand_int_range (rand, 0, (gint32) bytes->len + 1));
  return bytes;
}

/* "sleep 60", with numbers of strings that may be wrong */
static void
add_order (GRand *rand, GByteArray *bytes)
{
  static const char strings[] = "\0\0sleep\00060\0NAME=value\0OTHER";
  gboolean lies = g_rand_int_range (rand, 0, 3) == 0;
  char data[4 * MK_START_N_INTEGERS + sizeof strings];
  const gint32 integers[MK_START_N_INTEGERS] = { SIGTERM,  SIGKILL, 200, g_rand_int_range (rand, 0, 8),
                                                 LEASE_MS, 2,       2 };

  for (guint i = 0; i < MK_START_N_INTEGERS; i++)
    mk_link_put_integer (data + 4 * i,
                         lies && i >= 5 && g_rand_boolean (rand) ? choose_integer (rand) : integers[i]);
  memcpy (data + 4 * MK_START_N_INTEGERS, strings, sizeof strings);
  add_frame (bytes, MK_FRAME_START, 0, data, sizeof data, sizeof data);
}

/* ---- programs ---- */

static G_GNUC_NORETURN void
fail (const char *what, int status, int errors_fd)
{
  char text[4096];
  off_t size = lseek (errors_fd, 0, SEEK_END);
  ssize_t n = pread (errors_fd, text, sizeof text - 1, MAX (0, size - (off_t) sizeof text + 1));

  text[MAX (0, n)] = '\0';
  g_error ("%s (wait status %d, MK_TEST_SEED=%u):\n%s", what, status, seed, text);
}

/* Ends within the limit, and by itself. */
static void
await_end (GPid pid, const char *what, int errors_fd)
{
  gint64 limit = g_get_monotonic_time () + END_LIMIT_MS * G_TIME_SPAN_MILLISECOND;
  int status = 0;

  while (waitpid (pid, &status, WNOHANG) != pid)
    {
      if (g_get_monotonic_time () > limit)
        {
          kill (pid, SIGABRT);
          fail (what, -1, errors_fd);
        }
      g_usleep (500);
    }
  if (!WIFEXITED (status) || WEXITSTATUS (status) == SANITIZER_STATUS)
    fail (what, status, errors_fd);
  close (errors_fd);
}

static GPid
spawn (char **argv, int *fds, guint n)
{
  GPid pid = fork ();

  if (pid != 0)
    return pid;

  for (guint i = 0; i < n; i++)
    fds[i] = fcntl (fds[i], F_DUPFD, 20);
  for (guint i = 0; i < n; i++)
    {
      if (fds[i] >= 0)
        dup2 (fds[i], (int) i);
    }
  close_range (n, ~0U, 0);
  execv (argv[0], argv);
  _exit (SANITIZER_STATUS);
}

static void
fuzz_far (GRand *rand, const char *program)
{
  char *argv[] = { (char *) program, (char *) "far", NULL };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GByteArray) frames = choose_frames (rand);
  int in[2];
  int null_fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  int errors_fd = memfd_create ("errors", MFD_CLOEXEC);
  GPid pid;

  if (g_rand_int_range (rand, 0, 4) > 0)
    add_order (rand, bytes);
  g_byte_array_append (bytes, frames->data, frames->len);

  g_assert_cmpint (pipe2 (in, O_CLOEXEC), ==, 0);
  fcntl (in[1], F_SETPIPE_SZ, 1024 * 1024);
  pid = spawn (argv, (int[]){ in[0], null_fd, errors_fd }, 3);
  close (in[0]);
  close (null_fd);
  /* It may have ended already, at nonsense. */
  (void) !write (in[1], bytes->data, bytes->len);
  close (in[1]);
  await_end (pid, "the far end", errors_fd);
}

static void
fuzz_near (GRand *rand, const char *program, const char *folder)
{
  g_autoptr (GByteArray) bytes = choose_frames (rand);
  g_autofree char *path = g_build_filename (folder, "frames", NULL);
  g_autofree char *code = g_strdup_printf ("cat '%s'", path);
  g_autofree char *host = g_strdup_printf ("%d", (int) getpid ());
  MkHello hello = { "x86_64", "network", "processes", "files" };
  g_autoptr (GByteArray) all = g_byte_array_new ();
  char *argv[] = { (char *) program,
                   (char *) "near",
                   (char *) MK_SUPERVISOR_PROTOCOL,
                   host,
                   (char *) "500",
                   (char *) "mirakuru_uuid=fuzz",
                   (char *) "",
                   (char *) "0",
                   (char *) "sh",
                   (char *) "-c",
                   code,
                   (char *) "/mk-supervisor",
                   NULL };
  int null_fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int errors_fd = memfd_create ("errors", MFD_CLOEXEC);
  g_autoptr (GError) error = NULL;
  int control[2];
  int order = memfd_create ("order", MFD_CLOEXEC);
  GPid pid;

  g_byte_array_append (all, (const guint8 *) MK_LINK_MAGIC, strlen (MK_LINK_MAGIC));
  if (g_rand_int_range (rand, 0, 8) > 0)
    add_frame (all, MK_FRAME_HELLO, 0, &hello, sizeof hello, sizeof hello);
  g_byte_array_append (all, bytes->data, bytes->len);
  g_assert_true (g_file_set_contents (path, (const char *) all->data, all->len, &error));
  g_assert_no_error (error);
  g_assert_cmpint (write (order, "order", 5), ==, 5);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), ==, 0);

  pid = spawn (argv, (int[]){ null_fd, null_fd, errors_fd, control[1], order }, 5);
  close (null_fd);
  close (order);
  close (control[1]);
  await_end (pid, "the near end", errors_fd);
  close (control[0]);
}

/* ---- the tests ---- */

static void
test_far (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  gint64 deadline = get_deadline ();
  guint n = 0;

  while (g_get_monotonic_time () < deadline)
    {
      fuzz_far (rand, g_getenv ("MK_TEST_SUPERVISOR"));
      n++;
    }
  g_test_message ("%u runs", n);
  g_assert_cmpuint (n, >, 0);
}

static void
test_near (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  gint64 deadline = get_deadline ();
  guint n = 0;

  while (g_get_monotonic_time () < deadline)
    {
      fuzz_near (rand, g_getenv ("MK_TEST_SUPERVISOR"), folder);
      n++;
    }
  g_test_message ("%u runs", n);
  g_assert_cmpuint (n, >, 0);
}

int
main (int argc, char **argv)
{
  const char *chosen = g_getenv ("MK_TEST_SEED");

  mk_test_need_linux_features ("launchers");
  g_test_init (&argc, &argv, NULL);
  signal (SIGPIPE, SIG_IGN);
  seed = chosen != NULL ? (guint32) g_ascii_strtoull (chosen, NULL, 10) : g_random_int ();
  g_test_message ("MK_TEST_SEED=%u", seed);
  g_test_add_func ("/launcher-fuzz/far", test_far);
  g_test_add_func ("/launcher-fuzz/near", test_near);
  return g_test_run ();
}
