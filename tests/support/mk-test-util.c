/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the C tests share: free ports, waiting with a limit, the test service, and a look at /proc for what
 * is left of it.
 *
 * A survivor is a process with the tag of a test among its arguments.
 */

#define _GNU_SOURCE
#include "mk-test-util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <locale.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What has no time left is to end within this, and so many times what the machine needs for a bare program.
 */
#define MAX_LATE_US (100 * 1000)
#define PEER_FACTOR 10

static gboolean
port_is_free (int family, const struct sockaddr *address, socklen_t length)
{
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean is_free = fd < 0 || bind (fd, address, length) == 0;

  /* A machine without IPv6 has nothing on that port. */
  if (!is_free && errno == EADDRNOTAVAIL)
    is_free = TRUE;
  if (fd >= 0)
    close (fd);
  return is_free;
}

/* It makes everything twenty times as slow, and prints to the standard error of who has it. */
gboolean
mk_test_is_under_valgrind (void)
{
  const char *preloaded = g_getenv ("LD_PRELOAD");

  return preloaded != NULL && strstr (preloaded, "vgpreload") != NULL;
}

/* Tests that run at the same time take their ports from different blocks, of which nobody else takes any. */
#define FIRST_PORT 10000
#define BLOCK_SIZE 100
#define N_BLOCKS   200
/* Out of the way of tests that count descriptors, or leave none. */
#define LOWEST_RESERVATION_FD 300

static guint port_block = G_MAXUINT; /* (atomic) the last one reserved */
static guint next_port;              /* (atomic) within the block */

/* An abstract socket of the name of the block reserves it until the program ends. */
static gboolean
reserve_block (guint block)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int length = snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "mk-test-port-block-%u", block);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean reserved = bind (fd,
                            (struct sockaddr *) &address,
                            (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + length)) == 0 &&
                      fcntl (fd, F_DUPFD_CLOEXEC, LOWEST_RESERVATION_FD) >= 0;

  close (fd);
  return reserved;
}

/* For typographic quotes in messages, see test_env in tests/meson.build */
__attribute__ ((constructor)) static void
use_locale (void)
{
  setlocale (LC_ALL, "");
}

__attribute__ ((constructor)) static void
reserve_ports (void)
{
  for (guint i = 0, block = (guint) getpid (); i < N_BLOCKS; i++)
    {
      if (!reserve_block ((block + i) % N_BLOCKS))
        continue;
      g_atomic_int_set (&port_block, (block + i) % N_BLOCKS);
      break;
    }
}

/*
 * One port of the block after the other, below the range that the kernel gives to clients: there, a probe
 * that asks before the service listens could be given the very port that it asks, and connect to itself.
 */
guint
mk_test_free_port (void)
{
  for (guint i = 1; i < 1000; i++)
    {
      guint block = (guint) g_atomic_int_get (&port_block);
      guint port = FIRST_PORT + block * BLOCK_SIZE + g_atomic_int_add (&next_port, 1) % BLOCK_SIZE;
      struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons (port) };
      struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons (port) };

      g_assert_cmpuint (block, <, N_BLOCKS);
      if (port_is_free (AF_INET, (struct sockaddr *) &v4, sizeof v4) &&
          port_is_free (AF_INET6, (struct sockaddr *) &v6, sizeof v6))
        return port;
      /* A port stays taken for a minute after a connection. */
      if (i % BLOCK_SIZE == 0)
        reserve_ports ();
    }
  g_error ("no free port");
}

/* Whether somebody listens there. Who does not accept any more lets us wait: that is somebody, too. */
gboolean
mk_test_port_accepts (guint port)
{
  struct sockaddr_in address = {
    .sin_family = AF_INET,
    .sin_port = htons (port),
    .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
  };
  struct timeval limit = { .tv_usec = 100 * 1000 };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean accepted;

  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  accepted = connect (fd, (struct sockaddr *) &address, sizeof address) == 0 || errno == EINPROGRESS;
  close (fd);
  return accepted;
}

/* Waiting */

gboolean
mk_test_poll_until (MkTestFunc func, gpointer data, guint limit_ms)
{
  gint64 deadline = g_get_monotonic_time () + limit_ms * G_TIME_SPAN_MILLISECOND;

  for (;;)
    {
      if (func (data))
        return TRUE;
      if (g_get_monotonic_time () >= deadline)
        return FALSE;
      g_usleep (2000);
    }
}

static gboolean
set_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_REMOVE;
}

static GSource *
attach_limit (GMainContext *context, guint limit_ms, gboolean *expired)
{
  GSource *source = g_timeout_source_new (limit_ms);

  g_source_set_callback (source, set_flag, expired, NULL);
  g_source_attach (source, context);
  return source;
}

/* Iterates until @func is true; @func is asked after each iteration, so something must wake the context. */
gboolean
mk_test_iterate_until (GMainContext *context, MkTestFunc func, gpointer data, guint limit_ms)
{
  gboolean expired = FALSE;
  g_autoptr (GSource) limit = attach_limit (context, limit_ms, &expired);
  gboolean happened;

  while (!(happened = func (data)) && !expired)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (limit);
  return happened;
}

static gboolean
is_set (gpointer flag)
{
  return *(const gboolean *) flag;
}

gboolean
mk_test_iterate_until_set (GMainContext *context, const gboolean *flag, guint limit_ms)
{
  return mk_test_iterate_until (context, is_set, (gpointer) flag, limit_ms);
}

static gboolean
is_there (gpointer result)
{
  return *(GAsyncResult *const *) result != NULL;
}

gboolean
mk_test_await_result (GMainContext *context, GAsyncResult *const *result, guint limit_ms)
{
  return mk_test_iterate_until (context, is_there, (gpointer) result, limit_ms);
}

/* A GAsyncReadyCallback: @result_out is a GAsyncResult ** to await. */
void
mk_test_store_result (GObject *source, GAsyncResult *result, gpointer result_out)
{
  GAsyncResult **out = result_out;

  g_assert_null (*out);
  *out = g_object_ref (result);
}

/* Time limits */

/* How late a program is that has nothing to do at @end_us but start another one: returns microseconds. */
static gpointer
be_as_late_as_the_machine (gpointer data)
{
  const gint64 *end_us = data;

  while (g_get_monotonic_time () < *end_us)
    g_usleep (*end_us - g_get_monotonic_time ());
  g_spawn_command_line_sync ("true", NULL, NULL, NULL, NULL);
  return GSIZE_TO_POINTER (g_get_monotonic_time () - *end_us);
}

void
mk_test_limit_begin (MkTestLimit *limit, guint timeout_ms)
{
  limit->end_us = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;
  limit->peer = g_thread_new ("peer", be_as_late_as_the_machine, &limit->end_us);
}

/*
 * To be called at once when something has ended that must not end before the limit. Returns: whether it did
 * so soon afterwards, as the machine goes at that time
 */
gboolean
mk_test_limit_end (MkTestLimit *limit)
{
  gint64 late_us = g_get_monotonic_time () - limit->end_us;
  gint64 peer_us = GPOINTER_TO_SIZE (g_thread_join (limit->peer));

  g_assert_cmpint (late_us, >=, 0);
  if (late_us <= MAX_LATE_US + peer_us * PEER_FACTOR)
    return TRUE;
  g_test_message ("%.1f ms late, and a bare program %.1f ms", late_us / 1000.0, peer_us / 1000.0);
  return FALSE;
}

const char *
mk_test_strerror (int code)
{
  return g_strerror (code) + 1;
}

/* Folders */

char *
mk_test_new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("mk-test-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static int
remove_entry (const char *path, const struct stat *status, int type, struct FTW *where)
{
  return remove (path);
}

/* With all that is in it. */
void
mk_test_remove_folder (char *folder)
{
  nftw (folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  g_free (folder);
}

void
mk_test_write_file (const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, &error);
  g_assert_no_error (error);
}

gboolean
mk_test_has_program (const char *name)
{
  g_autofree char *path = g_find_program_in_path (name);

  if (path == NULL)
    g_test_skip_printf ("%s is not installed", name);
  return path != NULL;
}

/* What only Linux has */

/* @what: what cannot be done without it */
gboolean
mk_test_has_linux_features (const char *what)
{
  if (!MK_TEST_LINUX_FEATURES)
    g_test_skip_printf ("not without linux_features: %s", what);
  return MK_TEST_LINUX_FEATURES;
}

/* Whether nothing of a test service with these options leaves its process group, or is found nevertheless */
gboolean
mk_test_can_follow (const char *options)
{
  return MK_TEST_LINUX_FEATURES ||
         (strstr (options, "--daemon") == NULL && strstr (options, "--orphan") == NULL &&
          strstr (options, "--setsid-children") == NULL);
}

/* To be called first, where all tests of a program need them. */
void
mk_test_need_linux_features (const char *what)
{
  if (MK_TEST_LINUX_FEATURES)
    return;

  g_print ("1..0 # SKIP not without linux_features: %s\n", what);
  exit (EXIT_SUCCESS);
}

/* The test service */

static const char *
get_program (const char *variable)
{
  const char *path = g_getenv (variable);

  if (path == NULL)
    g_error ("%s is not set: run the tests with meson", variable);
  return path;
}

const char *
mk_test_service_path (void)
{
  return get_program ("MK_TEST_SERVICE");
}

const char *
mk_test_host_path (void)
{
  return get_program ("MK_TEST_HOST");
}

char *
mk_test_new_tag (void)
{
  g_autofree char *uuid = g_uuid_string_random ();

  return g_strconcat ("mk-test-", uuid, NULL);
}

/* The command of a test service: the path, the tag, and @option and what follows. */
char **
mk_test_service_argv (const char *tag, const char *option, ...)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  va_list args;

  g_strv_builder_add_many (builder, mk_test_service_path (), "--tag", tag, NULL);
  va_start (args, option);
  for (; option != NULL; option = va_arg (args, const char *))
    g_strv_builder_add (builder, option);
  va_end (args);
  return g_strv_builder_end (builder);
}

/* What --listen wants. */
char *
mk_test_service_address (guint port)
{
  return g_strdup_printf ("127.0.0.1:%u", port);
}

/* Returns: how many stamps @what there are in @filename */
static guint
read_stamps (const char *filename, const char *what, gint64 *newest_us)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint n = 0;

  if (!g_file_get_contents (filename, &text, NULL, NULL))
    return 0;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *rest = lines[i] + strlen (what);

      if (!g_str_has_prefix (lines[i], what) || *rest != ' ')
        continue;
      *newest_us = g_ascii_strtoll (rest, NULL, 10);
      n++;
    }
  return n;
}

/* The monotonic time of the newest stamp @what in the file that --stamp names, or -1. */
gint64
mk_test_read_stamp (const char *filename, const char *what)
{
  gint64 us = -1;

  read_stamps (filename, what, &us);
  return us;
}

guint
mk_test_count_stamps (const char *filename, const char *what)
{
  gint64 us;

  return read_stamps (filename, what, &us);
}

/* Hosts */

/* Returns once the service, a test service on @port with @options, is ready. */
GSubprocess *
mk_test_start_host (const char *way, guint port, const char *tag, const char *options)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autofree char *command = g_strdup_printf ("%s --way %s --port %u -- %s --listen 127.0.0.1:%u %s",
                                              mk_test_host_path (),
                                              way,
                                              port,
                                              mk_test_service_path (),
                                              port,
                                              options);
  g_auto (GStrv) argv = g_strsplit (command, " ", -1);
  g_autoptr (GError) error = NULL;
  char said[6] = { 0 };
  GSubprocess *host;

  g_subprocess_launcher_setenv (launcher, "MK_TEST_TAG", tag, TRUE);
  host = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (g_subprocess_get_stdout_pipe (host), said, strlen ("ready"), NULL, NULL, &error);
  g_assert_cmpstr (said, ==, "ready");
  return host;
}

/* One that survives this goes on until the end of its input, which is when @host is dropped. */
void
mk_test_tell_host_to_end (GSubprocess *host)
{
  g_assert_true (g_output_stream_write_all (g_subprocess_get_stdin_pipe (host), "go\n", 3, NULL, NULL, NULL));
}

/* Returns: (transfer full): the tag */
char *
mk_test_trap_tagged (guint limit_s)
{
  char *tag = mk_test_new_tag ();

  g_setenv ("MK_TEST_TAG", tag, TRUE);
  g_test_trap_subprocess (NULL, limit_s * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_unsetenv ("MK_TEST_TAG");
  return tag;
}

/* Processes */

static char *
read_proc (pid_t pid, const char *name, gsize *length)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int) pid, name);
  char *text = NULL;

  return g_file_get_contents (path, &text, length, NULL) ? text : NULL;
}

/* The supervisor has the arguments of its service behind its own. It is no part of the service. */
static gboolean
is_tagged (pid_t pid, gconstpointer tag)
{
  gsize length = 0;
  g_autofree char *arguments = read_proc (pid, "cmdline", &length);

  if (arguments == NULL || g_strcmp0 (arguments, g_getenv ("MIRAKURU_GLIB_SUPERVISOR")) == 0)
    return FALSE;
  for (gsize i = 0; i < length; i += strlen (arguments + i) + 1)
    if (g_str_equal (arguments + i, tag))
      return TRUE;
  return FALSE;
}

static GArray *
find_processes (gboolean (*matches) (pid_t, gconstpointer), gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  GArray *pids = g_array_new (FALSE, FALSE, sizeof (pid_t));
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      pid_t pid = atoi (name);

      if (pid > 0 && pid != getpid () && matches (pid, data))
        g_array_append_val (pids, pid);
    }
  return pids;
}

/* A zombie has no arguments any more, and so is not among them. */
GArray *
mk_test_find_tagged (const char *tag)
{
  return find_processes (is_tagged, tag);
}

guint
mk_test_count_tagged (const char *tag)
{
  g_autoptr (GArray) pids = mk_test_find_tagged (tag);

  return pids->len;
}

static gboolean
none_is_tagged (gpointer tag)
{
  return mk_test_count_tagged (tag) == 0;
}

gboolean
mk_test_wait_untagged (const char *tag, guint limit_ms)
{
  return mk_test_poll_until (none_is_tagged, (gpointer) tag, limit_ms);
}

static gboolean
kill_round (gpointer tag)
{
  g_autoptr (GArray) pids = mk_test_find_tagged (tag);

  for (guint i = 0; i < pids->len; i++)
    kill (g_array_index (pids, pid_t, i), SIGKILL);
  return pids->len == 0;
}

/* What a test that failed has left. One that forks all the time may slip through, and meets its --lifetime.
 */
void
mk_test_kill_tagged (const char *tag)
{
  mk_test_poll_until (kill_round, (gpointer) tag, MK_TEST_LIMIT_MS);
}

/* The environment is a list of strings that end in NUL, as the marker does. */
static gboolean
is_marked (pid_t pid, gconstpointer marker)
{
  gsize length = 0;
  g_autofree char *environment = read_proc (pid, "environ", &length);

  if (environment == NULL)
    return FALSE;
  for (gsize i = 0; i < length; i += strlen (environment + i) + 1)
    if (g_str_has_prefix (environment + i, marker))
      return TRUE;
  return FALSE;
}

/* @marker: what one of the variables in the environment of each of them begins with, as "NAME=value" */
guint
mk_test_count_marked (const char *marker)
{
  g_autoptr (GArray) pids = find_processes (is_marked, marker);

  return pids->len;
}

/* For the message of a test that found survivors. */
char *
mk_test_describe_tagged (const char *tag)
{
  g_autoptr (GArray) pids = mk_test_find_tagged (tag);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < pids->len; i++)
    {
      pid_t pid = g_array_index (pids, pid_t, i);
      g_autofree char *stat = read_proc (pid, "stat", NULL);

      g_string_append_printf (text, "%s%.40s", i > 0 ? "; " : "", stat != NULL ? stat : "(just gone)");
    }
  return g_string_free (text, FALSE);
}

/* The state and the parent in /proc/PID/stat; the name before them may contain anything. */
static gboolean
read_stat (pid_t pid, char *state, pid_t *parent)
{
  g_autofree char *stat = read_proc (pid, "stat", NULL);
  const char *after_name = stat != NULL ? strrchr (stat, ')') : NULL;
  int number = 0;

  if (after_name == NULL || sscanf (after_name + 1, " %c %d", state, &number) != 2)
    return FALSE;
  *parent = number;
  return TRUE;
}

static gboolean
is_zombie (char state)
{
  return state == 'Z' || state == 'X';
}

static gboolean
is_child_of (pid_t pid, gconstpointer parent)
{
  char state;
  pid_t its_parent;

  return read_stat (pid, &state, &its_parent) && its_parent == GPOINTER_TO_INT (parent);
}

static gboolean
is_living_child_of (pid_t pid, gconstpointer parent)
{
  return is_child_of (pid, parent) && mk_test_process_lives (pid);
}

GArray *
mk_test_find_children (pid_t parent, gboolean with_zombies)
{
  return find_processes (with_zombies ? is_child_of : is_living_child_of, GINT_TO_POINTER (parent));
}

gboolean
mk_test_process_lives (pid_t pid)
{
  char state;
  pid_t parent;

  return read_stat (pid, &state, &parent) && !is_zombie (state);
}

static gboolean
is_dead (gpointer pid)
{
  return !mk_test_process_lives (GPOINTER_TO_INT (pid));
}

gboolean
mk_test_wait_dead (pid_t pid, guint limit_ms)
{
  return mk_test_poll_until (is_dead, GINT_TO_POINTER (pid), limit_ms);
}

/* For /proc/self/fd, less the one that reads it, and /proc/self/task. */
guint
mk_test_count_entries (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return g_str_has_suffix (directory, "/fd") ? n - 1 : n;
}

/* Returns: the number behind @key in the file @name of /proc/PID, such as "\nRss:" in smaps_rollup */
guint64
mk_test_read_proc_number (pid_t pid, const char *name, const char *key)
{
  g_autofree char *text = read_proc (pid, name, NULL);
  const char *line = text != NULL ? strstr (text, key) : NULL;

  g_assert_nonnull (line);
  return g_ascii_strtoull (line + strlen (key), NULL, 10);
}

static gboolean
are_few_descriptors (gpointer n_max)
{
  return mk_test_count_entries ("/proc/self/fd") <= GPOINTER_TO_UINT (n_max);
}

/* GLib's threads close some of them a moment later. */
gboolean
mk_test_wait_descriptors (guint n_max)
{
  return mk_test_poll_until (are_few_descriptors, GUINT_TO_POINTER (n_max), MK_TEST_LIMIT_MS);
}

static gboolean
kill_and_reap_children (gpointer unused)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), FALSE);
  pid_t pid;

  for (guint i = 0; i < children->len; i++)
    kill (g_array_index (children, pid_t, i), SIGKILL);
  while ((pid = waitpid (-1, NULL, WNOHANG)) > 0)
    continue;
  return pid < 0 && errno == ECHILD;
}

/*
 * Goes on in a child process, and makes this one what pid 1 is meant to be: it reaps who has lost its parent,
 * at once, and kills who is left when the tests are over. The pid 1 of a container may do neither, and the
 * zombies of a service that forks all the time then slow down every look at /proc.
 *
 * To be called first of all.
 */
void
mk_test_adopt_orphans (void)
{
  int status = 0;
  pid_t tests, ended;

  prctl (PR_SET_CHILD_SUBREAPER, 1);
  tests = fork ();
  g_assert (tests >= 0);
  if (tests == 0)
    {
      prctl (PR_SET_CHILD_SUBREAPER, 0);
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      return;
    }

  do
    ended = waitpid (-1, &status, 0);
  while (ended != tests && (ended > 0 || errno == EINTR));
  mk_test_poll_until (kill_and_reap_children, NULL, MK_TEST_LIMIT_MS);
  if (WIFSIGNALED (status))
    raise (WTERMSIG (status));
  _exit (WEXITSTATUS (status));
}
